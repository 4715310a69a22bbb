"""Names of folders: page by page, each with its photos once, in memory that does not grow with them."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from toys import ToyLibrary

from retrieval.catalog import Folders
from retrieval.catalog.records import View
from retrieval.storage.locations import SeenFile, uri_of


@pytest.fixture
def folders(toys: ToyLibrary) -> Folders:
    return Folders(toys.sessions)


def enter(toys: ToyLibrary, *paths: str | bytes, digest: str = "") -> None:
    """Photos at some places: one each, or one of all if a digest is given."""
    toys.catalog.locations.register(
        [
            SeenFile(uri_of(Path(os.fsdecode(path))), f"{digest or os.fsencode(path).hex():0>64}"[-64:], 1, 1)
            for path in paths
        ]
    )


def test_names_with_their_photos(toys: ToyLibrary, folders: Folders) -> None:
    enter(toys, "/a/dogs/1.jpg", "/b/dogs/2.jpg", "/a/große Katzen/3.jpg", "/4.jpg")
    enter(toys, "/c/dogs/5.jpg", "/c/cups/5.jpg", "/d/dogs/5.jpg", digest="5")
    assert folders.page() == [("cups", 1), ("dogs", 3), ("große Katzen", 1)]
    assert {name: len(ids) for name, ids in folders.photos(["dogs", "cups", "nowhere"]).items()} == {
        "dogs": 3,
        "cups": 1,
    }


def test_names_that_are_no_text_are_left_out(toys: ToyLibrary, folders: Folders) -> None:
    enter(toys, b"/caf\xe9/1.jpg")
    assert folders.page() == []


def test_page_by_page(toys: ToyLibrary, folders: Folders) -> None:
    names = [f"{number:02}" for number in range(50)]
    enter(toys, *(f"/{name}/{photo}.jpg" for photo in range(3) for name in reversed(names)))
    pages, after = [], ""
    while page := folders.page(after=after, limit=4):
        pages += page
        after = page[-1][0]
    assert pages == [(name, 3) for name in names]


@pytest.mark.slow
def test_many_folders_take_no_memory(toys: ToyLibrary, folders: Folders) -> None:
    for start in range(0, 20_000, 5000):
        enter(toys, *(f"/{'folder' * 10}{number}/photo.jpg" for number in range(start, start + 5000)))
    assert folders.page(limit=1), "what is kept of any call is there already"
    assert min(peak_of_a_page(folders) for _ in range(3)) < 3_000_000, "all places take more than twice that"


def peak_of_a_page(folders: Folders) -> int:
    """Bytes that a page takes, and whatever other threads of the tests take meanwhile."""
    tracemalloc.start()
    try:
        assert len(folders.page(limit=100)) == 100
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_uploads_are_in_the_folder_that_they_came_from(toys: ToyLibrary, folders: Folders) -> None:
    """Not in those that they lie in, which are named by digests."""
    for number, name in enumerate(("Trip/day 1/a.jpg", "b.jpg", "", "day 1/b.jpg")):
        path = Path(f"/data/uploads/0{number}/{number:064}.jpg")
        toys.catalog.locations.register([SeenFile(uri_of(path), f"{number:064}", 1, 1, name)])
    assert folders.page() == [("day 1", 2)]
    assert folders.photos(["day 1", "00", "01"]) == {"day 1": [1, 4]}
    assert toys.catalog.timeline.ids(View(folder="day 1")) == [4, 1]
    assert toys.catalog.timeline.ids(View(folder="00")) == []


def test_the_first_name_of_an_upload_stays(toys: ToyLibrary) -> None:
    path, names = Path("/data/uploads/00/0.jpg"), []
    for name in ("", "first.jpg", "second.jpg", None):
        toys.catalog.locations.register([SeenFile(uri_of(path), "0" * 64, 1, 1, name)])
        names.append(toys.catalog.images.get(1).locations[0].name)
    assert names == ["", "first.jpg", "first.jpg", "first.jpg"]
