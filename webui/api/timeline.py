"""The timeline: how many photos each month has, and the photos page by page."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.catalog import ImageRecord
from retrieval.catalog.records.timeline import UNKNOWN_ASPECT

from ..context import WebContext, context
from ..pictures.names import name_of, reason_of
from . import answers
from . import timeline_schemas as schemas
from .problems import documented

SHOWN = 20
COUNTED = 50
"""Concepts; for each the index is searched."""

timeline = APIBlueprint("api_timeline", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="timeline")])


@timeline.get("/timeline", summary="List months", responses={200: schemas.Months, **documented()})
def list_months(query: schemas.TimelineQuery) -> Response:
    """Months that have photos, with the number of photos and their mean shape."""
    found = context().catalog.timeline.months(query.view())
    months = [schemas.MonthOfPhotos(month=each.name, photos=each.photos, aspect=each.aspect) for each in found]
    return answers.as_json(schemas.Months(months=months))


@timeline.get(
    "/timeline/photos", summary="List photos by date", responses={200: schemas.PhotosInTimeline, **documented()}
)
def list_photos(query: schemas.TimelinePageQuery) -> Response:
    """Photos of one month, or of all, with what a grid needs to lay them out."""
    photos = context().catalog.timeline.page(query.view(), query.month, skip=query.skip, limit=query.limit)
    return answers.as_json(schemas.PhotosInTimeline(photos=[_photo(each) for each in photos]))


@timeline.get("/timeline/ids", summary="List ids by date", responses={200: schemas.PhotoIds, **documented()})
def list_ids(query: schemas.TimelineIdsQuery) -> Response:
    """Ids alone, to select many photos at once."""
    found = context().catalog.timeline.ids(query.view(), skip=query.skip, limit=query.limit)
    return answers.as_json(schemas.PhotoIds(ids=found))


@timeline.get(
    "/timeline/around",
    summary="List photos around a photo",
    responses={200: schemas.PhotosAround, **documented(404)},
)
def list_around(query: schemas.AroundQuery) -> Response:
    """The photos before and after a photo, to go from one to the next."""
    catalog, view = context().catalog, query.view()
    catalog.images.get(query.image)
    sides = catalog.timeline.neighbours(query.image, view, query.count)
    found = catalog.images.find(sides[0] + sides[1])
    before, after = ([_photo(found[key]) for key in side if key in found] for side in sides)
    listed = catalog.timeline.lists(query.image, view)
    return answers.as_json(schemas.PhotosAround(before=before, after=after, listed=listed))


@timeline.get("/timeline/facets", summary="Count photos", responses={200: schemas.LibraryFacets, **documented()})
def count_photos(query: schemas.TimelineQuery) -> Response:
    """How many photos are in each folder, and have each tag, label and concept."""
    parts, view = context(), query.view()
    catalog = parts.catalog.timeline
    found = schemas.LibraryFacets(
        folders=_counted(catalog.folders(view, SHOWN)),
        tags=_counted(catalog.tags(view, SHOWN)),
        labels=_counted(catalog.labels(view, SHOWN)),
        concepts=_counted(_concepts(parts)),
    )
    return answers.as_json(found)


def _counted(found: Iterable[tuple[str, int]]) -> list[schemas.PhotoCount]:
    return [schemas.PhotoCount(name=name, photos=photos) for name, photos in found]


def _concepts(parts: WebContext) -> list[tuple[str, int]]:
    """How many photos the concepts label, those that label most first."""
    engine, counts = parts.engine, list[tuple[str, int]]()
    here = [each for each in engine.concepts.known().values() if each.model.space == engine.recipe.space]
    for concept in here[:COUNTED]:
        labelled = engine.segments.image_ids_of(engine.labelled(concept))
        counts.append((concept.name, len(np.unique(labelled))))
    return sorted(counts, key=lambda each: (-each[1], each[0]))[:SHOWN]


def _photo(image: ImageRecord) -> schemas.PhotoInTimeline:
    return schemas.PhotoInTimeline(
        id=image.id,
        aspect=image.width / image.height if image.width and image.height else UNKNOWN_ASPECT,
        state=image.state,
        name=name_of(image),
        segments=image.segment_count,
        missing=image.is_missing,
        error=reason_of(image) if image.state == "failed" else None,
        duration_s=image.duration_s,
    )
