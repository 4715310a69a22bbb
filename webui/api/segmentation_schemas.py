"""Requests and responses about segmenting a photo with another recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from .image_schemas import Segmentation
from .mask_schemas import FORMATS, Frame, MaskFormat
from .schemas import Segment, Strict, Text

RecipeName = Annotated[
    Text, Field(max_length=200, description="Name of a recipe of `GET /images/{image_id}/recipes` that is ready.")
]


class OtherRecipe(BaseModel):
    """A recipe that a photo could be segmented with."""

    name: str
    segments: Annotated[str, Field(description="What its segments are.")]
    is_ready: Annotated[bool, Field(description="Whether its weights are on the server.")]


class OtherRecipes(BaseModel):
    """The recipes other than the photo's."""

    recipe: Annotated[str | None, Field(description="Name of the recipe that segmented the photo, if it is known.")]
    recipes: list[OtherRecipe]


class PreviewedRecipe(Strict):
    """Which recipe to look at, and how its masks are written."""

    recipe: RecipeName
    masks: Annotated[MaskFormat, Field(description=FORMATS)] = "rle"
    mask_frame: Frame = "analysed"


class ChosenRecipe(Strict):
    """Which recipe's segments a photo is to have."""

    recipe: RecipeName


class SegmentationPreview(BaseModel):
    """What a recipe would make of a photo."""

    recipe: str
    width: int
    height: int
    segmentation: Segmentation
    segments: Annotated[list[Segment], Field(description="Their ids are rows, from 0.")]
