"""The status, the known words, and the OpenAPI document."""

from __future__ import annotations

from flask import Response, current_app, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from ..auth.collections import still_visible
from ..context import WebContext, context
from ..events import STOPPING
from ..serving.admission import hold_until_sent
from . import answers, status_schemas, word_schemas
from .problems import documented

status = APIBlueprint("api_status", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="installation")])

_EVENT_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}

_JSON_OBJECT = {"application/json": {"schema": {"type": "object"}}}


@status.get("/status", summary="Get the status", responses={200: status_schemas.Status, **documented()})
def get_status() -> Response:
    """Photos by state and the size of the index."""
    return answers.as_json(status_of(context()))


@status.get(
    "/events",
    summary="Follow the status",
    responses={200: {"description": "Server-sent events", "content": _EVENT_STREAM}, **documented(503)},
)
def follow_status() -> Response:
    """Server-sent events `status`, whose data is what `GET /status` answers: at first, and whenever it has changed.

    503 if too many clients follow already: then ask for the status from time to time.
    """
    found = context().events.stream(request.environ.get(STOPPING), still_visible())
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return hold_until_sent(Response(found, mimetype="text/event-stream", headers=headers))


def status_of(parts: WebContext) -> status_schemas.Status:
    """The status now."""
    spec, engine = parts.assembly.recipe_spec, parts.engine
    return status_schemas.Status(
        counts=status_schemas.Counts(**parts.catalog.images.counts()),
        trash=parts.assembly.trash.count(),
        segments=engine.segments.stats().count,
        lag=engine.lag,
        recipe=spec.name,
        fingerprint=spec.fingerprint,
        analyzer_up=parts.analyzer_is_up(),
        paused=parts.ingest_queue.orders().paused,
        shortage=parts.assembly.storage.shortage(),
    )


@status.get("/words", summary="Complete a word", responses={200: word_schemas.WordList, **documented()})
def complete_word(query: word_schemas.WordsQuery) -> Response:
    """Words that can be searched for, most likely first."""
    engine, typed = context().engine, query.prefix.strip().casefold()
    named = [name for name in engine.concepts.names() if typed and name.casefold().startswith(typed)]
    words = dict.fromkeys([*sorted(named), *engine.vocabulary.complete(query.prefix, query.limit)])
    return answers.as_json(word_schemas.WordList(words=list(words)[: query.limit]))


@status.get(
    "/openapi.json",
    summary="Get this document",
    responses={200: {"description": "An OpenAPI document", "content": _JSON_OBJECT}, **documented()},
)
def get_document() -> Response:
    """The OpenAPI 3.1 description of this API."""
    app: OpenAPI = current_app  # type: ignore[assignment]  # a proxy of it
    nobody: list[dict[str, list[str]]] = [] if g.visitor.name else [{}]
    return jsonify({**app.api_doc, "security": [*({name: []} for name in app.security_schemes or {}), *nobody]})
