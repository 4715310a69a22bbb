"""Greedy merging of neighbouring regions into one binary tree.

References
----------
Salembier and Garrido, "Binary Partition Tree as an Efficient Representation for Image Processing, Segmentation, and
Information Retrieval", IEEE TIP 2000, section III; Arbelaez et al., "Multiscale Combinatorial Grouping", CVPR 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

EUCLIDEAN, COSINE, CENTRE = 0, 1, 2

NEVER = np.finfo(np.float32).max
"""Above the cost of any merge."""


@dataclass(frozen=True, eq=False, slots=True)
class MergeTree:
    """A binary tree over L leaves; merge t creates node ``L + t``.

    Attributes
    ----------
    children : ndarray of shape (M, 2), int32
        The two nodes of each merge. M = L - 1 if the leaves are connected.
    cost : ndarray of shape (M,), float32
        Cost of each merge.
    """

    children: NDArray[np.int32]
    cost: NDArray[np.float32]

    @property
    def leaves(self) -> int:
        """Number of leaves, L."""
        return len(self.children) + 1

    def membership(self) -> NDArray[np.bool_]:
        """Which leaves every node contains, (2L - 1, L)."""
        count = self.leaves
        members = np.zeros((2 * count - 1, count), bool)
        members[np.arange(count), np.arange(count)] = True
        for merge, (a, b) in enumerate(self.children):
            members[count + merge] = members[a] | members[b]
        return members

    def parents(self) -> NDArray[np.int32]:
        """The parent of every node, (2L - 1,); -1 for the root."""
        parent = np.full(2 * self.leaves - 1, -1, np.int32)
        parent[self.children.ravel()] = np.repeat(np.arange(len(self.children)), 2) + self.leaves
        return parent


@dataclass(frozen=True, eq=False, slots=True)
class Borders:
    """The borders between regions that touch.

    Attributes
    ----------
    pairs : ndarray of shape (E, 2), int32
        The two regions of each, the lesser number first; rising.
    lengths : ndarray of shape (E,), float32
        In sides of pixels.
    contrasts : ndarray of shape (E,), float32
        Sum of the contrast along each.
    """

    pairs: NDArray[np.int32]
    lengths: NDArray[np.float32]
    contrasts: NDArray[np.float32]

    def mean_contrasts(self, count: int) -> NDArray[np.float32]:
        """The mean contrast along the whole outline of each of `count` regions, but for the frame of the image."""
        ends = self.pairs.T.ravel()
        sums = np.bincount(ends, np.tile(self.contrasts, 2), minlength=count)
        lengths = np.bincount(ends, np.tile(self.lengths, 2), minlength=count)
        return np.asarray(sums / np.maximum(lengths, 1), np.float32)


def merge_regions(
    areas: NDArray[np.float32],
    features: list[NDArray[np.float32]],
    kinds: list[int],
    weights: NDArray[np.float32],
    borders: Borders,
    size_power: float,
) -> MergeTree:
    """Merge the two neighbours with the lowest cost until one region is left.

    The cost of two regions is the weighted sum of their distances, times the smaller one's share of the image to the
    power `size_power`, so that fragments are merged first.

    Parameters
    ----------
    areas : ndarray of shape (L,), float32
        Pixels of each leaf.
    features : list of ndarray of shape (L, C), float32
        *Sums* over pixels of each leaf.
    kinds : list of {EUCLIDEAN, COSINE, CENTRE}
        How each is compared: by the distance of the means; by one minus the cosine; or, for three channels with an
        object's centre times the objectness, and the objectness, by the distance of the centres times the lower
        objectness.
    weights : ndarray of shape (K + 1,), float32
        Weight of each feature's distance, then of the mean contrast along the common border.
    borders : Borders
    size_power : float

    Notes
    -----
    O(E·C + L²) for E borders and C channels, with a very small constant for L²: every region keeps a list of its
    borders and its best partner, and only the neighbours of merged regions are updated.
    """
    widths = np.array([feature.shape[1] for feature in features], np.int64)
    stacked = np.ascontiguousarray(np.concatenate(features, axis=1), np.float32)
    children, cost = _merge(
        areas.astype(np.float32),
        stacked,
        widths,
        np.array(kinds, np.int64),
        weights.astype(np.float32),
        borders.pairs,
        borders.lengths.astype(np.float32),
        borders.contrasts.astype(np.float32),
        size_power,
    )
    return MergeTree(children, cost)


@njit(cache=True, nogil=True, fastmath=True)
def _distance(a, b, areas, sums, norms, widths, kinds, weights):  # type: ignore[no-untyped-def]
    """Weighted sum of the feature distances of two regions."""
    total, at = 0.0, 0
    for k in range(len(widths)):
        dot = 0.0
        if kinds[k] == EUCLIDEAN:
            for c in range(at, at + widths[k]):
                dot += (sums[a, c] / areas[a] - sums[b, c] / areas[b]) ** 2
            total += weights[k] * np.sqrt(dot)
        elif kinds[k] == CENTRE:
            sure_a, sure_b = sums[a, at + 2], sums[b, at + 2]
            for c in range(at, at + 2):
                dot += (sums[a, c] / (sure_a + 1e-9) - sums[b, c] / (sure_b + 1e-9)) ** 2
            total += weights[k] * np.sqrt(dot) * min(sure_a / areas[a], sure_b / areas[b])
        else:
            for c in range(at, at + widths[k]):
                dot += sums[a, c] * sums[b, c]
            total += weights[k] * (1.0 - dot / (norms[a, k] * norms[b, k] + 1e-9))
        at += widths[k]
    return total


@njit(cache=True, nogil=True, fastmath=True)
def _norms(region, sums, norms, widths):  # type: ignore[no-untyped-def]
    at = 0
    for k in range(len(widths)):
        square = 0.0
        for c in range(at, at + widths[k]):
            square += sums[region, c] ** 2
        norms[region, k] = np.sqrt(square)
        at += widths[k]


@njit(cache=True, nogil=True)
def _best_of(region, heads, following, ends, prices):  # type: ignore[no-untyped-def]
    """The neighbour with the lowest cost, of equal ones that with the lowest number; -1 if there is none."""
    best, least = -1, NEVER
    link = heads[region]
    while link >= 0:
        other, price = ends[link], prices[link >> 1]
        if price < least or (price == least and other < best):
            best, least = other, price
        link = following[link]
    return best, least


@njit(cache=True, nogil=True, fastmath=True)
def _lowest(values):  # type: ignore[no-untyped-def]
    least = values[0]
    for value in values:
        least = min(least, value)
    return least


@njit(cache=True, nogil=True)
def _unlink(link, region, heads, following, preceding):  # type: ignore[no-untyped-def]
    """Take a link out of a region's list."""
    before, after = preceding[link], following[link]
    if before >= 0:
        following[before] = after
    else:
        heads[region] = after
    if after >= 0:
        preceding[after] = before


@njit(cache=True, nogil=True)
def _link(link, region, heads, following, preceding):  # type: ignore[no-untyped-def]
    """Put a link at the head of a region's list."""
    following[link], preceding[link] = heads[region], -1
    if heads[region] >= 0:
        preceding[heads[region]] = link
    heads[region] = link


@njit(cache=True, nogil=True)
def _merge(areas, sums, widths, kinds, weights, pairs, lengths, strengths, size_power):  # type: ignore[no-untyped-def]
    """Border e is the links 2e and 2e + 1, one in the list of each of its two regions; ``ends`` is the other region."""
    leaves = len(areas)
    total = areas.sum()
    areas = areas.copy()
    norms = np.zeros((leaves, len(widths)), np.float32)
    for region in range(leaves):
        _norms(region, sums, norms, widths)
    count = len(pairs)
    prices = np.empty(count, np.float32)
    ends, following = np.empty(2 * count, np.int32), np.empty(2 * count, np.int32)
    preceding, heads = np.empty(2 * count, np.int32), np.full(leaves, -1, np.int32)
    for border in range(count):
        a, b = pairs[border]
        d = _distance(a, b, areas, sums, norms, widths, kinds, weights)
        d += weights[-1] * strengths[border] / lengths[border]
        prices[border] = d * (min(areas[a], areas[b]) / total) ** size_power
        ends[2 * border], ends[2 * border + 1] = b, a
        _link(2 * border, a, heads, following, preceding)
        _link(2 * border + 1, b, heads, following, preceding)
    alive = np.ones(leaves, np.bool_)
    node = np.arange(leaves, dtype=np.int32)
    best, least = np.full(leaves, -1, np.int32), np.full(leaves, NEVER, np.float32)
    for region in range(leaves):
        best[region], least[region] = _best_of(region, heads, following, ends, prices)
    shared = np.full(leaves, -1, np.int32)
    children, cost = np.zeros((leaves - 1, 2), np.int32), np.zeros(leaves - 1, np.float32)
    for merge in range(leaves - 1):
        lowest, a = _lowest(least), 0
        if lowest == NEVER:  # the regions that are left do not touch: join any two, at infinite cost
            pair = np.nonzero(alive)[0][:2]
            a, b, lowest = pair[0], pair[1], np.float32(np.inf)
        else:
            while least[a] != lowest:
                a += 1
            b = best[a]
        children[merge, 0], children[merge, 1], cost[merge] = node[a], node[b], lowest
        alive[b], least[b] = False, NEVER
        areas[a] += areas[b]
        sums[a] += sums[b]
        node[a] = leaves + merge
        _norms(a, sums, norms, widths)
        link = heads[a]
        while link >= 0:
            shared[ends[link]] = link >> 1
            link = following[link]
        link = heads[b]
        while link >= 0:
            other, after, twin = ends[link], following[link], link ^ 1
            if other == a:
                _unlink(twin, a, heads, following, preceding)
            elif shared[other] >= 0:
                lengths[shared[other]] += lengths[link >> 1]
                strengths[shared[other]] += strengths[link >> 1]
                _unlink(twin, other, heads, following, preceding)
            else:
                ends[twin] = a
                _link(link, a, heads, following, preceding)
            link = after
        shared[b] = -1
        link = heads[a]
        while link >= 0:
            other, border = ends[link], link >> 1
            shared[other] = -1
            d = _distance(a, other, areas, sums, norms, widths, kinds, weights)
            d += weights[-1] * strengths[border] / lengths[border]
            d *= (min(areas[a], areas[other]) / total) ** size_power
            prices[border] = d
            if best[other] == a or best[other] == b:
                best[other], least[other] = _best_of(other, heads, following, ends, prices)
            elif d < least[other]:
                best[other], least[other] = a, d
            link = following[link]
        best[a], least[a] = _best_of(a, heads, following, ends, prices)
    return children, cost


def borders_of(labels: NDArray[np.int32], contrast: NDArray[np.float32]) -> Borders:
    """The borders between labels and the contrast summed along them.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
        ``0 … L-1``.
    contrast : ndarray of shape (H, W), float32
        Strength of a boundary at each pixel; a border's is the larger of its two sides'.
    """
    return Borders(*_borders(labels, contrast, int(labels.max()) + 1))


@njit(cache=True, nogil=True)
def _borders(labels, contrast, count):  # type: ignore[no-untyped-def]
    """For each label a list of its greater neighbours, as long as its pixels have sides to them at most."""
    height, width = labels.shape
    starts = np.zeros(count + 1, np.int64)
    for y in range(height):
        for x in range(width):
            for step in range(2):
                yy, xx = (y, x + 1) if step == 0 else (y + 1, x)
                if yy < height and xx < width and labels[y, x] != labels[yy, xx]:
                    starts[min(labels[y, x], labels[yy, xx]) + 1] += 1
    starts = np.cumsum(starts)
    others, held = np.empty(starts[count], np.int32), np.zeros(count, np.int64)
    lengths, sums = np.zeros(starts[count], np.float32), np.zeros(starts[count], np.float32)
    for y in range(height):
        for x in range(width):
            for step in range(2):
                yy, xx = (y, x + 1) if step == 0 else (y + 1, x)
                if yy < height and xx < width and labels[y, x] != labels[yy, xx]:
                    a, b = min(labels[y, x], labels[yy, xx]), max(labels[y, x], labels[yy, xx])
                    at, end = starts[a], starts[a] + held[a]
                    while at < end and others[at] != b:
                        at += 1
                    if at == end:
                        others[at] = b
                        held[a] += 1
                    lengths[at] += 1
                    sums[at] += max(contrast[y, x], contrast[yy, xx])
    total = held.sum()
    pairs, all_lengths = np.empty((total, 2), np.int32), np.empty(total, np.float32)
    all_sums, row = np.empty(total, np.float32), 0
    for a in range(count):
        for place in np.argsort(others[starts[a] : starts[a] + held[a]]):
            at = starts[a] + place
            pairs[row, 0], pairs[row, 1] = a, others[at]
            all_lengths[row], all_sums[row] = lengths[at], sums[at]
            row += 1
    return pairs, all_lengths, all_sums
