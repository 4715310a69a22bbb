"""Basins between boundaries."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.segment.watershed import watershed


def relief(seed: int, shape: tuple[int, int] = (60, 80)) -> NDArray[np.float32]:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(shape).astype(np.float32), (0, 0), 3)
    return (noise - noise.min()) / (noise.max() - noise.min())


def walls(*at: int, side: int = 40) -> NDArray[np.float32]:
    strength = np.zeros((side, side), np.float32)
    strength[:, list(at)] = 1
    return strength


@pytest.mark.parametrize("seed", range(4))
def test_labels_are_a_partition_into_connected_parts(seed: int) -> None:
    labels = watershed(relief(seed), sigma=0.7, min_size=12)
    assert labels.shape == (60, 80)
    assert labels.dtype == np.int32
    sizes = np.bincount(labels.ravel())
    assert len(sizes) > 5
    assert sizes.min() >= 12
    for label in range(len(sizes)):
        parts, _ = cv2.connectedComponents((labels == label).astype(np.uint8), connectivity=4)
        assert parts == 2, "background and one part"


def test_a_wall_parts_two_basins() -> None:
    labels = watershed(walls(13), sigma=0, min_size=5)
    assert labels.max() == 1
    assert len({*labels[:, :13].ravel()}) == len({*labels[:, 14:].ravel()}) == 1
    assert labels[0, 0] != labels[0, -1]


def test_a_gap_in_the_wall_does_not_join_what_lies_deep_on_both_sides() -> None:
    strength = np.maximum(walls(20), 0.2 * walls(18, 19, 21, 22))
    strength[18:21, 20] = 0.5
    assert watershed(strength, sigma=0, min_size=5).max() == 1


def test_small_basins_go_to_the_neighbour_across_the_weaker_wall() -> None:
    strength = 1.0 * walls(10) + 0.5 * walls(13)
    labels = watershed(strength, sigma=0, min_size=200)
    assert labels.max() == 1
    assert labels[5, 11] == labels[5, 30] != labels[5, 2]


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (5, 7)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_no_boundary_no_cut(shape: tuple[int, int], value: float) -> None:
    assert watershed(np.full(shape, value, np.float32), sigma=1.0, min_size=4).max() == 0


def test_strengths_beyond_the_range_are_taken_for_its_ends() -> None:
    np.testing.assert_array_equal(
        watershed(3 * walls(9) - 1, sigma=0, min_size=4), watershed(walls(9), sigma=0, min_size=4)
    )
