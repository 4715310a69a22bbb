"""How large forms may be. The framework bounds those of several parts, not those written like addresses."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

MAX_FORM_PARTS = 10
"""A picture is one part, signing in takes three; many more are an attempt to keep the parser busy."""

MAX_FORM_BYTES = 1 << 16
"""Of a form without files."""

MAX_FIELD_BYTES = 1 << 18
"""Of a field that is no file. werkzeug reads 64 KiB at a time and holds what it has not taken apart against this, too,
so a bound near that would refuse files."""


def bound_forms(app: Flask) -> None:
    """Have forms of more parts or bytes refused before they are taken apart."""
    app.config["MAX_FORM_PARTS"] = MAX_FORM_PARTS
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_FIELD_BYTES

    @app.before_request
    def check() -> None:
        if request.mimetype != "application/x-www-form-urlencoded":
            return
        request.max_content_length = MAX_FORM_BYTES
        if request.get_data().count(b"&") >= MAX_FORM_PARTS:
            raise RequestEntityTooLarge
