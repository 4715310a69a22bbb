"""JSON request bodies."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from ..serving.forms import MAX_BODY_BYTES


def read_json() -> None:
    """Read the body, so that a malformed one is refused instead of being taken for an empty one."""
    if request.method not in ("POST", "PATCH"):
        return
    if not request.is_json:
        raise UnsupportedMediaType("send the body as JSON with the header Content-Type: application/json")
    request.max_content_length = MAX_BODY_BYTES
    try:
        body = request.get_json()
    except (BadRequest, RecursionError) as error:
        raise BadRequest("the body is not valid JSON: check its quotes, commas and brackets") from error
    if not isinstance(body, dict):
        raise BadRequest('the body is not a JSON object: send one such as {"positive": [{"segment": 1}]}')
