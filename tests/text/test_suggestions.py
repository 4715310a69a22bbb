"""Suggestions: words of near meaning and corrected spellings, never a word that is merely spelled alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.text.lexicon import Entry
from retrieval.text.suggestions import SUGGESTIONS, edit_distance, in_turns, suggest
from retrieval.text.vocabulary import Vocabulary

TOLD = {word: Entry(word, word, (row,)) for row, word in enumerate(("tee", "entree", "motorcycle", "bird", "beard"))}


def no_meaning(_: str) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("motorcylce", ["motorcycle"]),
        ("motorcyle", ["motorcycle"]),
        ("motrcyle", ["motorcycle"]),
        ("bir", ["bird"]),
        ("biid", ["bird"]),
        ("tree", []),
        ("te", []),
        ("bread", []),
        ("baerd", ["beard"]),
        ("birdie", []),
        ("hird", []),
        ("q" * 500, []),
    ],
)
def test_typing_errors_are_corrected(typed: str, meant: list[str]) -> None:
    assert suggest([typed], TOLD, no_meaning) == (tuple(meant),)


def test_words_of_near_meaning_go_first() -> None:
    found = suggest(["motorcylce", "biid"], TOLD, lambda key: ["scooter", "bus"] if key == "biid" else [])
    assert found == (("motorcycle",), ("scooter", "bus", "bird"))
    assert in_turns(found) == ("motorcycle", "scooter", "bus", "bird")


def test_there_are_few() -> None:
    found = suggest(["x", "y", "q" * 500], TOLD, lambda key: [key + str(row) for row in range(9)])
    assert [len(words) for words in found] == [SUGGESTIONS, SUGGESTIONS, 0]
    assert len(in_turns(found)) == SUGGESTIONS


@pytest.mark.parametrize(
    ("one", "other", "errors"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("ab", "ba", 1),
        ("kitten", "sitting", 3),
        ("elefant", "elephant", 2),
        ("abc", "abc", 0),
    ],
)
def test_edit_distances(one: str, other: str, errors: int) -> None:
    assert edit_distance(one, other, 9) == errors
    assert edit_distance(one, other, 0) == min(errors, 1)


@given(st.text("abc", max_size=7), st.text("abc", max_size=7), st.integers(0, 8))
def test_edit_distance_is_symmetric_and_bounded(one: str, other: str, most: int) -> None:
    found = edit_distance(one, other, most)
    assert found == edit_distance(other, one, most)
    assert min(abs(len(one) - len(other)), most + 1) <= found <= min(max(len(one), len(other)), most + 1)
    assert (found == 0) == (one == other)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("motorcylce", "motorcycle"), ("umbrela", "umbrella"), ("elefant", "elephant"), ("tedybear", "teddy bear")],
)
def test_misspelled_words_bring_suggestions(typed: str, meant: str) -> None:
    assert meant in Vocabulary.load().read(typed).suggestions


def test_suggestions_are_few_and_known() -> None:
    words = Vocabulary.load()
    suggestions = words.read("elefant umbrela motorcylce keyybord banaana piza toastr").suggestions
    assert len(suggestions) == SUGGESTIONS
    assert {"elephant", "umbrella", "motorcycle", "banana"} <= set(suggestions)
    assert set(suggestions) <= set(words.words())
