"""Stored photos and segments with their pictures, by which notebooks show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..catalog.records import ImageRecord, SegmentRecord
from ..errors import ImageError, UnknownImageError, UnknownSegmentError
from ..types import RgbImage
from .photos import Photos, outlined

SHOWN_SIDE = 320
"""Long side of pictures in notebooks, in pixels."""

LIKELY_OBJECT = 0.5
"""Quality from which on segments are outlined on their photo."""


def png_of(picture: Callable[[], RgbImage]) -> bytes | None:
    """A picture as a PNG; None if the photo is gone, so that a notebook shows the text instead."""
    stream = BytesIO()
    try:
        Image.fromarray(picture()).save(stream, "PNG")
    except (ImageError, UnknownImageError, UnknownSegmentError):
        return None
    return stream.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment(SegmentRecord):
    """A segment of a stored photo, with its pictures; a notebook shows its photo with its outline."""

    photos: Photos = field(repr=False, compare=False)

    @classmethod
    def of(cls, record: SegmentRecord, photos: Photos) -> Segment:
        """The segment of a record."""
        return cls(**_values(record), photos=photos)

    def outlined(self, long_side: int = SHOWN_SIDE) -> RgbImage:
        """A smaller copy of the photo with the segment's outline, (H, W, 3), in sRGB.

        Raises
        ------
        ImageError
            The photo is not where it was, or not what it was.
        UnknownImageError, UnknownSegmentError
            It was deleted, or analysed anew.
        """
        picture = self.photos.image(self.image_id, long_side)
        return outlined(picture, self._mask(picture))

    def _mask(self, picture: RgbImage) -> NDArray[np.bool_]:
        return self.photos.mask(self.id, (picture.shape[0], picture.shape[1]))

    def _repr_png_(self) -> bytes | None:
        return png_of(self.outlined)


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo(ImageRecord):
    """A stored photo with its picture; a notebook shows it with the outlines of what are likely whole objects."""

    photos: Photos = field(repr=False, compare=False)

    @classmethod
    def of(cls, record: ImageRecord, photos: Photos) -> Photo:
        """The photo of a record."""
        return cls(**_values(record), photos=photos)

    def image(self, long_side: int | None = None) -> RgbImage:
        """The upright photo, (H, W, 3), in sRGB.

        Parameters
        ----------
        long_side : int, optional
            At most so many pixels; those of the original if absent.

        Raises
        ------
        QueryError
            The long side is not positive.
        ImageError
            The photo is not where it was, not what it was, or cannot be decoded.
        UnknownImageError
            It was deleted.
        """
        return self.photos.image(self.id, max(self.width or 1, self.height or 1) if long_side is None else long_side)

    def outlined(self, long_side: int = SHOWN_SIDE) -> RgbImage:
        """A smaller copy with the outlines of segments of quality .5 or more; raises as `image`."""
        picture = self.image(long_side)
        for record in self.photos.catalog.segments.of_image(self.id):
            if record.quality >= LIKELY_OBJECT:
                picture = outlined(picture, self.photos.mask(record.id, (picture.shape[0], picture.shape[1])))
        return picture

    def _repr_png_(self) -> bytes | None:
        return png_of(self.outlined)


def _values(record: Any) -> dict[str, Any]:
    """The fields of a record by their names."""
    return {each.name: getattr(record, each.name) for each in fields(record)}
