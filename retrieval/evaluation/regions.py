"""Measures of segmentations into regions against those that several people drew.

Everything is taken from contingency tables: how many pixels each region shares with each drawn region. A hierarchy's
table is made once, for its leaves; that of a cut is a sum of its rows.

References
----------
Arbelaez, Maire, Fowlkes and Malik, "Contour Detection and Hierarchical Image Segmentation", IEEE PAMI 2011,
section 3.1: covering, variation of information, probabilistic Rand index, optimal scale of the data set and of the
image (ODS, OIS).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .hierarchy_cuts import check_leaves, cuts

if TYPE_CHECKING:
    from ..segment.merging import MergeTree

Labels = NDArray[np.integer]
"""(H, W), the number of the region each pixel lies in, 0 or more."""

Table = NDArray[np.int64]
"""(S, R), pixels that each of S regions shares with each of R drawn regions."""

Squares = np.float64 | NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class RegionCurve:
    """How the cuts of one photo's hierarchy fit what people drew.

    Attributes
    ----------
    thresholds : ndarray of shape (T,), float64
    regions : ndarray of shape (T,), int64
        Regions of each cut.
    covered : ndarray of shape (T,), float64
        Pixels covered, summed over annotators: of each drawn region its area times the best IoU.
    best : float
        The same where each drawn region takes its best IoU in any cut.
    total : int
        Pixels times annotators, what `covered` is a share of.
    rand : ndarray of shape (T,), float64
        Probabilistic Rand index.
    information : ndarray of shape (T,), float64
        Variation of information, bits, mean over annotators.
    """

    thresholds: NDArray[np.float64]
    regions: NDArray[np.int64]
    covered: NDArray[np.float64]
    best: float
    total: int
    rand: NDArray[np.float64]
    information: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionScores:
    """Figures of a set of photos: at one threshold for all (ODS) and at each photo's best (OIS).

    Attributes
    ----------
    covering_ods, covering_ois, covering_best : float
        Shares; `covering_best` lets every drawn region choose its cut.
    rand_ods, rand_ois : float
        Probabilistic Rand index, [0, 1].
    information_ods, information_ois : float
        Variation of information, bits; less is better.
    covering_threshold, rand_threshold, information_threshold : float
        Where the ODS figures were taken.
    """

    covering_ods: float
    covering_ois: float
    covering_best: float
    rand_ods: float
    rand_ois: float
    information_ods: float
    information_ois: float
    covering_threshold: float
    rand_threshold: float
    information_threshold: float


@dataclass(frozen=True, slots=True)
class RegionAgreement:
    """How well people agree with one another, in the measures of `RegionScores`."""

    covering: float
    rand: float
    information: float


def contingency(labels: Labels, drawn: Labels) -> Table:
    """Count the pixels that regions of two maps share.

    Parameters
    ----------
    labels, drawn : ndarray of shape (H, W), integer
        Numbers may be left out: their rows and columns are zero.

    Returns
    -------
    ndarray of shape (labels.max() + 1, drawn.max() + 1), int64

    Raises
    ------
    ValueError
        The maps differ in size, are empty, or a number is negative.
    """
    if labels.shape != drawn.shape or labels.size == 0:
        raise ValueError(f"label maps of sizes {labels.shape} and {drawn.shape} cannot be compared")
    if labels.min() < 0 or drawn.min() < 0:
        raise ValueError("labels must not be negative")
    rows, columns = int(labels.max()) + 1, int(drawn.max()) + 1
    pairs = labels.ravel().astype(np.int64) * columns + drawn.ravel()
    return np.bincount(pairs, minlength=rows * columns).reshape(rows, columns)


def covering(table: Table) -> float:
    """Covering of the drawn regions (columns) by those of a segmentation (rows), [0, 1].

    Each drawn region counts by its area, with the IoU of the segment that fits it best.

    References
    ----------
    Arbelaez et al., IEEE PAMI 2011, section 3.1.3.
    """
    return float(_best_overlaps(table) @ table.sum(0) / table.sum())


def rand_index(table: Table) -> float:
    """Share of the pairs of pixels that both maps put together or both put apart, [0, 1].

    The mean over annotators is the probabilistic Rand index. A single pixel, which has no pairs, gives 1.

    References
    ----------
    Unnikrishnan, Pantofaru and Hebert, IEEE PAMI 2007, section 3; Arbelaez et al., IEEE PAMI 2011, section 3.1.2.
    """
    return float(_rand(_squares(table.sum(1)), _squares(table.sum(0)), _squares(table), int(table.sum())))


def variation_of_information(table: Table) -> float:
    """The information that one map lacks about the other, both ways, in bits; 0 for the same segmentation.

    References
    ----------
    Meila, "Comparing Clusterings: An Axiomatic View", ICML 2005; Arbelaez et al., IEEE PAMI 2011, section 3.1.1.
    """
    total = table.sum()
    entropies = [_entropy(each / total).sum() for each in (table, table.sum(0), table.sum(1))]
    return max(0.0, float(2 * entropies[0] - entropies[1] - entropies[2]))


def score_cuts(
    leaves: NDArray[np.int32], tree: MergeTree, drawn: Sequence[Labels], thresholds: NDArray[np.floating]
) -> RegionCurve:
    """Measure the cuts of one photo's hierarchy.

    Parameters
    ----------
    leaves : ndarray of shape (H, W), int32
        ``0 … L-1``.
    tree : MergeTree
        Over L leaves.
    drawn : sequence of ndarray of shape (H, W), integer
        A label map an annotator. Every label is a region, connected or not.
    thresholds : ndarray of shape (T,), float
        See `cuts`; the same for all photos.

    Raises
    ------
    ValueError
        Nobody drew, the sizes differ, or the map has a label that is no leaf of the tree.

    Notes
    -----
    One pass over the pixels for each annotator, then O(L R) a threshold for R drawn regions of all annotators
    together.
    """
    check_leaves(leaves, tree)
    if not len(drawn):
        raise ValueError("no annotator's map given")
    tables = [contingency(leaves, each) for each in drawn]
    starts = np.cumsum([0, *(table.shape[1] for table in tables)])
    whole = np.zeros((tree.leaves, starts[-1]), np.int64)
    for table, start in zip(tables, starts, strict=False):
        whole[: len(table), start : start + table.shape[1]] = table
    pixels, areas, first = leaves.size, whole.sum(0), starts[:-1]
    drawn_squares, drawn_entropies = _per(areas.astype(float) ** 2, first), _per(_entropy(areas / pixels), first)
    sizes = np.bincount(leaves.ravel(), minlength=tree.leaves)
    labels = cuts(tree, thresholds)
    best = np.zeros(len(areas))
    covered, rand, information = (np.zeros(len(labels)) for _ in range(3))
    for t, cut in enumerate(labels):
        table, own = _sum_rows(whole, cut), np.bincount(cut, sizes)
        overlaps = _best_overlaps(table, own)
        best = np.maximum(best, overlaps)
        covered[t] = overlaps @ areas
        joint = _per((table.astype(float) ** 2).sum(0), first)
        rand[t] = _rand(_squares(own), drawn_squares, joint, pixels).mean()
        joint = _per(_entropy(table / pixels).sum(0), first)
        information[t] = np.maximum(0, 2 * joint - drawn_entropies - _entropy(own / pixels).sum()).mean()
    return RegionCurve(
        thresholds=np.asarray(thresholds, np.float64),
        regions=labels.max(1).astype(np.int64) + 1,
        covered=covered,
        best=float(best @ areas),
        total=pixels * len(drawn),
        rand=rand,
        information=information,
    )


def score_regions(curves: Sequence[RegionCurve]) -> RegionScores:
    """Combine the curves of a set of photos.

    Raises
    ------
    ValueError
        No curve is given, or their thresholds differ.

    Notes
    -----
    As the code published with BSDS500: covered pixels are summed over annotators and photos before they are divided,
    so that a photo counts by its size and by how many people drew it; the Rand index and the variation of information
    are means over annotators, then over photos. It differs in three points: the thresholds are the caller's, not 99
    steps of a map of 8 bits; a region is a node of the hierarchy, which the published code makes anew as a connected
    part of what lies below the threshold on a grid of double size (the same where merged regions touch); and the
    threshold of an ODS figure is the lowest of those that give it.
    """
    if not curves:
        raise ValueError("no curve given")
    thresholds = curves[0].thresholds
    if any(not np.array_equal(each.thresholds, thresholds) for each in curves):
        raise ValueError("curves at different thresholds cannot be combined")
    total = sum(each.total for each in curves)
    covered = np.sum([each.covered for each in curves], axis=0) / total
    rand = np.mean([each.rand for each in curves], axis=0)
    information = np.mean([each.information for each in curves], axis=0)
    return RegionScores(
        covering_ods=float(covered.max()),
        covering_ois=sum(float(each.covered.max()) for each in curves) / total,
        covering_best=sum(each.best for each in curves) / total,
        rand_ods=float(rand.max()),
        rand_ois=float(np.mean([each.rand.max() for each in curves])),
        information_ods=float(information.min()),
        information_ois=float(np.mean([each.information.min() for each in curves])),
        covering_threshold=_lowest(thresholds, covered),
        rand_threshold=_lowest(thresholds, rand),
        information_threshold=_lowest(thresholds, -information),
    )


def region_agreement(photos: Iterable[Sequence[Labels]]) -> RegionAgreement:
    """How well each annotator's regions fit the others'.

    Each map in turn is the segmentation, those of the photo's other annotators are what it is held against. Photos
    that one person drew are left out.

    Parameters
    ----------
    photos : iterable of sequences of ndarray of shape (H, W), integer
        All maps of a photo.

    Raises
    ------
    ValueError
        No photo was drawn by two people.

    Notes
    -----
    Means over the pairs of a photo weighted as `score_regions` weighs them: covering by pixels, the others by photo.
    """
    covered, total = 0.0, 0
    rand: list[float] = []
    information: list[float] = []
    for maps in photos:
        tables = [contingency(a, b) for i, a in enumerate(maps) for j, b in enumerate(maps) if i != j]
        if tables:
            covered += sum(covering(table) for table in tables) * maps[0].size
            total += len(tables) * maps[0].size
            rand.append(float(np.mean([rand_index(table) for table in tables])))
            information.append(float(np.mean([variation_of_information(table) for table in tables])))
    if not total:
        raise ValueError("no photo has two annotators")
    return RegionAgreement(covered / total, float(np.mean(rand)), float(np.mean(information)))


def _lowest(thresholds: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The lowest threshold of the greatest value."""
    return float(thresholds[values == values.max()].min())


def _best_overlaps(table: Table, own: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """For each column the best IoU of a row, zero for empty ones; `own` are areas of rows where columns overlap."""
    rows = table.sum(1) if own is None else own
    union = rows[:, None] + table.sum(0) - table
    return np.asarray((table / np.maximum(union, 1)).max(0), np.float64)


def _squares(counts: NDArray[np.integer] | NDArray[np.floating]) -> np.float64:
    return np.float64((counts.astype(np.float64) ** 2).sum())


def _rand(first: Squares, second: Squares, joint: Squares, total: int) -> NDArray[np.float64]:
    """Rand index from the sums of squares of two maps' areas and of their intersections'."""
    pairs = total * (total - 1.0) / 2
    return np.asarray(1 - ((first + second) / 2 - joint) / max(pairs, 1.0))


def _entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """-p log2 p of every share, zero for none."""
    return -shares * np.log2(np.where(shares > 0, shares, 1.0))


def _per(values: NDArray[np.float64], first: NDArray[np.integer]) -> NDArray[np.float64]:
    """Sums over the columns of each annotator."""
    return np.add.reduceat(values, first)


def _sum_rows(table: Table, cut: NDArray[np.int32]) -> Table:
    """Rows of one label summed, (labels, R)."""
    order = np.argsort(cut, kind="stable")
    return np.add.reduceat(table[order], np.searchsorted(cut[order], np.arange(cut.max() + 1)), axis=0)
