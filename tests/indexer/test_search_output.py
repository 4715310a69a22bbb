"""What the terminal says of the words of a search, and of its results."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from toys import ToyLibrary, analysis

from indexer.commands.search_output import heard, print_answer
from retrieval.embed.word_presence import WordPresence
from retrieval.query.request import Ref, SearchRequest
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


class TestProbability:
    @pytest.fixture
    def printed(self, toys: ToyLibrary, capsys: pytest.CaptureFixture[str]) -> Any:
        """Prints what a search of two photos finds; zebras have the first direction, accordions another."""
        toys.words = np.tile(np.array([0, 0, 0, 1], np.float32), (1000, 1))
        (term,) = Vocabulary.load().read("zebra").understood
        toys.words[list(term.rows)] = np.array([1, 0, 0, 0], np.float32)
        for vector in ((1, 0, 0, 0), (0, 1, 0, 0)):
            toys.add(analysis([vector]))
        engine = toys.engine()
        presence = WordPresence(np.array([20, 0], np.float32), -10.0, 1.0)
        engine = replace(engine, recipe=replace(engine.recipe, word_presence=presence))
        place: Any = SimpleNamespace(catalog=toys.catalog, recipe_spec=engine.recipe)

        def search(as_json: bool = False, **request: Any) -> str:
            print_answer(place, engine.search(SearchRequest(**request)), as_json=as_json)
            return capsys.readouterr().out

        return search

    def test_of_a_word(self, printed: Any) -> None:
        text = printed(text="zebra")
        assert "chance" in text
        assert "100%" in text
        assert "probably nothing" not in text

    def test_nothing_is_an_answer(self, printed: Any) -> None:
        assert "probably nothing here shows accordions; the nearest are:" in printed(text="accordions")

    def test_examples_have_none(self, printed: Any) -> None:
        assert "chance" not in printed(positive=(Ref(segment=1),))

    def test_as_json(self, printed: Any) -> None:
        found = json.loads(printed(as_json=True, text="zebra"))
        assert [result["probability"] for result in found["results"]] == pytest.approx([1, 0], abs=1e-3)
        assert [result["likely"] for result in found["results"]] == [True, False]
        assert not found["none_likely"]
        assert json.loads(printed(as_json=True, text="accordion"))["none_likely"]
