"""Photos that share most things with a photo, ranked in several ways: ``python -m benchmarks.set_matching --help``.

Every photo with an annotated object is a query; the others are ranked. Three measures, means over the queries:

- **any**: average precision, where a photo is relevant that shows at least one class of the query;
- **Jaccard**: nDCG of the first 50, where the gain of a photo is the Jaccard index of both photos' classes;
- **classes**: photo mAP, where each class of a query is asked for by itself if two other photos show it; mean over the
  queries of a class, then over the classes.

A way of ranking that has parameters is judged by five folds: on the queries of each, with the parameters that are best,
by *any*, on those of the other four. Intervals are of the difference to whole-photo likeness, by a paired bootstrap
over the queries. Vectors were whitened by objects of the training part, so the selection part is told apart.

References
----------
Wang, Li and Wiederhold, "SIMPLIcity: Semantics-Sensitive Integrated Matching for Picture Libraries", PAMI 2001, section
4; Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", TOIS 2002.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numba import njit
from numpy.typing import NDArray

from indexer.bench.results import OUT, report
from retrieval.assembly import Assembly
from retrieval.embed.projection import unit
from retrieval.evaluation.datasets import load_photos
from retrieval.index.ranking import average_precision
from retrieval.query.request import Ref, SearchRequest
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings
from retrieval.types import Vectors

Floats = NDArray[np.float64]
FOLDS = 5
DEPTH = 50
LEAST_OTHERS = 2
BASELINE, PRODUCT = "whole photos, as the product", "things, as the product"
WHITENINGS, SHRINKAGE = (-1.0, -0.5, 0.0, 0.5), 0.02
QUALITIES, POWERS, AREAS = (0.0, 0.5, 1.0, 2.0), (1, 2, 3), (0.0, 0.5)


@dataclass(frozen=True, eq=False, slots=True)
class Photo:
    """A photo's things and segments, and the classes that it shows."""

    id: int
    name: str
    classes: NDArray[np.bool_]
    things: Vectors
    quality: Floats
    area: Floats
    segments: Vectors
    whole: Vectors


@click.command()
@click.argument("data_dir", type=click.Path(exists=True, path_type=Path))
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Folder of `coco-dev`.")
@OUT
def main(data_dir: Path, data: Path, out: Path | None) -> None:
    """Compare ways to rank the photos of `coco-dev`, which DATA_DIR has ingested."""
    assembly = Assembly(Settings.in_data_dir(data_dir))
    engine = assembly.engine()
    engine.refresh()
    names = {photo.path.name: photo.categories for photo in load_photos(data / "coco-dev")}
    photos = list(_photos(engine, names))
    queries = np.flatnonzero([photo.classes.any() for photo in photos])
    selected = {p.path.name for p in load_photos(data / "coco-dev", splits=data / "splits.json", part="select")}
    kept_back = np.array([photos[row].name in selected for row in queries])
    measure = Measure(np.stack([photo.classes for photo in photos]), queries)
    by_whole, by_things = (_asked(engine, photos, compare, limit=1000) for compare in ("whole", "things"))
    baseline = measure.values(by_whole.scores)
    figures: dict[str, Any] = {"photos": len(photos), "queries": len(queries), BASELINE: told(baseline)}
    figures["selection part"] = {"queries": int(kept_back.sum()), BASELINE: told(drawn(baseline, kept_back))}
    figures["likely photos that share a class"] = {
        BASELINE: measure.right(by_whole.likely),
        PRODUCT: measure.right(by_things.likely),
        "all photos": measure.right(np.ones_like(by_whole.likely)),
    }
    first = _asked(engine, photos, "things", limit=DEPTH).scores
    figures["of the first n by all photos, found"] = {n: _recall(first, by_things.scores, n) for n in (10, DEPTH)}
    for name, rankings in ways(photos, by_things.scores):
        found = by_folds({parameters: measure.values(scores) for parameters, scores in rankings.items()})
        figures[name] = told(found, baseline)
        figures["selection part"][name] = told(drawn(found, kept_back), drawn(baseline, kept_back))
        click.echo(f"{name}: {figures[name]}", err=True)
    report(figures, out)


def _name(path: Path | None) -> str:
    return "" if path is None else path.name


def _photos(engine: SearchEngine, names: Mapping[str, frozenset[str]]) -> Iterator[Photo]:
    every = sorted(set().union(*names.values()))
    for image in engine.catalog.images.page(limit=10_000):
        if _name(image.path) not in names:
            continue
        records, vectors = engine.lookup.things_of(Ref(image=image.id))
        ids = engine.segments.ids_of_images(np.array([image.id]))
        yield Photo(
            id=image.id,
            name=_name(image.path),
            classes=np.array([each in names[_name(image.path)] for each in every]),
            things=vectors.reshape(len(records), engine.segments.dim),
            quality=np.array([each.quality for each in records]),
            area=np.array([each.area / ((image.height or 1) * (image.width or 1)) for each in records]),
            segments=engine.segments.get(ids),
            whole=engine.catalog.vectors.of_image(image.id),
        )


def ways(photos: list[Photo], by_things: Floats) -> Iterator[tuple[str, dict[Any, Floats]]]:
    """Ways to rank: scores of all photos (columns) for all photos (rows), by their parameters."""
    whole = np.stack([photo.whole for photo in photos]).astype(np.float64)
    whole = whole @ whole.T
    yield PRODUCT, {(): by_things}
    yield "mean vector of the things", {key: _means(photos, *key) for key in itertools.product(QUALITIES, AREAS)}
    parameters = list(itertools.product(QUALITIES, AREAS, POWERS))
    cosines = _best(photos, [each.segments for each in photos])
    of_things = _best(photos, [each.things for each in photos])
    forward = {key: _forward(photos, cosines, *key) for key in parameters}
    yield "best cosines", forward
    plain = {key: scores for key, scores in forward.items() if key[2] == 1}
    yield "best cosines, power 1", plain
    yield (
        "best cosines, both ways",
        {
            (share, *key): scores + share * _forward(photos, of_things, *key).T
            for share in (0.25, 0.5, 1.0)
            for key, scores in plain.items()
        },
    )
    yield (
        "best cosines, other whitening",
        {
            power: _forward(again, _best(again, [each.segments for each in again]), 1.0, 0.0, 1)
            for power, again in ((power, _whitened(photos, power)) for power in WHITENINGS)
        },
    )
    yield (
        "integrated region matching",
        {key: _irm(photos, *key) for key in itertools.product(QUALITIES, (0.0, 0.5, 1.0))},
    )
    yield "kernel of all pairs", {key: _kernel(photos, *key) for key in itertools.product((0.5, 1.0), (1, 3, 6))}
    yield (
        "best cosines and whole photos",
        {share: forward[1.0, 0.0, 1] + share * whole for share in (0.05, 0.1, 0.2, 0.5)},
    )


@dataclass(frozen=True, eq=False, slots=True)
class Asked:
    """How the product ranks all photos (columns) for all photos (rows), and which it calls likely."""

    scores: Floats
    likely: NDArray[np.bool_]


def _asked(engine: SearchEngine, photos: list[Photo], compare: Any, limit: int) -> Asked:
    rows = {photo.id: row for row, photo in enumerate(photos)}
    scores = np.full((len(photos), len(photos)), -np.inf)
    likely = np.zeros(scores.shape, bool)
    for row, photo in enumerate(photos):
        request = SearchRequest(positive=(Ref(image=photo.id),), limit=limit, compare=compare)
        for match in engine.search(request).results:
            if match.image_id in rows:
                scores[row, rows[match.image_id]] = match.score
                likely[row, rows[match.image_id]] = match.likely
    return Asked(scores, likely)


def _recall(found: Floats, every: Floats, count: int) -> float:
    """Which share of the first photos of a comparison with all is among the first that were found."""
    best = [np.argsort(-each, axis=1, kind="stable")[:, :count] for each in (found, every)]
    return round(float(np.mean([np.isin(want, got).mean() for got, want in zip(*best, strict=True)])), 4)


def _weights(photo: Photo, quality: float, area: float) -> Floats:
    weights = photo.quality**quality * photo.area**area
    return weights / max(weights.sum(), 1e-9)


def _means(photos: list[Photo], quality: float, area: float) -> Floats:
    means = np.stack([_weights(each, quality, area) @ each.things for each in photos])
    means = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return means @ means.T


def _whitened(photos: list[Photo], power: float) -> list[Photo]:
    """The photos with vectors whitened once more by the covariance of all segments; powers below 0 undo whitening."""
    values, axes = np.linalg.eigh(np.cov(np.concatenate([each.segments for each in photos]).T))
    shrunk = np.maximum(values, 0) + SHRINKAGE * values.mean()
    change = ((axes * shrunk ** (-power / 2)) @ axes.T).astype(np.float32)
    return [replace(each, things=unit(each.things @ change), segments=unit(each.segments @ change)) for each in photos]


def _best(photos: list[Photo], sets: list[Vectors]) -> list[Floats]:
    """The cosine of each thing of each photo with the best vector of each set, (T, N); 0 for an empty one."""
    every = np.concatenate(sets)
    sizes = np.array([len(each) for each in sets])
    rows = np.flatnonzero(sizes)
    starts = (np.cumsum(sizes) - sizes)[rows]
    found = []
    for photo in photos:
        best = np.zeros((len(photo.things), len(sets)))
        best[:, rows] = np.maximum.reduceat(photo.things @ every.T, starts, axis=1)
        found.append(best)
    return found


def _forward(photos: list[Photo], cosines: list[Floats], quality: float, area: float, power: int) -> Floats:
    return np.stack(
        [
            _weights(each, quality, area) @ np.maximum(best, 0) ** power
            for each, best in zip(photos, cosines, strict=True)
        ]
    )


def _irm(photos: list[Photo], quality: float, area: float) -> Floats:
    weights = np.concatenate([_weights(each, quality, area) for each in photos])
    starts = np.cumsum([0, *(len(each.things) for each in photos)])
    return np.asarray(_matched_regions(np.concatenate([each.things for each in photos]), weights, starts))


@njit(cache=True)
def _matched_regions(things: Vectors, weights: Floats, starts: NDArray[np.intp]) -> Floats:
    """Most similar highest priority: pairs by falling cosine, each with what is left of both things' weights."""
    count = len(starts) - 1
    scores = np.zeros((count, count))
    for row in range(count):
        for column in range(count):
            left = weights[starts[row] : starts[row + 1]].copy()
            right = weights[starts[column] : starts[column + 1]].copy()
            if len(left) == 0 or len(right) == 0:
                continue
            cosines = things[starts[row] : starts[row + 1]] @ things[starts[column] : starts[column + 1]].T
            for pair in np.argsort(-cosines.ravel()):
                mine, theirs = pair // len(right), pair % len(right)
                credit = min(left[mine], right[theirs])
                scores[row, column] += credit * cosines[mine, theirs]
                left[mine] -= credit
                right[theirs] -= credit
    return scores


def _kernel(photos: list[Photo], quality: float, power: int) -> Floats:
    """Sums of powers of the cosines of all pairs of things."""
    weights = [_weights(each, quality, 0.0) for each in photos]
    return np.array(
        [
            [
                mine @ np.maximum(one.things @ other.things.T, 0) ** power @ theirs
                for other, theirs in zip(photos, weights, strict=True)
            ]
            for one, mine in zip(photos, weights, strict=True)
        ]
    )


@dataclass(frozen=True, eq=False, slots=True)
class Values:
    """Of each query: average precision, nDCG, and the average precision of each of its classes, NaN where not asked."""

    any: Floats
    jaccard: Floats
    classes: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Measure:
    """Measures rankings by the classes that photos show, (N, C), for some of the photos as queries."""

    shows: NDArray[np.bool_]
    queries: NDArray[np.intp]

    def right(self, chosen: NDArray[np.bool_]) -> float:
        """Which share of the photos that are chosen for a query shows one of its classes; mean over the queries."""
        shares = []
        for query in self.queries.tolist():
            rows = np.flatnonzero(chosen[query])
            rows = rows[rows != query]
            if len(rows):
                shares.append((self.shows[rows] & self.shows[query]).any(axis=1).mean())
        return round(float(np.mean(shares)), 4)

    def values(self, scores: Floats) -> Values:
        """Values of a ranking; a photo never finds itself."""
        precision, gain = np.zeros(len(self.queries)), np.zeros(len(self.queries))
        classes = np.full((len(self.queries), self.shows.shape[1]), np.nan)
        for place, query in enumerate(self.queries.tolist()):
            order = np.argsort(-scores[query], kind="stable")
            order = order[order != query]
            common = (self.shows[order] & self.shows[query]).sum(axis=1)
            relevant = common > 0
            precision[place] = average_precision(relevant, int(relevant.sum()))
            gains = common / (self.shows[order] | self.shows[query]).sum(axis=1)
            discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
            ideal = np.sort(gains)[::-1][:DEPTH] @ discounts
            gain[place] = gains[:DEPTH] @ discounts / ideal if ideal else 0.0
            for name in np.flatnonzero(self.shows[query]).tolist():
                shown = self.shows[order, name]
                if shown.sum() >= LEAST_OTHERS:
                    classes[place, name] = average_precision(shown, int(shown.sum()))
        return Values(precision, gain, classes)


def by_folds(found: Mapping[Any, Values]) -> Values:
    """The values of each fold's queries, with the parameters that are best on the others."""
    many = list(found.values())
    folds = np.random.default_rng(0).permutation(len(many[0].any)) % FOLDS
    best = [max(many, key=lambda each: float(each.any[folds != fold].mean())) for fold in range(FOLDS)]
    chosen = [best[fold] for fold in folds.tolist()]
    return Values(
        np.array([each.any[row] for row, each in enumerate(chosen)]),
        np.array([each.jaccard[row] for row, each in enumerate(chosen)]),
        np.stack([each.classes[row] for row, each in enumerate(chosen)]),
    )


def told(values: Values, baseline: Values | None = None) -> dict[str, Any]:
    """Means and, beside a baseline, 95 % intervals of the differences."""
    measures = {"any": lambda each: each.any.mean(), "Jaccard": lambda each: each.jaccard.mean(), "classes": _by_class}
    figures: dict[str, Any] = {name: round(float(of(values)), 4) for name, of in measures.items()}
    if baseline is None:
        return figures
    rng, count = np.random.default_rng(0), len(values.any)
    draws = [rng.integers(0, count, count) for _ in range(1000)]
    for name, of in measures.items():
        differences = [float(of(drawn(values, rows)) - of(drawn(baseline, rows))) for rows in draws]
        figures[f"{name}, gain"] = [round(float(each), 4) for each in np.percentile(differences, [2.5, 97.5])]
    return figures


def drawn(values: Values, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Values:
    """The values of some of the queries."""
    return Values(values.any[rows], values.jaccard[rows], values.classes[rows])


def _by_class(values: Values) -> float:
    asked = ~np.isnan(values.classes).all(axis=0)
    return float(np.nanmean(values.classes[:, asked], axis=0).mean())


if __name__ == "__main__":
    main()
