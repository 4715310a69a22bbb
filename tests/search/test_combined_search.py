"""Searches for photos that hold several things, over photos whose vectors are chosen by hand."""

from __future__ import annotations

import numpy as np
import pytest
from toys import ToyLibrary, analysis, random_units

from retrieval.embed.projection import unit
from retrieval.errors import QueryError
from retrieval.query.relations import Relation
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search import combination, combined_search
from retrieval.search.answer import SearchAnswer
from retrieval.search.engine import SearchEngine
from retrieval.types import Ids, Vectors

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())
XY = (0.8, 0.6, 0, 0)


def search(engine: SearchEngine, things: list[int], *relations: Relation, **options: object) -> SearchAnswer:
    """Photos that hold what each of some segments shows."""
    first, *others = (Ref(segment=key) for key in things)
    also = tuple(Clause(positive=(ref,)) for ref in others)
    return engine.search(SearchRequest(positive=(first,), also=also, relations=relations, **options))  # type: ignore[arg-type]


def images_of(answer: SearchAnswer) -> list[int]:
    return [match.image_id for match in answer.results]


@pytest.fixture
def query(toys: ToyLibrary) -> list[int]:
    """Segments that show X and Y."""
    return toys.segment_ids(toys.add(analysis([X, Y])))


def test_photos_with_both_come_first(toys: ToyLibrary, query: list[int]) -> None:
    only_x, both, only_y, weak = (toys.add(analysis(each)) for each in ([X, W], [Y, X], [Y, Z], [XY, XY]))
    answer = search(toys.engine(), query)
    assert images_of(answer) == [both, weak]
    assert {only_x, only_y}.isdisjoint(images_of(answer))
    first = answer.results[0]
    ids = toys.segment_ids(both)
    assert [(part.part, part.segment_id) for part in first.parts] == [(0, ids[1]), (1, ids[0])]
    assert [part.score for part in first.parts] == pytest.approx([1, 1], abs=1e-3)
    assert (first.segment_id, first.score) == (ids[1], pytest.approx(1, abs=1e-3))
    assert answer.parts == tuple(f"segment {key}" for key in query)


def test_a_blend_is_something_else(toys: ToyLibrary, query: list[int]) -> None:
    """Several examples of one thing are met by what is like all of them; each says what it scored."""
    both, between = toys.add(analysis([X, Y])), toys.add(analysis([XY]))
    request = SearchRequest(positive=tuple(Ref(segment=key) for key in query))
    answer = toys.engine().search(request)
    assert images_of(answer) == [between, both]
    assert [part.score for part in answer.results[0].parts] == pytest.approx([0.8, 0.6], abs=1e-3)


def test_relations_leave_photos_out(toys: ToyLibrary, query: list[int]) -> None:
    left, right = toys.add(analysis([X, Y])), toys.add(analysis([Y, X]))  # strips from left to right
    assert set(images_of(search(toys.engine(), query))) == {left, right}
    answer = search(toys.engine(), query, Relation(0, "left_of", 1))
    assert images_of(answer) == [left]
    assert answer.results[0].relations == (1.0,)
    assert images_of(search(toys.engine(), query, Relation(1, "left_of", 0))) == [right]
    assert images_of(search(toys.engine(), query, Relation(0, "above", 1))) == []


@pytest.mark.parametrize("limit", [1, 3, 10])
@pytest.mark.parametrize("first", [1, 300])
@pytest.mark.slow
def test_the_threshold_algorithm_finds_the_best(
    toys: ToyLibrary, limit: int, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few segments are looked at to begin with."""
    monkeypatch.setattr(combined_search, "FIRST_DEPTH", first)
    rng = np.random.default_rng(3)
    photos = {toys.add(analysis(rows)): rows for rows in (random_units(rng, 4, 4) for _ in range(40))}
    query = toys.segment_ids(toys.add(analysis([X, Y])))
    best = {key: float(combination.bound((rows @ np.eye(4)[:2].T).max(axis=0))) for key, rows in photos.items()}
    answer = search(toys.engine(), query, limit=limit)
    assert len(answer.results) == limit
    scores = [match.score for match in answer.results]
    assert scores == sorted(scores, reverse=True)
    # where one segment shows both best, another choice is made: never more than the bound, and few less
    assert all(match.score <= best[match.image_id] + 1e-3 for match in answer.results)
    everything = search(toys.engine(), query, limit=100)
    assert images_of(everything)[:limit] == images_of(answer)


def test_photos_that_cannot_be_among_the_best_are_not_read(
    toys: ToyLibrary, query: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combined_search, "FIRST_COMPARED", 2)
    best = [toys.add(analysis([X, Y])) for _ in range(3)]
    for _ in range(30):
        toys.add(analysis([X, Z]))
        toys.add(analysis([Y, Z]))
    engine, read = toys.engine(), list[int]()
    engine.refresh()
    vectors_of = type(engine.segments).get

    def get(self: object, ids: Ids) -> Vectors:
        read.extend(ids.tolist())
        return vectors_of(self, ids)

    monkeypatch.setattr(type(engine.segments), "get", get)
    assert images_of(search(engine, query, limit=3)) == best
    assert len(read) < 20, "two segments of each of the best, and of the few photos that were read with them"
    assert len(read) == len(set(read))


def test_deleted_poor_and_fallback_segments(toys: ToyLibrary, query: list[int]) -> None:
    gone = toys.add(analysis([X, Y]))
    poor = toys.add(analysis([X, Y], quality=[0.9, 0.1]))
    toys.add(analysis(np.zeros((0, 4)), fallback=list(unit(np.array([1.0, 1, 0, 0])))))
    engine = toys.engine()
    toys.catalog.images.delete(gone)
    assert images_of(search(engine, query)) == [poor]
    assert images_of(search(engine, query, min_quality=0.5)) == []


def test_an_empty_library(toys: ToyLibrary, query: list[int]) -> None:
    assert search(toys.engine(), query).results == ()


class TestWords:
    @pytest.fixture
    def engine(self, toys: ToyLibrary) -> SearchEngine:
        """Mopeds are X, tabby cats Y."""
        toys.words = np.full((1000, 4), 0.5, np.float32)
        toys.words[[665, 670]], toys.words[281:286] = X, Y
        for vectors in ([X, Z], [Y, Z], [X, Y], [unit(np.array([1.0, 1, 0, 0])), Z]):
            toys.add(analysis(vectors))
        return toys.engine()

    def test_each_of_several_words_has_to_be_there(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="motorcycle, cat"))
        assert answer.parts == ("motorcycle", "cat")
        assert images_of(answer)[0] == 3
        assert set(images_of(answer)) == {3, 4}
        first, second = answer.results[0].parts
        assert first.nearest in {"moped", "motor scooter"}
        assert second.nearest is not None
        assert "cat" in second.nearest

    def test_in_a_flat_list_they_mean_one_thing(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="motorcycle, cat", group_by="segment"))
        assert answer.results[0].image_id == 4

    def test_words_beside_an_example(self, engine: SearchEngine, toys: ToyLibrary) -> None:
        example = toys.segment_ids(toys.add(analysis([X])))[0]
        engine.refresh()
        request = SearchRequest(positive=(Ref(segment=example),), also=(Clause(text="cat"),))
        assert images_of(engine.search(request))[0] == 3

    def test_what_is_unknown_finds_nothing(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="cat", also=(Clause(text="xyzzy"),)))
        assert answer.results == ()
        assert answer.words is not None
        assert answer.words.unknown == ("xyzzy",)

    def test_one_word_says_what_came_nearest(self, engine: SearchEngine) -> None:
        (part,) = engine.search(SearchRequest(text="motorcycles", limit=1)).results[0].parts
        assert (part.part, part.nearest) == (0, "moped")


class TestRefusals:
    def test_relations_to_what_is_not_there(self, toys: ToyLibrary, query: list[int]) -> None:
        with pytest.raises(QueryError, match=r"part 2 of the query, which has 2 \(segment 1, segment 2\)"):
            search(toys.engine(), query, Relation(0, "above", 2))

    def test_whole_photos(self, toys: ToyLibrary, query: list[int]) -> None:
        with pytest.raises(QueryError, match="pick a segment"):
            Clause(positive=(Ref(image=1),))
        with pytest.raises(QueryError, match="pick a segment"):
            toys.engine().search(
                SearchRequest(positive=(Ref(image=1),), also=(Clause(positive=(Ref(segment=query[0]),)),))
            )

    def test_too_many_things(self, toys: ToyLibrary, query: list[int]) -> None:
        with pytest.raises(QueryError, match="the query has 6 parts; it can have at most 5"):
            search(toys.engine(), query * 3)
        toys.words = np.full((1000, 4), 0.5, np.float32)
        with pytest.raises(QueryError, match="the query has 6 parts; it can have at most 5"):
            toys.engine().search(SearchRequest(text="dog, cat, bus, truck, pizza, umbrella"))

    def test_segments_are_not_grouped_by_photo(self, query: list[int]) -> None:
        with pytest.raises(QueryError, match="group by image"):
            SearchRequest(positive=(Ref(segment=1),), also=(Clause(positive=(Ref(segment=2),)),), group_by="segment")

    def test_nothing_said(self) -> None:
        with pytest.raises(QueryError, match="a part of the query is empty"):
            Clause(negative=(Ref(segment=1),))

    def test_a_combination_cannot_be_refined(self, toys: ToyLibrary, query: list[int]) -> None:
        request = SearchRequest(positive=(Ref(segment=query[0]),), also=(Clause(positive=(Ref(segment=query[1]),)),))
        with pytest.raises(QueryError, match="search for one of them"):
            toys.engine().refine(request, (), ())
