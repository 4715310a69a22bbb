"""Refining a search by judgements, in rounds."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.catalog.records import FeedbackRecord

from ..context import context
from ..serving.metrics import observe_search
from . import answers, bodies, feedback_schemas, schemas, search_schemas
from .deprecation import boolean_masks
from .masks import MaskWriter
from .problems import documented

feedback = APIBlueprint("api_feedback", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="feedback")])
feedback.before_request(bodies.read_json)


@feedback.post(
    "/feedback", summary="Start refining a search", responses={201: feedback_schemas.Round, **documented(404, 413, 415)}
)
@boolean_masks
def begin_feedback(body: search_schemas.Search) -> Response:
    """Returns round 0, the plain search. Searches with whole photos cannot be refined."""
    parts, request = context(), body.to_request()
    found = parts.engine.refine(request, (), ())
    feedback_id = parts.judgements.begin(request, parts.assembly.recipe_spec.space)
    observe_search(found.answer)
    masks = MaskWriter(parts, body.mask_format, body.mask_frame)
    return answers.as_json(answers.round_answer(parts.judgements.get(feedback_id), found, masks), 201)


@feedback.get(
    "/feedback/<id:feedback_id>", summary="Get a round", responses={200: feedback_schemas.Round, **documented(404)}
)
@boolean_masks
def get_feedback(path: feedback_schemas.FeedbackPath, query: feedback_schemas.RoundQuery) -> Response:
    """The results of a round, based on the feedback up to then. Round 0 is the plain search."""
    return _answer(context().judgements.get(path.feedback_id, query.round), query)


@feedback.post(
    "/feedback/<id:feedback_id>/rounds",
    summary="Judge results",
    responses={201: feedback_schemas.Round, **documented(404, 413, 415)},
)
@boolean_masks
def add_round(path: feedback_schemas.FeedbackPath, body: feedback_schemas.Judging) -> Response:
    """Returns the next round, based on all feedback so far. Judged photos are left out of its results."""
    parts = context()
    parts.judgements.add_round(path.feedback_id, body.relevant, body.irrelevant, body.withdrawn)
    return _answer(parts.judgements.get(path.feedback_id), body, status=201)


@feedback.delete(
    "/feedback/<id:feedback_id>/rounds/last",
    summary="Undo the last round",
    responses={200: feedback_schemas.Round, **documented(404)},
)
@boolean_masks
def take_back(path: feedback_schemas.FeedbackPath, query: schemas.MasksQuery) -> Response:
    """Drops the last round's feedback and returns the previous round."""
    parts = context()
    parts.judgements.take_back(path.feedback_id)
    return _answer(parts.judgements.get(path.feedback_id), query)


def _answer(record: FeedbackRecord, asked: schemas.ResultMasks, *, status: int = 200) -> Response:
    parts = context()
    found = parts.engine.refine(record.request, record.relevant, record.irrelevant)
    observe_search(found.answer)
    masks = MaskWriter(parts, asked.mask_format, asked.mask_frame)
    return answers.as_json(answers.round_answer(record, found, masks), status)
