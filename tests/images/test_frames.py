"""Masks and polygons in another frame agree with each other, and with a mask that is resized pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.images.frames import scaled_polygons, scaled_run
from retrieval.images.masks import decode_mask, encode_mask
from retrieval.images.polygons import mask_of_polygons


def blob(height: int, width: int, seed: int) -> np.ndarray:
    mask = np.random.default_rng(seed).random((height, width)) < 0.6
    mask[height // 2, width // 2] = True
    return np.kron(mask, np.ones((2, 2))).astype(bool)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60))
def test_every_pixel_takes_the_value_that_its_centre_falls_in(
    height: int, width: int, seed: int, to_height: int, to_width: int
) -> None:
    mask = blob(height, width, seed)
    rows = np.floor((np.arange(to_height) + 0.5) * mask.shape[0] / to_height + 1e-9).astype(int)
    columns = np.floor((np.arange(to_width) + 0.5) * mask.shape[1] / to_width + 1e-9).astype(int)
    expected = mask[rows][:, columns]
    run = (mask.shape[0], mask.shape[1]), encode_mask(mask)
    found = decode_mask(*scaled_run(run, (to_height, to_width)))
    if expected.any():
        np.testing.assert_array_equal(found, expected)
    else:
        assert found.any(), "a mask that was not empty stays so"


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10**6), st.floats(1, 5))
def test_polygons_cover_what_the_mask_does(height: int, width: int, seed: int, factor: float) -> None:
    mask = blob(height, width, seed)
    run = (mask.shape[0], mask.shape[1]), encode_mask(mask)
    size = round(mask.shape[0] * factor), round(mask.shape[1] * factor)
    drawn = mask_of_polygons([each.ravel().tolist() for each in scaled_polygons(run, size)], size)
    np.testing.assert_array_equal(drawn, decode_mask(*scaled_run(run, size)))


@pytest.mark.parametrize("value", [False, True], ids=["empty", "full"])
def test_nothing_and_everything(value: bool) -> None:
    run = (3, 4), encode_mask(np.full((3, 4), value))
    assert decode_mask(*scaled_run(run, (7, 9))).all() == value
    assert [each.tolist() for each in scaled_polygons(run, (7, 9))] == (
        [[[0, 0], [0, 7], [9, 7], [9, 0]]] if value else []
    )


def test_the_same_size_is_the_same_mask() -> None:
    run = (4, 4), encode_mask(np.eye(4, dtype=bool))
    assert scaled_run(run, (4, 4)) is run
