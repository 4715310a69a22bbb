"""How answers give masks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

MaskFormat = Literal["rle", "polygons", "none"]

MaskFrame = Literal["original", "analysed"]

FORMATS = "`rle`: COCO compressed RLE; `polygons`: corners of polygons; `none`: no masks."

Frame = Annotated[
    MaskFrame,
    Field(
        description="Whose pixels masks are in: `original`, the upright photo's; `analysed`, those of the copy that "
        "was analysed. `size` says how many they are."
    ),
]

Size = Annotated[
    list[int], Field(min_length=2, max_length=2, description="`h, w` of the frame; see `mask_frame` of the call.")
]


class Mask(BaseModel):
    """COCO compressed RLE.

    The mask covers the whole photo: scale it by (width / w, height / h) to go to pixels of the original.
    """

    size: Size
    counts: Annotated[str, Field(description="In the format of pycocotools.")]


class MaskPolygons(BaseModel):
    """A mask as polygons along the edges of its pixels, one for each connected part, the largest first.

    A hole is joined to the outline around it by a cut of no width, walked in both directions. Drawn by COCO's rule, and
    by the even-odd and the nonzero rule, the polygons cover exactly the pixels of the mask.
    """

    size: Size
    polygons: Annotated[
        list[list[int]],
        Field(description="Of each its corners `x, y, x, y, …`; the last is joined to the first."),
    ]


AnyMask = Mask | MaskPolygons
