"""Errors as problem documents (RFC 9457): ``application/problem+json`` whose ``detail`` says what to do.

References
----------
Nottingham et al., "Problem Details for HTTP APIs", RFC 9457, 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, json
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException

from retrieval.errors import (
    AccountError,
    AnalyzerUnavailableError,
    CatalogDamagedError,
    CatalogUnavailableError,
    ClustersChangedError,
    CollectionError,
    IdempotencyKeyInUseError,
    IdempotencyKeyReusedError,
    ImageError,
    IndexFileError,
    IndexUnavailableError,
    QueryError,
    RetrievalError,
    SchemaOutdatedError,
    StoreUnavailableError,
    TooManyExportsError,
    UnknownClusterError,
    UnknownCollectionError,
    UnknownConceptError,
    UnknownExportError,
    UnknownFeedbackError,
    UnknownImageError,
    UnknownQueryError,
    UnknownSegmentError,
    UnknownTokenError,
    UnknownUserError,
)
from retrieval.processes.logs import request_id
from retrieval.processes.program import PROGRAM
from retrieval.storage.disk import FULL, obstacle_of

from ..serving.forms import MAX_FORM_PARTS
from .schemas import Problem

PREFIX = "/api/"
MIME_TYPE = "application/problem+json"
RETRY_SECONDS = 5
SHOWN_FAULTS = 5
DOCUMENT = "/api/v1/openapi.json"

_STATUSES: tuple[tuple[type[RetrievalError], int], ...] = (
    (UnknownImageError, 404),
    (UnknownSegmentError, 404),
    (UnknownQueryError, 404),
    (UnknownFeedbackError, 404),
    (UnknownConceptError, 404),
    (UnknownExportError, 404),
    (UnknownClusterError, 404),
    (UnknownUserError, 404),
    (UnknownTokenError, 404),
    (UnknownCollectionError, 404),
    (ClustersChangedError, 409),
    (TooManyExportsError, 409),
    (IdempotencyKeyInUseError, 409),
    (IdempotencyKeyReusedError, 422),
    (AccountError, 422),
    (CollectionError, 422),
    (QueryError, 422),
    (ImageError, 422),
    (AnalyzerUnavailableError, 503),
    (CatalogUnavailableError, 503),
    (CatalogDamagedError, 503),
    (SchemaOutdatedError, 503),
    (IndexFileError, 503),
    (StoreUnavailableError, 503),
    (IndexUnavailableError, 503),
    (RetrievalError, 500),
)

_WHAT_TO_DO = {
    404: f"this address does not exist; {DOCUMENT} lists all endpoints",
    405: "this address does not allow this method; the Allow header lists the allowed ones",
    413: (
        f"the request is too large, or a form with more than {MAX_FORM_PARTS} parts; ingest large photos from "
        f"disk with `{PROGRAM} ingest`"
    ),
    500: (
        "internal error; details are in the server's log, under the request's id. If it happens again, report it with "
        "that id"
    ),
}


def applies_to(path: str) -> bool:
    """Whether errors at an address are problem documents, and not pages."""
    return path.startswith(PREFIX)


def status_of(error: RetrievalError) -> int:
    """The HTTP status of an error."""
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def problem_of(error: RetrievalError) -> Problem:
    """An error as a part of an answer."""
    status = status_of(error)
    return Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=str(error))


def retry_headers(status: int) -> dict[str, str]:
    """``Retry-After`` for statuses where a retry may help."""
    return {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A problem document.

    Parameters
    ----------
    status : int
    detail : str
        What is wrong and what to do.
    headers : mapping, optional
    """
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if number := request_id.get():
        document["request_id"] = number
    body = json.dumps(document)
    return Response(body, status, headers, mimetype=MIME_TYPE)


def from_error(error: Exception) -> Response | None:
    """The problem document of an expected error; None for others."""
    if isinstance(error, RetrievalError):
        status = status_of(error)
        soon = {"Retry-After": "1"} if isinstance(error, IdempotencyKeyInUseError) else {}
        return problem(status, str(error), {**retry_headers(status), **soon})
    if isinstance(error, OSError):
        obstacle = obstacle_of(error)
        return problem(507 if error.errno in FULL else 503, obstacle) if obstacle is not None else None
    if not isinstance(error, HTTPException):
        return None
    if error.response is not None or error.code is None:
        return error.get_response()  # type: ignore[return-value]  # Flask makes its own responses
    detail = error.description if _is_ours(error) else _WHAT_TO_DO.get(error.code, error.description)
    kept = {name: value for name, value in error.get_headers() if not name.lower().startswith("content-")}
    return problem(error.code, detail or HTTPStatus(error.code).phrase, kept)


def invalid(error: ValidationError) -> Response:
    """The problem document of an invalid request."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = [_fault(fault) for fault in faults[:SHOWN_FAULTS]]
    more = [f"and {len(faults) - SHOWN_FAULTS} more"] if len(faults) > SHOWN_FAULTS else []
    return problem(422, f"{'; '.join(told + more)}. Correct the request; see {DOCUMENT}")


def unexpected() -> Response:
    """The problem document of a bug."""
    return problem(500, _WHAT_TO_DO[500])


def documented(*statuses: int) -> dict[str | int | HTTPStatus, Any]:
    """Responses for the OpenAPI document, one per status."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MIME_TYPE: schema}}
        for status in (*statuses, 400, 401, 403, 422, 429, 500)
    }


def _is_ours(error: HTTPException) -> bool:
    """Whether the description is from this code and not from the framework."""
    return error.description != type(error).description


def _fault(fault: ErrorDetails) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where[:100]}: {fault['msg']}" if where else fault["msg"]
