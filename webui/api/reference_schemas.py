"""References to segments and photos, and the segments under a point."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from retrieval.query.prompt import MAX_CORNERS, MAX_COUNTS, MAX_MASK_SIDE, MAX_POINTS
from retrieval.query.request import Ref

from .mask_schemas import AnyMask
from .schemas import MAX_COORDINATE, MAX_REFS, BodyId, Box, Coordinate, Distance, Segment, Strict


def _shapes(*shapes: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(shape.split()) for shape in shapes)


PLACES = ("point", "box", "polygon", "points", "mask")

PLACE_SHAPES = _shapes(*(f"{photo} {place}" for photo in ("image", "query") for place in PLACES))

REF_SHAPES = (*_shapes("segment", "query segment", "image", "query"), *PLACE_SHAPES)

REF_FAULT = (
    "a reference is exactly one of (segment), (query, segment), (image), (query), and (image) or (query) with one of "
    "point, box, polygon, points and mask; granularity and level may go with a point, not_points with points"
)

MAX_LEVEL = 1000

CHOICES = {"point": frozenset({"granularity", "level"}), "points": frozenset({"not_points"})}
"""What may go with a place."""


def _choices(shape: Collection[str]) -> frozenset[str]:
    return frozenset().union(*(extra for place, extra in CHOICES.items() if place in shape))


Granularity = Annotated[
    float | None,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="From 0, a part, to 1, the whole, of what lies under the point; the likeliest if absent.",
    ),
]


def _describe_ref(schema: dict[str, Any], model: type[Any]) -> None:
    """Put the combinations that mean something in the place of a bag of optional fields."""
    properties = schema.pop("properties")
    for name, optional in properties.items():
        real = next(option for option in optional["anyOf"] if option.get("type") != "null")
        properties[name] = {**real, "description": optional["description"]}
    schema.pop("additionalProperties", None)
    schema.pop("type", None)
    schema["anyOf"] = [
        {
            "type": "object",
            "properties": {name: properties[name] for name in sorted(shape | _choices(shape))},
            "required": sorted(shape),
            "additionalProperties": False,
        }
        for shape in model.shapes()
    ]


MaskSide = Annotated[int, Field(strict=True, ge=1, le=MAX_MASK_SIDE)]


class MaskOfPhoto(Strict):
    """A mask that a client has: COCO compressed RLE, at any size with the proportions of the photo, which it covers."""

    size: Annotated[tuple[MaskSide, MaskSide], Field(description="`h, w`.")]
    counts: Annotated[str, Field(max_length=MAX_COUNTS, description="In the format of pycocotools.")]


class Reference(BaseModel):
    """One example: a stored segment, a place in a photo or query photo, or a whole one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_describe_ref)

    segment: Annotated[BodyId | None, Field(description="Id of a stored segment; for a query photo, the row.")] = None
    image: Annotated[BodyId | None, Field(description="Id of a stored photo.")] = None
    query: Annotated[BodyId | None, Field(description="Id of a query photo.")] = None
    point: Annotated[
        tuple[Distance, Distance] | None, Field(description="`x, y` in pixels of the upright original.")
    ] = None
    box: Annotated[
        tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None,
        Field(description="`x0, y0, x1, y1` in pixels of the upright original. Where none fits, a segment is made."),
    ] = None
    polygon: Annotated[
        list[tuple[Coordinate, Coordinate]] | None,
        Field(
            min_length=1,
            max_length=MAX_CORNERS,
            description="Corners `x, y` of a line around the thing.",
        ),
    ] = None
    points: Annotated[
        list[tuple[Distance, Distance]] | None,
        Field(min_length=1, max_length=MAX_POINTS, description="`x, y` on the thing; at least one."),
    ] = None
    not_points: Annotated[
        list[tuple[Distance, Distance]] | None,
        Field(max_length=MAX_POINTS, description="`x, y` beside the thing."),
    ] = None
    mask: Annotated[MaskOfPhoto | None, Field(description="The thing itself.")] = None
    granularity: Annotated[Granularity, Field(strict=True)] = None
    level: Annotated[
        int | None,
        Field(
            strict=True,
            ge=0,
            le=MAX_LEVEL,
            description="Which of the segments under the point, from 0; the first if absent.",
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def is_meaningful(cls, values: object) -> object:
        """Check that the fields are one of the combinations that mean something."""
        if not isinstance(values, dict) or None in values.values():
            raise PydanticCustomError("reference", REF_FAULT)
        if "not_points" in values and not values.get("points"):
            raise PydanticCustomError("points", "all points are negative: give at least one in `points`, too")
        if values.get("polygon") == [] or values.get("points") == []:
            raise PydanticCustomError("empty", "polygon or points are empty: give three corners or one point")
        if frozenset(values) - _choices(values) not in cls.shapes():
            raise PydanticCustomError("reference", REF_FAULT)
        return values

    @classmethod
    def shapes(cls) -> Collection[frozenset[str]]:
        """The combinations of fields that mean something here."""
        return REF_SHAPES

    def to_ref(self) -> Ref:
        """As the engine takes it.

        Raises
        ------
        QueryError
            What is marked cannot be used.
        """
        lists = {name: tuple(getattr(self, name) or ()) for name in ("polygon", "points", "not_points")}
        mask = None if self.mask is None else (self.mask.size, self.mask.counts)
        return Ref(**{**dict(self), **lists, "mask": mask})

    @classmethod
    def of(cls, ref: Ref) -> Reference:
        """As it was sent."""
        told = {name: value for name, value in asdict(ref).items() if value is not None and value != ()}
        if ref.mask is not None:
            told["mask"] = {"size": ref.mask[0], "counts": ref.mask[1]}
        return cls(**told)


class Place(Reference):
    """A place in a photo or query photo."""

    @classmethod
    def shapes(cls) -> Collection[frozenset[str]]:
        """The combinations of fields that mean something here."""
        return PLACE_SHAPES


Positive = Annotated[list[Reference], Field(max_length=MAX_REFS, description="Examples of what to find.")]

Negative = Annotated[list[Reference], Field(max_length=MAX_REFS, description="Examples of what to avoid.")]


class PointQuery(Strict):
    """A point of a photo, in pixels of the upright original."""

    x: Annotated[float, Field(ge=0, le=MAX_COORDINATE, allow_inf_nan=False)]
    y: Annotated[float, Field(ge=0, le=MAX_COORDINATE, allow_inf_nan=False)]
    granularity: Granularity = None


class Level(BaseModel):
    """One of the segments under a point."""

    level: Annotated[int, Field(description="0 is the likeliest.")]
    segment: Annotated[int, Field(description="Id of a stored segment; for a query photo, the row.")]
    quality: Annotated[float, Field(description="0 to 1.")]
    area: Annotated[int, Field(description="In pixels of the upright original.")]


class Levels(BaseModel):
    """All segments under a point, the likeliest first; if none covers it, the nearest one."""

    levels: list[Level]


class Selected(BaseModel):
    """What a place in a photo came to: one of its segments, or one that was made because none fits."""

    made: Annotated[bool, Field(description="Whether the segment was made.")]
    segment: Annotated[int | None, Field(description="Id of a stored segment, or row; null if it was made.")]
    box_xyxy: Box
    area: Annotated[int, Field(description="In pixels of the upright original.")]
    quality: Annotated[float, Field(description="0 to 1; of what was made of a box or polygon the expected IoU.")]
    label: Annotated[str | None, Field(description="The recipe's label, if it has labels.")]
    mask: Annotated[AnyMask | None, Field(description="Absent if no mask was asked for.")] = None


class Used(BaseModel):
    """The segment that an example resolved to; null for a whole photo, and where one was made."""

    ref: Reference
    segment: Segment | None
    mask: Annotated[AnyMask | None, Field(description="What was made, because no segment fits.")]
    box_xyxy: Annotated[Box | None, Field(description="The box around what was made.")]
    quality: Annotated[float | None, Field(description="0 to 1, of what was made: the expected IoU.")]
    level: Annotated[int | None, Field(description="For a point, which of the segments under it.")]
    alternatives: Annotated[
        list[Level], Field(description="For a point, the other segments under it, the likeliest first.")
    ]
