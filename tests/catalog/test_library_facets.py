"""What the photos of a view have in common, counted."""

from __future__ import annotations

import pytest
from toys import ToyLibrary, analysis

from retrieval.catalog import Tags
from retrieval.catalog.records import View
from retrieval.errors import QueryError
from retrieval.storage.locations import SeenFile, uri_of

TWO = [[1, 0, 0, 0], [0, 1, 0, 0]]


@pytest.fixture
def filled(toys: ToyLibrary) -> ToyLibrary:
    """Photos 1 to 4, of which the last is in the trash."""
    for labels in (["dog", "dog"], ["dog", "cat"], [None, "cat"], ["dog", "cow"]):
        toys.add(analysis(TWO, labels=labels))
    tags = Tags(toys.sessions)
    tags.change([1, 2, 4], add=["rare"])
    tags.change([3], add=["Other", "rare"])
    for key, folder in ((1, "Sea"), (2, "Sea"), (3, "Land")):
        digest = toys.catalog.images.get(key).sha256
        toys.catalog.locations.register([SeenFile(uri_of(toys.folder / folder / f"{key}.png"), digest, 1, 1)])
    toys.trash.put([4])
    return toys


def test_all_photos(filled: ToyLibrary) -> None:
    timeline = filled.catalog.timeline
    assert timeline.labels(View(), 9) == [("cat", 2), ("dog", 2)]
    assert timeline.tags(View(), 9) == [("rare", 3), ("Other", 1)]
    assert timeline.folders(View(), 9) == [("toys", 3), ("Sea", 2), ("Land", 1)]


def test_the_first_ones(filled: ToyLibrary) -> None:
    timeline = filled.catalog.timeline
    assert timeline.labels(View(), 1) == [("cat", 2)]
    assert timeline.tags(View(), 1) == [("rare", 3)]
    assert timeline.folders(View(), 1) == [("toys", 3)]


@pytest.mark.parametrize(
    ("view", "labels", "tags", "folders"),
    [
        (View(order="added"), [("cat", 2), ("dog", 2)], [("rare", 3), ("Other", 1)], 3),
        (View(label="dog"), [("dog", 2), ("cat", 1)], [("rare", 2)], 2),
        (View(tag="OTHER"), [("cat", 1)], [("Other", 1), ("rare", 1)], 2),
        (View(folder="Sea"), [("dog", 2), ("cat", 1)], [("rare", 2)], 2),
        (View(state="trash"), [("cow", 1), ("dog", 1)], [("rare", 1)], 1),
        (View(state="failed"), [], [], 0),
        (View(label="dog", tag="other"), [], [], 0),
    ],
)
def test_a_view(
    filled: ToyLibrary, view: View, labels: list[tuple[str, int]], tags: list[tuple[str, int]], folders: int
) -> None:
    timeline = filled.catalog.timeline
    assert timeline.labels(view, 9) == labels
    assert timeline.tags(view, 9) == tags
    assert len(timeline.folders(view, 9)) == folders


def test_photos_by_label_and_tag(filled: ToyLibrary) -> None:
    timeline = filled.catalog.timeline
    assert sorted(timeline.ids(View(label="cat"))) == [2, 3]
    assert sorted(timeline.ids(View(tag=" rare "))) == [1, 2, 3]
    assert timeline.ids(View(label="Cat")) == timeline.ids(View(label="zebra")) == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\0", "a\nb\x07"])
def test_tags_need_a_name(toys: ToyLibrary, name: str) -> None:
    image = toys.register()
    with pytest.raises(QueryError, match="tag"):
        Tags(toys.sessions).change([image], add=[name])
    assert Tags(toys.sessions).counts() == []
