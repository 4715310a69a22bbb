"""HTML pages for errors. The JSON API has problem documents instead."""

from __future__ import annotations

from flask import Blueprint, render_template
from werkzeug.exceptions import HTTPException

from retrieval.errors import RetrievalError
from retrieval.processes.logs import request_id
from retrieval.processes.program import PROGRAM

from ..api import problems

TITLES = {
    400: "Bad request",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    429: "Too many requests",
    409: "Conflict",
    500: "Something went wrong",
    503: "The server is busy or not ready",
    507: "Not enough disk space",
}
DETAILS = {
    404: "The photo or page may have been deleted, or the address may be wrong.",
    413: f"The request is too large. Use {PROGRAM} ingest to add large photos from disk.",
    500: "Try again. If it happens again, report it with the request's id below: the server's log has the details.",
}


def attach(blueprint: Blueprint) -> None:
    """Answer every error outside the API with a page."""
    blueprint.app_errorhandler(HTTPException)(error_page)
    blueprint.app_errorhandler(RetrievalError)(page_of)


def error_page(error: HTTPException) -> tuple[str, int, list[tuple[str, str]]]:
    """The page of an error that has a status code; of an unexpected one, the page of a 500."""
    code = error.code or 500
    written = error.description if error.description != type(error).description else None
    page = _page(code, written or DETAILS.get(code, error.description), error.name)
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    return page, code, headers


def page_of(error: RetrievalError) -> tuple[str, int, dict[str, str]]:
    """The page for an error of the library; for a missing catalogue a 503 with ``Retry-After``."""
    code = problems.status_of(error)
    return _page(code, str(error)), code, problems.retry_headers(code)


def _page(code: int, detail: str | None, name: str = "Error") -> str:
    return render_template(
        "error.html", code=code, title=TITLES.get(code, name), detail=detail, request_id=request_id.get()
    )
