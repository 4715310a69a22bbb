"""The working copy of a picture, of which its renditions and its array for analysis are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from PIL import Image, ImageFile

from .exif import TRANSPOSE, orientation_and_time
from .modes import averaged
from .scaling import bounded_size
from .srgb import to_srgb

_REDUCING_GAP = 1.8  # cheap averaging ends above this multiple of the wanted size; so 12 megapixels decode at half


@dataclass(frozen=True, eq=False, slots=True)
class WorkingCopy:
    """A picture in mode RGB and upright, in sRGB, and what is known about its original."""

    image: Image.Image
    size_hw: tuple[int, int]
    format: str
    taken_at: datetime | None


def make_working_copy(image: ImageFile.ImageFile, name: str, side: int) -> WorkingCopy:
    """Load an opened picture and make its working copy."""
    original = image.size
    target = bounded_size(original, side)
    scaled = image.draft(None, (math.ceil(target[0] * _REDUCING_GAP), math.ceil(target[1] * _REDUCING_GAP)))
    image.load()
    extent = scaled[1][2:] if scaled is not None else image.size
    factor = max(1, int(max(extent) / (_REDUCING_GAP * max(target))))
    reduced = averaged(image, name, factor)
    if reduced.size != target:
        box = (0, 0, min(extent[0] / factor, reduced.width), min(extent[1] / factor, reduced.height))
        reduced = reduced.resize(target, Image.Resampling.LANCZOS, box)
    orientation, taken_at = orientation_and_time(image)
    upright = to_srgb(reduced, image.info.get("icc_profile"))
    if orientation in TRANSPOSE:
        upright = upright.transpose(TRANSPOSE[orientation])
    height_width = original if orientation >= 5 else original[::-1]
    return WorkingCopy(upright, (height_width[0], height_width[1]), name, taken_at)
