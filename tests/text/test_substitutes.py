"""Known words that stand for nouns that are not known: each is said, each is known, and the nearest are near."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.errors import WeightsMissingError
from retrieval.text.substitutes import SUBSTITUTES_FILE, read_substitutes
from retrieval.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return Vocabulary.load()


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        *(("kayak", "canoe"), ("Kayaks", "canoe"), ("sparrow", "bird"), ("newspaper", "magazine")),
        *(("bulldozer", "tractor"), ("temple", "shrine"), ("sweet potatoes", "potato"), ("police car", "car")),
        *(("palm", "tree"), ("palm trees", "tree"), ("cherry tree", "tree"), ("tomato plant", "plant")),
    ],
)
def test_the_nearest_known_word_stands_for_a_noun(words: Vocabulary, typed: str, first: str) -> None:
    (term,) = words.read(typed).understood
    assert term.substitutes[0].term.name == first
    assert sum(each.weight for each in term.substitutes) == pytest.approx(1)
    assert words.read(typed).unknown == ()


@pytest.mark.parametrize(
    ("typed", "strangers"),
    [
        ("grass", {"grasshopper", "grass snake"}),
        ("snow", {"snow leopard", "snowplow"}),
        ("tulip", {"cauliflower", "mushroom"}),
        ("earring", {"ear of corn", "eared seal"}),
        ("sand", {"sandal", "sand viper"}),
        ("bulldozer", {"bullfrog", "bull mastiff"}),
        ("egg", {"eggnog"}),
    ],
)
def test_words_that_are_only_spelled_alike_do_not(words: Vocabulary, typed: str, strangers: set[str]) -> None:
    for term in words.read(typed).understood:
        assert strangers.isdisjoint(each.term.name for each in term.substitutes)


def test_everybody_is_a_person(words: Vocabulary) -> None:
    for who in ("soldier", "musician", "policeman", "bride"):
        (term,) = words.read(who).understood
        assert "person" in {each.term.name for each in term.substitutes}


def test_a_noun_of_two_words_is_not_read_by_its_second(words: Vocabulary) -> None:
    """A license plate is no plate."""
    reading = words.read("car with license plate")
    assert [term.name for term in reading.understood] == ["car"]
    assert reading.unknown == ("license plate",)


def test_nouns_with_the_same_substitutes_are_two_things(words: Vocabulary) -> None:
    assert [term.text for term in words.read("policeman and bride").understood] == ["policeman", "bride"]


def test_known_words_have_none(words: Vocabulary) -> None:
    for word in ("dog", "person", "traffic light", "Canis lupus"):
        (term,) = words.read(word).understood
        assert term.substitutes == ()


def test_a_noun_is_read_beside_known_words(words: Vocabulary) -> None:
    reading = words.read("a red kayak on a beach without soldiers")
    assert [(term.name, term.colors) for term in reading.understood] == [("kayak", ("red",)), ("beach", ())]
    assert [term.name for term in reading.unwanted] == ["soldier"]


@pytest.mark.parametrize("word", ["happiness", "democracy", "zorblax", "beautiful", "young", "running"])
def test_what_cannot_be_seen_is_unknown(words: Vocabulary, word: str) -> None:
    assert words.read(word).understood == ()
    assert words.read(word).unknown == (word,)


def test_the_table_is_sound() -> None:
    stored, table, known = json.loads(SUBSTITUTES_FILE.read_text("ascii")), read_substitutes(), Vocabulary.load()
    for name in stored["known"]:
        found = known.read(name).understood
        assert [(term.substitutes, bool(term.rows) or term.learned is not None) for term in found] == [((), True)], name
    for noun, pairs in table.words.items():
        assert sum(weight for _, weight in pairs) == pytest.approx(1), noun
        assert [weight for _, weight in pairs] == sorted((weight for _, weight in pairs), reverse=True), noun
    assert not table.words.keys() & table.near.keys()


def test_the_file_is_small_and_carries_its_notice() -> None:
    text = SUBSTITUTES_FILE.read_text(encoding="ascii")
    assert len(text) < 2_000_000
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in " ".join(json.loads(text)["license"])


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="git checkout"):
        read_substitutes(tmp_path / "none.json")
