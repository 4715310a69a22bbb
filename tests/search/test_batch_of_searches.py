"""Searches that are answered together: the same answers as one by one, from fewer searches of the index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from toys import ToyLibrary, analysis, random_units

from retrieval.errors import UnknownSegmentError
from retrieval.index.local import LocalIndex
from retrieval.index.protocols import IndexQuery
from retrieval.index.ranking import Scored
from retrieval.query.filters import Filters
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search.answer import SearchAnswer
from retrieval.search.engine import SearchEngine


@pytest.fixture
def engine(toys: ToyLibrary) -> SearchEngine:
    rng = np.random.default_rng(0)
    for _ in range(30):
        toys.add(analysis(random_units(rng, 6, 4)))
    return toys.engine()


def asked() -> list[SearchRequest]:
    """Searches of every kind."""
    one, other, whole = Ref(segment=1), Ref(segment=20), Ref(image=3)
    return [
        SearchRequest(positive=(one,), limit=5),
        SearchRequest(positive=(one, other), negative=(Ref(segment=40),), limit=100, group_by="segment"),
        SearchRequest(positive=(other,), limit=29),
        SearchRequest(positive=(other,), limit=3, facets=True),
        SearchRequest(positive=(other,), limit=3, filters=Filters(min_quality=0.1)),
        SearchRequest(positive=(one,), also=(Clause(positive=(other,)),), limit=5),
        SearchRequest(positive=(whole,), limit=5),
        SearchRequest(text="unheard-of", limit=5),
    ]


def told(answer: object) -> object:
    """What an answer says, but for how long it took and the rounding of scores."""
    assert isinstance(answer, SearchAnswer)
    results = [(each.image_id, each.segment_id, pytest.approx(each.score, abs=1e-6)) for each in answer.results]
    likely = [each.likely for each in answer.results]
    return results, likely, answer.used, answer.words, answer.parts, answer.facets, answer.indexed, answer.lag


def test_answers_are_those_of_single_searches(engine: SearchEngine) -> None:
    requests = asked()
    for request, together in zip(requests, engine.search_batch(requests), strict=True):
        assert told(together) == told(engine.search(request))


def test_plain_ones_take_one_pass(engine: SearchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    whole = LocalIndex.search_batch

    def counted(self: LocalIndex, queries: Sequence[IndexQuery]) -> list[Scored]:
        passes.append(len(queries))
        return whole(self, queries)

    def refused(*_: object, **__: object) -> Scored:
        raise AssertionError("searched one by one")

    monkeypatch.setattr(LocalIndex, "search_batch", counted)
    monkeypatch.setattr(LocalIndex, "search", refused)
    answers = engine.search_batch([SearchRequest(positive=(Ref(segment=key),), limit=5) for key in range(1, 13)])
    assert passes == [12]
    assert all(isinstance(each, SearchAnswer) and len(each.results) == 5 for each in answers)


def test_one_that_fails_spoils_no_other(engine: SearchEngine) -> None:
    right = SearchRequest(positive=(Ref(segment=1),), limit=5)
    first, wrong, last = engine.search_batch([right, SearchRequest(positive=(Ref(segment=9999),)), right])
    assert isinstance(wrong, UnknownSegmentError)
    assert told(first) == told(last) == told(engine.search(right))


def test_none_at_all(engine: SearchEngine) -> None:
    assert engine.search_batch([]) == []
