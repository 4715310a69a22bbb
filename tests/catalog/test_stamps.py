"""Counts of changes: whether an index is fresh is known by one row, and nothing that changes it goes uncounted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import event
from toys import ToyLibrary, analysis, held_ids

from retrieval.catalog import Concepts
from retrieval.catalog.records import ConceptModel
from retrieval.catalog.stamps import Name, stamp
from retrieval.storage.locations import SeenFile

X, Y = (1, 0, 0, 0), (0, 1, 0, 0)


def count(toys: ToyLibrary, name: Name = "vectors") -> int:
    with toys.sessions() as session:
        return stamp(session, name)


@contextmanager
def statements(toys: ToyLibrary) -> Iterator[list[str]]:
    """What the database is asked inside."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(toys.sessions.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(toys.sessions.engine, "before_cursor_execute", note)


def model(*positive: int) -> ConceptModel:
    return ConceptModel(
        space="toy:1", directions=np.eye(4, dtype=np.float32)[:1], threshold=0.5, query=None, positive=positive,
        negative=(),
    )  # fmt: skip


def fail(toys: ToyLibrary, image: int) -> None:
    toys.ingest_queue.reanalyze("toy:2")
    toys.ingest_queue.claim("w", 1, "toy:2")
    toys.ingest_queue.fail("w", image, "broken")


def analyse_again(toys: ToyLibrary, image: int) -> None:
    """What is found is as many segments as before."""
    toys.ingest_queue.reanalyze("toy:2")
    toys.ingest_queue.claim("toys", 1, "toy:2")
    toys.finish(image, analysis([Y, X]))


def replace_file(toys: ToyLibrary, image: int) -> None:
    uri = toys.catalog.images.get(image).locations[0].uri
    toys.catalog.locations.register([SeenFile(uri, "f" * 64, 1, 1)])


class TestVectors:
    @pytest.mark.parametrize(
        "change",
        [
            lambda toys, _: toys.add(analysis([X])),
            lambda toys, _: toys.add(analysis([])),
            lambda toys, _: toys.add(analysis([], fallback=X)),
            lambda toys, image: toys.catalog.images.delete(image),
            fail,
            analyse_again,
            replace_file,
        ],
    )
    def test_what_an_index_has_to_hold_never_changes_uncounted(
        self, toys: ToyLibrary, change: Callable[[ToyLibrary, int], object]
    ) -> None:
        image = toys.add(analysis([X, Y]))
        before, segments, photos = count(toys), toys.followed_segments(), toys.followed_photos()
        segments.refresh()
        photos.refresh()
        held = toys.catalog.vectors.contents(toys.recipe)
        change(toys, image)
        assert count(toys) > before
        assert toys.catalog.vectors.contents(toys.recipe) != held
        segments.refresh()
        photos.refresh()
        np.testing.assert_array_equal(held_ids(segments.index), toys.catalog.vectors.segment_image_ids(toys.recipe)[0])
        np.testing.assert_array_equal(held_ids(photos.index), toys.catalog.vectors.photo_image_ids(toys.recipe)[0])

    def test_nothing_else_is_counted(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X]))
        before = count(toys)
        toys.register()
        toys.ingest_queue.claim("w", 5)
        toys.ingest_queue.renew("w")
        toys.ingest_queue.release("w")
        toys.ingest_queue.pause()
        toys.catalog.locations.note_lost([toys.catalog.images.get(image).locations[0].uri])
        toys.queries.add("0" * 64, (80, 400), analysis([X]), toys.recipe)
        toys.catalog.images.counts()
        assert count(toys) == before

    def test_what_was_rolled_back_is_not(self, toys: ToyLibrary) -> None:
        image, before = toys.add(analysis([X])), count(toys)

        def refuse(*_: object) -> None:
            raise RuntimeError("the last moment")

        event.listen(toys.sessions, "before_commit", refuse)
        with pytest.raises(RuntimeError):
            toys.catalog.images.delete(image)
        event.remove(toys.sessions, "before_commit", refuse)
        assert count(toys) == before
        toys.catalog.images.delete(image)
        assert count(toys) == before + 1

    def test_looking_whether_anything_is_new_looks_at_one_row(self, toys: ToyLibrary) -> None:
        toys.add(analysis([X, Y]))
        segments = toys.followed_segments()
        assert segments.refresh()
        with statements(toys) as asked:
            assert not segments.refresh()
        assert [each.split("FROM ")[1].split()[0] for each in asked if "FROM" in each] == ["change_stamp"]
        assert len([each for each in asked if not each.startswith("BEGIN")]) == 1

    @pytest.mark.sqlite("a plan of its planner")
    def test_and_counting_what_there_is_needs_no_photo(self, toys: ToyLibrary) -> None:
        with statements(toys) as asked:
            toys.catalog.vectors.contents(toys.recipe)
        counting = next(each for each in asked if "sum(" in each)
        with toys.sessions.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {counting}", (0, 0, toys.recipe)).all()
        assert "USING COVERING INDEX ix_image_space_id" in str(plan)


class TestConcepts:
    def test_they_are_read_again_when_one_changed(self, toys: ToyLibrary) -> None:
        segment = toys.segment_ids(toys.add(analysis([X])))[0]
        concepts, others = Concepts(toys.sessions), Concepts(toys.sessions)
        assert concepts.known() == {}
        first = others.add("cup", model(segment))
        assert concepts.names() == {"cup": first}
        assert concepts.known() is concepts.known()
        others.change(first, name="mug")
        assert concepts.one_known(first).name == "mug"
        second = others.merge({first: others.get(first).model}, "beaker", model(segment))
        assert concepts.names() == {"beaker": second}
        others.change(second, model=replace(model(segment), threshold=0.25))
        assert concepts.one_known(second).model.threshold == 0.25
        others.delete(second)
        assert concepts.known() == {}

    def test_all_of_them_with_their_examples_are_two_questions(self, toys: ToyLibrary) -> None:
        segments = toys.segment_ids(toys.add(analysis([X, Y])))
        concepts = Concepts(toys.sessions)
        concepts.add_all([(f"thing {n}", model(*segments[: 1 + n % 2])) for n in range(12)])
        with statements(toys) as asked:
            found = concepts.all()
        assert len([each for each in asked if each.startswith("SELECT")]) == 2
        assert {each.name: each.model.positive for each in found} == {
            f"thing {n}": tuple(segments[: 1 + n % 2]) for n in range(12)
        }
