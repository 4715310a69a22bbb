"""Requests and responses of searches that are refined by judgements."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from retrieval.search.feedback import ModelName

from .schemas import MAX_JUDGED, BodyId, MasksQuery, PathId, ResultMasks
from .search_schemas import Answer, Result


class FeedbackPath(BaseModel):
    """The id of the search being refined."""

    feedback_id: PathId


class RoundQuery(MasksQuery):
    """Which round."""

    round: Annotated[int | None, Field(ge=0, le=1000, description="The last round if absent.")] = None


class Judging(ResultMasks):
    """Feedback on results. A new judgement of a segment replaces the old one."""

    relevant: Annotated[
        list[BodyId], Field(max_length=MAX_JUDGED, description="Segments that show what is searched for.")
    ] = []
    irrelevant: Annotated[list[BodyId], Field(max_length=MAX_JUDGED, description="Segments that do not show it.")] = []
    withdrawn: Annotated[
        list[BodyId], Field(max_length=MAX_JUDGED, description="Segments whose earlier judgement no longer counts.")
    ] = []


class Round(Answer):
    """A round of feedback."""

    id: Annotated[int, Field(description="Id of the search being refined.")]
    round: Annotated[int, Field(description="0 is the search without feedback.")]
    rounds: Annotated[int, Field(description="The last round.")]
    model: Annotated[ModelName, Field(description="How the results are ranked.")]
    kept_query: Annotated[
        bool,
        Field(
            description="Whether the query was kept because following the feedback would have ranked judged results "
            "worse."
        ),
    ]
    leave_one_out: Annotated[
        dict[str, float],
        Field(description="How well each model ranks every judgement without knowing it; empty if there are too few."),
    ]
    threshold: Annotated[float, Field(description="Score above which a segment is more likely relevant than not.")]
    ask: Annotated[list[Result], Field(description="Results for which feedback would help most.")]
    relevant: Annotated[list[int], Field(description="Segments marked relevant so far.")]
    irrelevant: Annotated[list[int], Field(description="Segments marked irrelevant so far.")]
