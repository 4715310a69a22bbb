"""What is measured of searches by words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import ToyLibrary, analysis

from retrieval.embed.word_presence import WordPresence
from retrieval.evaluation.absent_words import RARE, absent_words
from retrieval.evaluation.datasets import AnnotatedObject, AnnotatedPhoto
from retrieval.evaluation.word_search import LikelyPhotos, by_word
from retrieval.text.vocabulary import Vocabulary

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())


def photo(*categories: str) -> AnnotatedPhoto:
    return AnnotatedPhoto(Path("photo.jpg"), tuple(AnnotatedObject(name, {}) for name in categories))


class TestAbsentWords:
    def test_all_are_understood_as_one_word(self) -> None:
        for word in RARE:
            reading = Vocabulary.load().read(word)
            assert (len(reading.understood), reading.unknown) == (1, ()), word

    def test_nothing_of_a_class_that_is_there(self) -> None:
        assert set(RARE) - set(absent_words(["kangaroo", "okapi"])) == {"kangaroo", "okapi"}

    def test_nor_what_may_be_one_of_it(self) -> None:
        gone = set(RARE) - set(absent_words(["bird"]))
        assert {"rooster", "flamingo"} <= gone
        assert "accordion" not in gone

    def test_all_of_no_classes(self) -> None:
        assert absent_words([]) == RARE


class TestByWord:
    @pytest.fixture
    def toys(self, toys: ToyLibrary) -> ToyLibrary:
        toys.words = np.tile(np.array(W, np.float32), (1000, 1))
        for text, vector in (("zebra", X), ("pizza", Y), ("accordion", X)):
            (term,) = Vocabulary.load().read(text).understood
            toys.words[list(term.rows)] = vector
        return toys

    def test_figures(self, toys: ToyLibrary) -> None:
        """The second zebra looks like a pizza; an accordion is likely, as it has the direction of zebras."""
        ids = [toys.add(analysis([vector])) for vector in (X, Y, Y)]
        photos = [photo("zebra"), photo("zebra"), photo("pizza")]
        engine = toys.engine()
        presence = WordPresence(np.array([20, 0], np.float32), -10.0, 1.0)
        engine = replace(engine, recipe=replace(engine.recipe, word_presence=presence))
        precisions, likely = by_word(engine, dict(zip(ids, photos, strict=True)), photos)
        assert precisions == pytest.approx({"pizza": 0.5, "zebra": 1.0})
        assert likely.f1 == pytest.approx({"pizza": 2 / 3, "zebra": 2 / 3})
        assert set(likely.is_none) == set(RARE)
        assert not likely.is_none["accordion"]
        assert likely.is_none["octopus"]
        figures = likely.figures()
        assert figures["words: F1 of the likely photos"] == pytest.approx(2 / 3)
        assert figures["absent words: share without a likely photo"] == pytest.approx(
            np.mean([*likely.is_none.values()])
        )

    def test_nothing_where_no_word_is_known(self, toys: ToyLibrary) -> None:
        toys.words = None
        number = toys.add(analysis([X]))
        found = by_word(toys.engine(), {number: photo("zebra")}, [photo("zebra")])
        assert found == ({}, LikelyPhotos())
        assert found[1].figures() == {}
