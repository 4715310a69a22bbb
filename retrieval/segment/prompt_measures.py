"""Measures of superpixels relative to a box or lasso: by them it is told which ones make up what was marked.

They say where a superpixel lies in what was marked, what its boundaries, objectness and centre votes are, whether it
looks like the middle or like what is around, and which nodes of the hierarchy that fit the mark it is part of.

References
----------
Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004, section 3 (a box separates sure background from the unknown);
Lempitsky, Kohli, Rother and Sharp, "Image Segmentation with a Bounding Box Prior", ICCV 2009 (objects reach all sides
of their box); Pont-Tuset et al., "Multiscale Combinatorial Grouping", PAMI 2017, section 5 (unions of nodes).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..images.masks import box_iou
from ..query.prompt import Prompt
from ..types import Vectors
from .hierarchy import Hierarchies

Floats = NDArray[np.float64]

RING = 0.25
"""What is around a mark reaches this share of its sides beyond it."""

COLOR_SCALE, LIKENESS = 12.0, 8.0
"""Width of the kernel that compares colours, in Lab units, and sharpness of the one that compares features."""

MEASURES = 37
"""Number of the measures for two trees."""


@dataclass(frozen=True, eq=False)
class PromptRegions:
    """What a mark is compared with: the hierarchies of one image, how good their candidates are, and its superpixels.

    Attributes
    ----------
    hierarchies : Hierarchies
        Of L superpixels.
    quality : ndarray of shape (N,), float32
        Of each candidate, in [0, 1].
    """

    hierarchies: Hierarchies
    quality: NDArray[np.float32]

    @property
    def leaves(self) -> NDArray[np.int32]:
        """The superpixel of every pixel, (H, W)."""
        return self.hierarchies.regions.leaves

    @property
    def areas(self) -> Floats:
        """Pixels of the superpixels, (L,)."""
        return self.hierarchies.regions.areas.astype(np.float64)

    @cached_property
    def centroids(self) -> Floats:
        """Their centroids x, y, (L, 2)."""
        height, width = self.leaves.shape
        rows, columns = np.mgrid[:height, :width] + 0.5
        flat = self.leaves.ravel()
        sums = [np.bincount(flat, each.ravel(), len(self.areas)) for each in (columns, rows)]
        return np.stack(sums, axis=1) / self.areas[:, None]

    @cached_property
    def votes(self) -> tuple[Floats, Floats, Floats]:
        """Mean objectness, (L,), the mean of the centres voted for, (L, 2), and their spread, (L,), in pixels."""
        votes = self.hierarchies.regions.votes
        if votes is None:
            raise ValueError("marks need a hierarchy with learned boundaries")
        surety = np.maximum(votes[:, 0], 1e-6)
        mean, square = votes[:, 1:3] / surety[:, None], votes[:, 3] / surety
        spread = np.sqrt(np.maximum(square - (mean**2).sum(axis=1), 0))
        side = max(self.leaves.shape)
        return votes[:, 0] / self.areas, mean * side, spread * side

    @cached_property
    def appearance(self) -> tuple[NDArray[np.float32], Vectors]:
        """Mean colour, (L, 3), and mean features of the first stride as unit vectors, (L, C)."""
        regions = self.hierarchies.regions
        colors = (regions.color / self.areas[:, None]).astype(np.float32)
        return colors, unit(next(iter(regions.maps.values())))

    @cached_property
    def members(self) -> Floats:
        """Which superpixels each candidate contains, (N, L), as numbers."""
        return self.hierarchies.candidates.segments.membership.astype(np.float64)

    @cached_property
    def nodes(self) -> tuple[NDArray[np.bool_], ...]:
        """Which superpixels every node of each tree contains."""
        return tuple(tree.membership() for tree in self.hierarchies.trees)

    def inside(self, region: NDArray[np.bool_]) -> Floats:
        """The share of each superpixel that lies in a region, (H, W), of the image, (L,)."""
        window = window_of(region)
        return np.bincount(self.leaves[window][region[window]], minlength=len(self.areas)) / self.areas


def window_of(region: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The part of an image that holds a region, (H, W), and a pixel around it where the image goes on."""
    left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
    return slice(max(top - 1, 0), top + height + 1), slice(max(left - 1, 0), left + width + 1)


def region_of(prompt: Prompt, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels within a box or polygon in this frame, at least one."""
    region = np.zeros(size_hw, np.uint8)
    if prompt.box is not None:
        height, width = size_hw
        x0, y0, x1, y1 = (round(value) for value in prompt.box)
        left, top = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
        region[top : max(y1, top + 1), left : max(x1, left + 1)] = 1
    else:
        cv2.fillPoly(region, [np.round(prompt.polygon).astype(np.int32)], 1)
    return np.asarray(region, bool)


def measures(found: PromptRegions, prompt: Prompt) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Measures of the superpixels that a mark touches.

    Parameters
    ----------
    found : PromptRegions
        Of an image with at least one candidate.
    prompt : Prompt
        A box or polygon, in the frame of `found`.

    Returns
    -------
    rows : ndarray of shape (K,), int64
        The superpixels.
    ndarray of shape (K, 37), float32

    Notes
    -----
    Some 20 ms for 400 superpixels, most of it for comparing each of them with all others.
    """
    size_hw = found.leaves.shape[0], found.leaves.shape[1]
    region, around = _region_and_ring(prompt, size_hw)
    inside, ring = found.inside(region), found.inside(around)
    rows = np.flatnonzero(inside > 0)
    box = _within(prompt.bounds, size_hw)
    middle, half = np.array([box[0] + box[2], box[1] + box[3]]) / 2, np.array([box[2] - box[0], box[3] - box[1]]) / 2
    extent = float(4 * half[0] * half[1])
    place = np.clip((found.centroids - middle) / half, -3, 3)
    objectness, centres, spread = found.votes
    vote = (centres - middle) / (2 * half)
    away = np.linalg.norm(vote, axis=1)
    inner = found.areas * inside
    central = inner * np.exp(-1.5 * (place**2).sum(axis=1))
    likely = central * (objectness + 0.02) * np.exp(-4 * np.minimum(away, 2) ** 2)
    regions = found.hierarchies.regions
    strength = regions.borders.mean_contrasts(len(regions.areas))
    depth = _depth(found, region) / np.sqrt(extent)
    columns = [
        *(inside, *place.T, *np.abs(place).T, (place**2).sum(axis=1), np.abs(place).max(axis=1), depth),
        *(objectness, *np.clip(vote, -2, 2).T, np.minimum(away, 2), np.exp(-4 * away**2) * objectness),
        *(np.minimum(spread / np.sqrt(extent), 2), np.log(found.areas / extent), strength),
        *_likeness(found, rows, central, likely, found.areas * ring),
    ]
    fits, whole = _fits(found, prompt, box, inner)
    columns += fits
    for tree in found.hierarchies.trees:
        within, sizes = sums_of(tree.children, inner), sums_of(tree.children, found.areas)
        made_at = np.concatenate([np.zeros(tree.leaves), tree.cost])
        left_at, filled = _climb(tree.parents(), within / sizes, made_at, within / extent)
        columns += [np.log(left_at[: tree.leaves] + 1e-3), filled[: tree.leaves]]
    sides = (box[0] <= 1, box[1] <= 1, box[2] >= size_hw[1] - 1, box[3] >= size_hw[0] - 1)
    of_all = [
        *whole,
        np.log(extent / region.size),
        np.log(half[0] / half[1]),
        float((inner * objectness).sum() / inner.sum()),
        float(region.sum() / extent),
        float(sum(sides)),
    ]
    own = np.stack(columns, axis=1)[rows]
    return rows, np.concatenate([own, np.tile(of_all, (len(rows), 1))], axis=1).astype(np.float32)


def _region_and_ring(prompt: Prompt, size_hw: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What is within the mark, and what is around it."""
    region = region_of(prompt, size_hw)
    x0, y0, x1, y1 = prompt.bounds
    dx, dy = RING * (x1 - x0), RING * (y1 - y0)
    return region, region_of(Prompt(box=(x0 - dx, y0 - dy, x1 + dx, y1 + dy)), size_hw) & ~region


def _within(box: tuple[float, float, float, float], size_hw: tuple[int, int]) -> tuple[float, float, float, float]:
    """The part of a box that lies on the image, at least a pixel wide and high."""
    height, width = size_hw
    x0, y0 = min(max(box[0], 0), width - 1), min(max(box[1], 0), height - 1)
    return x0, y0, max(min(box[2], width), x0 + 1), max(min(box[3], height), y0 + 1)


def _depth(found: PromptRegions, region: NDArray[np.bool_]) -> Floats:
    """Mean distance of each superpixel's pixels in the region from what is outside, in pixels; the frame is no edge."""
    window = window_of(region)
    part, leaves = region[window], found.leaves[window]
    padded = cv2.copyMakeBorder(part.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    sums = np.bincount(leaves[part], distance[part], len(found.areas))
    return np.asarray(np.minimum(sums / found.areas, np.sqrt(part.sum())), np.float64)


def _likeness(
    found: PromptRegions, rows: NDArray[np.int64], central: Floats, likely: Floats, ring: Floats
) -> list[Floats]:
    """How like each superpixel is to the middle, to what is likely the thing, and to what is around."""
    color, deep = found.appearance
    sides = [weights if weights.sum() else np.full(len(weights), 1e-9) for weights in (central, likely, ring)]
    columns: list[Floats] = [deep @ unit((weights @ deep)[None])[0] for weights in sides]
    means = [weights @ color / weights.sum() for weights in sides]
    columns += [np.linalg.norm(color - mean, axis=1) / 30 for mean in means]
    near = np.square(color[rows]).sum(1)[:, None] + np.square(color).sum(1)[None] - 2 * color[rows] @ color.T
    kernel = np.exp(-near / (2 * COLOR_SCALE**2) + LIKENESS * (deep[rows] @ deep.T - 1))
    within, outside = (kernel @ (weights / weights.sum()) for weights in sides[1:])
    ratio = np.zeros(len(color))
    ratio[rows] = np.log((within + 1e-4) / (outside + 1e-4))
    return [*columns, ratio]


def _fits(
    found: PromptRegions, prompt: Prompt, box: tuple[float, float, float, float], inner: Floats
) -> tuple[list[Floats], list[float]]:
    """By superpixel, the share of the candidates that fit the mark and contain it; and how well the best one fits."""
    segments = found.hierarchies.candidates.segments
    members = found.members
    if prompt.box is not None:
        fit = box_iou(box, segments.boxes_xyxy.astype(np.float64))
    else:
        common = members @ inner
        fit = common / np.maximum(segments.areas + inner.sum() - common, 1)
    shares: list[Floats] = []
    for sharpness in (6.0, 16.0):
        weights = np.exp(sharpness * (fit - fit.max())) * (found.quality + 0.02)
        shares.append(weights @ members / weights.sum())
    best = int(np.argmax(fit + 0.3 * found.quality))
    return [*shares, members[best]], [float(fit.max()), float(found.quality[best])]


@njit(cache=True, nogil=True)
def sums_of(children, values):  # type: ignore[no-untyped-def]
    """Sums of values of leaves, (L,), over the leaves of every node, (2L - 1,)."""
    leaves = len(values)
    sums = np.zeros(2 * leaves - 1)
    sums[:leaves] = values
    for merge in range(len(children)):
        sums[leaves + merge] = sums[children[merge, 0]] + sums[children[merge, 1]]
    return sums


@njit(cache=True, nogil=True)
def _climb(parents, share, made_at, fill):  # type: ignore[no-untyped-def]
    """At what cost each node is merged into what lies mostly outside, and how much its largest inner ancestor fills."""
    count = len(parents)
    left_at, filled = np.zeros(count), np.zeros(count)
    for node in range(count - 1, -1, -1):
        parent = parents[node]
        if share[node] < 0.5:
            continue
        if parent < 0:
            left_at[node] = 1e3
        elif share[parent] < 0.5:
            left_at[node] = made_at[parent]
        else:
            left_at[node] = left_at[parent]
        if parent >= 0 and share[parent] >= 0.9:
            filled[node] = filled[parent]
        elif share[node] >= 0.9:
            filled[node] = fill[node]
    return left_at, filled


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Vectors, (N, C), of length one."""
    return np.asarray(vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9), np.float32)
