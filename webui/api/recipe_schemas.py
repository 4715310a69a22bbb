"""Requests and responses about recipes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from .schemas import Strict, Text


class Recipe(BaseModel):
    """A recipe: what makes segments and vectors."""

    name: str
    is_current: Annotated[bool, Field(description="Whether this server searches and ingests with it.")]
    segments: Annotated[str, Field(description="What its segments are.")]
    vectors: Annotated[str, Field(description="Where their vectors come from.")]
    licence: Annotated[str, Field(description="Of the weights.")]
    weights: Annotated[
        Literal["included", "here", "to download", "missing", "not known"],
        Field(description="Whether the weights are on this machine."),
    ]
    package: Annotated[str, Field(description="The plug-in that brings it; empty for SegSearch.")]
    fault: Annotated[str | None, Field(description="Why it cannot be used here, and what to do.")]
    fingerprint: Annotated[str | None, Field(description="Null if it cannot be used here.")]
    is_comparable: Annotated[
        bool, Field(description="Whether this server's searches find photos that are analysed with it.")
    ]
    photos: Annotated[int, Field(description="Photos that it analysed.")]
    waiting: Annotated[
        int, Field(description="Photos that are to be analysed again with it, those in progress included.")
    ]
    command: Annotated[str, Field(description="A command that starts a worker with it.")]


class FormerRecipe(BaseModel):
    """A recipe that is not listed: an earlier version, or one with another model."""

    fingerprint: str
    photos: int


class RecipeList(BaseModel):
    """The recipes."""

    recipes: list[Recipe]
    others: list[FormerRecipe]


class Resegment(Strict):
    """Which photos to analyse again, with which recipe."""

    recipe: Annotated[Text, Field(max_length=200, description="Name of a recipe of `GET /recipes` without a fault.")]
    state: Annotated[
        Literal["indexed", "empty"] | None, Field(description="Only photos with, or only photos without segments.")
    ] = None
    max_quality: Annotated[
        float | None,
        Field(strict=True, ge=0, le=1, allow_inf_nan=False, description="Only photos segmented no better than this."),
    ] = None
    folder: Annotated[
        Text | None,
        Field(max_length=4096, description="Only photos below this folder of the server, an absolute path."),
    ] = None
    dry_run: Annotated[bool, Field(strict=True, description="Only count them.")] = False


class Queued(BaseModel):
    """Photos that are analysed again."""

    photos: Annotated[int, Field(description="Photos that another recipe analysed and that fit.")]
    command: Annotated[
        str | None, Field(description="A worker that has to be started for them; null if this server's takes them.")
    ]
