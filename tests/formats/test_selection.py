"""What is exported: photos, segments, results of searches, what a concept labels, or all."""

from __future__ import annotations

import pytest
from test_coco import dataset, taught
from toys import ToyLibrary, analysis

from retrieval.catalog import Concepts
from retrieval.errors import QueryError, UnknownImageError, UnknownSegmentError
from retrieval.formats.selection import Selection
from retrieval.query.filters import Filters
from retrieval.query.request import Ref, SearchRequest


def chosen(toys: ToyLibrary, selection: Selection) -> dict[int, list[int]]:
    return {entry.image.id: [each.segment.id for each in entry.annotations] for entry in dataset(toys, selection)}


@pytest.fixture
def filled(toys: ToyLibrary) -> ToyLibrary:
    for vectors in ([(1, 0, 0, 0), (0, 1, 0, 0)], [(0, 0, 1, 0), (0.9, 0.1, 0, 0)], [(0, 0, 0, 1)]):
        toys.add(analysis(vectors))
    return toys


def test_all_photos_but_those_in_the_trash(filled: ToyLibrary) -> None:
    filled.trash.put([2])
    filled.register()
    assert chosen(filled, Selection()) == {1: [1, 2], 3: [5]}
    assert Selection().total(filled.catalog) == 3


def test_some_photos(filled: ToyLibrary) -> None:
    selection = Selection.of_photos(filled.catalog, [3, 1, 3])
    assert chosen(filled, selection) == {1: [1, 2], 3: [5]}
    assert selection.total(filled.catalog) == 2


def test_some_segments(filled: ToyLibrary) -> None:
    assert chosen(filled, Selection.of_segments(filled.catalog, [4, 1])) == {1: [1], 2: [4]}


def test_photos_in_a_folder(filled: ToyLibrary) -> None:
    filled.register("deep/er")
    filled.ingest_queue.claim("toys", 10)
    filled.finish(4, analysis([(1, 0, 0, 0)]))
    assert chosen(filled, Selection(filters=Filters(folder="/toys/deep"))) == {4: [6]}
    assert chosen(filled, Selection.of_photos(filled.catalog, [1, 4], Filters(folder="/toys/deep"))) == {4: [6]}


def test_what_is_not_there(filled: ToyLibrary) -> None:
    filled.trash.put([2])
    with pytest.raises(UnknownImageError, match="no photo 9"):
        Selection.of_photos(filled.catalog, [1, 9])
    with pytest.raises(UnknownImageError, match="in the trash: restore"):
        Selection.of_photos(filled.catalog, [1, 2])
    for key in (3, 99):
        with pytest.raises(UnknownSegmentError, match=f"no segment {key} in the library"):
            Selection.of_segments(filled.catalog, [1, key])


def test_likely_results_of_a_search(filled: ToyLibrary) -> None:
    request = SearchRequest(positive=(Ref(segment=1),), group_by="segment", limit=10)
    engine = filled.engine()
    likely = {each.segment_id for each in engine.search(request).results if each.likely}
    found = chosen(filled, Selection.found(engine, request))
    assert {key for keys in found.values() for key in keys} == likely
    assert 4 in likely


def test_a_search_without_likely_results(toys: ToyLibrary) -> None:
    toys.add(analysis([(1, 0, 0, 0)]))
    request = SearchRequest(positive=(Ref(segment=1),), group_by="segment")
    with pytest.raises(QueryError, match="no likely result"):
        Selection.found(toys.engine(), request)


def test_what_a_concept_labels(filled: ToyLibrary) -> None:
    concepts = Concepts(filled.sessions)
    key = taught(filled, "cat", [1], [3])
    selection = Selection.labelled(filled.engine(), concepts.get(key))
    assert chosen(filled, selection) == {1: [1], 2: [4]}
    assert chosen(filled, Selection.labelled(filled.engine(), concepts.get(key), Filters(folder="/elsewhere"))) == {}


def test_a_concept_whose_photos_were_deleted(filled: ToyLibrary) -> None:
    concepts = Concepts(filled.sessions)
    key = taught(filled, "cat", [5])
    filled.trash.put([3])
    with pytest.raises(QueryError, match="labels no segment"):
        Selection.labelled(filled.engine(), concepts.get(key))


def test_photos_that_are_deleted_meanwhile_are_left_out(filled: ToyLibrary) -> None:
    selection = Selection.of_photos(filled.catalog, [1, 3])
    filled.catalog.images.delete(1)
    assert chosen(filled, selection) == {3: [5]}
