"""Analysing query photos and texts in the process of this machine that has the network loaded.

Web workers import neither torch nor a model. They send the path of a photo, or a text, to an analyzer process: by HTTP
over a Unix socket in HOME (`private_socket`), with JSON for a question and arrays for an answer (`wire`). Several
servers may run on one home, each with an analyzer of its own; one is as good as another.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from ..errors import (
    AnalyzerBusyError,
    AnalyzerUnavailableError,
    ImageError,
    ImageTooLargeError,
    ImageTooSmallError,
    QueryError,
    RetrievalError,
    UnreadableImageError,
)
from ..processes.program import PROGRAM
from ..types import AnalyzedImage, Vectors
from . import private_socket
from .local import check_length
from .wire import MAX_BYTES, WireError, load_photo, load_vectors

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0

TEXT_PATIENCE_SECONDS = 20.0
"""A text waits for no photo."""

SILENCE_SECONDS = 5.0
"""How long one side waits for the next word of the other, while neither has anything to compute."""

ERRORS = {
    kind.__name__: kind
    for kind in (
        ImageError,
        UnreadableImageError,
        ImageTooLargeError,
        ImageTooSmallError,
        QueryError,
        AnalyzerUnavailableError,
        AnalyzerBusyError,
    )
}
"""What goes over the wire as an error; whatever else fails is the analyzer's own affair."""

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class RemoteAnalyzer:
    """Asks an analyzer process of a home.

    Attributes
    ----------
    folder : Path
        Where the processes listen.
    owner : int or None
        Number of the process whose analyzer is asked first; without it, or where it does not listen, any that does.
    """

    folder: Path
    owner: int | None = None

    def analyze(self, path: Path) -> AnalyzedImage:
        """Have the process analyse one file.

        Raises
        ------
        ImageError
        AnalyzerUnavailableError
            It is starting, stopped, busy, or has not answered in time.
        """
        with _telling("cannot segment query photos"):
            return load_photo(self._ask("/photos", _question(path=str(path)), PATIENCE_SECONDS))

    def embed_text(self, text: str, space: str) -> Vectors:
        """Have the process embed a text, (1, D).

        Raises
        ------
        QueryError
            The text is too long.
        AnalyzerUnavailableError
            It is starting, stopped, busy, has not answered in time, or runs another recipe.
        """
        check_length(text)
        with _telling("cannot read words"):
            return load_vectors(self._ask("/texts", _question(text=text, space=space), TEXT_PATIENCE_SECONDS))

    def is_up(self) -> bool:
        """Whether a process answers."""
        try:
            with _telling("cannot reach the analyzer"):
                return self._ask("/up", b"", patience=2.0) == b"up"
        except AnalyzerUnavailableError:
            return False

    def _ask(self, what: str, question: bytes, patience: float) -> bytes:
        wire = self._reach()
        with contextlib.closing(_Connection(wire)) as connection:
            connection.request("POST", what, question, {"Content-Type": JSON})
            wire.settimeout(patience)
            try:
                answer = connection.getresponse()
            except TimeoutError as error:
                raise AnalyzerUnavailableError(
                    f"the analyzer did not answer within {patience:.0f} s; try again"
                ) from error
            wire.settimeout(SILENCE_SECONDS)
            if answer.length is None or answer.length > MAX_BYTES:
                raise WireError(f"the analyzer's answer has {answer.length} bytes")
            content = answer.read()
        if answer.status == HTTPStatus.OK:
            return content
        raise _error_from(content)

    def _reach(self) -> socket.socket:
        """A connection to the owner's analyzer, or to another that lives.

        Raises
        ------
        OSError
            There is none.
        """
        with private_socket.opened(self.folder) as folder:
            for name in sorted(folder.names(), key=lambda name: not name.startswith(f"{self.owner}-")):
                try:
                    return folder.connect(name, SILENCE_SECONDS)
                except PermissionError as error:
                    logger.warning("%s", error)
                except OSError as error:
                    logger.info("no analyzer answers at %s: %s", name, error)
        raise ConnectionRefusedError("no analyzer is listening")


def _question(**parts: str) -> bytes:
    return json.dumps(parts).encode()


class _Connection(http.client.HTTPConnection):
    """HTTP over a connection that is there already."""

    def __init__(self, wire: socket.socket) -> None:
        super().__init__("analyzer")
        self.sock = wire


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Say what cannot be done, where no analyzer answers as it should."""
    try:
        yield
    except (OSError, WireError, http.client.HTTPException) as error:
        raise AnalyzerUnavailableError(
            f"{what} right now: the analyzer is starting or not running; "
            f"try again in a few seconds, or start `{PROGRAM} serve`"
        ) from error


def _error_from(content: bytes) -> RetrievalError:
    """The error that an answer tells."""
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(content)
        if isinstance(told, dict) and isinstance(told.get("detail"), str) and told.get("error") in ERRORS:
            error: RetrievalError = ERRORS[told["error"]](told["detail"])
            return error
    return AnalyzerUnavailableError("the analyzer failed; see its log")
