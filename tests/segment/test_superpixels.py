"""The leaves of the hierarchy: connected, not tiny, and no coarser than the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from toys import drawing

from retrieval.segment.superpixels import superpixels


def labels_of(image: NDArray[np.uint8], min_size: int = 20) -> NDArray[np.int32]:
    return superpixels(image, scale=40.0, min_size=min_size)


def quadrants(side: int = 40) -> NDArray[np.uint8]:
    colors = np.array([[[220, 30, 30], [30, 220, 30]], [[30, 30, 220], [220, 220, 30]]], np.uint8)
    return np.kron(colors, np.ones((side // 2, side // 2, 1), np.uint8))


@pytest.mark.parametrize("seed", range(4))
def test_labels_are_a_partition_into_connected_parts(seed: int) -> None:
    labels = labels_of(np.asarray(drawing(seed)))
    assert labels.shape == (72, 96)
    assert labels.dtype == np.int32
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    for label in range(labels.max() + 1):
        parts, _ = cv2.connectedComponents((labels == label).astype(np.uint8), connectivity=4)
        assert parts == 2, "background and one part"


def test_noise_leaves_no_part_smaller_than_asked_for() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    labels = labels_of(noise, min_size=25)
    assert labels.max() > 0
    assert np.bincount(labels.ravel()).min() >= 25


def test_colours_are_kept_apart() -> None:
    labels = labels_of(quadrants())
    inner = [labels[10, 10], labels[10, 30], labels[30, 10], labels[30, 30]]
    assert len(set(inner)) == 4
    for y, x, label in ((0, 0, inner[0]), (0, 22, inner[1]), (22, 0, inner[2]), (22, 22, inner[3])):
        block = labels[y : y + 18, x : x + 18]
        assert (block == label).mean() > 0.95


@pytest.mark.parametrize("shape", [(16, 16), (16, 500), (500, 16), (1, 40)])
def test_one_colour_is_one_part(shape: tuple[int, int]) -> None:
    assert labels_of(np.full((*shape, 3), 90, np.uint8)).max() == 0


def test_the_same_picture_gives_the_same_labels() -> None:
    image = np.asarray(drawing(5))
    np.testing.assert_array_equal(labels_of(image), labels_of(image))
