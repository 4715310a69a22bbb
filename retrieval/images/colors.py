"""The colours of segments by the eleven words that every colour vocabulary has.

References
----------
Berlin and Kay, "Basic Color Terms", 1969, chapter 2 (the words and their foci); van de Weijer et al., "Learning Color
Names for Real-World Applications", IEEE TIP 2009, section 2 (pixels are given names, and regions the shares of them).
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import RgbImage, Segments

Shares = NDArray[np.uint8]
"""(N, 11): of each segment the share of its pixels that each of `COLORS` names, 255 for all."""

COLORS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")

WORDS = {
    **{name: name for name in COLORS},
    **{"gray": "grey", "silver": "grey", "gold": "yellow", "golden": "yellow", "violet": "purple", "lilac": "purple"},
    **{"navy": "blue", "turquoise": "blue", "azure": "blue", "scarlet": "red", "crimson": "red", "maroon": "red"},
    **{"beige": "brown", "tan": "brown", "magenta": "pink"},
}
"""Words for colours, in normal form, and which of `COLORS` they are."""

_FOCI: dict[str, tuple[tuple[int, int, int], ...]] = {
    "red": ((200, 20, 30), (140, 15, 20), (230, 50, 50)),
    "orange": ((240, 130, 20), (230, 100, 25), (250, 160, 70)),
    "yellow": ((245, 225, 40), (225, 190, 30), (250, 240, 130)),
    "green": ((20, 150, 60), (25, 75, 35), (120, 170, 60), (90, 110, 45), (150, 200, 130)),
    "blue": ((30, 80, 190), (20, 30, 90), (120, 175, 230), (60, 130, 200), (40, 150, 190)),
    "purple": ((120, 45, 150), (80, 30, 95), (160, 110, 190)),
    "pink": ((240, 145, 180), (225, 80, 140), (245, 190, 205)),
    "brown": ((110, 70, 35), (75, 45, 25), (150, 105, 65), (190, 150, 110)),
}
"""sRGB values near the foci of the chromatic words; a pixel has the name of the nearest in CIELAB."""

_GREYISH = 12.0
"""Up to this chroma a pixel is black, grey or white."""

_BLACK, _WHITE = 25.0, 80.0
"""Lightness, 0 to 100, up to which it is black and from which on it is white."""

_STEPS = 32
"""The names of colours are looked up on a grid of so many steps a channel."""

FULL_SHARE = 0.35
"""A segment has a colour if this share of it does: things have shadows, highlights and other parts."""

LEAST_FACTOR = 0.5
"""Factor for the score of a segment without any of the colour."""


def color_shares(image: RgbImage, segments: Segments) -> Shares:
    """What share of each segment has which of `COLORS`.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        At any scale.
    segments : Segments

    Notes
    -----
    One look-up a pixel, one count over the atoms: about 4 ms for 512 × 384 pixels and 100 segments on one core.
    """
    small = cv2.resize(image, segments.size_hw[::-1], interpolation=cv2.INTER_AREA)
    steps = (small // (256 // _STEPS)).astype(np.intp)
    names = _grid()[steps[..., 0], steps[..., 1], steps[..., 2]]
    atoms = segments.membership.shape[1]
    counts = np.bincount(segments.atoms.ravel() * len(COLORS) + names.ravel(), minlength=atoms * len(COLORS))
    shares = segments.membership @ counts.reshape(atoms, -1).astype(np.float32)
    return np.asarray(np.rint(255 * shares / np.maximum(segments.areas, 1)[:, None]), dtype=np.uint8)


def agreement(shares: Shares, wanted: Collection[str]) -> NDArray[np.float32]:
    """Factors for the scores of segments that should have some colours, (N,), from `LEAST_FACTOR` to 1.

    Parameters
    ----------
    shares : ndarray of shape (N, 11), uint8
    wanted : collection of str
        Of `COLORS`; of several a segment has to have all together.
    """
    rows = [COLORS.index(name) for name in wanted]
    has = shares[:, rows].astype(np.float32).sum(axis=1) / 255
    return np.asarray(LEAST_FACTOR + (1 - LEAST_FACTOR) * np.minimum(1, has / FULL_SHARE), dtype=np.float32)


@cache
def _grid() -> NDArray[np.uint8]:
    """The row in `COLORS` of each cell of the colour cube."""
    levels = (np.arange(_STEPS) + 0.5) * (256 / _STEPS) / 255
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).astype(np.float32)
    lab = cv2.cvtColor(cube.reshape(1, -1, 3), cv2.COLOR_RGB2LAB)[0]
    foci = np.array([[focus] for each in _FOCI.values() for focus in each], np.float32).reshape(1, -1, 3) / 255
    rows = np.array([COLORS.index(name) for name, each in _FOCI.items() for _ in each], np.uint8)
    near = cv2.cvtColor(foci, cv2.COLOR_RGB2LAB)[0]
    names = rows[np.linalg.norm(lab[:, None] - near[None], axis=2).argmin(axis=1)]
    is_grey = np.hypot(lab[:, 1], lab[:, 2]) <= _GREYISH
    by_light = np.select([lab[:, 0] <= _BLACK, lab[:, 0] >= _WHITE], [COLORS.index("black"), COLORS.index("white")], 2)
    names = np.where(is_grey | (lab[:, 0] <= 10), by_light, names)
    return np.asarray(names, dtype=np.uint8).reshape(_STEPS, _STEPS, _STEPS)
