"""Phrases: negations, relations and numbers are read as such or said to be ignored, and never dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.query.relations import RELATIONS as SPATIAL
from retrieval.text.phrases import RELATIONS
from retrieval.text.reading import Reading
from retrieval.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return Vocabulary.load()


def names(reading: Reading) -> list[str]:
    return [term.name for term in reading.understood]


def unwanted(reading: Reading) -> list[str]:
    return [term.name for term in reading.unwanted]


@pytest.mark.parametrize(
    ("text", "wanted", "not_wanted"),
    [
        ("motorcycle without people", ["motorcycle"], ["person"]),
        ("dog, no cat", ["dog"], ["cat"]),
        ("dog -cat", ["dog"], ["cat"]),
        ("dog \u2212cat", ["dog"], ["cat"]),
        ("-cat dog", ["dog"], ["cat"]),
        ("dogs except poodles", ["dog"], ["poodle"]),
        ("dog without cat or horse", ["dog"], ["cat", "horse"]),
        ("dog without cat on a couch", ["dog", "couch"], ["cat"]),
        ("dog without cat, horse", ["dog", "horse"], ["cat"]),
        ("dog but not a cat", ["dog"], ["cat"]),
        ("no cat but a dog", ["dog"], ["cat"]),
        ("no people", [], ["person"]),
        ("dogs without dogs", ["dog"], []),
        ("hot-dog", ["hot dog"], []),
        ("dog - cat", ["dog", "cat"], []),
    ],
)
def test_negations(words: Vocabulary, text: str, wanted: list[str], not_wanted: list[str]) -> None:
    reading = words.read(text)
    assert (names(reading), unwanted(reading)) == (wanted, not_wanted)
    assert reading.unknown == reading.unsupported == ()


def test_colours_and_unknown_words_after_a_negation(words: Vocabulary) -> None:
    reading = words.read("dog without red car and zorblax")
    assert [(term.name, term.colors) for term in reading.unwanted] == [("car", ("red",))]
    assert reading.unknown == ("zorblax",)


def test_a_name_with_a_negation_is_a_name(words: Vocabulary) -> None:
    reading = words.read("dog without collar", {"dog without collar": 7})
    assert [term.concept for term in reading.understood] == [7]
    assert reading.unwanted == ()


@pytest.mark.parametrize("name", ["two", "on", "No"])
def test_a_name_goes_before_a_phrase(words: Vocabulary, name: str) -> None:
    reading = words.read(f"{name} dogs", {name: 7})
    assert [term.concept for term in reading.understood] == [7, None]
    assert reading.unsupported == reading.unwanted == ()


@pytest.mark.parametrize("text", ["without", "dog without", "dog, no"])
def test_a_negation_of_nothing_is_said(words: Vocabulary, text: str) -> None:
    assert words.read(text).unsupported == (text.split()[-1],)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("teddy bear on a dining table", [(0, "on", "touching", 1)]),
        ("the cat is to the left of two dogs", [(0, "to the left of", "left_of", 1)]),
        ("dog next to a red car", [(0, "next to", "touching", 1)]),
        ("dog under bench", [(0, "under", "below", 1)]),
        ("dog with ball", [(0, "with", None, 1)]),
        ("person with a hat on a horse", [(0, "with", None, 1), (0, "on", "touching", 2)]),
        ("dog on couch next to cat", [(0, "on", "touching", 1), (1, "next to", "touching", 2)]),
        ("dog larger than cat", [(0, "larger than", "larger", 1)]),
        ("dog and cat", []),
        ("on a couch", []),
        ("dog on", []),
        ("dog on dogs", []),
        ("dog on zorblax", []),
        ("dog without cat on a couch", [(0, "on", "touching", 1)]),
    ],
)
def test_links(words: Vocabulary, text: str, links: list[tuple[int, str, str | None, int]]) -> None:
    found = words.read(text).links
    assert [(each.subject, each.text, each.relation, each.object) for each in found] == links


def test_links_are_relations_of_searches() -> None:
    assert {name for name in RELATIONS.values() if name is not None} <= set(SPATIAL)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("two dogs", ("two",)),
        ("12 dogs", ("12",)),
        ("several dogs and 3 cats", ("several", "3")),
        ("dog behind a couch", ("behind",)),
        ("a dog in front of a couch", ("in front of",)),
        ("12", ("12",)),
        ("one dog", ()),
        ("hen of the woods", ()),
    ],
)
def test_what_a_search_cannot_go_by_is_said(words: Vocabulary, text: str, said: tuple[str, ...]) -> None:
    assert words.read(text).unsupported == said


PIECES = [
    "dog",
    "zorblax",
    "kayak",
    "without",
    "no",
    "-cat",
    "on",
    "left of",
    "two",
    "and",
    ",",
    "red",
    "behind",
    "the",
]


@given(st.lists(st.sampled_from(PIECES), max_size=9))
def test_nothing_that_says_something_is_dropped(pieces: list[str]) -> None:
    reading = Vocabulary.load().read(" ".join(pieces))
    said = " ".join(
        (
            *(term.text for term in (*reading.understood, *reading.unwanted)),
            *(link.text for link in reading.links),
            *reading.unknown,
            *reading.unsupported,
        )
    )
    found = {term.name for term in (*reading.understood, *reading.unwanted)}
    assert ("dog" in pieces) <= ("dog" in found)
    assert ("kayak" in pieces) <= ("kayak" in found)
    assert ("-cat" in pieces) <= ("cat" in found)
    assert all((piece in pieces) <= (piece in said) for piece in ("zorblax", "two", "behind"))
    assert all(link.subject != link.object < len(reading.understood) for link in reading.links)
