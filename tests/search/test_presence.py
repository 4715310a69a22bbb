"""Searches by a word say how probable it is that a photo shows it, over vectors chosen by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toys import ToyLibrary, analysis

from retrieval.catalog.records import ConceptModel
from retrieval.embed.word_presence import WordPresence
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search.answer import SearchAnswer
from retrieval.search.engine import SearchEngine
from retrieval.text.vocabulary import Vocabulary

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())
HALF = (0.5, 0, 0, 0.866)
PRESENCE = WordPresence(np.array([10, 5], np.float32), -9.0, 0.6)
"""A score of 1 with no rival: sigmoid(6); of .5 with a rival of .866: far below a half."""


@pytest.fixture
def engine(toys: ToyLibrary) -> SearchEngine:
    """Zebras are X, pizzas Y, all else W; photos 1 to 4: a zebra; half a zebra; a pizza and a zebra; no segment."""
    toys.words = np.tile(np.array(W, np.float32), (1000, 1))
    for text, vector in (("zebra", X), ("pizza", Y)):
        (term,) = Vocabulary.load().read(text).understood
        toys.words[list(term.rows)] = vector
    for vectors in ([X], [HALF], [Y, X]):
        toys.add(analysis(vectors))
    toys.add(analysis([], fallback=X))
    engine = toys.engine()
    return replace(engine, recipe=replace(engine.recipe, word_presence=PRESENCE))


def asked(engine: SearchEngine, text: str = "", **options: object) -> SearchAnswer:
    return engine.search(SearchRequest(text=text, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("group_by", ["image", "segment"])
def test_a_word_has_a_probability(engine: SearchEngine, group_by: str) -> None:
    answer = asked(engine, "zebra", group_by=group_by)
    first = answer.results[0]
    assert first.probability == pytest.approx(1 / (1 + np.exp(-6)), abs=0.01)
    judged = [match for match in answer.results if match.probability is not None]
    assert [match.likely for match in judged] == [(match.probability or 0) >= 0.5 for match in judged]
    assert {match.image_id for match in judged if match.likely} == {1, 3}
    assert not answer.none_likely


@pytest.mark.parametrize(
    ("probability", "certainty"),
    [(None, None), (1.0, "sure"), (0.8, "sure"), (0.79, "likely"), (0.5, "likely"), (0.49, "weak"), (0.0, "weak")],
)
def test_a_probability_in_words(engine: SearchEngine, probability: float | None, certainty: str | None) -> None:
    match = engine.search(SearchRequest(text="zebra")).results[0]
    assert match._replace(probability=probability).certainty == certainty


def test_whole_photos_that_stand_for_segments_have_none(engine: SearchEngine) -> None:
    (match,) = [match for match in asked(engine, "zebra").results if match.fallback]
    assert (match.probability, match.likely) == (None, False)


def test_nothing_shows_what_no_segment_looks_like(engine: SearchEngine) -> None:
    """An accordion is W here, and half of photo 2 is, but it is nearest to what all other words mean."""
    answer = asked(engine, "accordion")
    assert len(answer.results) == 4
    assert answer.results[0].image_id == 2
    assert answer.none_likely
    assert not any(match.likely for match in answer.results)


def test_the_number_of_results_changes_nothing(engine: SearchEngine) -> None:
    many = asked(engine, "zebra").results
    assert asked(engine, "zebra", limit=1).results[0].probability == many[0].probability


def test_likely_photos_are_counted_by_facets(engine: SearchEngine) -> None:
    answer = asked(engine, "accordion", facets=True)
    assert answer.facets is not None
    assert not any(answer.facets.values())


def test_facets_count_likely_photos_behind_one_that_is_not(engine: SearchEngine, toys: ToyLibrary) -> None:
    """The first is nearer to a zebra, but nearer still to all other words; "zebra" and "pizza" are few."""
    for image_id in toys.catalog.images.find({1, 2, 3, 4}):
        toys.catalog.images.delete(image_id)
    toys.add(analysis([(0.75, 0, 0, 0.66)], labels=["first"]))
    toys.add(analysis([(0.7, 0.714, 0, 0)], labels=["second"]))
    engine.refresh()
    answer = asked(engine, "zebra", limit=1, facets=True)
    assert [match.label for match in answer.results] == ["first"]
    assert not answer.results[0].likely
    assert answer.facets is not None
    assert [facet.name for facet in answer.facets["label"]] == ["second"]


def test_what_is_unwanted_lowers_it(engine: SearchEngine) -> None:
    answer = asked(engine, "zebra without pizza")
    of_photo = {match.image_id: match for match in answer.results}
    assert of_photo[3].probability == pytest.approx(0, abs=0.01)
    assert of_photo[1].probability == pytest.approx(1 / (1 + np.exp(-6)), abs=0.01)


@pytest.mark.parametrize(
    "request_", [SearchRequest(text="pizza and zebra"), SearchRequest(text="pizza", also=(Clause(text="zebra"),))]
)
def test_of_several_words_it_is_the_geometric_mean(
    engine: SearchEngine, toys: ToyLibrary, request_: SearchRequest
) -> None:
    half = toys.add(analysis([Y, HALF]))
    engine.refresh()
    results = engine.search(request_).results
    assert [match.image_id for match in results] == [3, half]
    assert results[0].probability == pytest.approx(1 / (1 + np.exp(-6)), abs=0.01)
    assert results[0].likely
    lone = {match.image_id: match.probability or 0 for match in asked(engine, "zebra").results}
    assert results[1].probability == pytest.approx(np.sqrt(lone[3] * lone[half]), rel=0.01)
    assert not results[1].likely


def test_relations_lower_it(engine: SearchEngine) -> None:
    assert asked(engine, "zebra inside a pizza").results == ()
    (match,) = asked(engine, "pizza left of a zebra").results
    assert match.probability == pytest.approx(match.relations[0] / (1 + np.exp(-6)), abs=0.01)


def test_nothing_shows_all(engine: SearchEngine) -> None:
    answer = asked(engine, "accordion and zebra")
    assert answer.results
    assert answer.none_likely


def test_substitutes_are_less_sure(engine: SearchEngine, toys: ToyLibrary) -> None:
    (term,) = Vocabulary.load().read("kayak").understood
    assert term.substitutes
    photo = toys.add(analysis([W]))
    engine.refresh()
    first = asked(replace(engine, recipe=replace(engine.recipe, word_presence=replace(PRESENCE, bias=0.0))), "kayak")
    assert first.results[0].image_id == photo
    assert 0.5 < (first.results[0].probability or 0) <= 0.6


@pytest.mark.parametrize(
    "request_",
    [
        SearchRequest(positive=(Ref(segment=1),)),
        SearchRequest(positive=(Ref(segment=1),), text="zebra"),
        SearchRequest(text="zebra", negative=(Ref(segment=2),)),
        SearchRequest(text="zebra and pizza", group_by="segment"),
        SearchRequest(text="zebra", also=(Clause(positive=(Ref(segment=1),)),)),
        SearchRequest(positive=(Ref(image=1),)),
    ],
)
def test_other_searches_have_none(engine: SearchEngine, request_: SearchRequest) -> None:
    answer = engine.search(request_)
    assert answer.results
    assert all(match.probability is None for match in answer.results)
    assert not answer.none_likely


def test_a_round_that_keeps_the_query_is_the_plain_search(engine: SearchEngine) -> None:
    asked_for = SearchRequest(text="zebra")
    plain, found = engine.search(asked_for), engine.refine(asked_for, (), ())
    assert found.model.kept_query
    assert [each._replace(parts=()) for each in plain.results] == list(found.answer.results)
    assert any(match.likely for match in found.answer.results)


def test_nor_have_rounds_of_feedback(engine: SearchEngine) -> None:
    found = engine.refine(SearchRequest(text="zebra"), [1], [2])
    assert found.answer.results
    assert all(match.probability is None for match in (*found.answer.results, *found.ask))


def test_nor_have_concepts(engine: SearchEngine, toys: ToyLibrary) -> None:
    directions = np.array([X], np.float32)
    model = ConceptModel(space=toys.recipe, directions=directions, threshold=0.9, query=None, positive=(), negative=())
    engine.concepts.add("Marty", model)
    answer = asked(engine, "Marty")
    assert answer.results
    assert all(match.probability is None for match in answer.results)


def test_recipes_without_it_go_by_the_best_score(engine: SearchEngine) -> None:
    answer = asked(replace(engine, recipe=replace(engine.recipe, word_presence=None)), "zebra")
    assert all(match.probability is None for match in answer.results)
    assert [match.image_id for match in answer.results if match.likely] == [1, 3]
