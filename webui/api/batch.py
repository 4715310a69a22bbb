"""Many photos, segments or searches in one request."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.catalog.records import SegmentRecord
from retrieval.errors import RetrievalError, UnknownSegmentError
from retrieval.query.request import SearchRequest

from ..context import WebContext, context
from ..serving.metrics import observe_search
from . import answers, bodies, image_schemas, search_schemas
from . import batch_schemas as schemas
from .deprecation import boolean_masks
from .masks import MaskWriter
from .problems import documented, problem_of

batch = APIBlueprint("api_batch", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="batches")])
batch.before_request(bodies.read_json)


@batch.post("/images/batch", summary="Get many photos", responses={200: schemas.FoundImages, **documented(413, 415)})
def get_images(body: schemas.ImagesById) -> Response:
    """Photos by their ids, up to 500. To tag, delete or segment many, see `POST /images/tags`, `/delete` and so on."""
    wanted = list(dict.fromkeys(body.ids))
    found = context().catalog.images.find(wanted)
    return answers.as_json(
        schemas.FoundImages(
            items=[answers.item(found[key]) for key in wanted if key in found],
            missing=[key for key in wanted if key not in found],
        )
    )


@batch.post(
    "/segments/batch", summary="Get many segments", responses={200: schemas.FoundSegments, **documented(413, 415)}
)
def get_segments(body: schemas.SegmentsById) -> Response:
    """Segments by their ids, up to 500, with masks and, on request, vectors. Those of deleted photos are missing."""
    parts, wanted = context(), list(dict.fromkeys(body.ids))
    found = parts.catalog.segments.find(wanted)
    records = [found[key] for key in wanted if key in found]
    segments = _segments(parts, records, MaskWriter(parts, body.masks, body.mask_frame), vectors=body.vectors)
    return answers.as_json(
        schemas.FoundSegments(segments=segments, missing=[key for key in wanted if key not in found])
    )


@batch.get(
    "/segments/<id:segment_id>", summary="Get a segment", responses={200: schemas.StoredSegment, **documented(404)}
)
def get_segment(path: image_schemas.SegmentPath, query: schemas.SegmentQuery) -> Response:
    """A segment with its photo and its mask."""
    parts = context()
    record = parts.catalog.segments.find([path.segment_id]).get(path.segment_id)
    if record is None:
        raise UnknownSegmentError(f"there is no segment {path.segment_id}: it never was, or its photo was deleted")
    masks = MaskWriter(parts, query.masks, query.mask_frame)
    return answers.as_json(_segments(parts, [record], masks, vectors=query.vector)[0])


@batch.post("/search/batch", summary="Search many times", responses={200: schemas.Answers, **documented(413, 415)})
@boolean_masks
def find_many(body: schemas.Searches) -> Response:
    """Up to 100 searches of up to 10,000 results together, over one state of the catalogue.

    A search that cannot be answered has its own error, and the others are answered all the same. A request that is
    malformed is refused as a whole.
    """
    parts, started = context(), time.perf_counter()
    with parts.catalog.one_connection():
        found = _answered(parts, body.searches)
    took_ms = round((time.perf_counter() - started) * 1000, 3)
    return answers.as_json(schemas.Answers(answers=found, took_ms=took_ms))


def _answered(parts: WebContext, searches: Sequence[search_schemas.Search]) -> list[schemas.Answered]:
    requests, found = list[SearchRequest](), list[schemas.Answered]()
    refused = dict[int, RetrievalError]()
    for row, asked in enumerate(searches):
        try:
            requests.append(asked.to_request())
        except RetrievalError as error:
            refused[row] = error
    answered = iter(parts.engine.search_batch(requests))
    for row, asked in enumerate(searches):
        answer = refused[row] if row in refused else next(answered)
        if isinstance(answer, RetrievalError):
            found.append(schemas.Answered(error=problem_of(answer)))
            continue
        observe_search(answer)
        masks = MaskWriter(parts, asked.mask_format, asked.mask_frame)
        found.append(schemas.Answered(answer=answers.search_answer(asked, answer, masks)))
    return found


def _segments(
    parts: WebContext, records: Collection[SegmentRecord], masks: MaskWriter, *, vectors: bool
) -> list[schemas.StoredSegment]:
    masks.of_images({record.image_id for record in records})
    known = parts.catalog.segments.vectors([record.id for record in records]) if vectors else {}
    shown = []
    for record in records:
        run = answers.run_of(record)
        one = answers.segment(record, masks.of_image(record.image_id, run))
        told = one.model_dump(exclude_unset=True) | {"image_id": record.image_id}
        if record.id in known:
            values, space = known[record.id]
            told["vector"] = schemas.Vector(space=space, values=values.astype(float).tolist())
        shown.append(schemas.StoredSegment(**told))
    return shown
