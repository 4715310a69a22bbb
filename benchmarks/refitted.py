"""Everything of ``lite`` that is fitted to annotated photos, fitted anew to some of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.embed.projection import Descriptors, Projection, unit
from retrieval.recipes.lite import PARAMETERS, objectness_path, projection_path, recipe_spec
from retrieval.search.click_ranking import ClickRanker, SegmentsUnderClick, log_odds
from retrieval.segment.hierarchy import suppress_duplicates
from retrieval.segment.objectness import Objectness
from retrieval.types import Vectors
from training.fit_click_ranking import MOST, Clicks
from training.fit_click_ranking import fit as fit_click_ranking
from training.fit_objectness import Nodes, calibrated
from training.fit_objectness import fit as fit_objectness
from training.fit_projection import Lengths, fitted

from .unfitted_photos import UnfittedPhoto, added_sources

CHOSEN = PARAMETERS["lite"].hierarchy
SUPPRESSED = replace(CHOSEN, max_overlap=0.7, limit=100)
"""How segments were chosen before they covered the objects."""


@dataclass(frozen=True, eq=False, slots=True)
class Refitted:
    """What is fitted.

    Attributes
    ----------
    objectness : Objectness
        Chooses segments, and tells their quality.
    projection : Projection
    words : ndarray of shape (W, D), float32
        Of the classifier, and those that were learned.
    ranker : ClickRanker
    """

    objectness: Objectness
    projection: Projection
    words: Vectors
    ranker: ClickRanker

    def segments(self, nodes: Nodes, *, covering: bool = True) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The candidates that become segments, best first, and their qualities.

        Parameters
        ----------
        nodes : Nodes
        covering : bool
            Those that together cover what is expected, otherwise the best without duplicates.
        """
        if not len(nodes.measures):
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        if covering:
            return covering_segments(nodes, self.objectness)
        quality = self.objectness(nodes.measures, nodes.vectors)
        order = np.argsort(-quality, kind="stable")
        iou = nodes.iou[np.ix_(order, order)].astype(np.float32)
        rows = order[suppress_duplicates(iou, SUPPRESSED.max_overlap, SUPPRESSED.limit)]
        return rows, quality[rows]


def shipped() -> Refitted:
    """What the program ships."""
    spec = recipe_spec("lite")
    if spec.word_vectors is None:
        raise ValueError("the recipe lite has no words")
    projection = Projection.load(projection_path("lite"))
    return Refitted(Objectness.load(objectness_path("lite")), projection, spec.word_vectors, ClickRanker.load())


def covering_segments(nodes: Nodes, model: Objectness) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Those that cover what is expected, best first, and their qualities."""
    rows, gains = nodes.chosen(model, CHOSEN)
    quality = model.quality_of_chosen(nodes.measures[rows], nodes.vectors[rows], gains)
    order = np.argsort(-quality, kind="stable")
    return rows[order], quality[order]


def refit(photos: Sequence[UnfittedPhoto], directions: Descriptors, seed: int = 0) -> Refitted:
    """Fit ranking, projection, words and the ranking of clicks.

    Parameters
    ----------
    photos : sequence of UnfittedPhoto
        Those of ``coco-dev`` that may be learned from.
    directions : ndarray of shape (1000, C), float32
        The classifier's words.
    seed : int
        Of the ranking, the only part that is random.

    Notes
    -----
    Some three minutes on one core, and 3 GB.
    """
    nodes = [each.nodes for each in photos if each.fits.size]
    objectness = calibrated(fit_objectness(nodes, seed), nodes, CHOSEN)
    projection = _projection(photos, directions)
    added = [_added_word(source.categories.split(","), photos, projection) for source in added_sources()]
    words = np.concatenate([projection.word_vectors, np.stack(added)])
    ranker = fit_click_ranking(clicks_of(photos, objectness))
    return Refitted(objectness, projection, words[words.any(axis=1)], ranker)


def _projection(photos: Sequence[UnfittedPhoto], directions: Descriptors) -> Projection:
    """As `training.fit_projection` fits it, to these photos alone."""
    return fitted(
        [each.best.astype(np.float32) for each in photos],
        [each.objects.astype(np.float32) for each in photos],
        [name for each in photos for name in each.names.tolist()],
        np.concatenate([each.photo for each in photos]),
        directions,
        Lengths(),
    )


def _added_word(names: Sequence[str], photos: Sequence[UnfittedPhoto], projection: Projection) -> Vectors:
    """The mean of a word's regions, (D,), as `training.learn_words` has it; zero without any."""
    regions = np.concatenate([each.regions[np.isin(each.region_names, names)] for each in photos])
    if not len(regions):
        return np.zeros(projection.segment.components.shape[1], np.float32)
    return unit(projection.segment.apply(regions.astype(np.float32)).mean(axis=0))


def clicks_of(photos: Sequence[UnfittedPhoto], model: Objectness) -> Clicks:
    """Clicks in the middles of objects, with the segments under them that a network chooses."""
    rows: list[tuple[NDArray[np.float32], NDArray[np.float32], int, bool]] = []
    for number, photo in enumerate(photos):
        if not photo.fits.size:
            continue
        segments, quality = covering_segments(photo.nodes, model)
        for click, under in under_clicks(photo, segments, quality):
            features, overlaps = np.zeros((MOST, under.features.shape[1]), np.float32), np.full(MOST, np.nan)
            count = min(len(under), MOST)
            features[:count] = under.features[:count]
            overlaps[:count] = photo.fits[segments[under.rows[:count]], click]
            rows.append((features, overlaps.astype(np.float32), number, True))
    return Clicks(*(np.array(list(part)) for part in zip(*rows, strict=True)))


def under_clicks(
    photo: UnfittedPhoto, segments: NDArray[np.int64], quality: NDArray[np.float32]
) -> Iterator[tuple[int, SegmentsUnderClick]]:
    """The segments under each click on a photo, best first; `segments` are rows of its candidates."""
    place = np.full(len(photo.measures), -1)
    place[segments] = np.arange(len(segments))
    is_chosen = place[photo.under] >= 0
    places, shapes, clicks = place[photo.under][is_chosen], photo.shapes[is_chosen], photo.clicks[is_chosen]
    odds = log_odds(quality)
    for click in range(photo.fits.shape[1]):
        own = np.flatnonzero(clicks == click)
        own = own[np.argsort(places[own], kind="stable")]
        features = np.column_stack([odds[places[own]], shapes[own].astype(np.float64)])
        yield click, SegmentsUnderClick(places[own], np.exp(features[:, 2]), features)


def picked(
    photo: UnfittedPhoto, segments: NDArray[np.int64], quality: NDArray[np.float32], ranker: ClickRanker
) -> NDArray[np.int64]:
    """The segment that a click in the middle of each object picks, (O,); -1 in a photo without segments."""
    found = np.full(photo.fits.shape[1], -1)
    if not len(segments):
        return found
    for click, under in under_clicks(photo, segments, quality):
        nearest = int(photo.distances[click, segments].argmin())
        found[click] = under.rows[int(ranker(under).argmax())] if len(under) else nearest
    return found
