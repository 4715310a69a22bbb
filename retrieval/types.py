"""The values that travel through SegSearch: arrays by name, and the frozen records made of them.

Conventions, everywhere: images are (H, W, 3) RGB; boxes are ``x0 y0 x1 y1``, half open, in pixels; points are
``x, y``; vectors are rows of unit length compared by inner product, greater is nearer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]
"""(H, W, 3), RGB, 0-255, upright (EXIF orientation applied)."""

Vectors = NDArray[np.float32]
"""(N, D), rows of unit length."""

Ids = NDArray[np.int64]
"""(N,), primary keys of the catalogue."""


FeatureMap = NDArray[np.float32]
"""(h, w, C), one vector a cell. The cells cover the whole image: (i, j) is its i/h … (i+1)/h by j/w … (j+1)/w."""

PART_SHARE = 0.95
"""A segment is part of another that holds this share of it."""


@dataclass(frozen=True, eq=False, slots=True)
class Features:
    """The maps of one image from one pass of a backbone at one scale.

    Attributes
    ----------
    strides : dict of int to FeatureMap
        The map of each stride that was asked for.
    head : FeatureMap
        The last map, in the space of the backbone's classifier.
    edges : FeatureMap or None
        Probabilities of `perceptual` and `outline`, at stride 2, where a decoder was asked (`boundary_decoder`).
    objects : FeatureMap or None
        Probability of `objectness`, then `centre_x` and `centre_y`, at stride 4.
    """

    strides: dict[int, FeatureMap]
    head: FeatureMap
    edges: FeatureMap | None = None
    objects: FeatureMap | None = None


@dataclass(frozen=True, eq=False)
class Segments:
    """The segments of one image, as unions of *atoms*.

    Segments overlap (a whole and its parts are both segments), so N full-size masks would mostly repeat each
    other. The atoms are the finest partition all segments respect; a segment is a set of atoms. Areas, boxes,
    overlaps and pooled features then cost a small matrix product, and N masks are never held at once.

    Attributes
    ----------
    atoms : ndarray of shape (H, W), int32
        The atom every pixel belongs to, ``0 <= atoms < A``.
    membership : ndarray of shape (N, A), bool
        Which atoms make up each segment.
    quality : ndarray of shape (N,), float32
        How likely a segment is a good one, in [0, 1]; segments are in falling order of it.
    labels : tuple of str or None
        What a segmenter that recognises called each segment; empty when it does not recognise.
    label_scores : ndarray of shape (N,), float32
        Confidence of those labels in [0, 1], zero where there is none.
    """

    atoms: NDArray[np.int32]
    membership: NDArray[np.bool_]
    quality: NDArray[np.float32]
    labels: tuple[str | None, ...] = ()
    label_scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        if self.atoms.ndim != 2 or self.membership.ndim != 2:
            raise ValueError("atoms and membership are 2-D arrays")
        if len(self.quality) != len(self.membership):
            raise ValueError(f"{len(self.quality)} qualities for {len(self.membership)} segments")
        if self.labels and len(self.labels) != len(self.membership):
            raise ValueError(f"{len(self.labels)} labels for {len(self.membership)} segments")

    @classmethod
    def from_masks(
        cls,
        masks: NDArray[np.bool_],
        quality: NDArray[np.float32],
        labels: Sequence[str | None] = (),
        label_scores: NDArray[np.float32] | None = None,
    ) -> Segments:
        """Find the atoms of a stack of masks.

        Parameters
        ----------
        masks : ndarray of shape (N, H, W), bool
        quality : ndarray of shape (N,), float32
        labels, label_scores
            As the attributes.

        Notes
        -----
        Pixels covered by the same segments share an atom: one pass of packing and sorting, O(N·H·W).
        """
        count, height, width = masks.shape
        if count == 0:
            return cls(np.zeros((height, width), np.int32), np.zeros((0, 1), bool), quality)
        bits = np.packbits(masks.reshape(count, -1), axis=0)
        words = np.ascontiguousarray(bits.T).view(np.dtype((np.void, bits.shape[0]))).ravel()
        _, first, atoms = np.unique(words, return_index=True, return_inverse=True)
        membership = masks.reshape(count, -1)[:, first]
        scores = np.zeros(count, np.float32) if label_scores is None else label_scores
        return cls(atoms.reshape(height, width).astype(np.int32), membership, quality, tuple(labels), scores)

    def __len__(self) -> int:
        return len(self.membership)

    def __getitem__(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Segments:
        """The segments in `rows`, in that order."""
        index = np.arange(len(self))[rows]
        labels = tuple(self.labels[i] for i in index) if self.labels else ()
        scores = self.label_scores[index] if len(self.label_scores) else self.label_scores
        return Segments(self.atoms, self.membership[index], self.quality[index], labels, scores)

    def coarsened(self) -> Segments:
        """The same segments over as few atoms as they allow: atoms that lie in the same segments become one.

        Notes
        -----
        O(A·N + H·W), and A·log A comparisons. What is computed from atoms afterwards costs less.
        """
        if not len(self):
            return self
        columns = np.ascontiguousarray(np.packbits(self.membership, axis=0).T)
        keys = columns.view(np.dtype((np.void, columns.shape[1]))).ravel()
        _, first, coarse = np.unique(keys, return_index=True, return_inverse=True)
        return replace(self, atoms=coarse.astype(np.int32)[self.atoms], membership=self.membership[:, first])

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the image that was segmented."""
        return self.atoms.shape[0], self.atoms.shape[1]

    def mask(self, row: int) -> NDArray[np.bool_]:
        """The mask of one segment, (H, W), bool."""
        return np.asarray(self.membership[row][self.atoms], dtype=bool)

    @cached_property
    def atom_areas(self) -> NDArray[np.float32]:
        """Pixels of every atom, (A,)."""
        return np.bincount(self.atoms.ravel(), minlength=self.membership.shape[1]).astype(np.float32)

    @cached_property
    def areas(self) -> NDArray[np.float32]:
        """Pixels of every segment, (N,)."""
        return np.asarray(self.membership @ self.atom_areas, dtype=np.float32)

    @cached_property
    def boxes_xyxy(self) -> NDArray[np.int32]:
        """Tight boxes of the segments, (N, 4); all zero for a segment without pixels."""
        return np.concatenate([self._extent(1), self._extent(0)], axis=1)[:, [0, 2, 1, 3]]

    def _extent(self, axis: int) -> NDArray[np.int32]:
        """First and one past the last coordinate of each segment along `axis`, (N, 2)."""
        size, count = self.atoms.shape[axis], self.membership.shape[1]
        lines = (self.atoms if axis == 0 else self.atoms.T).ravel()
        at = np.repeat(np.arange(size, dtype=np.int32), lines.size // max(size, 1))
        first, end = np.full(count, size, np.int32), np.zeros(count, np.int32)
        first[lines[::-1]], end[lines] = at[::-1], at + 1  # of repeated indices, the last assignment stays
        low = np.where(self.membership, first, size).min(axis=1, initial=size)
        high = np.where(self.membership, end, 0).max(axis=1, initial=0)
        return np.stack([np.where(high > 0, low, 0), high], axis=1).astype(np.int32)

    def parents(self) -> NDArray[np.int32]:
        """The smallest larger segment that holds nearly all of each, (N,); -1 where none does."""
        common = (self.membership * self.atom_areas) @ self.membership.T.astype(np.float32)
        holds = (common >= PART_SHARE * self.areas[:, None]) & (self.areas[None] > self.areas[:, None])
        sizes = np.where(holds, self.areas[None], np.inf)
        return np.where(holds.any(axis=1), sizes.argmin(axis=1) if len(self) else -1, -1).astype(np.int32)

    def iou(self) -> NDArray[np.float32]:
        """Intersection over union of every two segments, (N, N)."""
        weighted = self.membership * self.atom_areas
        common = weighted @ self.membership.T.astype(np.float32)
        union = self.areas[:, None] + self.areas[None] - common
        return np.asarray(common / np.maximum(union, 1), dtype=np.float32)

    def iou_with(self, masks: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Intersection over union with other masks of the same frame, (N, M) for (M, H, W) masks."""
        count = self.membership.shape[1]
        shares = np.zeros((count, len(masks)), np.float32)
        for column, mask in enumerate(masks):
            shares[:, column] = np.bincount(self.atoms[mask], minlength=count)
        common = self.membership.astype(np.float32) @ shares
        union = self.areas[:, None] + masks.sum(axis=(1, 2))[None] - common
        return np.asarray(common / np.maximum(union, 1), dtype=np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class Analysis:
    """What a recipe makes of one image: its segments, a vector each, and one of the whole photo.

    Attributes
    ----------
    segments : Segments
    vectors : ndarray of shape (N, D), float32
        Row i describes segment i.
    photo_vector : ndarray of shape (P,), float32
        Describes the whole photo; lives in an index of its own.
    fallback : ndarray of shape (D,), float32, or None
        Describes the whole photo as if it were a segment: by this a photo without segments is found.
    colors : ndarray of shape (N, 11), uint8, or None
        The shares of each segment's colours, as `retrieval.images.colors` names them.
    """

    segments: Segments
    vectors: Vectors
    photo_vector: NDArray[np.float32]
    fallback: NDArray[np.float32] | None = None
    colors: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        if len(self.vectors) != len(self.segments):
            raise ValueError(f"{len(self.vectors)} vectors for {len(self.segments)} segments")


class ImportedMask(NamedTuple):
    """A mask that comes from elsewhere; it covers its photo.

    Attributes
    ----------
    size_hw, counts
        COCO compressed RLE.
    label : str or None
        What it is called.
    quality : float
        In [0, 1].
    """

    size_hw: tuple[int, int]
    counts: bytes
    label: str | None
    quality: float


@dataclass(frozen=True, eq=False, slots=True)
class Embedded:
    """What an embedder makes of one segment.

    Attributes
    ----------
    vector : ndarray of shape (D,), float32
    colors : ndarray of shape (11,), uint8, or None
    """

    vector: NDArray[np.float32]
    colors: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class AnalyzedImage:
    """A decoded photo with what a recipe made of it.

    Attributes
    ----------
    size_hw : tuple of int
        Height and width of the upright original.
    format : str
        One of :data:`retrieval.images.formats.FORMATS`.
    taken_at : datetime or None
        Local time of the camera.
    analysis : Analysis
    imported : mapping of int to Embedded
        The photo's imported segments, by their ids, embedded anew.
    """

    size_hw: tuple[int, int]
    format: str
    taken_at: datetime | None
    analysis: Analysis
    imported: Mapping[int, Embedded] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class Hits:
    """What an index found for Q query vectors.

    Attributes
    ----------
    ids : ndarray of shape (Q, k), int64
        -1 where there are fewer than k.
    scores : ndarray of shape (Q, k), float32
        Inner products, falling; -inf where there is no hit. Equal scores are ordered by id among those returned;
        which of several equals falls off the end at k is not defined.
    """

    ids: Ids
    scores: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Bags:
    """Photos as bags of segments, the segments of a photo one after another.

    Attributes
    ----------
    ids, photos : ndarray of shape (N,), int64
        Of the segments, and of the photo each belongs to; photos rise.
    vectors : ndarray of shape (N, D), float32
        Of unit length.
    quality, share, extent : ndarray of shape (N,), float64
        How good a segment is, and how much of its photo it covers and its box does, from 0 to 1.
    """

    ids: Ids
    photos: Ids
    vectors: Vectors
    quality: NDArray[np.float64]
    share: NDArray[np.float64]
    extent: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)
