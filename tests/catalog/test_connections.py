"""A search of any kind needs one connection, and asks no question for each concept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from databases import ON_POSTGRESQL
from sqlalchemy import event
from toys import ToyLibrary, analysis

from retrieval.catalog import Concepts
from retrieval.catalog.dialects import postgresql, sqlite
from retrieval.catalog.records import ConceptModel
from retrieval.learning.concepts import ConceptTrainer
from retrieval.query.filters import Filters
from retrieval.query.request import Clause, Ref, Relation, SearchRequest
from retrieval.search.engine import SearchEngine

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyLibrary]:
    """Four photos, a query photo and two concepts; whoever wants a second connection fails."""
    kind = postgresql if ON_POSTGRESQL else sqlite
    monkeypatch.setattr(
        kind, "create_engine", partial(kind.create_engine, pool_size=1, max_overflow=0, pool_timeout=0.2)
    )
    toys = ToyLibrary(tmp_path)
    for vectors in ([X, Y], [Y, Z], [Z, X], [X, W]):
        toys.add(analysis(vectors, labels=("cup", None)))
    toys.queries.add("0" * 64, (80, 400), analysis([X, Y]), toys.recipe)
    add_concepts(toys, 2)
    yield toys
    toys.close()


def add_concepts(toys: ToyLibrary, count: int, first: int = 0) -> None:
    """Names of the form `thing 0`."""
    directions = np.array([X], np.float32)
    model = ConceptModel(
        space=toys.recipe, directions=directions, threshold=0.5, query=None, positive=(1,), negative=()
    )
    Concepts(toys.sessions).add_all([(f"thing{n}", model) for n in range(first, first + count)])


def request(*positive: Ref, **options: Any) -> SearchRequest:
    return SearchRequest(positive=positive, **options)


S, P, Q = Ref(segment=1), Ref(image=1, point=(30, 30)), Ref(query=1, segment=0)

KINDS = {
    "segment": request(S),
    "point": request(P),
    "box": request(Ref(image=2, box=(0, 0, 200, 80))),
    "photo": request(Ref(image=1)),
    "query": request(Q),
    "point of a query": request(Ref(query=1, point=(30, 30))),
    "query photo": request(Ref(query=1)),
    "several": request(S, P, Q, negative=(Ref(segment=4),)),
    "concept": request(text="thing0"),
    "colour": request(text="red thing0"),
    "two words": request(text="thing0 and thing1"),
    "flat": request(S, group_by="segment"),
    "facets": request(S, facets=True),
    "things at once": request(
        S, also=(Clause(text="thing1"),), relations=(Relation(subject=0, name="left_of", object=1),)
    ),
    "filters": request(S, facets=True, filters=Filters(folder="/toys", label="cup", min_area=0.1, position="left")),
    "filter by concept": request(S, filters=Filters(concept=1)),
    "wide filter": request(text="thing0", filters=Filters(max_area=0.9), facets=True),
}


class TestOneConnection:
    @pytest.mark.parametrize("kind", KINDS)
    def test_each_kind_of_search(self, library: ToyLibrary, kind: str) -> None:
        assert library.engine().search(KINDS[kind]).indexed == 8

    @pytest.mark.parametrize("kind", ["segment", "point", "concept", "filters"])
    def test_rounds_of_judgements(self, library: ToyLibrary, kind: str) -> None:
        assert library.engine().refine(KINDS[kind], [3], [6]).answer.results

    def test_teaching(self, library: ToyLibrary) -> None:
        engine = library.engine()
        trainer = ConceptTrainer(engine.concepts, engine)
        made = trainer.teach("mug", [1], [4])
        trainer.change(made, positive=[5])
        assert trainer.count(engine.concepts.get(made)) is not None
        assert trainer.labels(1)


def asked_by(library: ToyLibrary, work: Callable[[], object]) -> list[str]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(library.sessions.engine, "before_cursor_execute", note)
    work()
    event.remove(library.sessions.engine, "before_cursor_execute", note)
    return [each for each in asked if not each.startswith("BEGIN")]


@pytest.mark.parametrize("kind", ["concept", "two words", "facets", "filter by concept", "wide filter"])
def test_no_question_for_each_concept(library: ToyLibrary, kind: str) -> None:
    engine: SearchEngine = library.engine()
    engine.search(KINDS[kind])
    few = asked_by(library, lambda: engine.search(KINDS[kind]))
    add_concepts(library, 40, first=2)
    engine.search(KINDS[kind])
    many = asked_by(library, lambda: engine.search(KINDS[kind]))
    assert many == few
    assert len([each for each in many if "FROM change_stamp" in each]) == 1
    assert not [each for each in many if "FROM concept" in each], "they are known already"


def statements_of(library: ToyLibrary, work: Callable[[], object]) -> list[str]:
    """What SQLite executes meanwhile over the only connection, whoever asks for it."""
    executed: list[str] = []
    connection = library.sessions.engine.raw_connection()
    connection.driver_connection.set_trace_callback(executed.append)  # type: ignore[union-attr]
    connection.close()
    work()
    connection = library.sessions.engine.raw_connection()
    connection.driver_connection.set_trace_callback(None)  # type: ignore[union-attr]
    connection.close()
    return [each for each in executed if each not in ("BEGIN", "ROLLBACK", "COMMIT")]


MOST_STATEMENTS = 10
"""Of any of these searches: at most three for an example, one for hits, qualities, masks, filters, frames of videos, and
two for facets."""


@pytest.mark.sqlite("its driver traces statements")
@pytest.mark.parametrize("kind", KINDS)
def test_few_statements_however_many_photos(library: ToyLibrary, kind: str) -> None:
    engine: SearchEngine = library.engine()
    engine.search(KINDS[kind])
    few = statements_of(library, lambda: engine.search(KINDS[kind]))
    assert 0 < len(few) <= MOST_STATEMENTS
    for _ in range(8):
        library.add(analysis([X, Y], labels=("cup", None)))
    engine.refresh()
    engine.search(KINDS[kind])
    assert len(statements_of(library, lambda: engine.search(KINDS[kind]))) == len(few)


def test_a_search_sees_one_state_of_the_catalogue(library: ToyLibrary, tmp_path: Path) -> None:
    """What another process deletes meanwhile is there to its end."""
    other = ToyLibrary(tmp_path)
    with library.catalog.one_connection():
        assert len(library.catalog.segments.hits([1, 2])) == 2
        other.catalog.images.delete(1)
        assert len(library.catalog.segments.hits([1, 2])) == 2
        assert library.catalog.images.get(1).id == 1
    assert library.catalog.segments.hits([1, 2]) == {}
    other.close()
