"""Fit the ranking of segments under a click: ``python -m training.fit_click_ranking --data FOLDER --examples FILE``.

Every annotated object of ``coco-dev`` is clicked in its middle (the pole of inaccessibility) and at random points
inside it. Both kinds weigh the same, and the clicks on a photo together weigh by the square root of their number, so
that crowded photos do not decide alone. The targets are a softmax of the segments' IoU with the object (ListNet). Five
folds by photo are measured, each by weights that have not seen it; then the weights are fitted to all photos.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.catalog.records import SegmentRecord
from retrieval.catalog.rows import segment_columns, segment_record_from
from retrieval.evaluation.datasets import AnnotatedPhoto, load_photos
from retrieval.images.decode import decode
from retrieval.recipes import recipe_spec
from retrieval.recipes.protocols import Recipe
from retrieval.search.click_ranking import FEATURES, PATH, ClickRanker, SegmentsUnderClick

from .photos import FOLDS, fold_numbers

logger = logging.getLogger(__name__)

INSIDE = 6
"""Random points inside each object."""
SHARPNESS = 10.0
"""A segment whose IoU is greater by a tenth is aimed at e times as often."""
PENALTY = 1e-4
ELSEWHERE = 60
"""So many photos of a set that is only measured, drawn evenly."""
MOST = 32
"""So many segments under a click are learned from, the best."""


@dataclass(frozen=True, eq=False, slots=True)
class Clicks:
    """Clicks on objects; C of them, each with up to `MOST` segments under it.

    Attributes
    ----------
    features : ndarray of shape (C, MOST, F), float32
    overlaps : ndarray of shape (C, MOST), float32
        IoU with the object; NaN where there are fewer segments.
    photos : ndarray of shape (C,), int64
    middle : ndarray of shape (C,), bool
        Whether the object was clicked in its middle.
    """

    features: NDArray[np.float32]
    overlaps: NDArray[np.float32]
    photos: NDArray[np.int64]
    middle: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Clicks:
        return Clicks(self.features[chosen], self.overlaps[chosen], self.photos[chosen], self.middle[chosen])

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which segments are there, (C, MOST)."""
        return np.isfinite(self.overlaps)

    def save(self, path: Path) -> None:
        """Write them as npz."""
        np.savez(path, features=self.features, overlaps=self.overlaps, photos=self.photos, middle=self.middle)

    @classmethod
    def load(cls, path: Path) -> Clicks:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            return cls(**{name: stored[name] for name in ("features", "overlaps", "photos", "middle")})


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--recipe", "name", default="lite", show_default=True)
@click.option(
    "--examples",
    type=click.Path(dir_okay=False, path_type=Path),
    help="An npz file of the clicks: read if it is there, written otherwise.",
)
@click.option("--out", type=click.Path(path_type=Path), default=PATH, help="retrieval/data/click-ranking.safetensors")
@click.option("--elsewhere", multiple=True, help=f"Another folder of --data, {ELSEWHERE} photos of which are measured.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(
    data: Path, name: str, examples: Path | None, out: Path, elsewhere: tuple[str, ...], seed: int, device: str
) -> None:
    """Measure folds, and write the weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if examples is not None and examples.is_file():
        clicks = Clicks.load(examples)
    else:
        recipe = recipe_spec(name).build(device, None)
        clicks = collect(recipe, load_photos(data / "coco-dev"), seed)
        if examples is not None:
            clicks.save(examples)
    measure_folds(clicks, seed)
    ranker = fit(clicks)
    ranker.save(out)
    weights = ", ".join(f"{name} {weight:.3f}" for name, weight in zip(FEATURES, ranker.weights, strict=True))
    logger.info("wrote %s: %s", out, weights)
    for folder in elsewhere:
        photos = load_photos(data / folder)
        drawn = photos[:: max(1, len(photos) // ELSEWHERE)][:ELSEWHERE]
        clicks = collect(recipe_spec(name).build(device, None), drawn, seed)
        _log_rules(folder, clicks, clicks.features @ ranker.weights, [np.ones(len(clicks), bool)])


def collect(recipe: Recipe, photos: list[AnnotatedPhoto], seed: int) -> Clicks:
    """Click every object of annotated photos, as the recipe segments them."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[NDArray[np.float32], NDArray[np.float32], int, bool]] = []
    for number, photo in enumerate(track(photos, description="clicks")):
        if not photo.objects:
            continue
        decoded = decode(photo.path, long_side=ANALYSIS_SIDE)
        features = recipe.extract([decoded.rgb])[0]
        analysis = recipe.embed(decoded.rgb, features, recipe.segment(decoded.rgb, features))
        columns = segment_columns(analysis, decoded.size_hw)
        segments = [segment_record_from(each, row, number) for row, each in enumerate(columns)]
        objects = np.stack([each.mask(analysis.segments.size_hw) for each in photo.objects])
        overlaps = analysis.segments.iou_with(objects)
        for column, each in enumerate(photo.objects):
            for point, middle in _points(each.mask(decoded.size_hw), each.pole(), rng):
                rows.append((*_row(segments, decoded.size_hw, point, overlaps[:, column]), number, middle))
    parts = zip(*rows, strict=True)
    return Clicks(*(np.array(list(part)) for part in parts))


def _points(
    mask: NDArray[np.bool_], pole: tuple[int, int], rng: np.random.Generator
) -> Iterator[tuple[tuple[int, int], bool]]:
    """The middle of an object, and random points inside it; x, y."""
    yield pole, True
    ys, xs = np.nonzero(mask)
    for drawn in rng.integers(0, len(ys), INSIDE):
        yield (int(xs[drawn]), int(ys[drawn])), False


def _row(
    segments: list[SegmentRecord], size_hw: tuple[int, int], point: tuple[int, int], overlaps: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features and overlaps of the segments under a point, filled up to `MOST`."""
    under = SegmentsUnderClick.at(segments, size_hw, point)
    count = min(len(under), MOST)
    features, found = np.zeros((MOST, len(FEATURES)), np.float32), np.full(MOST, np.nan, np.float32)
    features[:count], found[:count] = under.features[:count], overlaps[under.rows[:count]]
    return features, found


def fit(clicks: Clicks) -> ClickRanker:
    """Learn by cross-entropy between the softmax of the scores and that of the overlaps; convex."""
    clicks = clicks[np.asarray(clicks.there.any(axis=1), bool)]
    there = torch.from_numpy(clicks.there)
    features = torch.from_numpy(clicks.features).double()
    overlaps = torch.from_numpy(np.nan_to_num(clicks.overlaps)).double()
    target = torch.softmax((SHARPNESS * overlaps).masked_fill(~there, -torch.inf), dim=1)
    emphasis = torch.from_numpy(emphasis_of(clicks))
    weights = torch.zeros(len(FEATURES), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        chances = torch.log_softmax((features @ weights).masked_fill(~there, -torch.inf), dim=1)
        cross_entropy = -(target * chances.masked_fill(~there, 0)).sum(dim=1)
        value = (emphasis * cross_entropy).sum() + PENALTY * weights.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return ClickRanker(weights.detach().numpy().astype(np.float32))


def emphasis_of(clicks: Clicks) -> NDArray[np.float64]:
    """The weight of each click, (C,): a half for all middles, a half for all points inside."""
    _, photo, count = np.unique(clicks.photos, return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(count[photo])
    for kind in (clicks.middle, ~clicks.middle):
        weight[kind] /= 2 * weight[kind].sum()
    return np.asarray(weight, np.float64)


def measure_folds(clicks: Clicks, seed: int) -> None:
    """Log means over five folds, with their standard deviations, of the ranker and of rules without training."""
    folds = fold_numbers(int(clicks.photos.max()) + 1, seed)[clicks.photos]
    fitted = np.zeros(clicks.overlaps.shape, np.float32)
    for fold in range(FOLDS):
        held_out = np.asarray(folds == fold)
        fitted[held_out] = clicks.features[held_out] @ fit(clicks[~held_out]).weights
    _log_rules("folds", clicks, fitted, [np.asarray(folds == fold) for fold in range(FOLDS)])


def _log_rules(title: str, clicks: Clicks, fitted: NDArray[np.float32], parts: list[NDArray[np.bool_]]) -> None:
    """Log means over parts of the figures of the fitted scores, (C, MOST), and of two rules without training."""
    quality, centrality = (clicks.features[..., FEATURES.index(name)] for name in ("quality", "centrality"))
    with np.errstate(divide="ignore"):  # what is not there has no centrality
        product = 2 * np.log(centrality) - np.logaddexp(0, -quality)
    rules = {"quality": quality, "quality x centrality^2": product, "fitted": fitted}
    for kind, chosen in (("middles", clicks.middle), ("points inside", ~clicks.middle)):
        for name, scores in rules.items():
            found = np.array([figures(clicks[chosen & part], scores[chosen & part]) for part in parts])
            shown = [f"{mean:.3f}" for mean in found.mean(axis=0)]
            if len(parts) > 1:
                shown = [
                    f"{mean} ± {spread:.3f}" for mean, spread in zip(shown, found.std(axis=0, ddof=1), strict=True)
                ]
            logger.info("%s, %s, %s: IoU %s, share >= .5 %s; best of three IoU %s, share %s", title, kind, name, *shown)


def figures(clicks: Clicks, scores: NDArray[np.floating]) -> tuple[float, float, float, float]:
    """Mean IoU of the first segment by the scores, (C, MOST), and share of at least .5; the same of the best of 3."""
    order = np.argsort(np.where(clicks.there, -scores, np.inf), axis=1, kind="stable")
    ranked = np.take_along_axis(np.nan_to_num(clicks.overlaps), order, axis=1)
    first, best = ranked[:, 0], ranked[:, :3].max(axis=1)
    return float(first.mean()), float((first >= 0.5).mean()), float(best.mean()), float((best >= 0.5).mean())


if __name__ == "__main__":
    main()
