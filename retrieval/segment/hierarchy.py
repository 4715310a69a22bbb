"""Region hierarchy: class-agnostic segments, parts and wholes.

Fine superpixels are merged greedily by colour, deep features at several strides, and the contrast along their
common border, once for each tree with its own weights. Every node of a tree is a candidate. Those with the highest
merge cost differ most from their surroundings. Of these are kept those that together cover the objects that are
expected, ranked by how likely they are objects.

References
----------
Arbelaez et al., "Multiscale Combinatorial Grouping", CVPR 2014, sections 4 and 5 (several hierarchies, whose regions
are pooled and ranked).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..embed.pooling import pool_atoms
from ..types import Features, RgbImage, Segments, Vectors
from .covering import choose_covering
from .merging import CENTRE, COSINE, EUCLIDEAN, Borders, MergeTree, borders_of, merge_regions
from .objectness import GEOMETRY, Objectness, coherence, geometry
from .parameters import HierarchyParameters, MergeParameters
from .superpixels import superpixels
from .watershed import watershed


@dataclass(frozen=True, eq=False, slots=True)
class Candidates:
    """Nodes of hierarchies: their segments, the cost of merging each into its parent, and its measures.

    The measures are `geometry`, `coherence` if boundaries are learned, and the tree of the node if there are several.
    """

    segments: Segments
    worth: NDArray[np.float32]
    measures: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Regions:
    """Data of L superpixels.

    Attributes
    ----------
    leaves : ndarray of shape (H, W), int32
        The superpixel of every pixel.
    areas : ndarray of shape (L,), float32
        Pixels.
    color : ndarray of shape (L, 3), float32
        Sums of CIE Lab over pixels.
    maps : dict of int to ndarray of shape (L, C), float32
        Sums of the feature map of each stride over pixels.
    borders : Borders
        With the contrast along them.
    votes : ndarray of shape (L, 4), float32, or None
        Sums over pixels of the objectness, and of it times the centre it votes for and that one's squared length.
    """

    leaves: NDArray[np.int32]
    areas: NDArray[np.float32]
    color: NDArray[np.float32]
    maps: dict[int, NDArray[np.float32]]
    borders: Borders
    votes: NDArray[np.float32] | None

    def merged(self, chosen: MergeParameters) -> MergeTree:
        """The tree over them."""
        compared = [(self.color, EUCLIDEAN, chosen.color_weight)]
        for stride, weight in zip(chosen.strides, chosen.stride_weights, strict=True):
            compared.append((self.maps[stride], COSINE, weight))
        if self.votes is not None:
            compared.append((self.votes[:, [1, 2, 0]], CENTRE, chosen.centre_weight))
            compared.append((self.votes[:, :1], EUCLIDEAN, chosen.objectness_weight))
        sums, kinds, weights = (list(column) for column in zip(*(each for each in compared if each[2]), strict=True))
        every = np.array([*weights, chosen.contrast_weight], np.float32)
        return merge_regions(self.areas, sums, kinds, every, self.borders, chosen.size_power)


@dataclass(frozen=True, eq=False, slots=True)
class Hierarchies:
    """Superpixels, the trees over them, and the nodes that are candidates; an image of one colour has no tree."""

    regions: Regions
    trees: tuple[MergeTree, ...]
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class HierarchySegmenter:
    """Segments as nodes of a region hierarchy.

    Attributes
    ----------
    parameters : HierarchyParameters
    objectness : Objectness, optional
        Ranks the nodes; without it they are ranked by their merge cost.
    """

    parameters: HierarchyParameters = field(default_factory=HierarchyParameters)
    objectness: Objectness | None = None

    def candidates(self, image: RgbImage, features: Features) -> Candidates:
        """The nodes of each tree that differ most from their surroundings, in descending order.

        Parameters
        ----------
        image : ndarray of shape (H, W, 3), uint8
        features : Features
            Of the same image, with at least `strides`.

        Returns
        -------
        Candidates
            In the frame of the image resized to `work_side`.
        """
        return self.hierarchies(image, features).candidates

    def hierarchies(self, image: RgbImage, features: Features) -> Hierarchies:
        """The superpixels, all trees over them, and the candidates; arguments as those of `candidates`."""
        small = bounded(image, self.parameters.work_side)
        lab, contrast = self._lab_and_contrast(small, features)
        leaves = self._leaves(small, contrast)
        if int(leaves.max()) == 0 or (small == small[0, 0]).all():
            leaves = np.zeros_like(leaves)
            nothing = Segments(leaves, np.zeros((0, 1), bool), np.zeros(0, np.float32))
            none = Candidates(nothing, np.zeros(0, np.float32), np.zeros((0, GEOMETRY), np.float32))
            return Hierarchies(self._regions(lab, contrast, leaves, features), (), none)
        regions = self._regions(lab, contrast, leaves, features)
        trees = tuple(regions.merged(tree) for tree in self.parameters.trees)
        return Hierarchies(regions, trees, _candidates([self._nodes(tree, regions) for tree in trees], regions))

    def select(self, candidates: Candidates, descriptors: Vectors | None = None) -> Segments:
        """The candidates that cover the objects that are expected, at most `limit`, best first.

        Parameters
        ----------
        candidates : Candidates
        descriptors : ndarray of shape (N, D), float32, optional
            A vector for each candidate. With them an `objectness` ranks the candidates; without, their worth does, and
            the best that do not repeat each other are chosen. So they are by an `objectness` that expects nothing.
        """
        segments, chosen = candidates.segments, self.parameters
        expected, model = None, self.objectness
        if model is not None and descriptors is not None:
            expected = model.expected(candidates.measures, descriptors)
        if model is None or descriptors is None or expected is None:
            quality = self.quality(candidates, descriptors)
            order = np.argsort(-quality, kind="stable")
            kept = order[suppress_duplicates(segments[order].iou(), chosen.max_overlap, chosen.limit)]
            return Segments(segments.atoms, segments.membership[kept], quality[kept])
        kept, gains = choose_covering(segments.iou(), expected, chosen.max_overlap, chosen.limit)
        quality = model.quality_of_chosen(candidates.measures[kept], descriptors[kept], gains)
        order = np.argsort(-quality, kind="stable")
        return Segments(segments.atoms, segments.membership[kept[order]], quality[order])

    def quality(self, candidates: Candidates, descriptors: Vectors | None = None) -> NDArray[np.float32]:
        """How good the candidates are, (N,), in [0, 1]; arguments as those of `select`."""
        if self.objectness is not None and descriptors is not None and len(candidates.segments):
            return self.objectness(candidates.measures, descriptors)
        return _quality(candidates.worth)

    def hierarchy(self, image: RgbImage, features: Features) -> tuple[NDArray[np.int32], MergeTree]:
        """The superpixels, (H, W), in the frame of the image resized to `work_side`, and the first tree over them."""
        small = bounded(image, self.parameters.work_side)
        lab, contrast = self._lab_and_contrast(small, features)
        leaves = self._leaves(small, contrast)
        count = int(leaves.max()) + 1
        if count == 1:
            return leaves, MergeTree(np.zeros((0, 2), np.int32), np.zeros(0, np.float32))
        return leaves, self._regions(lab, contrast, leaves, features).merged(self.parameters.trees[0])

    def _lab_and_contrast(self, image: RgbImage, features: Features) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """CIE Lab, and the boundary strength at every pixel."""
        lab, gradient = _lab_and_gradient(image)
        if not self.parameters.learned or features.edges is None:
            return lab, gradient
        perceptual, outline = features.edges[..., 0], features.edges[..., 1]
        mixed = perceptual + self.parameters.outline_share * (outline - perceptual)
        return lab, np.asarray(cv2.resize(mixed, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    def _leaves(self, image: RgbImage, contrast: NDArray[np.float32]) -> NDArray[np.int32]:
        """The superpixels."""
        chosen = self.parameters
        if chosen.learned:
            return watershed(contrast, sigma=chosen.sigma, min_size=chosen.min_size)
        return superpixels(image, scale=chosen.scale, min_size=chosen.min_size)

    def _regions(
        self,
        lab: NDArray[np.float32],
        contrast: NDArray[np.float32],
        leaves: NDArray[np.int32],
        features: Features,
    ) -> Regions:
        """Data of the superpixels."""
        count, votes = int(leaves.max()) + 1, None
        areas = np.bincount(leaves.ravel(), minlength=count).astype(np.float32)
        maps = {stride: pool_atoms(leaves, count, features.strides[stride]) for stride in self.parameters.strides}
        if self.parameters.learned and features.objects is not None:
            votes = pool_atoms(leaves, count, _votes(features.objects))
        color = pool_atoms(leaves, count, lab)
        return Regions(leaves, areas, color, maps, borders_of(leaves, contrast), votes)

    def _nodes(self, tree: MergeTree, regions: Regions) -> _Nodes:
        """The nodes of one tree with the highest merge cost, in descending order."""
        areas = regions.areas
        parents, members = tree.parents(), tree.membership()
        sizes = members @ areas
        worth = np.where(parents >= 0, tree.cost[np.maximum(parents - tree.leaves, 0)], 0.0)
        large = np.flatnonzero((sizes >= self.parameters.min_area * areas.sum()) & (parents >= 0))
        order = large[np.argsort(-worth[large], kind="stable")][: self.parameters.candidates]
        made_at = np.concatenate([np.zeros(tree.leaves, np.float32), tree.cost])
        sibling_areas = sizes[parents[order]] - sizes[order]
        return _Nodes(members[order], worth[order].astype(np.float32), made_at[order], sibling_areas)


@dataclass(frozen=True, eq=False, slots=True)
class _Nodes:
    """N nodes of a tree over L superpixels: (N, L), and the arguments of `geometry` for each."""

    membership: NDArray[np.bool_]
    worth: NDArray[np.float32]
    made_at: NDArray[np.float32]
    sibling_areas: NDArray[np.float32]

    def __getitem__(self, rows: list[int]) -> _Nodes:
        return _Nodes(self.membership[rows], self.worth[rows], self.made_at[rows], self.sibling_areas[rows])


def _candidates(trees: Sequence[_Nodes], regions: Regions) -> Candidates:
    """The nodes of all trees, each once, and their measures."""
    keys = [[row.tobytes() for row in np.packbits(tree.membership, axis=1)] for tree in trees]
    holders = [frozenset(each) for each in keys]
    fresh = [
        tree[[row for row, key in enumerate(each) if not any(key in earlier for earlier in holders[:number])]]
        for number, (tree, each) in enumerate(zip(trees, keys, strict=True))
    ]
    worth, made_at, sibling_areas = (
        np.concatenate([getattr(tree, name) for tree in fresh]) for name in ("worth", "made_at", "sibling_areas")
    )
    segments = Segments(regions.leaves, np.concatenate([tree.membership for tree in fresh]), np.zeros_like(worth))
    measures = [geometry(segments, worth, made_at, sibling_areas)]
    if regions.votes is not None:
        frame = _frame(regions.leaves, len(regions.areas))
        measures.append(coherence(segments, regions.borders, frame, regions.votes))
    if len(trees) > 1:
        nodes = [row.tobytes() for row in np.packbits(segments.membership, axis=1)]
        measures.append(np.array([[node in held for held in holders] for node in nodes], np.float32))
    return Candidates(segments, worth, np.concatenate(measures, axis=1))


def bounded(image: RgbImage, long_side: int) -> RgbImage:
    """The image scaled down to a long side; smaller images are unchanged."""
    scale = long_side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def suppress_duplicates(iou: NDArray[np.float32], max_overlap: float, limit: int) -> NDArray[np.int64]:
    """Rows that overlap no better row by more than `max_overlap`; the rows must be ordered best first.

    Parameters
    ----------
    iou : ndarray of shape (N, N), float32
    max_overlap : float
    limit : int
        Stop at this many.
    """
    kept: list[int] = []
    for row in range(len(iou)):
        if len(kept) == limit:
            break
        if not kept or iou[row, kept].max() <= max_overlap:
            kept.append(row)
    return np.array(kept, np.int64)


def _votes(objects: NDArray[np.float32]) -> NDArray[np.float32]:
    """Objectness o of each cell, then o times the centre it votes for, x and y, and o times their square: (h, w, 4)."""
    height, width = objects.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    surety, x, y = objects[..., 0], columns + objects[..., 1], rows + objects[..., 2]
    return np.stack([surety, surety * x, surety * y, surety * (x**2 + y**2)], axis=2)


def _frame(leaves: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    """Pixels of each superpixel on the image border."""
    sides = np.concatenate([leaves[0], leaves[-1], leaves[:, 0], leaves[:, -1]])
    return np.bincount(sides, minlength=count).astype(np.float32)


def _lab_and_gradient(image: RgbImage) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """CIE Lab and the length of its gradient, in Lab units per pixel."""
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    across, down = (cv2.Sobel(lab, cv2.CV_32F, *step, scale=1 / 8) for step in ((1, 0), (0, 1)))
    contrast = np.sqrt((across**2 + down**2).sum(axis=2))
    return np.asarray(lab, dtype=np.float32), np.asarray(contrast, dtype=np.float32)


def _quality(worth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability that a node with this merge cost fits some object with IoU >= .5: logistic in its logarithm."""
    slope, middle = 2.0, 2.5  # fitted on the training photos, 97 of coco-dev
    return np.asarray(1 / (1 + (np.maximum(worth, 1e-6) / middle) ** -slope), dtype=np.float32)
