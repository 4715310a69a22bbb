"""Near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class DuplicatePair:
    """Two photos that are alike, the one with the smaller id first, and how alike they are, from 0 to 1."""

    first: int
    second: int
    likeness: float


@dataclass(frozen=True, slots=True)
class Copy:
    """What tells whether a photo is the best of several copies.

    Attributes
    ----------
    id : int
    detail : float
        Pixels that show something of the scene (`retrieval.duplicates.detail`).
    pixels : int
    size : int
        Bytes of the file.
    """

    id: int
    detail: float
    pixels: int
    size: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing photos with the others found.

    Attributes
    ----------
    compared : tuple of int
        The photos.
    pairs : tuple of DuplicatePair
    details : dict of int to float
        `Copy.detail` of the photos of these pairs, as far as they could be read.
    """

    compared: tuple[int, ...]
    pairs: tuple[DuplicatePair, ...]
    details: dict[int, float]
