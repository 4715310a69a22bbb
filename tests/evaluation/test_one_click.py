"""How well one click takes an object, on a catalogue filled by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco
from toys import ToyLibrary, analysis

from retrieval.evaluation.datasets import AnnotatedObject, AnnotatedPhoto
from retrieval.evaluation.one_click import OneClick, by_one_click
from retrieval.images.masks import encode_mask, mask_iou

SIZE = 40, 60
X, Y, Z = np.eye(4, dtype=np.float32)[:3]


def box(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def photo_of(*masks: np.ndarray) -> AnnotatedPhoto:
    objects = [AnnotatedObject("thing", dict(coco.encode(np.asfortranarray(mask, np.uint8)))) for mask in masks]
    return AnnotatedPhoto(Path("photo.png"), tuple(objects))


def measured(toys: ToyLibrary, photo: AnnotatedPhoto, masks: list[np.ndarray], quality: list[float]) -> OneClick:
    """Of one photo with these segments, as large as its masks."""
    found = analysis(np.stack([X, Y, Z])[: len(masks)], masks=np.stack(masks), quality=quality)
    key = toys.add(found, size_hw=SIZE)
    segments = toys.catalog.segments.of_image(key)
    ious = mask_iou(
        [(SIZE, each.mask_counts) for each in segments], [(SIZE, encode_mask(each.mask())) for each in photo.objects]
    )
    overlaps = {each.id: row for each, row in zip(segments, ious, strict=True)}
    return by_one_click(toys.catalog, {key: photo}, overlaps, 0)


def test_a_segment_that_is_the_object(tmp_path: Path) -> None:
    mask = box(10, 10, 30, 30)
    found = measured(ToyLibrary(tmp_path), photo_of(mask), [mask], [0.5])
    assert found.first == found.best == [1]
    assert set(found.figures().values()) == {1}


def test_the_best_may_be_another_level(tmp_path: Path) -> None:
    """Two segments around one middle, of which the unlikely one is the object."""
    whole, part = box(4, 4, 36, 36), box(18, 18, 22, 22)
    for target, other in ((whole, part), (part, whole)):
        home = tmp_path / str(int(target.sum()))
        home.mkdir()
        masks = [other, target]
        found = measured(ToyLibrary(home), photo_of(target), masks, [0.999, 0.001])
        assert found.best == [1]
        assert found.first == [pytest.approx(part.sum() / whole.sum())]
        assert found.figures()["one click: share of IoU >= .5"] == 0
        assert found.figures()["one click: share of IoU >= .5, best of three levels"] == 1


def test_each_object_is_clicked(tmp_path: Path) -> None:
    left, right = box(2, 2, 20, 38), box(30, 2, 58, 38)
    found = measured(ToyLibrary(tmp_path), photo_of(left, right), [left, right], [0.5, 0.5])
    assert found.first == [1, 1]


def test_photos_without_segments_and_photos_that_failed_count_as_missed(tmp_path: Path) -> None:
    toys = ToyLibrary(tmp_path)
    key = toys.add(analysis(np.zeros((0, 4))), size_hw=SIZE)
    found = by_one_click(toys.catalog, {key: photo_of(box(2, 2, 20, 20))}, {}, missed=2)
    assert found.first == found.best == [0, 0, 0]
    assert set(found.figures().values()) == {0}


def test_no_objects() -> None:
    assert OneClick().figures() == {}
