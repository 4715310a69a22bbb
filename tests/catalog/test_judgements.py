"""Judgements by round, and what becomes of them when photos are deleted or segmented anew."""

from __future__ import annotations

import numpy as np
import pytest
from toys import ToyLibrary, analysis, strips

from retrieval.catalog import Judgements
from retrieval.catalog import judgements as module
from retrieval.errors import QueryError, UnknownFeedbackError, UnknownSegmentError
from retrieval.query.request import Ref, SearchRequest

X, Y, Z = (tuple(row) for row in np.eye(4)[:3].tolist())
REQUEST = SearchRequest(
    positive=(Ref(image=1, box=(1.0, 2.0, 3.5, 4.0)), Ref(query=3, segment=2)), negative=(Ref(segment=7),), text="dog"
)


@pytest.fixture
def judgements(toys: ToyLibrary) -> Judgements:
    return Judgements(toys.sessions)


def test_the_search_comes_back_as_it_was(judgements: Judgements) -> None:
    found = judgements.get(judgements.begin(REQUEST, "toy:1"))
    assert (found.request, found.space, found.round, found.rounds) == (REQUEST, "toy:1", 0, 0)
    assert (found.relevant, found.irrelevant) == ((), ())


def test_rounds_add_up_and_can_be_taken_back(toys: ToyLibrary, judgements: Judgements) -> None:
    first, second, third = toys.segment_ids(toys.add(analysis([X, Y, Z])))
    number = judgements.begin(REQUEST, "toy:1")
    assert judgements.add_round(number, [first], [second]) == 1
    assert judgements.add_round(number, [second, third], []) == 2
    assert set(judgements.get(number).relevant) == {first, second, third}
    found = judgements.get(number, 1)
    assert (found.round, found.rounds, found.relevant, found.irrelevant) == (1, 2, (first,), (second,))
    assert judgements.take_back(number) == 1
    assert judgements.get(number).irrelevant == (second,)
    assert judgements.take_back(number) == 0
    with pytest.raises(QueryError, match="no round to undo"):
        judgements.take_back(number)


def test_one_judgement_is_taken_back_and_comes_back_with_its_round(toys: ToyLibrary, judgements: Judgements) -> None:
    first, second = toys.segment_ids(toys.add(analysis([X, Y])))
    number = judgements.begin(REQUEST, "toy:1")
    judgements.add_round(number, [first], [second])
    judgements.add_round(number, [], [], [first])
    found = judgements.get(number)
    assert (found.relevant, found.irrelevant) == ((), (second,))
    assert judgements.get(number, 1).relevant == (first,), "the round before is as it was"
    judgements.take_back(number)
    assert judgements.get(number).relevant == (first,)


def test_wrong_judgements_leave_nothing_behind(toys: ToyLibrary, judgements: Judgements) -> None:
    (segment,) = toys.segment_ids(toys.add(analysis([X])))
    number = judgements.begin(REQUEST, "toy:1")
    with pytest.raises(UnknownSegmentError, match="no segment 99"):
        judgements.add_round(number, [segment], [99])
    with pytest.raises(QueryError, match="both relevant and irrelevant"):
        judgements.add_round(number, [segment], [segment])
    with pytest.raises(QueryError, match="both irrelevant and withdrawn"):
        judgements.add_round(number, [], [segment], [segment])
    with pytest.raises(UnknownFeedbackError, match="start one"):
        judgements.add_round(99, [segment], [])
    assert judgements.get(number).rounds == 0


def test_there_is_an_end_to_judging(toys: ToyLibrary, judgements: Judgements, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = toys.segment_ids(toys.add(analysis([X, Y])))
    monkeypatch.setattr(module, "MOST_JUDGED", 1)
    number = judgements.begin(REQUEST, "toy:1")
    judgements.add_round(number, [first], [])
    judgements.add_round(number, [], [first])
    with pytest.raises(QueryError, match="begin a new one"):
        judgements.add_round(number, [second], [])


def test_a_deleted_photo_takes_its_judgements_along(toys: ToyLibrary, judgements: Judgements) -> None:
    image, other = toys.add(analysis([X])), toys.add(analysis([Y]))
    number = judgements.begin(REQUEST, "toy:1")
    judgements.add_round(number, toys.segment_ids(image) + toys.segment_ids(other), [])
    toys.catalog.images.delete(image)
    assert judgements.get(number).relevant == tuple(toys.segment_ids(other))


@pytest.mark.parametrize("size_hw", [(8, 40), (16, 80)])
def test_judgements_go_to_the_segments_that_take_the_place(
    toys: ToyLibrary, judgements: Judgements, size_hw: tuple[int, int]
) -> None:
    image = toys.add(analysis([X, Y]), recipe="older:1")
    left, right = toys.segment_ids(image)
    number = judgements.begin(REQUEST, "toy:1")
    judgements.add_round(number, [left], [right])
    toys.ingest_queue.reanalyze(toys.recipe)
    toys.ingest_queue.claim("w", 1, toys.recipe)
    halves = strips(2, size_hw)
    quarter = halves[0] & (np.arange(size_hw[1]) < size_hw[1] // 8)
    toys.finish(image, analysis([Z, X], masks=np.stack([quarter, halves[1]])), owner="w")
    found = judgements.get(number)
    assert (found.relevant, found.irrelevant) == ((), (toys.segment_ids(image)[1],))
    assert toys.ingest_queue.carried == {"moved": 1, "lost": 1}
    assert len(toys.catalog.segments.of_image(image)) == 2
