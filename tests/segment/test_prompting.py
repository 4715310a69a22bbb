"""Segments made of boxes and lassos, on drawn pictures whose boundaries and centres are given."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_regions import BODY, HEAD, OTHER, SIZE, drawn, drawn_regions, overlap

from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.query.prompt import Prompt
from retrieval.recipes.lite import LEARNED, PROMPTS
from retrieval.segment.hierarchy import HierarchySegmenter
from retrieval.segment.prompt_measures import MEASURES, PromptRegions, measures, region_of, window_of
from retrieval.segment.prompting import SuperpixelClassifier, best_union, cleared, segment_prompt
from retrieval.types import Features


@pytest.fixture(scope="module")
def classifier() -> SuperpixelClassifier:
    return SuperpixelClassifier.load(PROMPTS)


@pytest.fixture(scope="module")
def found() -> PromptRegions:
    return drawn_regions()


def around(*boxes: tuple[int, int, int, int], by: int = 0) -> Prompt:
    every = np.array(boxes)
    (x0, y0), (x1, y1) = every[:, :2].min(axis=0) - by, every[:, 2:].max(axis=0) + by
    return Prompt(box=(float(x0), float(y0), float(x1), float(y1)))


@pytest.mark.parametrize("by", [0, 4])
@pytest.mark.parametrize("boxes", [(BODY, HEAD), (OTHER,), (BODY,)], ids=["two parts", "one", "a part"])
def test_a_box_means_the_thing_in_it(
    found: PromptRegions, classifier: SuperpixelClassifier, boxes: tuple[tuple[int, int, int, int], ...], by: int
) -> None:
    prompt = around(*boxes, by=by)
    mask, expected = segment_prompt(found, prompt, classifier)
    assert overlap(mask, drawn(*boxes)) > 0.85
    assert 0 < expected <= 1
    assert not (mask & ~region_of(prompt, (SIZE, SIZE))).any(), "nothing beyond the box"


def test_a_lasso_leaves_out_what_is_beside_it(found: PromptRegions, classifier: SuperpixelClassifier) -> None:
    corners = ((33, 17), (62, 18), (63, 47), (74, 48), (73, 103), (16, 104), (17, 46), (32, 47))
    mask, _ = segment_prompt(found, Prompt(polygon=tuple((float(x), float(y)) for x, y in corners)), classifier)
    assert overlap(mask, drawn(BODY, HEAD)) > 0.85


def test_what_was_marked_is_measured(found: PromptRegions) -> None:
    rows, measured = measures(found, around(BODY))
    assert measured.shape == (len(rows), MEASURES)
    assert np.isfinite(measured).all()


@pytest.mark.parametrize("box", [(0, 0, SIZE, SIZE), (-50, -50, 300, 300), (127, 127, 140, 140), (3, 3, 4, 4)])
def test_any_box_gives_a_mask(
    found: PromptRegions, classifier: SuperpixelClassifier, box: tuple[float, float, float, float]
) -> None:
    mask, _ = segment_prompt(found, Prompt(box=box), classifier)
    assert mask.any()


def test_a_picture_of_one_colour_gives_the_mark_itself(classifier: SuperpixelClassifier) -> None:
    image = np.full((32, 48, 3), 9, np.uint8)
    maps = {16: np.ones((2, 3, 4), np.float32)}
    features = Features(
        maps,
        np.ones((1, 1, 8), np.float32),
        edges=np.zeros((16, 24, 2), np.float32),
        objects=np.zeros((8, 12, 3), np.float32),
    )
    segmenter = HierarchySegmenter(LEARNED)
    hierarchies = segmenter.hierarchies(image, features)
    plain = PromptRegions(hierarchies, segmenter.quality(hierarchies.candidates))
    mask, expected = segment_prompt(plain, Prompt(box=(4, 4, 20, 20)), classifier)
    assert (mask.sum(), expected) == (256, 0.0)


def test_the_union_of_the_highest_expected_overlap() -> None:
    chances, pixels = np.array([0.9, 0.6, 0.35, 0.1]), np.array([10.0, 10.0, 10.0, 10.0])
    chosen, expected = best_union(chances, pixels)
    ratios = {}
    for bits in range(1, 16):
        kept = np.array([bool(bits >> n & 1) for n in range(4)])
        common = (chances * pixels)[kept].sum()
        ratios[bits] = common / (pixels[kept].sum() + (chances * pixels).sum() - common)
    assert expected == pytest.approx(max(ratios.values()))
    assert ratios[int((chosen * [1, 2, 4, 8]).sum())] == pytest.approx(expected)
    assert best_union(np.array([1e-6, 1e-7]), np.array([5.0, 5.0]))[0].tolist() == [True, False]


def test_islands_and_holes_are_cleared() -> None:
    mask = drawn((20, 20, 80, 80))
    mask[40:43, 40:43] = False
    mask[5:8, 5:8] = True
    mask[90:120, 90:120] = True
    expected = drawn((20, 20, 80, 80), (90, 90, 120, 120))
    assert (cleared(mask) == expected).all()


def test_a_bay_at_the_frame_is_no_hole() -> None:
    mask = drawn((0, 20, 60, 80))
    mask[40:43, 0:3] = False
    mask[50:53, 30:33] = False
    expected = drawn((0, 20, 60, 80))
    expected[40:43, 0:3] = False
    assert (cleared(mask) == expected).all()
    moved = np.roll(mask, 5, axis=1)
    assert (cleared(moved) == np.roll(expected, 5, axis=1)).all(), "outside is outside wherever the frame is"


@pytest.mark.parametrize("box", [(0, 0, SIZE, SIZE), (0, 5, 1, 6), (127, 127, 128, 128), (9, 0, 30, 20)])
def test_the_window_of_a_region_holds_it_with_what_is_around_it(box: tuple[int, int, int, int]) -> None:
    region = drawn(box)
    rows, columns = window_of(region)
    assert region[rows, columns].sum() == region.sum()
    grown = cv2.dilate(region.astype(np.uint8), np.ones((3, 3), np.uint8))
    assert grown[rows, columns].sum() == grown.sum()
    assert grown[rows, columns].all()


def test_weights_are_checked(tmp_path: Path, classifier: SuperpixelClassifier) -> None:
    with pytest.raises(WeightsMissingError, match="git checkout"):
        SuperpixelClassifier.load(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsCorruptError):
        SuperpixelClassifier.load(tmp_path / "bad.safetensors")
    SuperpixelClassifier((np.zeros((3, 1), np.float32),), (np.zeros(1, np.float32),)).save(tmp_path / "few.safetensors")
    with pytest.raises(WeightsCorruptError, match=f"{MEASURES} measures"):
        SuperpixelClassifier.load(tmp_path / "few.safetensors")
    classifier.save(tmp_path / "same.safetensors")
    again = SuperpixelClassifier.load(tmp_path / "same.safetensors")
    assert all((a == b).all() for a, b in zip(again.weights, classifier.weights, strict=True))
