"""Requests and responses about near-duplicates."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from retrieval.query.request import MAX_ID

from .schemas import MAX_PAGE, BodyId, Strict

Likeness = Annotated[
    float,
    Field(description="Correlation with the best photo where the two overlap, 0 to 1; it is at least 0.87."),
]

# ---- what comes in


class DuplicatePage(Strict):
    """Which groups, by the id of the best photo."""

    after: Annotated[int, Field(ge=0, le=MAX_ID, description="The `next` of the previous page.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    min_likeness: Annotated[float, Field(ge=0, le=1, description="Only pairs that are at least so alike.")] = 0.0


class Dismissal(Strict):
    """Photos that are no duplicates of one another."""

    ids: Annotated[list[BodyId], Field(min_length=2, max_length=MAX_PAGE)]


# ---- what goes out


class Duplicate(BaseModel):
    """A photo that is a near-duplicate of another."""

    id: int
    likeness: Likeness
    width: int | None
    height: int | None
    bytes: Annotated[int, Field(description="Size of the file.")]
    filename: Annotated[str | None, Field(description="The name of the file, if known.")]


class DuplicateGroup(BaseModel):
    """A photo and its near-duplicates; each photo is in one group at most."""

    best: Annotated[
        Duplicate,
        Field(description="The photo that shows the most, borders and enlargement aside; likeness 1."),
    ]
    others: Annotated[list[Duplicate], Field(description="Each was found to be like the best one; the likest first.")]


class DuplicateGroups(BaseModel):
    """A page of groups, in ascending order of the id of the best photo."""

    groups: list[DuplicateGroup]
    total: Annotated[int, Field(description="Groups of all pages.")]
    waiting: Annotated[int, Field(description="Photos that were not compared with the others yet.")]
    next: Annotated[int | None, Field(description="The `after` of the next page; null on the last page.")]


class DuplicatesOfPhoto(BaseModel):
    """The near-duplicates of a photo, the likest first, with those that are in other groups."""

    duplicates: list[Duplicate]


class Dismissed(BaseModel):
    """What became of a judgement."""

    pairs: Annotated[int, Field(description="How many pairs changed.")]
