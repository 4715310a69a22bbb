"""How well one click takes an object: every object is clicked in its middle, as a person would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..catalog import Catalog
from ..search import picking
from .datasets import AnnotatedPhoto

MAX_LEVELS = 3
"""How many levels the best is chosen from."""


@dataclass(frozen=True, slots=True)
class OneClick:
    """IoU of what a click picks with the object that was clicked.

    Attributes
    ----------
    first : list of float
        Of the segment that is picked, one an object.
    best : list of float
        The best of the first three levels.
    """

    first: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Means and shares in [0, 1]; nothing if there is no object."""
        if not self.first:
            return {}
        first, best = np.array(self.first), np.array(self.best)
        return {
            "one click: IoU": float(first.mean()),
            "one click: share of IoU >= .5": float((first >= 0.5).mean()),
            "one click: IoU, best of three levels": float(best.mean()),
            "one click: share of IoU >= .5, best of three levels": float((best >= 0.5).mean()),
        }


def by_one_click(
    catalog: Catalog, holding: Mapping[int, AnnotatedPhoto], overlaps: Mapping[int, NDArray[np.floating]], missed: int
) -> OneClick:
    """Click every object at its pole of inaccessibility.

    Parameters
    ----------
    catalog : Catalog
    holding : mapping of int to AnnotatedPhoto
        The photos by their ids.
    overlaps : mapping of int to ndarray of shape (O,), float
        Of each segment of those photos, by its id, the IoU with the photo's objects.
    missed : int
        Objects of photos that failed to enter; they count as 0, as do those of photos without segments.

    Notes
    -----
    One read of a photo's segments, and a few ms an object.
    """
    found = OneClick([0.0] * missed, [0.0] * missed)
    for image_id, photo in holding.items():
        image, segments = catalog.images.get(image_id), catalog.segments.of_image(image_id)
        for column, each in enumerate(photo.objects):
            ious = [0.0]
            if segments:
                rows = picking.levels(segments, (image.height or 1, image.width or 1), each.pole())
                ious = [float(overlaps[segments[row].id][column]) for row in rows[:MAX_LEVELS]]
            found.first.append(ious[0])
            found.best.append(max(ious))
    return found
