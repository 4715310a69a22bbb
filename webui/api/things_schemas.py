"""Requests and responses of searches for each thing of a photo."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from retrieval.query.request import MAX_LIMIT, MOST_THINGS, Ref, ThingsRequest

from .mask_schemas import FORMATS, Frame, MaskFormat
from .schemas import BodyId, Coordinate, Strict
from .search_schemas import Answer, Conditions

Corners = tuple[Coordinate, Coordinate, Coordinate, Coordinate]


class ThingsOfPhoto(Strict):
    """Whose things to search for: exactly one of `image` and `query`; and what each search is like."""

    image: Annotated[BodyId | None, Field(description="Id of a stored photo.")] = None
    query: Annotated[BodyId | None, Field(description="Id of a query photo.")] = None
    within: Annotated[
        Corners | None,
        Field(description="`x0, y0, x1, y1` in pixels of the upright original: only things inside this region."),
    ] = None
    most: Annotated[
        int, Field(strict=True, ge=1, le=MOST_THINGS, description="How many things at most, the best first.")
    ] = MOST_THINGS
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_LIMIT // 2, description="Results of each thing.")] = 20
    min_quality: Annotated[
        float, Field(strict=True, ge=0, le=1, description="Leave out segments of lower quality.")
    ] = 0.0
    filters: Annotated[Conditions, Field(description="Conditions that results must meet.")] = Conditions()
    fold_duplicates: Annotated[bool, Field(strict=True, description="Whether to list near-duplicates once.")] = False
    masks: Annotated[MaskFormat, Field(description=f"Masks of results. {FORMATS}")] = "none"
    mask_frame: Frame = "analysed"

    @model_validator(mode="after")
    def is_of_one_photo(self) -> Self:
        """Check that there is one photo."""
        if (self.image is None) == (self.query is None):
            raise PydanticCustomError(
                "photo", "give exactly one of `image` and `query`, the photo whose things are meant"
            )
        return self

    def to_request(self) -> ThingsRequest:
        """Convert to the engine's value.

        Raises
        ------
        QueryError
            The region is empty, or conditions are contradictory.
        """
        return ThingsRequest(
            photo=Ref(image=self.image, query=self.query),
            within=self.within,
            most=self.most,
            limit=self.limit,
            min_quality=self.min_quality,
            filters=self.filters.to_filters(),
            fold_duplicates=self.fold_duplicates,
        )


class ThingFound(BaseModel):
    """A thing, and what was found for it."""

    segment: Annotated[int, Field(description="Id of a stored segment; for a query photo, the row.")]
    name: Annotated[str, Field(description="Its label or, without one, its number.")]
    answer: Annotated[Answer, Field(description="Of a search with this segment, which is in `used`.")]


class ThingsAnswer(BaseModel):
    """What was found for each thing of a photo."""

    things: Annotated[list[ThingFound], Field(description="The best first. Empty if the photo has none.")]
    whole: Annotated[
        Answer | None,
        Field(
            description="If the photo has no thing, photos that are alike as a whole; null otherwise and with `within`."
        ),
    ]
    note: Annotated[str | None, Field(description="Why there is no thing; null otherwise.")]
    took_ms: float
