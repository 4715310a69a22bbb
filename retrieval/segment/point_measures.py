"""Measures of superpixels relative to points that correct a segment: by them it is told what the points mean.

They say where a superpixel lies in the segment and how far from the points, at what cost the trees merge it with what
was clicked, which candidates that agree with the points contain it, and whether it looks like what was clicked.

References
----------
Xu et al., "Deep Interactive Object Selection", CVPR 2016 (distances to positive and negative clicks); Sofiiuk, Petrov
and Konushin, "Reviving Iterative Training with Mask Guidance for Interactive Segmentation", ICIP 2022 (the mask that is
corrected as an input); Arbelaez et al., "Contour Detection and Hierarchical Image Segmentation", PAMI 2011, section 4
(the cost of merging as a distance).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..query.prompt import Point
from .merging import MergeTree
from .prompt_measures import Floats, PromptRegions, sums_of, unit

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]

FARTHEST = 4.0
"""Distances are cut here, in sides of the segment that is corrected."""

CONTRADICTED = 4.0
"""What a candidate loses of its log weight for each point that it contradicts, where that is to count much."""

POINT_MEASURES = 55
"""Number of the measures for two trees."""


@dataclass(frozen=True, eq=False)
class Correction:
    """A segment, and points that say what is wrong with it.

    Attributes
    ----------
    regions : PromptRegions
        Of L superpixels.
    begun : ndarray of shape (H, W), bool
        The segment, in their frame; not empty.
    points, not_points : tuple of tuple of float
        On the thing and beside it, in the same frame.
    """

    regions: PromptRegions
    begun: Mask
    points: tuple[Point, ...]
    not_points: tuple[Point, ...]

    @cached_property
    def side(self) -> float:
        """Square root of the area of the segment, in pixels."""
        return float(np.sqrt(self.begun.sum()))

    @cached_property
    def inside(self) -> Floats:
        """The share of each superpixel that lies in the segment, (L,)."""
        return self.regions.inside(self.begun)

    @cached_property
    def groups(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Superpixels under positive and negative points; then under those of both that contradict the segment."""
        missed, leaked = self.contradicting
        return tuple(superpixels(self.regions.leaves, each) for each in (self.points, self.not_points, missed, leaked))  # type: ignore[return-value]

    @cached_property
    def contradicting(self) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
        """The positive points beside the segment, and the negative ones on it."""
        shape = self.begun.shape
        missed = tuple(each for each in self.points if not self.begun[pixel(each, shape)])
        return missed, tuple(each for each in self.not_points if self.begun[pixel(each, shape)])


def point_measures(correction: Correction) -> NDArray[np.float32]:
    """Measures of all superpixels, (L, 55).

    Notes
    -----
    Some 10 ms for 700 superpixels and two points.
    """
    found = correction.regions
    distances, depth = _distances(correction), _depth(correction)
    near, far = distances[:2]
    shares, best = _shares(correction)
    inner = found.areas * correction.inside
    objectness = found.votes[0]
    columns = [
        *(correction.inside, np.clip(depth, -3, 1), *distances, np.log((near + 0.05) / (far + 0.05))),
        *(column for tree in found.hierarchies.trees for column in _merging(tree, correction.groups)),
        *shares,
        *_likeness(correction, depth, shares[1]),
        *_centres(correction),
        np.log(found.areas / inner.sum()),
        found.hierarchies.regions.borders.mean_contrasts(len(found.areas)),
    ]
    of_all = [
        np.log(inner.sum() / found.areas.sum()),
        *(len(correction.points), len(correction.not_points), *map(len, correction.contradicting)),
        float((inner * objectness).sum() / inner.sum()),
        *best,
    ]
    return np.concatenate([np.stack(columns, axis=1), np.tile(of_all, (len(found.areas), 1))], axis=1).astype(
        np.float32
    )


def pixel(point: Point, shape: tuple[int, ...]) -> tuple[int, int]:
    """The row and column of a point."""
    return min(int(point[1]), shape[0] - 1), min(int(point[0]), shape[1] - 1)


def superpixels(leaves: NDArray[np.int32], points: tuple[Point, ...]) -> Rows:
    """The superpixels that points lie on."""
    return np.array([leaves[pixel(point, leaves.shape)] for point in points], np.int64)


def _distances(correction: Correction) -> list[Floats]:
    """How far each centroid is from the nearest positive, negative, missed and leaked point."""
    found, columns = correction.regions, []
    for points in (correction.points, correction.not_points, *correction.contradicting):
        away = np.full(len(found.areas), np.inf)
        for point in points:
            away = np.minimum(away, np.linalg.norm(found.centroids - point, axis=1))
        columns.append(np.minimum(away / correction.side, FARTHEST))
    return columns


def _depth(correction: Correction) -> Floats:
    """Mean signed distance of each superpixel's pixels to the segment's outline; positive within."""
    found, begun = correction.regions, correction.begun
    within = cv2.distanceTransform(np.pad(begun, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    signed = within - cv2.distanceTransform((~begun).astype(np.uint8), cv2.DIST_L2, 3)
    sums = np.bincount(found.leaves.ravel(), signed.ravel(), len(found.areas))
    return np.asarray(sums / found.areas / correction.side, np.float64)


def _merging(tree: MergeTree, groups: tuple[Rows, Rows, Rows, Rows]) -> list[Floats]:
    """By group of clicked superpixels: at what cost each is merged with one, and whether before the other kind is."""
    parents = tree.parents()
    made_at = np.concatenate([np.zeros(tree.leaves), tree.cost])
    columns: list[Floats] = []
    for group, others in zip(groups, (groups[1], groups[0]) * 2, strict=True):
        counted = np.bincount(others, minlength=tree.leaves).astype(np.float64)
        cost, together = _met(parents, made_at, group, sums_of(tree.children, counted))
        columns += [np.log(cost + 1e-2), together]
    return columns


@njit(cache=True, nogil=True)
def _met(parents, made_at, group, others):  # type: ignore[no-untyped-def]
    """The least cost at which each leaf is merged with one of a group, and which are before any of the others is."""
    nodes = len(parents)
    leaves = (nodes + 1) // 2
    least, together = np.full(leaves, 1e3), np.zeros(leaves)
    for leaf in group:
        cost, within = np.full(nodes, -1.0), np.zeros(nodes, np.bool_)
        node = leaf
        while node >= 0:  # from the clicked leaf up to the root
            cost[node] = made_at[node]
            within[node] = node == leaf or others[node] == 0
            node = parents[node]
        for node in range(nodes - 1, -1, -1):  # from the root down to all leaves
            parent = parents[node]
            if cost[node] < 0:
                cost[node] = cost[parent]
                within[node] = within[parent]
        for each in range(leaves):
            least[each] = min(least[each], cost[each])
            if within[each]:
                together[each] = 1.0
    return least, together


def _shares(correction: Correction) -> tuple[list[Floats], list[float]]:
    """By superpixel, shares of the candidates that contain it, by how they agree with the points; and the best fit.

    Of all candidates, with more and less weight on the points and on their size; of those under leaked points, which
    may be what is to be taken away; and of those under missed points, which may be what is to be added.
    """
    found, (positive, negative, missed, leaked) = correction.regions, correction.groups
    members, quality = found.members, found.quality + 0.02
    sizes, common = members @ found.areas, members @ (found.areas * correction.inside)
    fit = common / np.maximum(sizes + correction.begun.sum() - common, 1)
    has, hurts = members[:, positive].sum(axis=1), members[:, negative].sum(axis=1)
    wrong = len(positive) - has + hurts
    small = np.log(sizes / found.areas.sum())
    columns = []
    for scores in (3 * fit - wrong, 3 * fit - CONTRADICTED * wrong, -0.5 * small - CONTRADICTED * wrong):
        weights = quality * np.exp(scores - scores.max())
        columns.append(weights @ members / weights.sum())
    for group, bad in ((leaked, has), (missed, hurts)):
        for power in (0, 1):
            share = np.zeros(len(found.areas))
            for each in group:
                weights = members[:, each] * quality * np.exp(-3 * bad - power * small)
                share = np.maximum(share, weights @ members / max(float(weights.sum()), 1e-12))
            columns.append(share)
    return columns, [float(fit.max()), float(quality[fit.argmax()])]


def _likeness(correction: Correction, depth: Floats, agreed: Floats) -> list[Floats]:
    """How like each superpixel is to those clicked; to the segment, what is around it, and what candidates agree on."""
    found = correction.regions
    color, deep = found.appearance
    columns: list[Floats] = []
    for group in correction.groups[:2]:
        if len(group):
            columns.append((deep @ deep[group].T).max(axis=1))
            columns.append(np.linalg.norm(color[:, None] - color[group], axis=2).min(axis=1) / 30)
        else:
            columns += [np.full(len(color), -1.0), np.full(len(color), FARTHEST)]
    around = (depth < 0) & (depth > -0.5) & (correction.inside < 0.5)
    for share in (correction.inside, around.astype(np.float64), agreed):
        weights = found.areas * share if share.any() else np.full(len(color), 1e-9)
        columns.append(deep @ unit((weights @ deep)[None])[0])
        columns.append(np.linalg.norm(color - weights @ color / weights.sum(), axis=1) / 30)
    return columns


def _centres(correction: Correction) -> list[Floats]:
    """Objectness, and how far the centre voted for is from the first point and from the one the segment votes for."""
    found, side = correction.regions, correction.side
    objectness, centres, spread = found.votes
    weights = found.areas * correction.inside * (objectness + 0.02)
    own = weights @ centres / weights.sum()
    away = [
        np.minimum(np.linalg.norm(centres - place, axis=1) / side, FARTHEST) for place in (correction.points[0], own)
    ]
    return [objectness, *away, objectness * np.exp(-4 * away[1] ** 2), np.minimum(spread / side, 3)]
