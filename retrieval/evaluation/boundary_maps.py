"""Maps of boundaries: from label maps, and thinned to a width of one pixel."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numba import njit
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
"""(H, W), true on a boundary."""


def boundary_map(labels: NDArray[np.integer]) -> Mask:
    """Where a label differs from that to its right, below it or diagonally below it, (H, W).

    The boundary lies on the upper left one of two regions; nothing is on the lower and right edge that is not inside.
    """
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    found[:-1] |= labels[:-1] != labels[1:]
    found[:-1, :-1] |= labels[:-1, :-1] != labels[1:, 1:]
    return found


def thin(boundary: Mask) -> Mask:
    """Thin lines to a width of one pixel, without breaking or shortening them; (H, W).

    References
    ----------
    Guo and Hall, "Parallel Thinning with Two-Subiteration Algorithms", CACM 1989; MATLAB's ``bwmorph(…, 'thin', inf)``
    and ``skimage.morphology.thin`` give the same.
    """
    return _thin(np.pad(boundary, 1).astype(np.uint8), _REMOVABLE).astype(bool)  # type: ignore[no-any-return]


def drawn_boundaries(maps: Iterable[NDArray[np.integer]]) -> list[Mask]:
    """The thinned boundary of each annotator's label map."""
    return [thin(boundary_map(each)) for each in maps]


def _removable() -> NDArray[np.bool_]:
    """Whether a pixel with neighbours of each of 256 kinds goes, in the first and the second pass, (2, 256).

    Bit k is neighbour k + 1 of Guo and Hall: from the right one counterclockwise.
    """
    x = (np.arange(256)[:, None] >> (np.arange(9) % 8)) & 1 == 1
    crossings = sum((~x[:, k] & (x[:, k + 1] | x[:, k + 2])).astype(int) for k in (0, 2, 4, 6))
    pairs = [sum((x[:, k] | x[:, k + 1]).astype(int) for k in range(start, 8, 2)) for start in (0, 1)]
    fewer = np.minimum(*pairs)
    thick = (crossings == 1) & (fewer >= 2) & (fewer <= 3)
    first = (x[:, 1] | x[:, 2] | ~x[:, 7]) & x[:, 0]
    second = (x[:, 5] | x[:, 6] | ~x[:, 3]) & x[:, 4]
    return np.stack([thick & ~first, thick & ~second])


_REMOVABLE = _removable()


@njit(cache=True, nogil=True)
def _thin(padded, removable):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    width = padded.shape[1]
    flat = padded.ravel()
    around = np.array([1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1])
    left = np.flatnonzero(flat)
    gone = np.empty(len(left), np.int64)
    changed = True
    while changed:
        changed = False
        for step in range(2):
            going = 0
            for place in left:
                kind = 0
                for k in range(8):
                    kind |= flat[place + around[k]] << k
                if removable[step, kind]:
                    gone[going] = place
                    going += 1
            for place in gone[:going]:
                flat[place] = 0
            if going:
                changed = True
                left = left[flat[left] > 0]
    return flat.reshape(padded.shape)[1:-1, 1:-1]
