"""What the ranking learns from: which nodes fit an object best."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
from retrieval.segment.parameters import HierarchyParameters
from training.fit_objectness import Nodes, calibrated, fit, fitting_best


def test_an_object_counts_once_over_all_its_nodes() -> None:
    iou = np.array([[0.9, 0.0], [0.89, 0.1], [0.5, 0.3], [0.0, 0.8]], np.float32)
    counts = fitting_best(iou)
    assert counts.sum() == pytest.approx(2)
    assert counts[0] > counts[1] > 0.4 > 0.01 > counts[2], "shared among those that fit nearly as well"
    assert counts[3] == pytest.approx(1)


def test_an_object_that_no_node_fits_counts_nothing() -> None:
    assert fitting_best(np.array([[0.3], [0.39]], np.float32)).tolist() == [0, 0]


def test_a_node_can_fit_several_objects() -> None:
    assert fitting_best(np.array([[0.8, 0.7], [0.1, 0.1]], np.float32)).tolist() == [2, 0]


def photo_of(rng: np.random.Generator) -> tuple[Nodes, NDArray[np.bool_], NDArray[np.bool_]]:
    """Sixty nodes that do not overlap, those that fit an object, and those that do so best."""
    measures = rng.normal(3, 2, (60, 3)).astype(np.float32)
    vectors = rng.normal(0, 0.2, (60, 4)).astype(np.float32)
    fits = measures[:, 0] + 10 * vectors[:, 1] > 5
    best = fits & (vectors[:, 2] > 0)
    objects = np.where(np.eye(60, dtype=bool), 0.8, 0.1).astype(np.float32)[:, best]
    objects[fits & ~best, 0] = 0.55
    return Nodes(measures, vectors, objects, np.eye(60, dtype=np.float16)), fits, best


@pytest.mark.slow
def test_it_learns_which_nodes_fit_and_how_many_objects() -> None:
    rng = np.random.default_rng(0)
    nodes, fits, best = zip(*(photo_of(rng) for _ in range(100)), strict=True)
    fit_, best_ = np.concatenate(fits), np.concatenate(best)

    def told() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        model = calibrated(fit(nodes, seed=0, epochs=80), nodes, HierarchyParameters(limit=60))
        pairs = [(each.measures, each.vectors) for each in nodes]
        gains = np.full(60, 0.5, np.float32)
        return (
            np.concatenate([model(*pair) for pair in pairs]),
            np.concatenate([model.expected(*pair) for pair in pairs]),  # type: ignore[misc]
            np.concatenate([model.quality_of_chosen(*pair, gains) for pair in pairs]),
        )

    quality, expected, of_chosen = told()
    for probability in (quality, of_chosen):
        assert probability[fit_].mean() > 0.7 > 0.2 > probability[~fit_].mean()
    assert expected[best_].mean() == pytest.approx(0.95, abs=0.1)
    assert expected.sum() == pytest.approx(best_.sum(), rel=0.1)
    np.testing.assert_array_equal(told()[0], quality)
