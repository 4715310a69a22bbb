"""The region hierarchy on pictures whose parts are known, with features that say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from toys import drawing

from retrieval.segment.hierarchy import HierarchySegmenter, bounded, suppress_duplicates
from retrieval.segment.objectness import GEOMETRY
from retrieval.segment.parameters import HierarchyParameters, MergeParameters
from retrieval.types import Features, RgbImage, Segments

STRIDES = HierarchyParameters().strides


def segmented(segmenter: HierarchySegmenter, image: RgbImage, features: Features) -> Segments:
    return segmenter.select(segmenter.candidates(image, features))


def constant_features(image: RgbImage) -> Features:
    """Maps that are the same everywhere, so that colour alone decides."""
    height, width = image.shape[:2]
    maps = {stride: np.ones((max(1, height // stride), max(1, width // stride), 4), np.float32) for stride in STRIDES}
    return Features(maps, np.ones((1, 1, 8), np.float32))


def segments_of(image: RgbImage, **changes: object) -> Segments:
    parameters = HierarchyParameters(**changes)  # type: ignore[arg-type]
    return segmented(HierarchySegmenter(parameters), image, constant_features(image))


def painted(*boxes: tuple[tuple[int, int, int, int], tuple[int, int, int]], size: int = 128) -> RgbImage:
    image = np.full((size, size, 3), 230, np.uint8)
    for (x0, y0, x1, y1), color in boxes:
        image[y0:y1, x0:x1] = color
    return image


def best_overlap(segments: Segments, box: tuple[int, int, int, int]) -> float:
    mask = np.zeros((1, *segments.size_hw), bool)
    mask[0, box[1] : box[3], box[0] : box[2]] = True
    return float(segments.iou_with(mask).max(initial=0))


RECTANGLES = [
    ((8, 8, 56, 40), (200, 20, 20)),
    ((72, 12, 120, 60), (20, 160, 20)),
    ((12, 72, 60, 116), (20, 20, 200)),
    ((70, 80, 118, 120), (240, 200, 0)),
]


@pytest.mark.parametrize("box", [box for box, _ in RECTANGLES])
def test_every_rectangle_is_found(box: tuple[int, int, int, int]) -> None:
    assert best_overlap(segments_of(painted(*RECTANGLES)), box) > 0.9


def test_parts_and_the_whole_are_found() -> None:
    upper, lower, whole = (32, 24, 96, 64), (32, 64, 96, 104), (32, 24, 96, 104)
    segments = segments_of(painted((upper, (180, 30, 30)), (lower, (150, 30, 90))))
    for box in (upper, lower, whole):
        assert best_overlap(segments, box) > 0.9


@pytest.mark.parametrize(("limit", "max_overlap"), [(100, 0.8), (10, 0.8), (100, 0.5), (3, 0.3)])
def test_limits_hold(limit: int, max_overlap: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8).repeat(6, 0).repeat(6, 1)
    segments = segments_of(image, limit=limit, max_overlap=max_overlap)
    assert 0 < len(segments) <= limit
    overlaps = segments.iou()
    np.fill_diagonal(overlaps, 0)
    assert overlaps.max(initial=0) <= max_overlap + 1e-6
    assert segments.areas.min() >= HierarchyParameters().min_area * image.shape[0] * image.shape[1]


def test_qualities_fall_and_are_shares() -> None:
    quality = segments_of(np.asarray(drawing(3))).quality
    assert len(quality) > 2
    assert (np.diff(quality) <= 0).all()
    assert quality.min() >= 0
    assert quality.max() <= 1


@pytest.mark.parametrize("shape", [(64, 64), (16, 16), (16, 512)])
def test_one_colour_holds_no_segment(shape: tuple[int, int]) -> None:
    segments = segments_of(np.full((*shape, 3), 77, np.uint8))
    assert len(segments) == 0
    assert segments.size_hw == shape


@pytest.mark.parametrize("shape", [(16, 16), (16, 512), (512, 16), (17, 33)])
def test_tiny_and_thin_pictures_are_segmented(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), (200, 40, 40), np.uint8)
    image[:, shape[1] // 2 :] = (20, 90, 200)
    segments = segments_of(image)
    assert segments.size_hw == shape
    height, width = shape
    assert best_overlap(segments, (0, 0, width // 2, height)) > 0.8
    assert best_overlap(segments, (width // 2, 0, width, height)) > 0.8


def test_a_large_picture_is_segmented_at_the_working_size() -> None:
    image = painted(*(((8 * a, 8 * b, 8 * c, 8 * d), color) for (a, b, c, d), color in RECTANGLES), size=1024)
    segments = segments_of(image, work_side=256)
    assert segments.size_hw == (256, 256)
    for (x0, y0, x1, y1), _ in RECTANGLES:
        assert best_overlap(segments, (2 * x0, 2 * y0, 2 * x1, 2 * y1)) > 0.9


def test_the_same_picture_gives_the_same_segments() -> None:
    image = np.asarray(drawing(11))
    first, second = segments_of(image), segments_of(image)
    np.testing.assert_array_equal(first.atoms, second.atoms)
    np.testing.assert_array_equal(first.membership, second.membership)
    np.testing.assert_array_equal(first.quality, second.quality)


def test_deep_features_tell_equal_colours_apart() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(90, 170, (128, 128, 3), np.uint8)  # the same noise on both sides
    features = constant_features(image)
    for cells in features.strides.values():
        cells[:, : cells.shape[1] // 2] = [9, 0, 0, 0]
        cells[:, cells.shape[1] // 2 :] = [0, 9, 0, 0]
    segments = segmented(HierarchySegmenter(), image, features)
    assert best_overlap(segments, (0, 0, 64, 128)) > 0.8


def test_trees_are_pooled_and_each_node_is_told_once_with_the_trees_it_is_of() -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (12, 16, 3), np.uint8).repeat(10, 0).repeat(10, 1)
    first, second = MergeParameters(), MergeParameters(contrast_weight=3.0, size_power=0.0)
    features = constant_features(image)

    def nodes(*trees: MergeParameters) -> tuple[set[bytes], NDArray[np.float32]]:
        found = HierarchySegmenter(HierarchyParameters(trees=trees)).candidates(image, features)
        rows = [row.tobytes() for row in found.segments.membership]
        assert len(set(rows)) == len(rows) == len(found.worth) == len(found.measures)
        return set(rows), found.measures

    alone, other = nodes(first)[0], nodes(second)[0]
    both, measures = nodes(first, second)
    assert both == alone | other != alone
    of_first, of_second = measures[:, GEOMETRY:].T
    assert (of_first.sum(), of_second.sum()) == (len(alone), len(other))
    assert of_first @ of_second == len(alone & other) > 0


def test_the_map_of_the_first_tree_is_what_cuts_are_made_of() -> None:
    image = np.asarray(drawing(5))
    first, second = MergeParameters(), MergeParameters(size_power=0.0, contrast_weight=3.0)
    features = constant_features(image)
    leaves, tree = HierarchySegmenter(HierarchyParameters(trees=(first, second))).hierarchy(image, features)
    _, alone = HierarchySegmenter(HierarchyParameters(trees=(first,))).hierarchy(image, features)
    assert len(tree.children) == leaves.max()
    np.testing.assert_array_equal(tree.children, alone.children)


def test_bounded_shrinks_and_never_enlarges() -> None:
    assert bounded(np.zeros((50, 200, 3), np.uint8), 100).shape == (25, 100, 3)
    assert bounded(np.zeros((50, 60, 3), np.uint8), 100).shape == (50, 60, 3)
    assert bounded(np.zeros((2, 2000, 3), np.uint8), 100).shape == (1, 100, 3)


def overlaps_of(pairs: dict[tuple[int, int], float], count: int) -> NDArray[np.float32]:
    iou = np.eye(count, dtype=np.float32)
    for (a, b), value in pairs.items():
        iou[a, b] = iou[b, a] = value
    return iou


def test_the_worse_of_two_alike_is_left_out() -> None:
    iou = overlaps_of({(0, 1): 0.9, (1, 2): 0.9, (2, 3): 0.5}, 4)
    assert suppress_duplicates(iou, 0.8, 10).tolist() == [0, 2, 3]
    assert suppress_duplicates(iou, 0.8, 2).tolist() == [0, 2]
    assert suppress_duplicates(np.zeros((0, 0), np.float32), 0.8, 5).tolist() == []
