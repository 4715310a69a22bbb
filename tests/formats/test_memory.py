"""An export holds one photo at a time, or a row group."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from test_coco import dataset
from toys import ToyLibrary, analysis

from retrieval.formats.exports import Export, Format

FEW, MANY, SEGMENTS = 5, 60, 10


def filled(toys: ToyLibrary, photos: int) -> ToyLibrary:
    rng = np.random.default_rng(0)
    masks = rng.random((SEGMENTS, 8, 40)) < 0.5
    for _ in range(photos):
        toys.add(analysis(np.tile([1.0, 0, 0, 0], (SEGMENTS, 1)).astype(np.float32), masks), size_hw=(40, 200))
    return toys


def peak(toys: ToyLibrary, form: Format) -> int:
    made = Export(dataset=dataset(toys), format=form, picture=lambda *_: np.zeros((40, 200, 3), np.uint8))
    tracemalloc.start()
    try:
        assert sum(map(len, made.parts())) > 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_photos(
    more_toys: Callable[[str], ToyLibrary], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of a photo that is done is its id and name, and what a ZIP file's directory says of it."""
    monkeypatch.setattr("retrieval.formats.selection.PAGE", FEW)
    few, many = (filled(more_toys(str(count)), count) for count in (FEW, MANY))
    for form, files in (("coco", 0), ("csv", 0), ("yolo", 1), ("voc", 3), ("cutouts", SEGMENTS)):
        peak(few, form)  # what is loaded once is loaded
        enough = 1.5 * peak(few, form) + MANY * (2000 + 1500 * files)
        tries = (peak(many, form) for _ in range(3))  # threads of other tests are traced with it
        assert any(each < enough for each in tries), form
