"""How well a photo was segmented."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.segment.assessment import USABLE, assess
from retrieval.types import Segments


def segments(*found: tuple[float, slice], shape: tuple[int, int] = (20, 100)) -> Segments:
    """Vertical strips of a photo of 100 columns with their qualities."""
    masks = np.zeros((len(found), *shape), bool)
    for mask, (_, columns) in zip(masks, found, strict=True):
        mask[:, columns] = True
    return Segments.from_masks(masks, np.array([quality for quality, _ in found], np.float32))


def test_nothing_found() -> None:
    found = assess(segments())
    assert (found.quality, found.covered, found.largest_hole, found.fragmented) == (0, 0, 1, 0)


def test_quality_is_that_of_the_best_segment_at_each_place() -> None:
    found = assess(segments((0.8, slice(0, 50)), (0.4, slice(0, 100))))
    assert found.quality == pytest.approx(0.5 * 0.8 + 0.5 * 0.4)
    assert found.covered == 1
    assert found.largest_hole == 0


def test_only_usable_segments_cover() -> None:
    found = assess(segments((0.9, slice(0, 30)), (USABLE - 0.01, slice(30, 100))))
    assert found.covered == pytest.approx(0.3)
    assert found.largest_hole == pytest.approx(0.7)
    assert found.quality > 0.3 * 0.9, "what is not usable still counts a little"


def test_the_largest_of_several_holes() -> None:
    found = assess(segments((0.9, slice(20, 40)), (0.9, slice(90, 100))))
    assert found.largest_hole == pytest.approx(0.5)


def test_what_only_small_segments_cover_is_fragmented() -> None:
    masks: NDArray[np.bool_] = np.zeros((3, 20, 100), bool)
    masks[0, :, :50] = True
    masks[1, :3, 60:64] = True  # 0.6 % of the photo
    masks[2, :3, 10:14] = True  # small, but in a large one
    found = assess(Segments.from_masks(masks, np.full(3, 0.5, np.float32)))
    assert found.fragmented == pytest.approx(12 / 2000)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 99), st.integers(1, 50)), max_size=6))
def test_figures_are_shares(found: list[tuple[float, int, int]]) -> None:
    figures = assess(segments(*((quality, slice(start, start + width)) for quality, start, width in found)))
    for value in (figures.quality, figures.covered, figures.largest_hole, figures.fragmented):
        assert 0 <= value <= 1 + 1e-6
    assert figures.covered + figures.largest_hole <= 1 + 1e-6
    assert figures.fragmented <= figures.covered + 1e-6
