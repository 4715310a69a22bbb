"""What the terminal says of the words of a search."""

from __future__ import annotations

import pytest

from indexer.commands.search_output import heard
from retrieval.text.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("zebra", ["zebra → zebra"]),
        ("giraffes", ["giraffes → giraffe"]),
        ("kayak", ["kayak → no word for kayak; nearest known: canoe, boat"]),
        ("zebra, no pizza", ["zebra → zebra", "without pizza → pizza"]),
        ("zebra left of pizza", ["zebra → zebra", "pizza → pizza", "left of → zebra left of pizza"]),
        ("zebra with pizza", ["zebra → zebra", "pizza → pizza"]),
        ("two zebras", ["zebras → zebra", "not supported, ignored: two"]),
        ("motorcylce", ["not understood: motorcylce; did you mean motorcycle?"]),
        ("zorblax", ["not understood: zorblax"]),
    ],
)
def test_how_words_were_read(text: str, lines: list[str]) -> None:
    assert list(heard(Vocabulary.load().read(text))) == lines


def test_a_concept_is_named() -> None:
    assert list(heard(Vocabulary.load().read("rex", {"Rex": 1}))) == ["rex → the concept Rex"]
