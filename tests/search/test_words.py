"""Searches by words: substitutes, what is unwanted, and relations that words tell, over vectors chosen by hand."""

from __future__ import annotations

import numpy as np
import pytest
from toys import ToyLibrary, analysis

from retrieval.query.relations import Relation
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search.answer import SearchAnswer
from retrieval.search.engine import SearchEngine
from retrieval.text.vocabulary import Vocabulary

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())


def images_of(answer: SearchAnswer) -> list[int]:
    return [match.image_id for match in answer.results]


@pytest.fixture
def toys(toys: ToyLibrary) -> ToyLibrary:
    """Zebras are X, pizzas Y, canoes Z, all else W."""
    toys.words = np.tile(np.array(W, np.float32), (1000, 1))
    for text, vector in (("zebra", X), ("pizza", Y), ("canoe", Z)):
        (term,) = Vocabulary.load().read(text).understood
        toys.words[list(term.rows)] = vector
    return toys


@pytest.fixture
def engine(toys: ToyLibrary) -> SearchEngine:
    """Photos 1 to 4: a zebra; a zebra left of a pizza; a pizza left of a zebra; a canoe."""
    for vectors in ([X], [X, Y], [Y, X], [Z]):
        toys.add(analysis(vectors))
    return toys.engine()


class TestUnwanted:
    @pytest.mark.parametrize("text", ["zebra without pizza", "zebra -pizza", "no pizzas, zebra"])
    @pytest.mark.parametrize("group_by", ["image", "segment"])
    def test_photos_that_show_it_are_not_likely(self, engine: SearchEngine, text: str, group_by: str) -> None:
        answer = engine.search(SearchRequest(text=text, group_by=group_by))  # type: ignore[arg-type]
        assert [match.image_id for match in answer.results if match.likely] == [1]
        assert all(match.score == pytest.approx(0, abs=0.01) for match in answer.results[1:])

    def test_the_more_a_photo_shows_it_the_lower_it_comes(self, engine: SearchEngine, toys: ToyLibrary) -> None:
        little, half = toys.add(analysis([X, (0, 0.3, 0, 0.954)])), toys.add(analysis([X, (0, 0.5, 0, 0.866)]))
        engine.refresh()
        answer = engine.search(SearchRequest(text="zebra without pizza or dogs", limit=3))
        assert answer.results[0].image_id == 1
        answer = engine.search(SearchRequest(text="zebra without pizza", limit=3))
        assert images_of(answer) == [1, little, half]
        assert [match.score for match in answer.results] == pytest.approx([1, 0.7, 0.5], abs=0.01)

    def test_of_several_things_too(self, engine: SearchEngine, toys: ToyLibrary) -> None:
        both = toys.add(analysis([X, Z]))
        engine.refresh()
        answer = engine.search(SearchRequest(text="zebra and canoe without pizza"))
        assert images_of(answer) == [both]

    def test_beside_an_example(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(positive=(Ref(segment=2),), text="without pizza"))
        assert images_of(answer)[0] == 1
        assert not answer.results[1].likely

    def test_of_another_part(self, engine: SearchEngine) -> None:
        request = SearchRequest(text="zebra", also=(Clause(text="pizza without canoe"),))
        assert images_of(engine.search(request)) == [2, 3]
        request = SearchRequest(text="zebra", also=(Clause(text="pizza without zebra"),))
        assert engine.search(request).results == ()

    def test_what_nobody_shows_leaves_nothing_out(self, engine: SearchEngine) -> None:
        assert set(images_of(engine.search(SearchRequest(text="zebra without dog")))) == {1, 2, 3, 4}

    def test_alone_it_finds_nothing(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="no pizza"))
        assert answer.results == ()
        assert answer.words is not None
        assert [term.name for term in answer.words.unwanted] == ["pizza"]

    def test_judgements_do_not_bring_it_back(self, engine: SearchEngine, toys: ToyLibrary) -> None:
        other = toys.add(analysis([X]))
        engine.refresh()
        found = engine.refine(SearchRequest(text="zebra without pizza"), [1], [])
        assert [match.image_id for match in found.answer.results if match.likely] == [other]


class TestRelations:
    def test_words_tell_relations(self, engine: SearchEngine) -> None:
        assert images_of(engine.search(SearchRequest(text="zebra left of a pizza"))) == [2]
        assert images_of(engine.search(SearchRequest(text="zebra to the right of a pizza"))) == [3]
        answer = engine.search(SearchRequest(text="zebra with pizza"))
        assert images_of(answer) == [2, 3]
        assert [match.relations for match in answer.results] == [(), ()]

    def test_after_those_of_the_request(self, engine: SearchEngine) -> None:
        request = SearchRequest(text="zebra left of pizza", relations=(Relation(1, "touching", 0),))
        (match,) = engine.search(request).results
        assert match.image_id == 2
        assert match.relations == pytest.approx((1, 1))

    def test_of_further_parts(self, engine: SearchEngine, toys: ToyLibrary) -> None:
        photo = toys.add(analysis([Z, Y, X]))
        engine.refresh()
        request = SearchRequest(text="canoe", also=(Clause(text="pizza left of zebra"),))
        answer = engine.search(request)
        assert images_of(answer) == [photo]
        assert answer.words is not None
        assert [(link.subject, link.object) for link in answer.words.links] == [(1, 2)]
        request = SearchRequest(text="canoe", also=(Clause(text="pizza right of zebra"),))
        assert engine.search(request).results == ()

    def test_segments_have_none_and_it_is_said(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="zebra left of pizza", group_by="segment"))
        assert answer.words is not None
        assert (answer.words.links, answer.words.unsupported) == ((), ("left of",))

    def test_a_thing_that_the_recipe_does_not_know_has_none(self, engine: SearchEngine, toys: ToyLibrary) -> None:
        """Giraffes have no row here, so there is but one thing, and no relation."""
        answer = engine.search(SearchRequest(text="giraffe left of a pizza", limit=2))
        assert set(images_of(answer)) == {2, 3}
        assert answer.words is not None
        assert answer.words.unsupported == ("left of",)


class TestSubstitutes:
    def test_known_words_stand_for_a_noun(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="kayak", limit=1))
        assert images_of(answer) == [4]
        assert answer.words is not None
        (term,) = answer.words.understood
        assert term.substitutes[0].term.name == "canoe"
        assert answer.parts == ("kayak",)

    def test_they_count_by_their_weights(self, engine: SearchEngine) -> None:
        """All else is W, so that the score of a canoe falls with the weight of what is no canoe."""
        (term,) = Vocabulary.load().read("kayak").understood
        weights = np.array([sum(each.weight for each in term.substitutes if each.term.name == "canoe"), 0])
        weights[1] = 1 - weights[0]
        (match,) = engine.search(SearchRequest(text="kayak", limit=1)).results
        assert 0.7 < match.score == pytest.approx(weights[0] / np.linalg.norm(weights), abs=0.1)

    def test_a_recipe_without_words_knows_none(self, toys: ToyLibrary) -> None:
        toys.words = None
        toys.add(analysis([Z]))
        assert toys.engine().search(SearchRequest(text="kayak")).results == ()
