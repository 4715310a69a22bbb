"""Pydantic models that many calls share; the OpenAPI document is generated from them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from retrieval.query.request import MAX_ID

from .mask_schemas import FORMATS, AnyMask, Frame, MaskFormat

MAX_PAGE = 500

MAX_REFS = 100

MAX_JUDGED = 500

MAX_TAGS = 20

MAX_FOLDERS = 1000

MAX_COORDINATE = 1_000_000


def _storable(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "it contains the character U+0000, which databases reject: leave it out")
    if any("\ud800" <= each <= "\udfff" for each in text):
        raise PydanticCustomError("surrogate", "it contains an unpaired surrogate: send valid UTF-8")
    return text


def _in_utc(moment: str) -> str:
    found = datetime.fromisoformat(moment)
    if found.tzinfo is None:
        raise PydanticCustomError("zone", "the time does not say in which time zone it is")
    return f"{found.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


Text = Annotated[str, AfterValidator(_storable), Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})]
"""What is compared with the database, or stored there."""

PathId = Annotated[int, Field(ge=0, le=MAX_ID)]

BodyId = Annotated[int, Field(strict=True, ge=0, le=MAX_ID)]

Coordinate = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-MAX_COORDINATE, le=MAX_COORDINATE)]

Distance = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=MAX_COORDINATE)]

Moment = Annotated[
    str,
    AfterValidator(_in_utc),
    Field(description="In UTC, as RFC 3339 has it, with `Z`.", json_schema_extra={"format": "date-time"}),
]
"""A point in time, from any ISO 8601 text that says its offset."""

Box = Annotated[
    list[int],
    Field(min_length=4, max_length=4, description="`x0 y0 x1 y1`, half-open, in pixels of the upright original."),
]


class Strict(BaseModel):
    """A misspelt name is an error, not a default."""

    model_config = ConfigDict(extra="forbid")


class NoBody(Strict):
    """An empty object."""


Masks = Annotated[
    MaskFormat | Annotated[bool, Field(strict=True)],
    Field(description=f"Masks of results. {FORMATS} Formerly a boolean: true is `rle`, false is `none`."),
]


class ResultMasks(Strict):
    """Which masks results have; what an example resolved to has one in any case."""

    masks: Masks = "none"
    mask_frame: Frame = "analysed"

    @property
    def mask_format(self) -> MaskFormat:
        """The format, also if it was asked for as a boolean."""
        return self.masks if isinstance(self.masks, str) else "rle" if self.masks else "none"


class MasksQuery(ResultMasks):
    """Which masks results have."""

    masks: Annotated[
        MaskFormat | bool,
        Field(description=f"Masks of results. {FORMATS} Formerly a boolean: true is `rle`, false is `none`."),
    ] = "none"


class PhotoMasksQuery(Strict):
    """Which masks segments have."""

    masks: Annotated[MaskFormat, Field(description=FORMATS)] = "rle"
    mask_frame: Frame = "analysed"


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="What is wrong and what to do.")]
    request_id: Annotated[
        str | None, Field(description="As in the header `X-Request-ID`; the server's log has it, too.")
    ] = None


class Segment(BaseModel):
    """A segment of a photo."""

    id: Annotated[int, Field(description="Id of a stored segment; for a query photo, the row, from 0.")]
    box_xyxy: Box
    area: Annotated[int, Field(description="In pixels of the upright original.")]
    quality: Annotated[float, Field(description="0 to 1; segments are sorted by it, best first.")]
    label: Annotated[str | None, Field(description="The recipe's label, if it has labels.")]
    label_score: float | None
    parent: Annotated[int | None, Field(description="The `id` of the smallest segment that contains this one.")]
    mask: Annotated[AnyMask | None, Field(description="Absent if no masks were asked for.")] = None
    concepts: Annotated[
        list[str], Field(description="Names of the concepts it is labelled with; absent if there are none.")
    ] = []
