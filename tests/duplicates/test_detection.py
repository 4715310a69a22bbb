"""New photos are compared with all others; what was found follows the catalogue."""

from __future__ import annotations

import numpy as np
import pytest
from toys import TOY, ToyLibrary, analysis

from retrieval.catalog import NearDuplicates
from retrieval.catalog.records import Comparison, DuplicatePair, ImageRecord
from retrieval.duplicates import detection
from retrieval.duplicates.detection import DetectionReport, DuplicateDetector
from retrieval.images.local_features import GrayImage


def scene(seed: int) -> GrayImage:
    """A picture with many corners, another for every seed."""
    blocks = np.random.default_rng(seed).integers(0, 256, (15, 20)).astype(np.uint8)
    return np.kron(blocks, np.ones((12, 12), np.uint8))


class Collection:
    """Photos whose pictures are drawn by seeds."""

    def __init__(self, toys: ToyLibrary) -> None:
        self.toys, self.pictures = toys, dict[int, GrayImage | None]()
        self.duplicates = NearDuplicates(toys.sessions)
        self.detector = self.opened()

    def opened(self) -> DuplicateDetector:
        def read(record: ImageRecord) -> GrayImage | None:
            return self.pictures[record.id]

        return DuplicateDetector(self.toys.catalog, self.duplicates, self.toys.followed_photos(), TOY, read, read)

    def add(self, picture: GrayImage | None, vector: tuple[float, ...] = (1, 0, 0, 0)) -> int:
        key = self.toys.add(analysis([[1, 0, 0, 0]], photo_vector=vector))
        self.pictures[key] = picture
        return key

    def found(self) -> list[tuple[int, int]]:
        return [(pair.first, pair.second) for pair in self.duplicates.pairs()]


@pytest.fixture
def photos(toys: ToyLibrary) -> Collection:
    return Collection(toys)


def test_copies_are_found_whichever_came_first(photos: Collection) -> None:
    one, other = photos.add(scene(1)), photos.add(scene(2))
    assert photos.detector.update() == DetectionReport(2, 0, more=False)
    copy = photos.add(scene(1)[24:])
    assert photos.detector.update() == DetectionReport(1, 1, more=False)
    assert photos.found() == [(one, copy)]
    assert photos.detector.update() == DetectionReport(0, 0, more=False)
    assert photos.duplicates.of_image(other) == {}
    assert list(photos.duplicates.of_image(copy)) == [one]
    assert photos.duplicates.copies([one])[one].detail > 0


def test_work_goes_on_where_it_stopped(photos: Collection) -> None:
    ids = [photos.add(scene(number % 3)) for number in range(6)]
    assert photos.detector.update(4).more
    assert photos.duplicates.waiting(TOY) == 2
    assert not photos.opened().update(4).more
    assert photos.found() == [(ids[n], ids[n + 3]) for n in range(3)]


def test_photos_that_are_far_in_the_index_are_not_compared(photos: Collection) -> None:
    photos.add(scene(1)), photos.add(scene(1), (0, 1, 0, 0))
    photos.detector.update()
    assert photos.found() == []


def test_a_photo_without_a_rendition_is_passed_over(photos: Collection) -> None:
    photos.add(None), photos.add(scene(1))
    assert photos.detector.update() == DetectionReport(2, 0, more=False)


def test_the_trash_hides_pairs_and_restoring_shows_them_with_what_came_meanwhile(photos: Collection) -> None:
    first, second = photos.add(scene(1)), photos.add(scene(1))
    photos.detector.update()
    photos.toys.trash.put([first])
    assert photos.found() == []
    assert photos.duplicates.of_image(second) == {}
    third = photos.add(scene(1))
    photos.detector.update()
    assert photos.found() == [(second, third)]
    photos.toys.trash.restore([first])
    assert photos.duplicates.waiting(TOY) == 1
    photos.detector.update()
    assert photos.found() == [(first, second), (first, third), (second, third)]
    photos.toys.trash.put([second])
    photos.toys.trash.delete([second])
    assert photos.found() == [(first, third)]


def test_dismissed_pairs_stay_dismissed(photos: Collection) -> None:
    first, second, third = (photos.add(scene(1)) for _ in range(3))
    photos.detector.update()
    assert photos.duplicates.dismiss([first, second, 999]) == 1
    assert photos.duplicates.dismiss([first, second]) == 0
    assert photos.found() == [(first, third), (second, third)]
    photos.toys.trash.put([first])
    photos.toys.trash.restore([first])
    photos.detector.update()
    assert photos.found() == [(first, third), (second, third)]
    assert photos.duplicates.undismiss([first, second]) == 1
    assert len(photos.found()) == 3


def test_another_space_compares_anew(photos: Collection) -> None:
    key = photos.add(scene(1))
    photos.detector.update()
    photos.duplicates.record(Comparison((key,), (), {}), "toy:2")
    assert photos.duplicates.waiting(TOY) == 1


def test_photos_that_went_meanwhile_are_left_out(photos: Collection) -> None:
    key = photos.add(scene(1))
    photos.duplicates.record(Comparison((key, 999), (DuplicatePair(key, 999, 0.9),), {999: 1.0}), TOY)
    assert photos.found() == []


def test_pictures_are_forgotten(photos: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "PICTURES_KEPT", 2)
    for seed in range(5):
        photos.add(scene(seed))
    photos.detector.update()
    assert len(photos.detector._pictures) <= 2
