"""What a detector was asked: noted by photo and word, and gone with the photo."""

from __future__ import annotations

from databases import execute, fetched
from toys import ToyLibrary, analysis


def test_what_was_asked(toys: ToyLibrary) -> None:
    one, other = toys.add(analysis([[1, 0, 0, 0]])), toys.add(analysis([[0, 1, 0, 0]]))
    detections = toys.catalog.detections
    detections.record("sam3:1", {(one, "red car"): 2, (one, "dog"): 0, (other, "dog"): 1, (9999, "dog"): 1})
    assert detections.asked("sam3:1", "dog", [one, other, 9999]) == {one, other}
    assert detections.asked("sam3:1", "red car", [one, other]) == {one}
    assert detections.asked("sam3:2", "dog", [one, other]) == set()
    detections.record("sam3:1", {(one, "dog"): 3})
    rows = "SELECT image_id, word, found FROM detection ORDER BY image_id, word"
    assert fetched(toys.url, rows) == [(one, "dog", 3), (one, "red car", 2), (other, "dog", 1)]
    toys.catalog.images.delete(one)
    assert detections.asked("sam3:1", "dog", [one, other]) == {other}


def test_photos_and_labelled_segments(toys: ToyLibrary) -> None:
    one, other, video = (toys.add(analysis([[1, 0, 0, 0]])) for _ in range(3))
    execute(toys.url, f"UPDATE image SET duration_s = 2 WHERE id = {video}")
    execute(toys.url, f"UPDATE segment SET is_imported = true, label = 'gate' WHERE image_id IN ({one}, {other})")
    execute(toys.url, f"UPDATE segment SET label = 'gate' WHERE image_id = {video}")
    detections = toys.catalog.detections
    assert list(detections.photos("toy:1")) == [other, one]
    assert list(detections.photos("toy:2")) == []
    keys = [toys.catalog.segments.of_image(key)[0].id for key in (one, other)]
    assert detections.segments("gate", 10) == keys
    assert detections.segments("gate", 1) == keys[:1]
    assert detections.segments("dog", 10) == []
