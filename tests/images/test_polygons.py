"""Masks that are made polygons and drawn again are as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.images.polygons import mask_of_polygons, polygons_of, single_polygon


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    seed, share = draw(st.integers(0, 10**6)), draw(st.sampled_from([0.1, 0.5, 0.9]))
    mask = np.random.default_rng(seed).random((height, width)) < share
    mask[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    return np.kron(mask, np.ones((draw(st.integers(1, 4)),) * 2)).astype(bool)


@given(masks())
def test_there_and_back(mask: np.ndarray) -> None:
    polygons = polygons_of(mask)
    size = mask.shape[0], mask.shape[1]
    np.testing.assert_array_equal(mask_of_polygons([each.ravel().tolist() for each in polygons], size), mask)
    np.testing.assert_array_equal(mask_of_polygons([single_polygon(polygons).ravel().tolist()], size), mask)


def test_a_square() -> None:
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:7] = True
    (found,) = polygons_of(mask)
    assert sorted(map(tuple, found.tolist())) == [(2, 1), (2, 4), (7, 1), (7, 4)]


def test_parts_come_by_size() -> None:
    mask = np.zeros((10, 10), bool)
    mask[0, 0] = mask[3:9, 3:9] = True
    assert [float(np.ptp(each[:, 0])) for each in polygons_of(mask)] == [6, 1]


def test_nothing() -> None:
    assert polygons_of(np.zeros((3, 4), bool)) == []
    assert not mask_of_polygons([], (3, 4)).any()
    with pytest.raises(ValueError, match="no polygons"):
        single_polygon([])


@pytest.mark.parametrize(
    ("polygon", "reason"),
    [
        ([], "0 numbers"),
        ([1, 2, 3, 4], "4 numbers"),
        ([1, 2, 3, 4, 5, 6, 7], "7 numbers"),
        ([0, 0, 9, 0, 9, float("nan")], "finite"),
    ],
)
def test_polygons_that_cannot_be_drawn(polygon: list[float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mask_of_polygons([polygon], (10, 10))


def test_corners_far_outside_are_cut_off() -> None:
    assert mask_of_polygons([[-1e12, -1e12, 1e12, -1e12, 1e12, 1e12, -1e12, 1e12]], (5, 7)).all()
