"""COCO's average recall of the segments of a catalogue."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from toys import ToyLibrary, analysis, strips

from retrieval.evaluation.average_recall import average_recall
from retrieval.evaluation.datasets import AnnotatedObject, AnnotatedPhoto
from retrieval.images.masks import encode_mask

X = (1, 0, 0, 0)


def photo(*masks: NDArray[np.bool_], name: str = "photo.jpg") -> AnnotatedPhoto:
    """Objects ten times as large as the masks, as toys are."""
    large = [cv2.resize(mask.astype(np.uint8), None, fx=10, fy=10, interpolation=cv2.INTER_NEAREST) for mask in masks]
    runs = [{"size": list(mask.shape), "counts": encode_mask(mask.astype(bool))} for mask in large]
    return AnnotatedPhoto(Path(name), tuple(AnnotatedObject("thing", run) for run in runs))


def test_objects_that_are_segments_are_recalled(toys: ToyLibrary, capsys: pytest.CaptureFixture[str]) -> None:
    image_id = toys.add(analysis([X] * 4))
    found = average_recall(toys.catalog, {image_id: photo(*strips(4))})
    assert found == {"AR@10": 1, "AR@100": 1, "AR@1000": 1}
    assert capsys.readouterr().out == ""


def test_only_the_best_segments_of_each_photo_count(toys: ToyLibrary) -> None:
    image_id = toys.add(analysis([X] * 20))
    found = average_recall(toys.catalog, {image_id: photo(*strips(20))})
    assert found == {"AR@10": 0.5, "AR@100": 1, "AR@1000": 1}


def test_it_is_the_mean_over_ten_overlaps(toys: ToyLibrary) -> None:
    """The segment has IoU .725 with the object: it is found at .5, .55, .6, .65 and .7, and not at five more."""
    object_ = strips(1)[0]
    part = object_ & (np.arange(40) < 29)
    image_id = toys.add(analysis([X], masks=part[None]))
    assert average_recall(toys.catalog, {image_id: photo(object_)})["AR@100"] == pytest.approx(0.5)


def test_a_segment_finds_one_object_and_what_has_no_segment_none(toys: ToyLibrary) -> None:
    first, second = toys.add(analysis([X], masks=strips(2)[:1])), toys.add(analysis([], fallback=X))
    photos = {first: photo(*strips(2)), second: photo(strips(1)[0])}
    assert average_recall(toys.catalog, photos)["AR@10"] == pytest.approx(1 / 3)
    failed = [photo(strips(1)[0], name="failed.jpg")]
    assert average_recall(toys.catalog, photos, failed)["AR@10"] == pytest.approx(1 / 4)


def test_nothing_of_no_objects(toys: ToyLibrary) -> None:
    assert average_recall(toys.catalog, {toys.add(analysis([X])): photo()}) == {}
