"""HTML pages for errors. The JSON API has problem documents instead."""

from __future__ import annotations

from flask import Blueprint, render_template
from werkzeug.exceptions import HTTPException

from retrieval.errors import RetrievalError
from retrieval.processes.logs import request_id
from retrieval.processes.program import PROGRAM

from ..api import problems
from ..texts import gettext, lazy_gettext

TITLES = {
    400: lazy_gettext("Bad request"),
    401: lazy_gettext("Sign in first"),
    403: lazy_gettext("Not allowed"),
    404: lazy_gettext("Not found"),
    405: lazy_gettext("Method not allowed"),
    413: lazy_gettext("Too large"),
    429: lazy_gettext("Too many requests"),
    409: lazy_gettext("Conflict"),
    500: lazy_gettext("Something went wrong"),
    503: lazy_gettext("The server is busy or not ready"),
    507: lazy_gettext("Not enough disk space"),
}
DETAILS = {
    404: lazy_gettext("The photo or page may have been deleted, or the address may be wrong."),
    413: lazy_gettext(
        "The request is too large. Use %(program)s ingest to add large photos from disk.", program=PROGRAM
    ),
    500: lazy_gettext(
        "Try again. If it happens again, report it with the request's id below: the server's log has the details."
    ),
}


def attach(blueprint: Blueprint) -> None:
    """Answer every error outside the API with a page."""
    blueprint.app_errorhandler(HTTPException)(error_page)
    blueprint.app_errorhandler(RetrievalError)(page_of)


def error_page(error: HTTPException) -> tuple[str, int, list[tuple[str, str]]]:
    """The page of an error that has a status code; of an unexpected one, the page of a 500."""
    code = error.code or 500
    written = error.description if error.description != type(error).description else None
    page = _page(code, written or str(DETAILS.get(code, error.description)), error.name)
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    return page, code, headers


def page_of(error: RetrievalError) -> tuple[str, int, dict[str, str]]:
    """The page for an error of the library; for a missing catalogue a 503 with ``Retry-After``."""
    code = problems.status_of(error)
    return _page(code, str(error)), code, problems.retry_headers(code)


def _page(code: int, detail: str | None, name: str | None = None) -> str:
    return render_template(
        "error.html",
        code=code,
        title=TITLES.get(code, name or gettext("Error")),
        detail=detail,
        request_id=request_id.get(),
    )
