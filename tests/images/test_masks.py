"""Run lengths are pycocotools', and boxes go from frame to frame without losing a pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco

from retrieval.images.masks import (
    box_iou,
    decode_mask,
    encode_mask,
    encode_segments,
    mask_areas,
    mask_containment,
    mask_gaps,
    mask_iou,
    scale_box,
)
from retrieval.types import Segments

Masks = NDArray[np.bool_]
shapes = st.tuples(st.integers(1, 20), st.integers(1, 20))
stacks = st.tuples(st.integers(0, 6), shapes).flatmap(lambda each: arrays(bool, (each[0], *each[1])))


def reference(mask: Masks) -> bytes:
    """The run lengths that pycocotools makes of a mask."""
    return bytes(coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"])


@given(stacks)
def test_segments_are_encoded_as_pycocotools_encodes_their_masks(masks: Masks) -> None:
    segments = Segments.from_masks(masks, np.ones(len(masks), np.float32))
    assert encode_segments(segments) == [reference(mask) for mask in masks]


@pytest.mark.parametrize("fill", [False, True])
def test_empty_and_full_masks(fill: bool) -> None:
    masks = np.full((1, 5, 7), fill)
    segments = Segments.from_masks(masks, np.ones(1, np.float32))
    assert encode_segments(segments) == [reference(masks[0])]
    assert decode_mask((5, 7), encode_segments(segments)[0]).all() == fill


@given(shapes.flatmap(lambda shape: arrays(bool, shape)))
def test_masks_come_back(mask: Masks) -> None:
    assert encode_mask(mask) == reference(mask)
    found = decode_mask(mask.shape, encode_mask(mask))  # type: ignore[arg-type]
    assert found.dtype == bool
    np.testing.assert_array_equal(found, mask)


@given(shapes.flatmap(lambda shape: st.tuples(arrays(bool, (3, *shape)), arrays(bool, (2, *shape)))))
def test_overlaps_without_decoding(pair: tuple[Masks, Masks]) -> None:
    first, second = pair
    runs = [[(mask.shape, encode_mask(mask)) for mask in masks] for masks in pair]
    expected = [[(a & b).sum() / max((a | b).sum(), 1) for b in second] for a in first]
    np.testing.assert_allclose(mask_iou(*runs), expected)


def test_masks_of_different_sizes_are_not_compared() -> None:
    first, second = (((n, n), encode_mask(np.ones((n, n), bool))) for n in (4, 5))
    with pytest.raises(ValueError, match="different sizes"):
        mask_iou([first], [second])


@st.composite
def boxes_in(draw: st.DrawFn, size_hw: tuple[int, int]) -> tuple[int, int, int, int]:
    x = sorted(draw(st.lists(st.integers(0, size_hw[1]), min_size=2, max_size=2, unique=True)))
    y = sorted(draw(st.lists(st.integers(0, size_hw[0]), min_size=2, max_size=2, unique=True)))
    return x[0], y[0], x[1], y[1]


sizes = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


@given(sizes.flatmap(lambda size: st.tuples(st.just(size), sizes, boxes_in(size))))
def test_a_scaled_box_holds_the_box_and_stays_inside(case: tuple[tuple[int, int], tuple[int, int], tuple]) -> None:
    from_hw, to_hw, box = case
    x0, y0, x1, y1 = scale_box(box, from_hw, to_hw)
    fy, fx = to_hw[0] / from_hw[0], to_hw[1] / from_hw[1]
    assert 0 <= x0 < x1 <= to_hw[1]
    assert 0 <= y0 < y1 <= to_hw[0]
    assert box[0] * fx - 1 < x0 <= box[0] * fx + 1e-3
    assert box[3] * fy - 1e-3 <= y1 < box[3] * fy + 1


def test_boxes_by_eye() -> None:
    assert scale_box((0, 0, 4, 2), (10, 10), (20, 30)) == (0, 0, 12, 4)
    assert scale_box((1, 1, 3, 3), (4, 4), (6, 6)) == (1, 1, 5, 5)
    assert scale_box((0, 0, 7, 5), (5, 7), (5, 7)) == (0, 0, 7, 5)


def test_overlaps_of_boxes() -> None:
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [0, 0, 0, 0]])
    np.testing.assert_allclose(box_iou((0, 0, 2, 2), others), [1, 1 / 3, 0, 0])
    assert box_iou((0, 0, 1, 1), np.zeros((0, 4))).shape == (0,)


class TestPairs:
    def test_areas_and_containment(self) -> None:
        masks = np.zeros((3, 6, 8), bool)
        masks[0, :, :4], masks[1, 2:4, 2:6] = True, True
        runs = [((6, 8), encode_mask(mask)) for mask in masks]
        assert mask_areas(runs).tolist() == [24, 8, 0]
        np.testing.assert_allclose(mask_containment(runs)[:2, :2], [[1, 4 / 24], [0.5, 1]])

    def test_gaps_are_shares_of_the_diagonal(self) -> None:
        masks = np.zeros((4, 30, 40), bool)
        masks[0, :, :10], masks[1, :, 10:20], masks[2, :, 30:] = True, True, True
        runs = [((30, 40), encode_mask(mask)) for mask in masks]
        gaps = mask_gaps(runs)
        np.testing.assert_allclose(gaps[:3, :3], np.array([[0, 0, 20], [0, 0, 10], [20, 10, 0]]) / 50, atol=1e-3)
        assert np.isinf(gaps[3]).all()  # nothing is near to an empty mask

    def test_none_and_sizes_that_differ(self) -> None:
        assert mask_gaps([]).shape == (0, 0)
        assert mask_containment([]).shape == (0, 0)
        other = [((2, 2), encode_mask(np.ones((2, 2), bool))), ((2, 3), encode_mask(np.ones((2, 3), bool)))]
        for measure in (mask_containment, mask_gaps):
            with pytest.raises(ValueError, match="different sizes"):
                measure(other)
