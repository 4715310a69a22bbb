"""Searching."""

from __future__ import annotations

from typing import Literal

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.query.request import Ref
from retrieval.search.several import search_several

from ..auth.collections import searchable
from ..collection_paths import installation_path, path_of
from ..context import context
from ..serving.metrics import observe_search
from . import answers, bodies, image_schemas, reference_schemas, things_schemas
from . import schemas as shared
from . import search_schemas as schemas
from .collection_schemas import Searched
from .deprecation import boolean_masks
from .masks import MaskWriter
from .problems import documented

search = APIBlueprint("api_search", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="search")])

search.before_request(bodies.read_json)


@search.post("/search", summary="Search", responses={200: schemas.Answer, **documented(404, 413, 415)})
@boolean_masks
def find(body: schemas.SearchOfSeveral) -> Response:
    """Best first. Photos the examples come from are left out."""
    parts = context()
    masks = MaskWriter(parts, body.mask_format, body.mask_frame)
    if body.collections is not None:
        return _find_in_several(body, body.collections, masks)
    answer = parts.engine.search(body.to_request())
    observe_search(answer)
    return answers.as_json(answers.search_answer(body, answer, masks))


@search.post(
    "/search/things",
    summary="Search for each thing of a photo",
    responses={200: things_schemas.ThingsAnswer, **documented(404, 413, 415)},
)
def find_things(body: things_schemas.ThingsOfPhoto) -> Response:
    """Everything in a photo: a search for each of its `things` by itself, over one state of the catalogue.

    Without filters they share one pass over the index. For more results of one thing, send its `segment` to
    `POST /search`. Of a photo in which nothing is likely to be a thing, photos that are alike as a whole are found.
    """
    parts = context()
    found = parts.engine.search_things(body.to_request())
    for answer in (*(each.answer for each in found.things), *([found.whole] if found.whole else ())):
        observe_search(answer)
    return answers.as_json(answers.things_answer(found, MaskWriter(parts, body.masks, body.mask_frame)))


@search.post(
    "/search/facets",
    summary="Count facets of a search",
    responses={200: schemas.Facets, **documented(404, 413, 415)},
)
def count_facets(body: schemas.Search) -> Response:
    """Takes the same body as a search and returns only its facets, so that results need not wait for them."""
    return answers.as_json(answers.facet_answer(context().engine.facets(body.to_request())))


@search.get(
    "/images/<id:image_id>/levels",
    summary="List the segments under a point of a photo",
    responses={200: reference_schemas.Levels, **documented(404)},
)
def list_levels(path: image_schemas.ImagePath, query: reference_schemas.PointQuery) -> Response:
    """The one that a click there most likely means comes first; `granularity` shifts the order from part to whole."""
    return _levels(Ref(image=path.image_id, point=(query.x, query.y), granularity=query.granularity))


@search.get(
    "/queries/<id:query_id>/levels",
    summary="List the segments under a point of a query photo",
    responses={200: reference_schemas.Levels, **documented(404)},
)
def list_query_levels(path: image_schemas.QueryPath, query: reference_schemas.PointQuery) -> Response:
    """The one that a click there most likely means comes first; `granularity` shifts the order from part to whole."""
    return _levels(Ref(query=path.query_id, point=(query.x, query.y), granularity=query.granularity))


@search.post(
    "/segment",
    summary="Pick or make a segment",
    responses={200: reference_schemas.Selected, **documented(404, 413, 415, 503)},
)
def select_segment(body: reference_schemas.Place, query: shared.PhotoMasksQuery) -> Response:
    """What a point, box, polygon, points or a mask means: a segment of the photo or, where none fits, one that is made.

    A search takes the same place as a reference. The first one on a photo takes as long as segmenting it.
    """
    parts = context()
    masks = MaskWriter(parts, query.masks, query.mask_frame)
    return answers.as_json(answers.selected(parts.engine.lookup.example(body.to_ref()), masks))


def _find_in_several(body: schemas.SearchOfSeveral, wanted: list[int] | Literal["all"], masks: MaskWriter) -> Response:
    places = searchable(wanted)
    opened = {number: place.parts for number, place in places.items() if place.parts is not None}
    engines = {number: parts.engine for number, parts in opened.items()}
    found = search_several(context().engine, engines, body.to_request())
    observe_search(found.answer)
    writers = {number: MaskWriter(parts, body.mask_format, body.mask_frame) for number, parts in opened.items()}
    searched = [
        Searched(
            id=number,
            name=place.record.name if place.record else None,
            address=path_of(number) if number else installation_path(),
            left_out=place.left_out or found.left_out.get(number),
        )
        for number, place in places.items()
    ]
    return answers.as_json(answers.several_answer(body, found, searched, masks, writers))


def _levels(ref: Ref) -> Response:
    return answers.as_json(answers.levels(context().engine.lookup.levels(ref)))
