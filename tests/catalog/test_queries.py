"""Query photos are kept for a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from toys import ToyLibrary, analysis, random_units, strips

from retrieval.catalog import query_store as module
from retrieval.catalog.query_store import RETENTION
from retrieval.errors import UnknownQueryError
from retrieval.images.masks import decode_mask


def keep(toys: ToyLibrary, digest: str, count: int = 2) -> int:
    found = analysis(np.eye(4)[:count], photo_vector=[0, 0, 0, 1], labels=("cat", None)[:count])
    return toys.queries.add(digest * 64, (80, 400), found, toys.recipe)


def test_a_query_comes_back(toys: ToyLibrary) -> None:
    number = keep(toys, "a")
    found = toys.queries.get(number)
    assert (found.id, found.sha256, found.size_hw, found.recipe) == (number, "a" * 64, (80, 400), toys.recipe)
    assert [segment.id for segment in found.segments] == [0, 1]
    assert [segment.label for segment in found.segments] == ["cat", None]
    assert found.segments[1].box_xyxy == (200, 0, 400, 80)
    for segment, mask in zip(found.segments, strips(2), strict=True):
        np.testing.assert_array_equal(decode_mask(segment.mask_size_hw, segment.mask_counts), mask)
    np.testing.assert_array_equal(found.vectors, np.eye(4)[:2])
    np.testing.assert_array_equal(found.photo_vector, [0, 0, 0, 1])


def test_vectors_lose_nothing_but_what_float16_loses(toys: ToyLibrary) -> None:
    vectors = random_units(np.random.default_rng(0), 3, 4)
    number = toys.queries.add("b" * 64, (8, 40), analysis(vectors), toys.recipe)
    np.testing.assert_array_equal(toys.queries.get(number).vectors, vectors)


def test_a_photo_without_segments(toys: ToyLibrary) -> None:
    found = toys.queries.get(keep(toys, "a", count=0))
    assert found.segments == ()
    assert len(found.vectors) == 0


def test_an_unknown_query(toys: ToyLibrary) -> None:
    with pytest.raises(UnknownQueryError, match="no query 7: upload the photo again"):
        toys.queries.get(7)


def test_queries_are_kept_for_an_hour_at_least() -> None:
    assert timedelta(hours=1) <= RETENTION


def test_old_ones_go(toys: ToyLibrary) -> None:
    number, now = keep(toys, "a"), datetime.now(UTC)
    assert toys.queries.expire(now + RETENTION - timedelta(minutes=5)) == []
    toys.queries.get(number)
    assert toys.queries.expire(now + RETENTION + timedelta(minutes=5)) == ["a" * 64]
    with pytest.raises(UnknownQueryError):
        toys.queries.get(number)
    assert keep(toys, "a") > number, "an id means one query for ever"


def test_the_file_of_a_photo_that_a_younger_query_needs_stays(
    toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(toys, "a")
    keep(toys, "b")
    with toys.sessions.begin() as session:
        session.execute(text("UPDATE query SET created_at = '2000-01-01 00:00:00.000000'"))
    younger = keep(toys, "a")
    assert toys.queries.expire() == ["b" * 64]
    assert toys.queries.get(younger).sha256 == "a" * 64


def test_nothing_to_expire(toys: ToyLibrary) -> None:
    assert toys.queries.expire() == []


def tomorrow() -> datetime:
    """When all that is not kept is over."""
    return datetime.now(UTC) + RETENTION + timedelta(minutes=5)


def test_one_that_is_kept_stays(toys: ToyLibrary) -> None:
    kept, other = keep(toys, "a"), keep(toys, "b")
    toys.queries.keep(kept, file_bytes=1000)
    assert toys.queries.expire(tomorrow()) == ["b" * 64]
    assert toys.queries.get(kept).sha256 == "a" * 64
    with pytest.raises(UnknownQueryError):
        toys.queries.get(other)


def test_the_file_of_one_that_is_kept_is_no_waste(toys: ToyLibrary) -> None:
    kept = keep(toys, "a")
    keep(toys, "b")
    toys.queries.keep(kept, file_bytes=1000)
    with toys.sessions.begin() as session:
        session.execute(text("UPDATE query SET created_at = '2000-01-01 00:00:00.000000'"))
    assert toys.queries.kept_digests({"a" * 64, "b" * 64}) == {"a" * 64}
    assert toys.queries.expired() == 1


@pytest.mark.parametrize(("limit", "value"), [("MOST_KEPT", 2), ("MOST_KEPT_BYTES", 2_500_000)])
def test_those_kept_first_make_room(toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(module, limit, value)
    first, second, third = (keep(toys, digest) for digest in "abc")
    for number in (first, second, first, third):  # the first one was kept again
        toys.queries.keep(number, file_bytes=1_000_000)
    assert toys.queries.expire(tomorrow()) == ["b" * 64]
    assert {toys.queries.get(number).id for number in (first, third)} == {first, third}


def test_one_that_is_larger_than_all_room_is_kept_alone(toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT_BYTES", 10)
    first, second = keep(toys, "a"), keep(toys, "b")
    for number in (first, second):
        toys.queries.keep(number, file_bytes=1_000_000)
    assert toys.queries.expire(tomorrow()) == ["a" * 64]
    assert toys.queries.get(second).id == second


def test_what_is_gone_cannot_be_kept(toys: ToyLibrary) -> None:
    with pytest.raises(UnknownQueryError, match="upload the photo again.*copied links"):
        toys.queries.keep(7, file_bytes=1)
