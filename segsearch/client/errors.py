"""Errors of the client, as one tree.

::

    ClientError
    ├── ConnectionFailedError        no answer came, also after retries
    ├── UnexpectedAnswerError        what answered is not a SegSearch server, or another version of one
    └── AnswerError                  the server refused; `status` and `detail` say why
        ├── InvalidRequestError      400, 422: the request or the photo cannot be used
        │   └── RejectedFileError    413, 415: the file is too large or is no picture
        ├── SignInError              401: token, or name and password, are missing or wrong
        ├── ForbiddenError           403: the user's role does not allow it
        ├── NotFoundError            404, 410: it does not exist, or not any more
        ├── ConflictError            409: it changed in the meantime
        ├── BusyError                429, 503: too much at once; retries did not help
        └── InsufficientStorageError 507: the server has no space for photos
"""

from __future__ import annotations


class ClientError(Exception):
    """Root of the tree. The message says what to do."""


class ConnectionFailedError(ClientError):
    """No answer came: the server is not running, is out of reach, or the connection broke."""


class UnexpectedAnswerError(ClientError):
    """The answer is none that this client understands."""


class AnswerError(ClientError):
    """The server refused a request.

    Parameters
    ----------
    status : int
        Of HTTP.
    detail : str
        What is wrong and what to do, as the server says it.

    Attributes
    ----------
    status : int
    detail : str
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class InvalidRequestError(AnswerError):
    """The request or the photo cannot be used."""


class RejectedFileError(InvalidRequestError):
    """The file is too large, or its content is not a picture in a supported format."""


class SignInError(AnswerError):
    """The token, or the user's name and password, are missing or wrong."""


class ForbiddenError(AnswerError):
    """The user's role does not allow it."""


class NotFoundError(AnswerError):
    """It does not exist, or not any more."""


class ConflictError(AnswerError):
    """It changed in the meantime."""


class BusyError(AnswerError):
    """The server cannot answer now."""


class InsufficientStorageError(AnswerError):
    """The server has no space for more photos."""


class ExportFailedError(ClientError):
    """The server could not write an export; the message says why."""


_KINDS: dict[int, type[AnswerError]] = {
    400: InvalidRequestError,
    401: SignInError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    413: RejectedFileError,
    415: RejectedFileError,
    422: InvalidRequestError,
    429: BusyError,
    503: BusyError,
    507: InsufficientStorageError,
}


def answer_error(status: int, detail: str) -> AnswerError:
    """The error of a status, with the server's words."""
    return _KINDS.get(status, AnswerError)(status, detail)
