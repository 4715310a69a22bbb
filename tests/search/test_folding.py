"""Near-duplicates are listed once among results, if a search asks for that."""

from __future__ import annotations

import pytest
from toys import TOY, ToyLibrary, analysis

from retrieval.catalog import NearDuplicates
from retrieval.catalog.records import Comparison, DuplicatePair
from retrieval.errors import QueryError
from retrieval.query.request import Ref, SearchRequest
from retrieval.search import folding
from retrieval.search.engine import SearchEngine


@pytest.fixture
def ids(toys: ToyLibrary) -> list[int]:
    """Seven photos of falling likeness with the first."""
    vectors = [[1.0 - 0.05 * number, (1 - (1.0 - 0.05 * number) ** 2) ** 0.5, 0, 0] for number in range(7)]
    return [toys.add(analysis([vector], photo_vector=vector)) for vector in vectors]


def pair(toys: ToyLibrary, *pairs: tuple[int, int]) -> None:
    found = tuple(DuplicatePair(*each, 0.9) for each in pairs)
    NearDuplicates(toys.sessions).record(Comparison((), found, {}), TOY)


def found(engine: SearchEngine, first: int, **options: object) -> list[tuple[int, tuple[int, ...]]]:
    request = SearchRequest(positive=(Ref(image=first),), **{"fold_duplicates": True, **options})  # type: ignore[arg-type]
    return [(match.image_id, match.alike) for match in engine.search(request).results]


def test_the_best_result_stands_for_its_copies(toys: ToyLibrary, ids: list[int]) -> None:
    pair(toys, (ids[1], ids[3]), (ids[2], ids[4]))
    engine = toys.engine()
    assert found(engine, ids[0]) == [(ids[1], (ids[3],)), (ids[2], (ids[4],)), (ids[5], ()), (ids[6], ())]
    assert found(engine, ids[0], fold_duplicates=False) == [(key, ()) for key in ids[1:]]


def test_a_chain_is_not_folded_into_one(toys: ToyLibrary, ids: list[int]) -> None:
    pair(toys, (ids[1], ids[2]), (ids[2], ids[3]))
    assert found(toys.engine(), ids[0])[:2] == [(ids[1], (ids[2],)), (ids[3], ())]


def test_there_are_as_many_results_as_were_asked_for(toys: ToyLibrary, ids: list[int]) -> None:
    pair(toys, (ids[1], ids[2]), (ids[1], ids[3]), (ids[1], ids[4]))
    engine = toys.engine()
    assert found(engine, ids[0], limit=2) == [(ids[1], (ids[2], ids[3], ids[4])), (ids[5], ())]
    assert found(engine, ids[0], limit=1) == [(ids[1], (ids[2], ids[3], ids[4]))], "a few more are looked at"


def test_copies_beyond_what_is_looked_at_are_found(
    toys: ToyLibrary, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By further searches, until there are enough results."""
    monkeypatch.setattr(folding, "LEAST_SPARE", 0)
    pair(toys, (ids[1], ids[2]), (ids[1], ids[3]), (ids[1], ids[4]))
    engine = toys.engine()
    assert found(engine, ids[0], limit=2) == [(ids[1], (ids[2], ids[3], ids[4])), (ids[5], ())]
    assert found(engine, ids[0], limit=1) == [(ids[1], ())], "what was not looked at is not counted"


def test_segments_and_facets(toys: ToyLibrary, ids: list[int]) -> None:
    pair(toys, (ids[1], ids[2]))
    segment = toys.segment_ids(ids[0])[0]
    request = SearchRequest(positive=(Ref(segment=segment),), facets=True, fold_duplicates=True)
    answer = toys.engine().search(request)
    assert ids[2] not in [match.image_id for match in answer.results]
    assert answer.facets is not None


def test_dismissed_pairs_are_not_folded(toys: ToyLibrary, ids: list[int]) -> None:
    pair(toys, (ids[1], ids[2]))
    NearDuplicates(toys.sessions).dismiss([ids[1], ids[2]])
    assert len(found(toys.engine(), ids[0])) == 6


def test_segments_are_not_folded(ids: list[int]) -> None:
    with pytest.raises(QueryError, match="group by image"):
        SearchRequest(positive=(Ref(image=ids[0]),), group_by="segment", fold_duplicates=True)
