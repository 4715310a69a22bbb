"""Segments that points correct, on a drawn picture whose boundaries and centres are given."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_regions import BODY, HEAD, OTHER, SIZE, drawn, drawn_regions, overlap

from retrieval.errors import WeightsCorruptError
from retrieval.images.masks import encode_mask
from retrieval.query.prompt import Point, Prompt
from retrieval.recipes.lite import LEARNED, POINTS, PROMPTS
from retrieval.segment.hierarchy import HierarchySegmenter
from retrieval.segment.point_measures import POINT_MEASURES, Correction, point_measures
from retrieval.segment.pointing import segment_points
from retrieval.segment.prompt_measures import PromptRegions
from retrieval.segment.prompting import SuperpixelClassifier
from retrieval.types import Features

ON_BODY, ON_HEAD, ON_OTHER, BESIDE = (45.0, 80.0), (48.0, 35.0), (100.0, 60.0), (5.0, 5.0)


@pytest.fixture(scope="module")
def classifier() -> SuperpixelClassifier:
    return SuperpixelClassifier.load(POINTS, POINT_MEASURES)


@pytest.fixture(scope="module")
def found() -> PromptRegions:
    return drawn_regions()


def given(mask: np.ndarray) -> tuple[tuple[int, int], str]:
    return (mask.shape[0], mask.shape[1]), encode_mask(mask).decode()


CORRECTIONS: dict[str, tuple[np.ndarray, tuple[Point, ...], tuple[Point, ...], np.ndarray]] = {
    "a part was missed": (drawn(BODY), (ON_BODY, ON_HEAD), (), drawn(BODY, HEAD)),
    "another thing was taken too": (drawn(BODY, HEAD, OTHER), (ON_BODY, ON_HEAD), (ON_OTHER,), drawn(BODY, HEAD)),
    "all was taken": (np.ones((SIZE, SIZE), bool), (ON_OTHER,), (BESIDE,), drawn(OTHER)),
}


@pytest.mark.parametrize("name", CORRECTIONS)
@pytest.mark.parametrize("scale", [1, 3])
def test_a_point_corrects_a_segment(
    found: PromptRegions, classifier: SuperpixelClassifier, name: str, scale: int
) -> None:
    begun, points, not_points, wanted = CORRECTIONS[name]
    enlarged = begun.repeat(scale, axis=0).repeat(scale, axis=1)
    prompt = Prompt(mask=given(enlarged), points=points, not_points=not_points)
    mask, expected = segment_points(found, prompt, classifier)
    assert overlap(mask, wanted) > overlap(begun, wanted) + 0.1
    assert 0 < expected <= 1


def test_points_alone(found: PromptRegions, classifier: SuperpixelClassifier) -> None:
    prompt = Prompt(points=(ON_BODY, ON_HEAD), not_points=(ON_OTHER, BESIDE))
    mask, _ = segment_points(found, prompt, classifier)
    assert overlap(mask, drawn(BODY, HEAD)) > 0.6
    for points, value in ((prompt.points, True), (prompt.not_points, False)):
        assert [bool(mask[int(y), int(x)]) for x, y in points] == [value] * len(points)


def test_points_in_one_superpixel_part_it(found: PromptRegions, classifier: SuperpixelClassifier) -> None:
    mask, _ = segment_points(found, Prompt(points=((90.0, 65.0),), not_points=((115.0, 65.0),)), classifier)
    assert mask[65, 90]
    assert not mask[65, 115]


@pytest.mark.parametrize("begun", [drawn((0, 0, 1, 1)), np.ones((SIZE, SIZE), bool)], ids=["a pixel", "everything"])
def test_any_points_are_measured_and_met(
    found: PromptRegions, classifier: SuperpixelClassifier, begun: np.ndarray
) -> None:
    points, not_points = ((0.0, 0.0), (127.9, 127.9)), ((64.0, 64.0), (0.0, 0.0))
    measured = point_measures(Correction(found, begun, points, not_points))
    assert measured.shape == (len(found.areas), POINT_MEASURES)
    assert np.isfinite(measured).all()
    mask, _ = segment_points(found, Prompt(mask=given(begun), points=points, not_points=not_points), classifier)
    assert mask[0, 0], "the positive one counts"
    assert mask[127, 127]
    assert not mask[64, 64]


def test_a_picture_of_one_colour_is_the_thing(classifier: SuperpixelClassifier) -> None:
    features = Features(
        {16: np.ones((2, 3, 4), np.float32)},
        np.ones((1, 1, 8), np.float32),
        edges=np.zeros((16, 24, 2), np.float32),
        objects=np.zeros((8, 12, 3), np.float32),
    )
    segmenter = HierarchySegmenter(LEARNED)
    hierarchies = segmenter.hierarchies(np.full((32, 48, 3), 9, np.uint8), features)
    plain = PromptRegions(hierarchies, segmenter.quality(hierarchies.candidates))
    mask, expected = segment_points(plain, Prompt(points=((4, 4),)), classifier)
    assert (mask.all(), expected) == (True, 0.0)


def test_weights_of_another_kind_of_mark_are_refused() -> None:
    with pytest.raises(WeightsCorruptError, match=f"{POINT_MEASURES} measures"):
        SuperpixelClassifier.load(PROMPTS, POINT_MEASURES)
