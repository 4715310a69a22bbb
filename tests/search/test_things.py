"""The things of a photo, and searches for each of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from toys import TOY, ToyLibrary, analysis, random_units, segment_record

from retrieval.catalog.records import SegmentRecord
from retrieval.errors import QueryError, UnknownImageError, UnknownQueryError
from retrieval.index.local import LocalIndex
from retrieval.index.protocols import IndexQuery
from retrieval.index.ranking import Scored
from retrieval.query.filters import Filters
from retrieval.query.request import MOST_THINGS, Ref, SearchRequest, ThingsRequest
from retrieval.search.things import best_things

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())

THINGS = (
    (0.95, (0, 0, 100, 100)),  # all of the photo
    (0.9, (10, 10, 50, 50)),
    (0.8, (12, 12, 30, 30)),  # a part of the one before
    (0.7, (5, 5, 60, 60)),  # around it
    (0.6, (60, 60, 90, 90)),
    (0.01, (60, 10, 90, 40)),  # hardly a thing
)

Shape = tuple[int, int]


def segments(
    things: Sequence[tuple[float, tuple[int, int, int, int]]], shapes: Sequence[Shape] = ((50, 50),)
) -> list[SegmentRecord]:
    """Rectangles on a photo of 100 x 100 pixels, with masks of other sizes in turn."""
    found = []
    for number, (quality, (x0, y0, x1, y1)) in enumerate(things):
        mask = np.zeros((100, 100), bool)
        mask[y0:y1, x0:x1] = True
        rows, columns = (np.linspace(0, 99, side).round().astype(int) for side in shapes[number % len(shapes)])
        record = segment_record(mask[np.ix_(rows, columns)], quality=quality, box_xyxy=(x0, y0, x1, y1))
        found.append(
            SegmentRecord(**{name: getattr(record, name) for name in record.__slots__} | {"area": int(mask.sum())})
        )
    return found


class TestRule:
    @pytest.mark.parametrize("shapes", [((50, 50),), ((40, 60), (50, 50))])
    def test_they_are_no_parts_of_each_other(self, shapes: Sequence[Shape]) -> None:
        """Whether their masks have one frame or, as those of imported segments, others."""
        found = segments(THINGS, shapes)
        assert best_things(found, (100, 100)) == [1, 4]
        assert best_things(found, (100, 100), most=1) == [1]
        assert best_things(found, (100, 100), within=(55, 55, 95, 95)) == [4]

    def test_the_better_one_is_taken_wherever_it_is_listed(self) -> None:
        assert best_things(segments(THINGS[::-1]), (100, 100)) == [4, 1]

    @pytest.mark.parametrize("listed", [(), THINGS[:1], THINGS[5:]])
    def test_there_may_be_none(self, listed: Sequence[tuple[float, tuple[int, int, int, int]]]) -> None:
        assert best_things(segments(listed), (100, 100)) == []

    def test_there_are_at_most_twelve(self) -> None:
        many = [(0.9, (7 * number, 0, 7 * number + 6, 50)) for number in range(14)]
        assert best_things(segments(many), (100, 100)) == list(range(MOST_THINGS))


@pytest.fixture
def library(toys: ToyLibrary) -> ToyLibrary:
    """Photo 1 has three things; 20 others have four each."""
    toys.add(analysis([X, Y, Z], labels=("dog", "couch", None)))
    rng = np.random.default_rng(0)
    for _ in range(20):
        toys.add(analysis(random_units(rng, 4, 4)))
    return toys


def test_each_thing_is_answered_as_by_itself(library: ToyLibrary) -> None:
    engine, ids = library.engine(), library.segment_ids(1)
    found = engine.search_things(ThingsRequest(photo=Ref(image=1), limit=5))
    assert [each.segment.id for each in found.things] == ids
    assert [each.name for each in found.things] == ["dog", "couch", f"segment {ids[2]}"]
    assert (found.whole, found.note) == (None, None)
    for each in found.things:
        alone = engine.search(SearchRequest(positive=(Ref(segment=each.segment.id),), limit=5))
        told = [(match.image_id, match.segment_id, match.likely) for match in each.answer.results]
        assert told == [(match.image_id, match.segment_id, match.likely) for match in alone.results]
        assert [used.segment and used.segment.id for used in each.answer.used] == [each.segment.id]


def test_the_index_is_passed_once(library: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    whole = LocalIndex.search_batch

    def counted(self: LocalIndex, queries: Sequence[IndexQuery]) -> list[Scored]:
        passes.append(len(queries))
        return whole(self, queries)

    monkeypatch.setattr(LocalIndex, "search_batch", counted)
    monkeypatch.setattr(LocalIndex, "search", None)
    assert len(library.engine().search_things(ThingsRequest(photo=Ref(image=1), limit=5)).things) == 3
    assert passes == [3]


def test_a_query_photo_has_things_as_well(library: ToyLibrary) -> None:
    kept = library.queries.add("0" * 64, (80, 400), analysis([X, Y]), TOY)
    found = library.engine().search_things(ThingsRequest(photo=Ref(query=kept), limit=3, most=1))
    assert [each.answer.used[0].ref for each in found.things] == [Ref(query=kept, segment=0)]
    assert found.things[0].answer.results[0].image_id == 1


def test_only_those_inside_a_region(library: ToyLibrary) -> None:
    engine, ids = library.engine(), library.segment_ids(1)
    found = engine.search_things(ThingsRequest(photo=Ref(image=1), within=(125, 0, 400, 80)))
    assert [each.segment.id for each in found.things] == ids[1:]
    none = engine.search_things(ThingsRequest(photo=Ref(image=1), within=(0, 0, 3, 3)))
    assert (none.things, none.whole) == ((), None)
    assert none.note == "no thing of this photo lies inside the region"


def test_a_photo_without_things_is_compared_as_a_whole(library: ToyLibrary) -> None:
    poor = library.add(analysis([X, Y], quality=[0.04, 0.01], photo_vector=Y))
    empty = library.add(analysis([], photo_vector=Y, fallback=Y))
    engine = library.engine()
    found = engine.search_things(ThingsRequest(photo=Ref(image=poor), limit=2, filters=Filters(label="dog")))
    assert found.things == ()
    assert found.note is not None
    assert "none of its 2 segments is likely to be a thing" in found.note
    assert "left out: label" in found.note
    assert found.whole is not None
    assert found.whole.results[0].image_id == empty
    assert found.whole.results[0].segment_id is None
    note = engine.search_things(ThingsRequest(photo=Ref(image=empty))).note
    assert note == "the photo is compared as a whole, because no segment was found in it"


def test_conditions_hold_for_each(library: ToyLibrary) -> None:
    found = library.engine().search_things(ThingsRequest(photo=Ref(image=1), filters=Filters(min_quality=0.8)))
    assert len(found.things) == 3
    assert all(match.quality > 0.8 for each in found.things for match in each.answer.results)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"photo": Ref(segment=1)}, "no place on it"),
        ({"photo": Ref(image=1, point=(1, 1))}, "no place on it"),
        ({"photo": Ref(image=1), "most": 0}, "from 1 to 12"),
        ({"photo": Ref(image=1), "most": 13}, "from 1 to 12"),
        ({"photo": Ref(image=1), "limit": 0}, "limit is 0"),
        ({"photo": Ref(image=1), "within": (3, 0, 3, 9)}, "the region is empty"),
    ],
)
def test_what_cannot_be_asked(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(QueryError, match=says):
        ThingsRequest(**wrong)  # type: ignore[arg-type]


def test_photos_that_cannot_be_searched_with(library: ToyLibrary) -> None:
    pending, other = library.register(), library.add(analysis([X]), recipe="other:1")
    engine = library.engine()
    with pytest.raises(UnknownImageError):
        engine.search_things(ThingsRequest(photo=Ref(image=999)))
    with pytest.raises(UnknownQueryError):
        engine.search_things(ThingsRequest(photo=Ref(query=999)))
    with pytest.raises(QueryError, match="has not been analysed"):
        engine.search_things(ThingsRequest(photo=Ref(image=pending)))
    with pytest.raises(QueryError, match="resegment"):
        engine.search_things(ThingsRequest(photo=Ref(image=other)))
