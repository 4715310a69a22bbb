"""From records to responses of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel

from retrieval.catalog import ImageRecord, QueryRecord, SegmentRecord
from retrieval.catalog.accounts import TokenRecord
from retrieval.catalog.records import ConceptRecord, FeedbackRecord
from retrieval.errors import QueryError
from retrieval.images.masks import MaskRun
from retrieval.query.filters import Facets
from retrieval.search.answer import FacetAnswer, Match, SearchAnswer, ThingsAnswer, Used
from retrieval.search.feedback import RoundAnswer
from retrieval.search.resolver import Example
from retrieval.search.several import AnswerOfSeveral
from retrieval.search.things import best_things
from retrieval.text.reading import Reading, Term

from ..pictures.names import shown_path
from . import (
    account_schemas,
    collection_schemas,
    concept_schemas,
    feedback_schemas,
    image_schemas,
    reference_schemas,
    schemas,
    search_schemas,
    things_schemas,
    word_schemas,
)
from .mask_schemas import AnyMask
from .masks import MaskWriter


def as_json(model: BaseModel, status: int = 200) -> Response:
    """A response; fields that were not set are left out."""
    response = jsonify(model.model_dump(exclude_unset=True))
    response.status_code = status
    return response


def token(record: TokenRecord) -> account_schemas.Token:
    """An API token."""
    return account_schemas.Token(**_token(record))


def made_token(record: TokenRecord, secret: str) -> account_schemas.MadeToken:
    """An API token that was just created."""
    return account_schemas.MadeToken(**_token(record), token=secret)


def item(image: ImageRecord) -> image_schemas.Item:
    """A photo."""
    return image_schemas.Item(
        id=image.id,
        path=image.displayed or None,
        width=image.width,
        height=image.height,
        state=image.state,
        segment_count=image.segment_count,
        error=image.error,
        missing=image.is_missing,
        taken_at=image.taken_at.isoformat() if image.taken_at else None,
        deleted_at=image.deleted_at.isoformat() if image.deleted_at else None,
        filename=shown_path(Path(image.place.name)) if image.place and image.place.name else None,
        segmentation=image_schemas.Segmentation(**asdict(image.assessment)) if image.assessment else None,
        duration_s=image.duration_s,
        video=image.video_id,
        time_s=image.time_s,
    )


def item_with_segments(
    image: ImageRecord,
    segments: Sequence[SegmentRecord],
    concepts: Mapping[int, list[str]],
    tags: list[str],
    masks: MaskWriter,
) -> image_schemas.ItemWithSegments:
    """A photo with its tags, its segments and the names of their concepts."""
    shown = [segment(record, masks.of_image(image.id, run_of(record))) for record in segments]
    for each in shown:
        if each.id in concepts:
            each.concepts = concepts[each.id]
    things = _things(segments, (image.height or 1, image.width or 1))
    return image_schemas.ItemWithSegments(**dict(item(image)), tags=tags, segments=shown, things=things)


def query_photo(query: QueryRecord, masks: MaskWriter) -> image_schemas.QueryPhoto:
    """A query photo."""
    height, width = query.size_hw
    segments = [segment(record, masks.of_photo(query.size_hw, run_of(record))) for record in query.segments]
    things = _things(query.segments, query.size_hw)
    return image_schemas.QueryPhoto(id=query.id, width=width, height=height, segments=segments, things=things)


def _things(segments: Sequence[SegmentRecord], size_hw: tuple[int, int]) -> list[int]:
    return [segments[row].id for row in best_things(segments, size_hw)]


def segment(record: SegmentRecord, mask: AnyMask | None) -> schemas.Segment:
    """A segment."""
    return schemas.Segment(
        id=record.id,
        box_xyxy=list(record.box_xyxy),
        area=record.area,
        quality=record.quality,
        label=record.label,
        label_score=record.label_score,
        parent=record.parent_id,
        **_told({"mask": mask}),
    )


def run_of(record: SegmentRecord) -> MaskRun:
    """The mask of a segment, as it is stored."""
    return record.mask_size_hw, record.mask_counts


def search_answer(asked: search_schemas.Search, answer: SearchAnswer, masks: MaskWriter) -> search_schemas.Answer:
    """The answer of a search."""
    things: list[search_schemas.Search | search_schemas.Thing] = [asked, *asked.also]
    references = [reference for thing in things for reference in (*thing.positive, *thing.negative)]
    return _answer(references, answer, masks)


def several_answer(
    asked: search_schemas.Search,
    found: AnswerOfSeveral,
    collections: Sequence[collection_schemas.Searched],
    masks: MaskWriter,
    masks_of: Mapping[int, MaskWriter],
) -> search_schemas.Answer:
    """The answer of a search over several collections.

    Parameters
    ----------
    asked, found
    collections : sequence of Searched
    masks : MaskWriter
        Of the collection that was asked, for its examples.
    masks_of : mapping of int to MaskWriter
        Of each collection, for its results.
    """
    answer = search_answer(asked, replace(found.answer, results=()), masks)
    shown: dict[int, list[search_schemas.Result]] = {}
    for number, writer in masks_of.items():
        shown[number] = _results([each.match for each in found.results if each.collection == number], writer)
        for result in shown[number]:
            result.collection = number
    rest = {number: iter(results) for number, results in shown.items()}
    answer.results = [next(rest[each.collection]) for each in found.results]
    answer.none_likely = found.answer.none_likely
    answer.collections = list(collections)
    return answer


def things_answer(found: ThingsAnswer, masks: MaskWriter) -> things_schemas.ThingsAnswer:
    """The answers of the searches for each thing of a photo."""
    return things_schemas.ThingsAnswer(
        things=[
            things_schemas.ThingFound(segment=each.segment.id, name=each.name, answer=_of_own(each.answer, masks))
            for each in found.things
        ],
        whole=None if found.whole is None else _of_own(found.whole, masks),
        note=found.note,
        took_ms=round(found.took_ms, 3),
    )


def _of_own(answer: SearchAnswer, masks: MaskWriter) -> search_schemas.Answer:
    """An answer to references that were not sent, but made here."""
    return _answer([reference_schemas.Reference.of(each.ref) for each in answer.used], answer, masks)


def _answer(
    references: Sequence[reference_schemas.Reference], answer: SearchAnswer, masks: MaskWriter
) -> search_schemas.Answer:
    return search_schemas.Answer(
        results=_results(answer.results, masks),
        used=[_used(reference, entry, masks) for reference, entry in zip(references, answer.used, strict=True)],
        words=_words(answer.words) if answer.words else None,
        parts=list(answer.parts),
        facets=None if answer.facets is None else _shown(answer.facets),
        index=search_schemas.Freshness(segments=answer.indexed, lag=answer.lag),
        took_ms=round(answer.took_ms, 3),
        facets_of=answer.facets_of,
        none_likely=answer.none_likely,
        compared=answer.compared,
    )


def selected(found: Example, masks: MaskWriter) -> reference_schemas.Selected:
    """What a place in a photo came to."""
    one = found.segment or found.made
    if one is None:
        raise QueryError("the place is no part of a photo: give a point, box, polygon, points or mask")
    return reference_schemas.Selected(
        made=found.made is not None,
        segment=None if found.segment is None else found.segment.id,
        box_xyxy=list(one.box_xyxy),
        area=one.area,
        quality=one.quality,
        label=one.label,
        **_told({"mask": masks.of_example(found.ref, one)}),
    )


def levels(found: Sequence[SegmentRecord]) -> reference_schemas.Levels:
    """The segments under a point."""
    return reference_schemas.Levels(levels=[_level(number, record) for number, record in enumerate(found)])


def facet_answer(found: FacetAnswer) -> search_schemas.Facets:
    """The facets of results."""
    return search_schemas.Facets(
        facets=_shown(found.facets), facets_of=found.facets_of, took_ms=round(found.took_ms, 3)
    )


def round_answer(record: FeedbackRecord, found: RoundAnswer, masks: MaskWriter) -> feedback_schemas.Round:
    """A round of feedback."""
    used = [
        _used(reference_schemas.Reference.of(each.ref), each, masks)
        for each in found.answer.used
        if each.segment is not None or each.made is not None
    ]
    return feedback_schemas.Round(
        id=record.id,
        round=record.round,
        rounds=record.rounds,
        model=found.model.name,
        kept_query=found.model.kept_query,
        leave_one_out={str(name): value for name, value in found.model.leave_one_out.items()},
        threshold=found.model.threshold,
        ask=_results(found.ask, masks),
        relevant=list(record.relevant),
        irrelevant=list(record.irrelevant),
        results=_results(found.answer.results, masks),
        used=used,
        words=_words(found.answer.words) if found.answer.words else None,
        parts=list(found.answer.parts),
        facets=None if found.answer.facets is None else _shown(found.answer.facets),
        index=search_schemas.Freshness(segments=found.answer.indexed, lag=found.answer.lag),
        took_ms=round(found.answer.took_ms, 3),
        facets_of=found.answer.facets_of,
        none_likely=found.answer.none_likely,
        compared=found.answer.compared,
    )


def concept(record: ConceptRecord) -> concept_schemas.Concept:
    """A concept in a list."""
    return concept_schemas.Concept(**_concept(record))


def whole_concept(record: ConceptRecord, count: int | None) -> concept_schemas.WholeConcept:
    """A concept with its examples."""
    lesson = record.model
    return concept_schemas.WholeConcept(
        **_concept(record),
        threshold=lesson.threshold,
        segments=count,
        positive=list(lesson.positive),
        negative=list(lesson.negative),
        lost=record.lost,
    )


def _concept(record: ConceptRecord) -> dict[str, Any]:
    examples = len(record.model.positive) + len(record.model.negative)
    created = record.created_at.isoformat()
    return {
        "id": record.id, "name": record.name, "created_at": created, "space": record.model.space, "examples": examples
    }  # fmt: skip


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _used(reference: reference_schemas.Reference, entry: Used, masks: MaskWriter) -> reference_schemas.Used:
    made, picked = entry.made, entry.segment
    own = masks.always()
    return reference_schemas.Used(
        ref=reference,
        segment=segment(picked, own.of_example(entry.ref, picked)) if picked else None,
        mask=None if made is None else own.of_example(entry.ref, made),
        box_xyxy=None if made is None else list(made.box_xyxy),
        quality=None if made is None else made.quality,
        level=entry.level,
        alternatives=[_level(number, record) for number, record in entry.alternatives],
    )


def _level(number: int, record: SegmentRecord) -> reference_schemas.Level:
    return reference_schemas.Level(level=number, segment=record.id, quality=record.quality, area=record.area)


def _results(matches: Sequence[Match], masks: MaskWriter) -> list[search_schemas.Result]:
    """Results; the masks of those that were deleted meanwhile are null."""
    masks.of_images({match.image_id for match in matches})
    shown = [_result(match) for match in matches]
    wanted: list[search_schemas.Result | search_schemas.Matched] = [*shown]
    wanted += [part for result in shown for part in result.matched]
    runs = masks.of_results({one.segment_id for one in wanted if one.segment_id is not None})
    for result in shown if masks.are_wanted else ():
        ones: list[search_schemas.Result | search_schemas.Matched] = [result, *result.matched]
        for one in ones:
            run = runs.get(one.segment_id) if one.segment_id is not None else None
            one.mask = None if run is None else masks.of_image(result.image_id, run)
    return shown


def _result(match: Match) -> search_schemas.Result:
    return search_schemas.Result(
        image_id=match.image_id,
        segment_id=match.segment_id,
        score=match.score,
        box_xyxy=list(match.box_xyxy),
        label=match.label,
        likely=match.likely,
        fallback=match.fallback,
        quality=match.quality,
        alike=list(match.alike),
        video=match.video_id,
        time_s=match.time_s,
        moments=[search_schemas.Sighting(**each._asdict()) for each in match.moments],
        matched=[search_schemas.Matched(**part._asdict()) for part in match.parts],
        relations=list(match.relations),
        probability=match.probability,
        certainty=match.certainty,
        evidence=None if match.evidence is None else search_schemas.Evidence(**match.evidence._asdict()),
    )


def _shown(found: Facets) -> dict[str, list[search_schemas.Facet]]:
    return {
        kind: [
            search_schemas.Facet(
                value=shown_path(Path(each.value)) or "", name=shown_path(Path(each.name)) or "", count=each.count
            )
            if kind == "folder"
            else search_schemas.Facet(value=each.value, name=each.name, count=each.count)
            for each in facets
        ]
        for kind, facets in found.items()
    }


def _words(reading: Reading) -> word_schemas.Words:
    return word_schemas.Words(
        understood=[_term(term) for term in reading.understood],
        unwanted=[_term(term) for term in reading.unwanted],
        links=[word_schemas.Link.model_validate(asdict(each)) for each in reading.links],
        unknown=list(reading.unknown),
        unsupported=list(reading.unsupported),
        suggestions=list(reading.suggestions),
        suggested=[list(words) for words in reading.suggested],
    )


def _term(term: Term) -> word_schemas.Term:
    return word_schemas.Term(
        text=term.text,
        name=term.name,
        labels=list(term.labels),
        colors=list(term.colors),
        substitutes=[word_schemas.Substitute(name=each.term.name, weight=each.weight) for each in term.substitutes],
        **_told({"concept": term.concept}),
    )


def _token(record: TokenRecord) -> dict[str, Any]:
    return {**asdict(record), "created_at": record.created_at.isoformat()}
