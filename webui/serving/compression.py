"""Compression of text: pages, scripts, style sheets and answers of the API, by Flask-Compress.

Pictures are compressed already, and downloads are sent as they are, so that they can be resumed. An answer that holds a
secret beside what a stranger may choose would leak it by its size (BREACH): no page holds one, and what shows or lists
tokens is left alone.
"""

from __future__ import annotations

from flask import Flask, Response, request
from flask_compress import Compress

TYPES = ("text/html", "text/css", "text/javascript", "application/json", "application/problem+json", "image/svg+xml")
LEAST_BYTES = 1000
"""Smaller answers fit into a packet anyway."""

SECRETS = ("/api/v1/tokens", "/api/v1/account/tokens")
"""Addresses whose answers show or list tokens."""


def compress(app: Flask) -> None:
    """Compress text in what `app` answers, as far as the client takes it."""
    app.config.update(
        COMPRESS_MIMETYPES=list(TYPES),
        COMPRESS_MIN_SIZE=LEAST_BYTES,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["br", "deflate"],
        COMPRESS_REGISTER=False,
    )
    compressor = Compress(app)

    @app.after_request
    def compress_text(response: Response) -> Response:
        disposition = response.headers.get("Content-Disposition", "")
        if response.mimetype not in TYPES or disposition.startswith("attachment") or request.path.startswith(SECRETS):
            return response
        found: Response = compressor.after_request(response)
        return found
