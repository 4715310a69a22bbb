"""Learns from tags of whole photos which segments the tags are about. Pure: no index, no database.

A tagged photo is a bag of segments, some of which show what the tag names (multiple-instance learning). A segment
explains the tag if many *other* photos with the tag contain something similar, few photos without the tag do, and it
looks like a thing: it has some quality and size, and is not the whole frame.

The choice alternates with a linear discriminant: one segment per photo, then a direction from the choices in the
*other* photos, then a better choice, until it is stable. A direction that has not seen a photo's own choice cannot
confirm it. Whether a tag was explained is measured on photos that were left out of all steps.

References
----------
Andrews, Tsochantaridis and Hofmann, "Support Vector Machines for Multiple-Instance Learning", NIPS 2002, section 3
(MI-SVM, the alternation); Maron and Lozano-Pérez, "A Framework for Multiple-Instance Learning", NIPS 1997 (the start);
Cinbis, Verbeek and Schmid, "Weakly Supervised Object Localization with Multi-fold Multiple Instance Learning", TPAMI
2017, section 3.2 (choosing by what other photos taught); Hariharan, Malik and Ramanan, "Discriminative Decorrelation
for Clustering and Classification", ECCV 2012, section 2 (one covariance for all classes).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..embed.projection import unit
from ..types import Bags, Ids, Vectors

PER_PHOTO = 50
"""Only this many segments per photo, those of the highest quality, can explain a tag."""

LEAST_PHOTOS = 3
"""With fewer photos, none can be left out and still be explained by two others."""

MOST_PHOTOS = 200
"""At most this many photos of a tag are used, drawn evenly: more add nothing, and cost grows with the square."""

REFERENCES = 120
"""Number of photos without the tag that show what is common."""

QUALITY_WEIGHT, QUALITY_FLOOR = 1.5, 0.02
SHARE_WEIGHT, LARGE = 1.0, 0.25
EXTENT_WEIGHT, WIDE = 1.0, 0.5
"""Standard deviations of evidence that a factor e of quality is worth, of area up to `LARGE` of the photo, and of the
area of the box up to `WIDE`. A thing with holes, such as a tree, has a small area in a large box."""

SHRINKAGE = 0.1
"""Share of a multiple of the identity in the covariance by which vectors are whitened."""

ROUNDS = 10
FOLDS = 5

EXPLAINED = 0.7
"""Lowest probability that a left-out photo of a tag outranks a photo without it; .5 is chance."""

BEYOND_CHANCE = 2.5
"""Standard deviations by which that must exceed .5: one meaningless tag in 150 does."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Explained:
    """The explanation of a tag.

    Attributes
    ----------
    segments : ndarray of shape (P,), int64
        One segment per photo, the most typical first.
    against : ndarray of shape (R,), int64
        The most similar segments of photos without the tag, at most one per photo, the most similar first.
    agreement : float
        Probability that a left-out photo of the tag outranks one without it; NaN if none could be left out.
    reason : str or None
        Why the tag was not explained; None if it was.
    """

    segments: Ids
    against: Ids
    agreement: float
    reason: str | None


def unexplained(reason: str, agreement: float = float("nan")) -> Explained:
    """An explanation that failed, with the reason."""
    nothing = np.zeros(0, np.int64)
    return Explained(segments=nothing, against=nothing, agreement=agreement, reason=reason)


def drawn(photos: Collection[int], count: int) -> Ids:
    """At most this many of the photos, drawn evenly by ascending id."""
    ids = np.unique(np.fromiter(photos, np.int64, len(photos)))
    if len(ids) <= count:
        return ids
    return ids[np.linspace(0, len(ids) - 1, count).astype(np.int64)]


class WeakLearner:
    """Explains tags over the same photos.

    Parameters
    ----------
    bags : Bags
        Tagged photos and others; at most `PER_PHOTO` segments per photo are useful.

    Notes
    -----
    Deterministic. N segments are whitened once, O(N·D²). A tag of P photos costs O((50 P)² D) for comparing its photos
    and O(50 P · 50 R · D) for R = 120 others: half a second for 60 photos and 256 dimensions on one core.
    """

    def __init__(self, bags: Bags) -> None:
        self.bags = bags
        self._white = _whitened(bags.vectors)
        self._prior = _prior(bags)

    def explain(self, photos: Collection[int]) -> Explained:
        """Choose the segment of each photo that its tag is about.

        Parameters
        ----------
        photos : collection of int
            All photos with the tag; those without a bag are ignored.
        """
        tagged = drawn(set(photos) & set(np.unique(self.bags.photos).tolist()), MOST_PHOTOS)
        if len(tagged) < LEAST_PHOTOS:
            return unexplained(f"{len(tagged)} photos with segments of this recipe: a tag needs {LEAST_PHOTOS}")
        without = self.bags.photos[~np.isin(self.bags.photos, np.fromiter(photos, np.int64, len(photos)))]
        others = drawn(set(without.tolist()), REFERENCES)
        if len(others) < LEAST_PHOTOS:
            return unexplained(f"{len(others)} photos without it: there is nothing to tell it from")
        return self._explain(self._photos(tagged), self._photos(others))

    def _explain(self, tagged: _Photos, others: _Photos) -> Explained:
        task = _Task.of(tagged, others)
        agreement, deviations = _left_out(task)
        if agreement < EXPLAINED or deviations < BEYOND_CHANCE:
            return unexplained(f"no segments tell its photos from others (agreement {agreement:.2f})", agreement)
        chosen, scores = task.alternate(np.ones(len(tagged), bool))
        direction = unit(tagged.white[chosen].sum(axis=0))
        worth = (others.white @ direction).astype(np.float64)
        best = others.best(worth)
        return Explained(
            segments=self.bags.ids[tagged.rows[chosen[np.argsort(-scores, kind="stable")]]],
            against=self.bags.ids[others.rows[best[np.argsort(-worth[best], kind="stable")]]],
            agreement=agreement,
            reason=None,
        )

    def _photos(self, photos: Ids) -> _Photos:
        rows = np.flatnonzero(np.isin(self.bags.photos, photos))
        starts = np.flatnonzero(np.diff(self.bags.photos[rows], prepend=-1))
        return _Photos(rows, self._white[rows], self._prior[rows], starts)


@dataclass(frozen=True, eq=False, slots=True)
class _Photos:
    """Some photos' segments: rows of the bags, whitened vectors, priors, and where each photo begins."""

    rows: Ids
    white: Vectors
    prior: Floats
    starts: Ids

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def photo(self) -> Ids:
        """The photo of each segment, from 0."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts, append=len(self.rows)))

    def best(self, scores: Floats) -> Ids:
        """The best segment of each photo, the first of equals."""
        order = np.lexsort((np.arange(len(scores)), -scores, self.photo))
        return np.asarray(order[self.starts])

    def likest(self, white: Vectors) -> Floats:
        """Highest cosine of each given vector with any segment of each photo, (N, photos)."""
        ends = np.append(self.starts[1:], len(self.rows))
        columns = [(white @ self.white[a:b].T).max(axis=1) for a, b in zip(self.starts, ends, strict=True)]
        return np.stack(columns, axis=1).astype(np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class _Task:
    """One tag: its photos, others, and what their segments have in common.

    Attributes
    ----------
    near : ndarray of shape (N, P)
        Highest cosine of each of the tag's segments in each of its photos, 0 in its own.
    far_mean, far_std : ndarray of shape (N,)
        Mean and standard deviation of the same over photos without the tag.
    mean, covariance : ndarray of shape (D,) and (D, D)
        Of the other photos' segments.
    """

    tagged: _Photos
    others: _Photos
    near: Floats
    far_mean: Floats
    far_std: Floats
    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, tagged: _Photos, others: _Photos) -> _Task:
        near = tagged.likest(tagged.white)
        near[np.arange(len(near)), tagged.photo] = 0
        far = others.likest(tagged.white)
        mean = others.white.mean(axis=0, dtype=np.float64)
        centred = (others.white - mean).astype(np.float32)
        covariance = (centred.T @ centred).astype(np.float64) / len(centred)
        return cls(tagged, others, near, far.mean(axis=1), far.std(axis=1) + 1e-6, mean, covariance)

    def alternate(self, members: NDArray[np.bool_]) -> tuple[Ids, Floats]:
        """The chosen segment of each photo in `members`, and how well it explains the tag by the others' choices."""
        photo = self.tagged.photo
        partners = np.maximum(members.sum() - members[photo], 1)
        scores = (self.near[:, members].sum(axis=1) / partners - self.far_mean) / self.far_std
        chosen = self.tagged.best(scores + self.tagged.prior)[members]
        seen = {chosen.tobytes()}
        for _ in range(ROUNDS):
            scores = self._scores_by_others(chosen, members)
            chosen = self.tagged.best(scores + self.tagged.prior)[members]
            if chosen.tobytes() in seen:
                break
            seen.add(chosen.tobytes())
        return chosen, (scores + self.tagged.prior)[chosen]

    def _scores_by_others(self, chosen: Ids, members: NDArray[np.bool_]) -> Floats:
        """Each segment's score by the direction of the choices in the other photos, in standard deviations."""
        white = self.tagged.white[chosen].astype(np.float64)
        directions = np.repeat(white.sum(axis=0)[None], len(self.tagged), axis=0)
        directions[members] -= white
        return self.scores(self.tagged.white, unit(directions), self.tagged.photo)

    def scores(self, white: Vectors, directions: Vectors, which: Ids) -> Floats:
        """Each vector's score by one of the directions, in standard deviations above the other photos' segments."""
        level = directions @ self.mean
        spread = np.sqrt(np.einsum("nd,de,ne->n", directions, self.covariance, directions)) + 1e-6
        found: Floats = ((white * directions[which]).sum(axis=1) - level[which]) / spread[which]
        return found


def _left_out(task: _Task) -> tuple[float, float]:
    """How well left-out photos outrank others: the area under the ROC curve, and its standard deviations above .5.

    References
    ----------
    Mann and Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other", 1947.
    """
    tagged, others = task.tagged, task.others
    folds = np.arange(len(tagged)) % min(FOLDS, len(tagged))
    wins = 0.0
    for fold in range(folds.max() + 1):
        chosen, _ = task.alternate(folds != fold)
        direction = unit(tagged.white[chosen].sum(axis=0, keepdims=True))
        tops = [
            np.maximum.reduceat(
                task.scores(each.white, direction, np.zeros(len(each.rows), np.int64)) + each.prior, each.starts
            )
            for each in (tagged, others)
        ]
        differences = tops[0][folds == fold][:, None] - tops[1]
        wins += float((differences > 0).sum() + (differences == 0).sum() / 2)
    pairs = len(tagged) * len(others)
    deviation = np.sqrt((len(tagged) + len(others) + 1) / (12 * pairs))
    return wins / pairs, float((wins / pairs - 0.5) / deviation)


def _whitened(vectors: Vectors) -> Vectors:
    """Unit vectors whitened by the shrunk covariance of all segments."""
    if not len(vectors):
        return vectors
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = vectors - mean
    covariance = (centred.T @ centred).astype(np.float64) / len(centred)
    dim = len(covariance)
    level = max(np.trace(covariance) / dim, 1e-12)
    values, axes = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * level * np.eye(dim))
    return unit(centred @ ((axes / np.sqrt(values)) @ axes.T).astype(np.float32))


def _prior(bags: Bags) -> Floats:
    """How much each segment looks like a thing, by its quality and its size, unless it is nearly the whole frame."""
    size = np.clip(np.minimum(bags.share, 1 - bags.share), 1e-3, LARGE)
    extent = np.clip(bags.extent, 1e-3, WIDE)
    quality = QUALITY_WEIGHT * np.log(bags.quality + QUALITY_FLOOR)
    prior: Floats = quality + SHARE_WEIGHT * np.log(size) + EXTENT_WEIGHT * np.log(extent)
    return prior
