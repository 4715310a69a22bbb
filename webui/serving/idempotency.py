"""``Idempotency-Key``: a request that is sent again gets the first answer, and changes nothing again.

A client that sends a change and does not get the answer, because the connection broke or the server was stopped, cannot
know whether the change was made. With a key of its own it sends the same request again. Answers of success are kept for
a day, for each user; a request that failed may be sent again with the same key, corrected or not.

References
----------
Jena and Dalal, "The Idempotency-Key HTTP Header Field", draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
import logging
import re
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest

from retrieval.catalog import KeptAnswer
from retrieval.catalog.owners import new_owner

from ..context import context
from .forms import MAX_BODY_BYTES

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"

PATTERN = r'^("[ !#-~]{1,253}"|[!#-~]{1,255})$'
"""A string of a structured field, as the draft has it, or the same without quotation marks."""

METHODS = frozenset({"POST", "PATCH", "DELETE"})

UNCHANGING = frozenset(
    {
        *("api_search.find", "api_search.find_things", "api_search.count_facets", "api_search.select_segment"),
        "api_segmentation.preview_segmentation",
        *("api_batch.get_images", "api_batch.get_segments", "api_batch.find_many"),
    }
)
"""Endpoints that change nothing, so that they need no key, and it does not matter if one is sent."""

SECRET = frozenset({"api_account", "api_accounts"})
"""Blueprints whose requests or answers have secrets, which are not to be kept."""

_BLOCK = 1 << 20


def takes_key(endpoint: str, method: str) -> bool:
    """Whether a call changes something, so that a key is minded."""
    return method in METHODS and endpoint.startswith("api_") and endpoint not in UNCHANGING


def keep_answers(app: Flask) -> None:
    """Keep answers by their keys; attach it after the visitor is identified."""
    owner = new_owner()

    @app.before_request
    def begin() -> Response | None:
        key = request.headers.get(HEADER)
        if key is None or not takes_key(request.endpoint or "", request.method):
            return None
        if _is_secret(request.endpoint or ""):
            raise BadRequest(f"this call takes no {HEADER}, because what is secret is not kept: leave the header out")
        found = context().assembly.idempotency_keys.claim(g.visitor.name or "", _checked(key), _digest(), owner)
        if isinstance(found, KeptAnswer):
            return Response(found.body, found.status, {REPLAYED: "true"}, content_type=found.mimetype)
        g.idempotency = found
        return None

    @app.after_request
    def finish(response: Response) -> Response:
        if "idempotency" in g and 200 <= response.status_code < 300:
            _keep(response, g.pop("idempotency"), owner)
        return response

    @app.teardown_request
    def release(_: BaseException | None) -> None:
        claimed = g.pop("idempotency", None)
        if claimed is not None:
            context().assembly.idempotency_keys.release(claimed, owner)


def describe(app: Flask, document: dict[str, Any]) -> None:
    """Add the header to the operations of an OpenAPI document that take it."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^<:]+:)?(\w+)>", r"{\1}", rule.rule)
        for method in rule.methods or ():
            operation = document["paths"].get(path, {}).get(method.lower())
            if operation is not None and takes_key(rule.endpoint, method) and not _is_secret(rule.endpoint):
                operation.setdefault("parameters", []).append({"$ref": f"#/components/parameters/{HEADER}"})
                operation["responses"].setdefault("409", operation["responses"]["400"] | {"description": "Conflict"})
    document["components"]["parameters"] = {
        HEADER: {
            "name": HEADER,
            "in": "header",
            "required": False,
            "description": (
                "A key that the client makes for this one request, such as a UUID. Sent again within a day, the same "
                "request gets the first answer and changes nothing again; 422 with another request, and 409 while the "
                "first one is being answered."
            ),
            "schema": {"type": "string", "pattern": PATTERN},
        }
    }


def _keep(response: Response, claimed: int, owner: str) -> None:
    answer = KeptAnswer(response.status_code, response.content_type or "", response.get_data())
    try:
        context().assembly.idempotency_keys.finish(claimed, owner, answer)
    except Exception:  # the change was made, and must not be reported as failed
        logger.exception("the answer of %s %s could not be kept", request.method, request.path)


def _is_secret(endpoint: str) -> bool:
    return endpoint.partition(".")[0] in SECRET


def _checked(key: str) -> str:
    if not re.fullmatch(PATTERN, key):
        raise BadRequest(f"the {HEADER} is not 1 to 253 printable ASCII characters: send a UUID, for example")
    return key.strip('"')


def _digest() -> str:
    """A digest of what the request asks for; of a form without its boundary, which each attempt makes anew."""
    digest = hashlib.sha256()

    def add(*parts: str | bytes) -> None:
        for part in parts:
            value = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            digest.update(len(value).to_bytes(8, "big") + value)

    add(request.method, request.path, request.query_string, request.mimetype)
    if request.mimetype != "multipart/form-data":
        request.max_content_length = MAX_BODY_BYTES
        add(request.get_data())
        return digest.hexdigest()
    for name, text in request.form.items(multi=True):
        add(name or "", text)  # a part may have no name
    for name, file in request.files.items(multi=True):
        own = hashlib.sha256()
        while block := file.stream.read(_BLOCK):
            own.update(block)
        file.stream.seek(0)
        add(name or "", file.filename or "", own.digest())
    return digest.hexdigest()
