"""Limits on bodies. The framework limits multipart forms, but not URL-encoded ones."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

MAX_FORM_PARTS = 10
"""A photo is one part, and sign-in takes three; many more are an attempt to keep the parser busy."""

MAX_FORM_BYTES = 1 << 16
"""Largest form without files."""

MAX_BODY_BYTES = 1 << 20
"""Largest body that is no form."""

MAX_FIELD_BYTES = 1 << 18
"""Largest field that is not a file. werkzeug reads 64 KiB at a time and applies this limit to unparsed data, too, so a
limit near that would refuse files."""


def bound_forms(app: Flask) -> None:
    """Refuse forms with more parts or bytes before they are parsed."""
    app.config["MAX_FORM_PARTS"] = MAX_FORM_PARTS
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_FIELD_BYTES

    @app.before_request
    def check() -> None:
        if request.mimetype != "application/x-www-form-urlencoded":
            return
        request.max_content_length = MAX_FORM_BYTES
        if request.get_data().count(b"&") >= MAX_FORM_PARTS:
            raise RequestEntityTooLarge
