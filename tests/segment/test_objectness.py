"""The network that ranks regions, as a file and as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from retrieval.errors import WeightsCorruptError
from retrieval.segment.objectness import Objectness

RNG = np.random.default_rng(0)
MEASURES, VECTORS = RNG.normal(size=(7, 3)).astype(np.float32), RNG.normal(size=(7, 4)).astype(np.float32)


def network(hidden: tuple[int, ...] = (5, 6), *, counts: bool = True) -> Objectness:
    rng, widths = np.random.default_rng(1), (7, *hidden, 2)
    weights = [rng.normal(size=pair).astype(np.float32) for pair in zip(widths, widths[1:], strict=False)]
    biases = [rng.normal(size=width).astype(np.float32) for width in widths[1:]]
    count = rng.normal(size=(widths[-2], 1)).astype(np.float32), np.array([-3], np.float32)
    return Objectness(tuple(weights), tuple(biases), (1.5, -0.5), count if counts else None, (0.8, 0.2))


def test_both_heads_see_the_last_hidden_layer() -> None:
    model = network((2,))
    hidden = np.maximum(np.concatenate([MEASURES, VECTORS], axis=1) @ model.weights[0] + model.biases[0], 0)
    chance = (1 / (1 + np.exp(-(hidden @ model.weights[1] + model.biases[1])))).mean(axis=1)
    quality = 1 / (1 + np.exp(-(1.5 * np.log(chance / (1 - chance)) - 0.5)))
    np.testing.assert_allclose(model(MEASURES, VECTORS), quality, atol=1e-5)
    assert model.count is not None
    counts = np.exp(np.minimum(hidden @ model.count[0] + model.count[1], 0))[:, 0]
    np.testing.assert_allclose(model.expected(MEASURES, VECTORS), counts, rtol=1e-4)


def test_no_region_is_expected_to_fit_more_than_one_object() -> None:
    counts = network().expected(100 * MEASURES, 100 * VECTORS)
    assert counts is not None
    assert counts.max() == 1
    assert counts.min() >= 0


def test_without_the_second_head_nothing_is_expected() -> None:
    assert network(counts=False).expected(MEASURES, VECTORS) is None


def test_it_is_not_confused_by_what_is_far_from_all_it_learned_from() -> None:
    quality = network()(1e6 * MEASURES, VECTORS)
    assert np.isfinite(quality).all()


def test_what_adds_less_has_less_quality() -> None:
    model, twice = network(), np.ones((2, 1), np.float32)
    quality = model.quality_of_chosen(twice * MEASURES[:1], twice * VECTORS[:1], np.array([0.5, 0.01], np.float32))
    odds = np.log(quality / (1 - quality))
    assert odds[0] - odds[1] == pytest.approx(0.8 * 0.5 * np.log(50), rel=1e-3)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("hidden", [(), (5,), (5, 6)])
def test_a_file_gives_the_same_network(hidden: tuple[int, ...], counts: bool, tmp_path: Path) -> None:
    model = network(hidden, counts=counts)
    model.save(tmp_path / "model.safetensors")
    again = Objectness.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again(MEASURES, VECTORS), model(MEASURES, VECTORS))
    np.testing.assert_array_equal(again.expected(MEASURES, VECTORS), model.expected(MEASURES, VECTORS))
    assert again.chosen_calibration == (model.chosen_calibration if counts else (1.0, 0.0))


@pytest.mark.parametrize("missing", ["count_bias", "chosen_calibration", "bias_1", "weights_0"])
def test_an_incomplete_file_is_refused(missing: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    network().save(path)
    tensors = load_file(path)
    del tensors[missing]
    save_file(tensors, path)
    with pytest.raises(WeightsCorruptError, match="not an objectness model"):
        Objectness.load(path)
