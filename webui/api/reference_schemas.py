"""References to segments and photos, and the segments under a point."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from retrieval.query.request import Ref

from .schemas import MAX_COORDINATE, MAX_REFS, BodyId, Coordinate, Distance, Segment, Strict


def _shapes(*shapes: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(shape.split()) for shape in shapes)


REF_SHAPES = _shapes(
    "segment", "image point", "image box", "query segment", "query point", "query box", "image", "query"
)

REF_FAULT = (
    "a reference is exactly one of (segment), (image, point), (image, box), (image), (query, segment), (query, "
    "point), (query, box) or (query); granularity and level may go with a point"
)

MAX_LEVEL = 1000

CHOICES = frozenset({"granularity", "level"})
"""What may go with a point."""

Granularity = Annotated[
    float | None,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="From 0, a part, to 1, the whole, of what lies under the point; the likeliest if absent.",
    ),
]


def _describe_ref(schema: dict[str, Any]) -> None:
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
            "properties": {name: properties[name] for name in sorted(shape | (CHOICES if "point" in shape else set()))},
            "required": sorted(shape),
            "additionalProperties": False,
        }
        for shape in REF_SHAPES
    ]


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
        Field(description="`x0, y0, x1, y1` in pixels of the upright original."),
    ] = None
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
        choices = CHOICES if "point" in values else frozenset[str]()
        if frozenset(values) - choices not in REF_SHAPES:
            raise PydanticCustomError("reference", REF_FAULT)
        return values

    def to_ref(self) -> Ref:
        """As the engine takes it."""
        return Ref(**dict(self))


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


class Used(BaseModel):
    """The segment that an example resolved to; null for a whole photo."""

    ref: Reference
    segment: Segment | None
    level: Annotated[int | None, Field(description="For a point, which of the segments under it.")]
    alternatives: Annotated[
        list[Level], Field(description="For a point, the other segments under it, the likeliest first.")
    ]
