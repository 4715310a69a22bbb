"""Fitting the ranking of segments under a click."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.evaluation.datasets import load_photos
from retrieval.recipes import recipe_spec
from retrieval.search.click_ranking import FEATURES
from training.fit_click_ranking import INSIDE, MOST, Clicks, collect, emphasis_of, figures, fit
from training.photos import FOLDS, fold_numbers

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "coco-dev"


def clicks(count: int = 400, under: int = 5) -> Clicks:
    """Clicks under which the IoU is by half what the second feature says; the others say nothing."""
    rng = np.random.default_rng(0)
    features = np.zeros((count, MOST, len(FEATURES)), np.float32)
    features[:, :under] = rng.uniform(0, 1, (count, under, len(FEATURES)))
    overlaps = np.full((count, MOST), np.nan, np.float32)
    overlaps[:, :under] = (features[:, :under, 1] + rng.uniform(0, 1, (count, under))) / 2
    return Clicks(features, overlaps, rng.integers(0, 20, count), rng.random(count) < 0.2)


def test_it_learns_what_tells_the_overlap() -> None:
    weights = np.abs(fit(clicks()).weights)
    assert weights.argmax() == 1
    assert (weights[[0, 2, 3]] < 0.15 * weights[1]).all()


def test_the_fitted_order_is_better_than_another() -> None:
    examples = clicks()
    fitted, other = (
        figures(examples, examples.features @ fit(examples).weights),
        figures(examples, examples.features[..., 0]),
    )
    assert all(a > b + 0.05 for a, b in zip(fitted[:2], other[:2], strict=True))


def test_middles_weigh_as_much_as_points_inside_and_crowded_photos_by_the_root_of_their_clicks() -> None:
    examples = clicks(12)
    middle = np.array([True] * 4 + [False] * 8)
    photos = np.array([0, 1, 1, 1, 0, 0, 0, 0, 1, 2, 2, 2])
    weights = emphasis_of(Clicks(examples.features, examples.overlaps, photos, middle))
    assert weights[middle].sum() == pytest.approx(0.5)
    assert weights[~middle].sum() == pytest.approx(0.5)
    assert weights[0] / weights[1] == pytest.approx(np.sqrt(4 / 5), abs=1e-9)


def test_clicks_on_nothing_count_as_missed_and_teach_nothing() -> None:
    examples = clicks()
    overlaps = examples.overlaps.copy()
    overlaps[:100] = np.nan
    with_misses = Clicks(examples.features, overlaps, examples.photos, examples.middle)
    rest = examples[np.arange(len(examples)) >= 100]
    np.testing.assert_allclose(fit(with_misses).weights, fit(rest).weights, atol=1e-5)
    scores = np.zeros(overlaps.shape)
    assert figures(with_misses, scores)[0] == pytest.approx(0.75 * figures(rest, scores[100:])[0])


def test_the_best_of_three_is_never_worse_than_the_first() -> None:
    examples = clicks()
    first, share, best, best_share = figures(examples, examples.features[..., 2])
    assert best >= first
    assert best_share >= share


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    examples = clicks(3)
    examples.save(tmp_path / "clicks.npz")
    again = Clicks.load(tmp_path / "clicks.npz")
    for name in ("features", "overlaps", "photos", "middle"):
        np.testing.assert_array_equal(getattr(again, name), getattr(examples, name))


def test_folds_are_of_one_size_and_always_the_same() -> None:
    sizes = np.bincount(fold_numbers(393), minlength=FOLDS)
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(fold_numbers(393), fold_numbers(393))


@pytest.mark.skipif(not DATA.is_dir(), reason="the development photos are not at ../shared/data")
def test_clicks_on_real_photos() -> None:
    """On the grid, whose cells cover every point."""
    photos = load_photos(DATA)[:2]
    found = collect(recipe_spec("grid").build("cpu", 1), photos, seed=0)
    assert len(found) == (1 + INSIDE) * sum(len(photo.objects) for photo in photos)
    assert found.middle.sum() * (1 + INSIDE) == len(found)
    assert found.there.any(axis=1).all()
    assert set(found.photos.tolist()) <= {0, 1}
