"""What is read from a file of annotations: photos by name, with labelled objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..images.limits import DEFAULT_LIMITS
from ..images.masks import MaskRun, resized_mask
from ..images.polygons import mask_of_polygons

ASPECT_TOLERANCE = 0.02
"""By so much the ratio of the sides may differ between a file of annotations and its photo."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class LabelledObject:
    """An object on a photo: polygons or a mask, and its name.

    Attributes
    ----------
    category : str
    quality : float
        In [0, 1]; 1 if nothing else is told.
    frame_hw : tuple of float
        Height and width of the frame that the polygons' corners are in.
    polygons : tuple of tuple of float
        ``x, y, x, y, …`` of each; the object is what they cover together.
    run : MaskRun or None
        Its mask, in place of polygons.
    """

    category: str
    quality: float = 1.0
    frame_hw: tuple[float, float] = (1.0, 1.0)
    polygons: tuple[tuple[float, ...], ...] = ()
    run: MaskRun | None = None

    def mask(self, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
        """The mask at a size, (H, W) bool; what is smaller than a pixel is one pixel.

        Raises
        ------
        ValueError
            It cannot be drawn, or covers nothing of the photo.
        """
        if self.run is not None:
            mask = resized_mask(self.run, size_hw)
        else:
            scale = np.array([size_hw[1] / self.frame_hw[1], size_hw[0] / self.frame_hw[0]])
            corners = [np.reshape(each, (-1, 2)) * scale for each in self.polygons if len(each) % 2 == 0]
            if len(corners) < len(self.polygons) or not corners:
                raise ValueError("its polygons are not pairs of numbers")
            mask = mask_of_polygons([each.ravel().tolist() for each in corners], size_hw)
            if not mask.any():
                x, y = corners[0].mean(axis=0)
                if 0 <= x < size_hw[1] and 0 <= y < size_hw[0]:
                    mask[int(y), int(x)] = True
        if not mask.any():
            raise ValueError("its mask is empty, or lies outside the photo")
        return mask


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class LabelledPhoto:
    """A photo as a file of annotations names it.

    Attributes
    ----------
    path : str
        Its path or name; relative to the folder of photos. Without an extension if `is_stem`.
    objects : sequence of LabelledObject
    size_hw : tuple of int or None
        Its size, if it is told.
    sha256 : str or None
        The digest of its bytes, if it is told.
    faults : tuple of str
        Objects that could not be read, and why.
    """

    path: str
    objects: Sequence[LabelledObject]
    size_hw: tuple[int, int] | None = None
    sha256: str | None = None
    is_stem: bool = False
    faults: tuple[str, ...] = ()

    def fault_of_size(self, size_hw: tuple[int, int]) -> str | None:
        """Why the annotations are not of a photo of this size; None if they may be."""
        if self.size_hw is None:
            return None
        own, other = self.size_hw[1] / self.size_hw[0], size_hw[1] / size_hw[0]
        if (
            abs(own / other - 1) <= ASPECT_TOLERANCE
            or abs(self.size_hw[0] - size_hw[0] * self.size_hw[1] / size_hw[1]) < 1
        ):
            return None
        return (
            f"the annotations are of {self.size_hw[1]} x {self.size_hw[0]} pixels, and the upright photo has "
            f"{size_hw[1]} x {size_hw[0]}"
        )


def checked_size(height: object, width: object) -> tuple[int, int]:
    """A size that a file tells.

    Raises
    ------
    ValueError
        It is no size of a picture.
    """
    sides = height, width
    if not all(isinstance(side, int | float) and 1 <= side < 1e6 for side in sides):
        raise ValueError(f"{height!r} x {width!r} is not the size of a picture")
    found = int(height), int(width)  # type: ignore[call-overload]
    if found[0] * found[1] > DEFAULT_LIMITS.max_pixels:
        raise ValueError(f"{found[0]} x {found[1]} pixels are more than the {DEFAULT_LIMITS.max_pixels:,} allowed")
    return found


def checked_quality(score: object) -> float:
    """A score as a quality; 1 if it is none from 0 to 1."""
    return float(score) if isinstance(score, int | float) and 0 <= score <= 1 else 1.0
