"""Segments made of boxes, lassos and points, on drawn pictures whose boundaries and centres are given."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.query.prompt import Prompt
from retrieval.recipes.lite import LEARNED, PROMPTS
from retrieval.segment.hierarchy import HierarchySegmenter
from retrieval.segment.prompt_measures import MEASURES, PromptRegions, measures, region_of
from retrieval.segment.prompting import SuperpixelClassifier, best_union, cleared, segment_prompt
from retrieval.types import Features

SIZE = 128
BODY, HEAD, OTHER = (20, 50, 70, 100), (35, 20, 60, 50), (85, 40, 120, 90)
"""A thing of two parts of different colours, and another thing beside it."""


@pytest.fixture(scope="module")
def classifier() -> SuperpixelClassifier:
    return SuperpixelClassifier.load(PROMPTS)


@pytest.fixture(scope="module")
def found() -> PromptRegions:
    image = np.full((SIZE, SIZE, 3), 230, np.uint8)
    lines = np.zeros((SIZE, SIZE), np.float32)
    objects = np.zeros((SIZE // 4, SIZE // 4, 3), np.float32)
    rows, columns = np.mgrid[: SIZE // 4, : SIZE // 4] / (SIZE // 4)
    things = [((BODY, (200, 30, 30)), (HEAD, (240, 200, 60))), ((OTHER, (30, 40, 200)),)]
    for parts in things:
        boxes = np.array([box for box, _ in parts])
        middle = np.concatenate([boxes[:, :2], boxes[:, 2:]]).mean(axis=0) / SIZE
        for (x0, y0, x1, y1), color in parts:
            image[y0:y1, x0:x1] = color
            cv2.rectangle(lines, (x0, y0), (x1 - 1, y1 - 1), 1, 2)
            cell = slice(y0 // 4, y1 // 4), slice(x0 // 4, x1 // 4)
            objects[cell] = np.stack([np.ones_like(rows), middle[0] - columns, middle[1] - rows], axis=2)[cell]
    maps = {16: np.ascontiguousarray(cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA), np.float32)}
    features = Features(
        maps, np.ones((1, 1, 8), np.float32), edges=np.stack([lines, lines], axis=2)[::2, ::2], objects=objects
    )
    segmenter = HierarchySegmenter(LEARNED)
    hierarchies = segmenter.hierarchies(image, features)
    return PromptRegions(hierarchies, segmenter.quality(hierarchies.candidates))


def drawn(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


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


def test_points_on_and_beside_a_thing(found: PromptRegions, classifier: SuperpixelClassifier) -> None:
    prompt = Prompt(points=((45.0, 80.0), (48.0, 35.0)), not_points=((100.0, 60.0), (5.0, 5.0)))
    mask, _ = segment_prompt(found, prompt, classifier)
    assert overlap(mask, drawn(BODY, HEAD)) > 0.85
    for (x, y), value in ((prompt.points[0], True), (prompt.points[1], True), (prompt.not_points[0], False)):
        assert mask[int(y), int(x)] == value


def test_points_in_one_superpixel_part_it(found: PromptRegions, classifier: SuperpixelClassifier) -> None:
    mask, _ = segment_prompt(found, Prompt(points=((90.0, 65.0),), not_points=((115.0, 65.0),)), classifier)
    assert mask[65, 90]
    assert not mask[65, 115]


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
    assert segment_prompt(plain, Prompt(points=((4, 4),)), classifier)[0].all()


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
