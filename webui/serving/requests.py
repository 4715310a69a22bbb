"""Ids of requests, and the access log.

Every answer has ``X-Request-ID``: the one that came with the request, from a proxy for instance, or a new one. It also
stands in error answers and in what is logged meanwhile, so that a message a user reports can be found in the log.
"""

from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, Response, g, request

from retrieval.processes.logs import request_id

HEADER = "X-Request-ID"
_TAKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")

ACCESS_LOG = "segsearch.access"
"""Its logger has a record of each answered request, at level INFO. The query of an address is left out: it says what is
searched for."""


def number_requests(app: Flask) -> None:
    """Give every request to `app` an id, and log it once it is answered.

    It is called before anything else that looks at requests, so that the others see the id.
    """

    @app.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "")
        request_id.set(given if _TAKEN.fullmatch(given) else uuid.uuid4().hex)
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        number, seconds = request_id.get(), seconds_so_far()
        if number is not None and seconds is not None:
            response.headers[HEADER] = number
            _log(response, seconds)
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        request_id.set(None)  # the thread answers others


def seconds_so_far() -> float | None:
    """How long the current request has taken; None before it begins."""
    return time.perf_counter() - g.began if "began" in g else None


def _log(response: Response, seconds: float) -> None:
    visitor = g.get("visitor")
    fields = {
        "address": request.remote_addr,
        "user": visitor.name if visitor is not None else None,
        "method": request.method,
        "path": request.script_root + request.path,
        "status": response.status_code,
        "bytes": response.content_length,
        "milliseconds": round(seconds * 1000, 1),
    }
    shown = ("-" if value is None else value for value in fields.values())
    logging.getLogger(ACCESS_LOG).info("%s %s %s %s %s %s bytes %s ms", *shown, extra=fields)
