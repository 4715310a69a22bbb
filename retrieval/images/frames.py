"""Masks and polygons in another frame of the same photo, such as that of the upright original.

A pixel of the new frame takes the value of the pixel that its centre falls in, so an edge between two pixels goes to
one whole coordinate. The mask and the polygons of one segment agree in every frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .masks import MaskRun, counts_of_changes, decode_mask, encode_mask, resized_mask
from .polygons import Polygon, polygons_of


def scaled_run(mask: MaskRun, size_hw: tuple[int, int]) -> MaskRun:
    """A mask in a frame of another size; not empty if it was not.

    Parameters
    ----------
    mask : MaskRun
        (height, width) and compressed run lengths.
    size_hw : tuple of int

    Notes
    -----
    No mask of the new size is made unless it would be empty: runs are scaled, at a cost of the number of runs.
    """
    if mask[0] == size_hw:
        return mask
    pixels = decode_mask(*mask)
    columns, rows = np.nonzero(np.diff(pixels.view(np.int8), axis=0, prepend=0, append=0).T)
    each = np.bincount(columns, minlength=mask[0][1])
    before = np.cumsum(each) - each
    source = _source(mask[0][1], size_hw[1])
    counts = each[source]
    own = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    edges = _edges(mask[0][0], size_hw[0])[rows[np.repeat(before[source], counts) + own]]
    places, times = np.unique(np.repeat(np.arange(size_hw[1]), counts) * size_hw[0] + edges, return_counts=True)
    changes = places[times % 2 == 1]
    if not len(changes) and len(rows):
        return size_hw, encode_mask(resized_mask(mask, size_hw))
    return size_hw, counts_of_changes(changes, *size_hw)


def scaled_polygons(mask: MaskRun, size_hw: tuple[int, int]) -> list[Polygon]:
    """The polygons of a mask in a frame of another size, largest first: they cover what `scaled_run` does.

    A hole is joined to its outline by a cut of no width; see `retrieval.images.polygons`.

    Parameters
    ----------
    mask : MaskRun
    size_hw : tuple of int
    """
    down, along = _edges(mask[0][0], size_hw[0]), _edges(mask[0][1], size_hw[1])
    own = [each.astype(np.intp) for each in polygons_of(decode_mask(*mask))]
    scaled = [np.stack([along[each[:, 0]], down[each[:, 1]]], axis=1).astype(np.float64) for each in own]
    found = [each for each in scaled if cv2.contourArea(each.astype(np.float32)) > 0]
    return found if found or not own else polygons_of(resized_mask(mask, size_hw))


def _source(size: int, to: int) -> NDArray[np.intp]:
    """The pixel that each pixel of the new frame takes its value from, (to,)."""
    return (2 * np.arange(to) + 1) * size // (2 * to)


def _edges(size: int, to: int) -> NDArray[np.intp]:
    """Where the edges between pixels go, (size + 1,)."""
    return np.searchsorted(_source(size, to), np.arange(size + 1))
