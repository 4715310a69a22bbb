"""Searching."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ..context import context
from ..serving.metrics import observe_search
from . import answers, bodies
from . import search_schemas as schemas
from .problems import documented

search = APIBlueprint("api_search", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="search")])

search.before_request(bodies.read_json)


@search.post("/search", summary="Search", responses={200: schemas.Answer, **documented(404, 413, 415)})
def find(body: schemas.Search) -> Response:
    """Best first. Photos the examples come from are left out."""
    parts = context()
    answer = parts.engine.search(body.to_request())
    observe_search(answer)
    masks = parts.catalog.segments.masks(answer.segment_ids()) if body.masks else None
    return answers.as_json(answers.search_answer(body, answer, masks))


@search.post(
    "/search/facets",
    summary="Count facets of a search",
    responses={200: schemas.Facets, **documented(404, 413, 415)},
)
def count_facets(body: schemas.Search) -> Response:
    """Takes the same body as a search and returns only its facets, so that results need not wait for them."""
    return answers.as_json(answers.facet_answer(context().engine.facets(body.to_request())))
