"""Searching."""

from __future__ import annotations

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from ..context import context
from ..health import observe_search
from . import answers, schemas
from .problems import documented

search = APIBlueprint("api_search", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="search")])

MAX_BODY_BYTES = 1 << 20


@search.before_request
def read_json() -> None:
    """Read the body, so that what is wrong with it is said here and not taken for an empty one."""
    if request.method != "POST":
        return
    if not request.is_json:
        raise UnsupportedMediaType("send the search as JSON, with the header Content-Type: application/json")
    request.max_content_length = MAX_BODY_BYTES
    try:
        body = request.get_json()
    except (BadRequest, RecursionError) as error:
        raise BadRequest("the body is not JSON that can be read: check its quotes, commas and brackets") from error
    if not isinstance(body, dict):
        raise BadRequest('the body is not an object: send one such as {"positive": [{"segment": 1}]}')


@search.post("/search", summary="Search", responses={200: schemas.Answer, **documented(404, 413, 415)})
def find(body: schemas.Search) -> Response:
    """Best first. The photos that examples come from are not among the results."""
    parts = context()
    answer = parts.engine.search(body.to_request())
    observe_search(answer)
    wanted = [match.segment_id for match in answer.results if match.segment_id is not None] if body.masks else []
    return answers.as_json(answers.search_answer(body, answer, parts.catalog.masks(wanted) if body.masks else None))
