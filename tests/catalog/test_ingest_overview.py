"""Workers and what they hold, and what waits for which recipe."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import text
from toys import ToyLibrary, analysis

from retrieval.catalog import IngestOverview
from retrieval.catalog.owners import host_and_pid, new_owner


@pytest.fixture
def overview(toys: ToyLibrary) -> IngestOverview:
    return IngestOverview(toys.sessions)


def test_each_worker_with_its_photos(toys: ToyLibrary, overview: IngestOverview) -> None:
    ids = [toys.register() for _ in range(6)]
    owners = sorted(new_owner() for _ in range(2))
    for owner, count in zip(owners, (2, 3), strict=True):
        toys.ingest_queue.claim(owner, count)
    found = overview.workers()
    assert [each.owner for each in found] == owners
    assert [[photo.id for photo in each.photos] for each in found] == [ids[:2], ids[2:5]]
    assert [(each.pid, each.is_gone) for each in found] == [(os.getpid(), False)] * 2
    for owner in owners:
        toys.ingest_queue.release(owner)
    assert overview.workers() == []


def test_a_worker_that_is_gone(toys: ToyLibrary, overview: IngestOverview) -> None:
    """By its process on this machine, elsewhere by its lease."""
    for _ in range(2):
        toys.register()
    here = new_owner()
    ended = here.replace(f":{os.getpid()}:", ":4194304:")  # no process has this number
    toys.ingest_queue.claim("elsewhere-1234:5:x-1:x", 1)
    toys.ingest_queue.claim(ended, 1)
    assert {(each.host, each.pid): each.is_gone for each in overview.workers()} == {
        host_and_pid(ended): True,
        ("elsewhere", 5): False,
    }
    with toys.sessions.begin() as session:
        session.execute(text("UPDATE image SET lease_until = '2000-01-01 00:00:00.000000'"))
    assert all(each.is_gone for each in overview.workers())


def test_photos_in_the_trash_are_left_out(toys: ToyLibrary, overview: IngestOverview) -> None:
    held, waiting = toys.register(), toys.register()
    toys.ingest_queue.claim("w", 1)
    assert overview.waiting() == {None: 1}
    toys.trash.put([held, waiting])
    assert (overview.workers(), overview.waiting()) == ([], {})


def test_what_waits_for_a_recipe(toys: ToyLibrary, overview: IngestOverview) -> None:
    done = toys.add(analysis([(1, 0, 0, 0)]))
    toys.register()
    assert toys.ingest_queue.reanalyze("other:1", image_ids=[done]) == 1
    assert overview.waiting() == {None: 1, "other:1": 1}
    toys.ingest_queue.claim("w", 1, "other:1")
    assert overview.waiting() == {None: 1}
    assert overview.waiting(with_working=True) == {None: 1, "other:1": 1}


@pytest.mark.parametrize(
    ("owner", "expected"),
    [("host-name-1234abcd:17:boot-3:x", ("host-name", 17)), ("w", ("", None)), ("a:b:c", ("", None)), ("", ("", None))],
)
def test_names_of_owners(owner: str, expected: tuple[str, int | None]) -> None:
    assert host_and_pid(owner) == expected
