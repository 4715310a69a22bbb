"""Mean colours."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.embed.mean_color import mean_colors
from retrieval.types import Segments


def halves(size: int = 16) -> Segments:
    left = np.zeros((size, size), bool)
    left[:, : size // 2] = True
    return Segments.from_masks(np.stack([left, ~left, left | ~left]), np.ones(3, np.float32))


def two_colored(left: tuple[int, int, int], right: tuple[int, int, int], size: int = 16) -> np.ndarray:
    image = np.full((size, size, 3), right, np.uint8)
    image[:, : size // 2] = left
    return image


def test_means_and_spreads_by_eye() -> None:
    found = mean_colors(two_colored((255, 0, 0), (0, 0, 255)), halves())
    np.testing.assert_allclose(found[0], np.array([1, -1, -1, 0, 0, 0]) / 3**0.5, atol=1e-5)
    np.testing.assert_allclose(found[1], np.array([-1, -1, 1, 0, 0, 0]) / 3**0.5, atol=1e-5)
    np.testing.assert_allclose(found[2], np.array([0, -1, 0, 1, 0, 1]) / 3**0.5, atol=1e-5)


@pytest.mark.parametrize("scale", [2, 5])
def test_the_scale_of_the_image_does_not_matter(scale: int) -> None:
    image = two_colored((10, 200, 90), (250, 30, 60))
    large = image.repeat(scale, 0).repeat(scale, 1)
    np.testing.assert_allclose(mean_colors(large, halves()), mean_colors(image, halves()), atol=1e-5)


@pytest.mark.parametrize("value", [0, 127, 128, 255])
def test_rows_are_unit_even_in_grey(value: int) -> None:
    found = mean_colors(np.full((16, 16, 3), value, np.uint8), halves())
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def test_no_segment_no_row() -> None:
    found = mean_colors(two_colored((1, 2, 3), (4, 5, 6)), halves()[:0])
    assert found.shape == (0, 6)
    assert found.dtype == np.float32
