"""Segments as unions of atoms give what N masks would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from retrieval.types import Analysis, Segments

Masks = NDArray[np.bool_]


@st.composite
def mask_stacks(draw: st.DrawFn, min_count: int = 0) -> Masks:
    """Up to nine masks of up to 12 by 12 pixels, empty and full ones among them."""
    shape = draw(st.tuples(st.integers(min_count, 9), st.integers(1, 12), st.integers(1, 12)))
    return draw(arrays(bool, shape))


def made(masks: Masks) -> Segments:
    """The segments of masks, of equal quality."""
    return Segments.from_masks(masks, np.full(len(masks), 0.5, np.float32))


def brute_iou(first: Masks, second: Masks) -> NDArray[np.float64]:
    return np.array([[(a & b).sum() / max((a | b).sum(), 1) for b in second] for a in first]).reshape(
        len(first), len(second)
    )


def brute_box(mask: Masks) -> tuple[int, ...]:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return (0, 0, 0, 0)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@given(mask_stacks())
def test_masks_come_back(masks: Masks) -> None:
    segments = made(masks)
    assert len(segments) == len(masks)
    assert segments.size_hw == masks.shape[1:]
    for row, mask in enumerate(masks):
        np.testing.assert_array_equal(segments.mask(row), mask)


@given(mask_stacks(min_count=1))
def test_atoms_are_a_partition_no_finer_than_needed(masks: Masks) -> None:
    segments = made(masks)
    pixels = {tuple(column) for column in masks.reshape(len(masks), -1).T.tolist()}
    assert segments.membership.shape[1] == len(pixels)
    assert segments.atoms.dtype == np.int32
    assert set(np.unique(segments.atoms)) == set(range(len(pixels)))


@given(mask_stacks(min_count=1), st.data())
def test_coarsened_segments_are_the_same_over_fewer_atoms(masks: Masks, data: st.DataObject) -> None:
    """Of each atom that is cut in two without need, one is made again."""
    segments = made(masks)
    twins = np.array(data.draw(st.lists(st.booleans(), min_size=masks[0].size, max_size=masks[0].size)))
    fine = replace(
        segments,
        atoms=2 * segments.atoms + twins.reshape(segments.size_hw).astype(np.int32),
        membership=np.repeat(segments.membership, 2, axis=1),
    )
    coarse = fine.coarsened()
    for row, mask in enumerate(masks):
        np.testing.assert_array_equal(coarse.mask(row), mask)
    assert coarse.membership.shape[1] <= segments.membership.shape[1]
    np.testing.assert_array_equal(coarse.boxes_xyxy, fine.boxes_xyxy)
    np.testing.assert_allclose(coarse.iou(), fine.iou(), atol=1e-6)


@given(mask_stacks())
def test_areas_and_boxes(masks: Masks) -> None:
    segments = made(masks)
    np.testing.assert_array_equal(segments.areas, masks.sum(axis=(1, 2)))
    expected = np.array([brute_box(mask) for mask in masks]).reshape(-1, 4)
    np.testing.assert_array_equal(segments.boxes_xyxy, expected)
    assert segments.atom_areas.sum() == segments.atoms.size


@given(mask_stacks())
def test_overlaps(masks: Masks) -> None:
    np.testing.assert_allclose(made(masks).iou(), brute_iou(masks, masks), rtol=1e-6)


@given(mask_stacks(), st.data())
def test_overlaps_with_other_masks(masks: Masks, data: st.DataObject) -> None:
    others = data.draw(arrays(bool, (data.draw(st.integers(0, 4)), *masks.shape[1:])))
    found = made(masks).iou_with(others)
    assert found.shape == (len(masks), len(others))
    np.testing.assert_allclose(found, brute_iou(masks, others), rtol=1e-6)


@given(mask_stacks(min_count=1), st.data())
def test_rows_are_taken_in_the_order_asked_for(masks: Masks, data: st.DataObject) -> None:
    labels = tuple(f"label {row}" if row % 2 else None for row in range(len(masks)))
    scores = np.linspace(0, 1, len(masks), dtype=np.float32)
    segments = Segments.from_masks(masks, np.linspace(1, 0, len(masks), dtype=np.float32), labels, scores)
    rows = np.array(data.draw(st.lists(st.integers(0, len(masks) - 1))), np.int64)
    taken = segments[rows]
    assert taken.labels == tuple(labels[row] for row in rows)
    np.testing.assert_array_equal(taken.quality, segments.quality[rows])
    np.testing.assert_array_equal(taken.label_scores, scores[rows])
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(taken.mask(place), masks[row])


def test_rows_by_slice_and_by_mask() -> None:
    masks = np.eye(4, dtype=bool).reshape(4, 2, 2)
    segments = made(masks)
    assert len(segments[:0]) == 0
    assert len(segments[1:3]) == 2
    np.testing.assert_array_equal(segments[np.array([True, False, False, True])].mask(1), masks[3])


def test_a_part_within_a_whole() -> None:
    whole, part = np.zeros((2, 6, 8), bool)
    whole[1:5, 2:6] = True
    part[1:3, 2:6] = True
    segments = made(np.array([whole, part]))
    assert segments.areas.tolist() == [16, 8]
    assert segments.boxes_xyxy.tolist() == [[2, 1, 6, 5], [2, 1, 6, 3]]
    np.testing.assert_allclose(segments.iou(), [[1, 0.5], [0.5, 1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"atoms": np.zeros(4, np.int32)}, "2-D"),
        ({"quality": np.ones(3, np.float32)}, "3 qualities for 2 segments"),
        ({"labels": ("cat",)}, "1 labels for 2 segments"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    fields = {
        "atoms": np.zeros((2, 2), np.int32),
        "membership": np.ones((2, 1), bool),
        "quality": np.ones(2, np.float32),
    }
    with pytest.raises(ValueError, match=message):
        Segments(**{**fields, **change})


def test_an_analysis_has_a_vector_a_segment() -> None:
    segments = made(np.ones((2, 3, 3), bool))
    with pytest.raises(ValueError, match="1 vectors for 2 segments"):
        Analysis(segments, np.ones((1, 4), np.float32), np.ones(4, np.float32))
