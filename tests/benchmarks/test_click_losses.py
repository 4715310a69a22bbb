"""Searches by click over annotated photos, on a collection made by hand."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.annotated_collection import AnnotatedCollection, Regions, kept
from benchmarks.click_losses import Asked, Searched, summary


def regions(photos: list[int], fits: list[list[float]], overlaps: list[list[float]]) -> Regions:
    count = len(photos)
    return Regions(
        np.array(photos),
        np.zeros((count, 3), np.float16),
        np.ones(count, np.float32),
        np.ones(count, np.float32),
        np.array(fits, np.float16),
        np.array(overlaps, np.float16),
        np.eye(count, 2, dtype=np.float16),
    )


@pytest.fixture
def collection() -> AnnotatedCollection:
    """Three photos of a dog each; of the second's segments two overlap, and the last photo shows a cat, too."""
    apart = [1, 0]
    return AnnotatedCollection(
        segments=regions(
            [0, 1, 1, 2, 2],
            [[0.9, 0], [0.6, 0], [0.8, 0], [0.7, 0], [0, 0.9]],
            [[1, 0], [1, 0.8], [0.8, 1], apart, [0, 1]],
        ),
        objects=regions([0, 1, 2, 2], [[1, 0], [1, 0], [1, 0], [0, 1]], [apart, apart, apart, [0, 1]]),
        names=np.array(["dog", "dog", "dog", "cat"]),
        picked=np.array([0, 1, 3, 4]),
        photo_descriptors=np.zeros((3, 2), np.float32),
        files=np.array(["a.jpg", "b.jpg", "c.jpg"]),
    )


def test_the_best_segment_is_the_one_that_fits_most(collection: AnnotatedCollection) -> None:
    assert collection.best.tolist() == [0, 2, 3, 4]


def test_of_overlapping_segments_only_the_better_is_listed(collection: AnnotatedCollection) -> None:
    searched = Searched(collection, collection.segments)
    assert searched.distinct(np.array([0.1, 0.9, 0.8, 0.5, 0.6])).tolist() == [1, 4, 3, 0]


def test_only_classes_that_enough_other_photos_show_are_asked_for(collection: AnnotatedCollection) -> None:
    searched = Searched(collection, collection.segments)
    scores = np.array([0.0, 0.2, 0.9, 0.8, 0.1])
    asked = list(searched.measure(lambda _: (searched.best_of_photos(scores), scores)))
    assert [(each.name, each.photo) for each in asked] == [("dog", 0), ("dog", 1), ("dog", 2)]
    assert [each.photos for each in asked] == [1, 1, 1]
    assert asked[0].objects == 1


def test_what_finds_no_object_lowers_the_precision_of_objects(collection: AnnotatedCollection) -> None:
    searched = Searched(collection, collection.segments)
    scores = np.array([0.0, 0.2, 0.7, 0.8, 0.9])
    asked = list(searched.measure(lambda _: (searched.best_of_photos(scores), scores)))
    assert asked[0].objects == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_a_summary_takes_the_mean_of_a_class_first() -> None:
    asked = [Asked("dog", photo, 1.0, 0.5) for photo in range(9)] + [Asked("cat", 9, 0.0, 0.0)]
    found = summary(asked)
    assert found["queries"] == 10
    assert found["photo mAP"] == 0.5
    assert found["object mAP@.5"] == 0.25
    assert found["photo mAP, spread over folds"] > 0


def test_a_collection_is_kept_in_a_file(collection: AnnotatedCollection, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "collection.npz"
    collection.save(path)
    again = kept(path, None, [])  # type: ignore[arg-type]  # neither is needed where the file is there
    assert again.names.tolist() == collection.names.tolist()
    np.testing.assert_array_equal(again.segments.fits, collection.segments.fits)
    np.testing.assert_array_equal(again.objects.photos, collection.objects.photos)
