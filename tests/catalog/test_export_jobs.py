"""Exports that are ordered, taken, written, and forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from toys import ToyLibrary

from retrieval.catalog import ExportJobs
from retrieval.catalog import export_jobs as module
from retrieval.catalog.export_models import ExportJob
from retrieval.catalog.owners import new_owner
from retrieval.errors import TooManyExportsError, UnknownExportError

OWNER = new_owner()
HOST, _, REST = OWNER.split(":", 2)
DEAD = f"{HOST}:{2**22 - 1}:{REST}"


@pytest.fixture
def jobs(toys: ToyLibrary) -> ExportJobs:
    return ExportJobs(toys.sessions)


def ordered(jobs: ExportJobs, user: str = "") -> int:
    return jobs.add(user, "coco", "{}", 3).id


def test_the_oldest_is_taken_first_and_only_once(jobs: ExportJobs) -> None:
    first, second = ordered(jobs), ordered(jobs)
    taken = [jobs.claim(new_owner()) for _ in range(3)]
    assert [each.id if each else None for each in taken] == [first, second, None]
    assert jobs.get(first).state == "running"


def test_how_far_it_is(jobs: ExportJobs) -> None:
    job = ordered(jobs)
    jobs.claim(OWNER)
    assert jobs.advance(job, OWNER, 2)
    assert (jobs.get(job).done, jobs.get(job).total) == (2, 3)
    assert not jobs.advance(job, "another", 3)
    assert jobs.finish(job, OWNER, 7, "ab")
    found = jobs.get(job)
    assert (found.state, found.done, found.size, found.sha256) == ("done", 3, 7, "ab")
    assert found.finished_at is not None
    assert found.expires_at == found.finished_at + module.RETENTION
    assert not jobs.finish(job, OWNER, 8, "cd")


def test_one_whose_worker_is_gone_is_begun_anew_but_not_for_ever(jobs: ExportJobs) -> None:
    job = ordered(jobs)
    for _ in range(module.MOST_ATTEMPTS):
        taken = jobs.claim(DEAD)
        assert taken is not None
        assert taken.id == job
    assert jobs.claim(OWNER) is None
    assert jobs.get(job).state == "failed"
    assert "ended 3 times" in (jobs.get(job).error or "")


def test_a_worker_that_tells_nothing_loses_it(jobs: ExportJobs, toys: ToyLibrary) -> None:
    job = ordered(jobs)
    jobs.claim("elsewhere")
    assert jobs.claim(OWNER) is None
    with toys.sessions.begin() as session:
        session.execute(update(ExportJob).values(seen_at=datetime.now(UTC) - 2 * module.LEASE))
    taken = jobs.claim(OWNER)
    assert taken is not None
    assert taken.id == job
    assert not jobs.finish(job, "elsewhere", 1, "ab")


def test_one_that_is_given_back_waits_and_counts_as_not_tried(jobs: ExportJobs) -> None:
    job = ordered(jobs)
    for _ in range(2 * module.MOST_ATTEMPTS):
        assert jobs.claim(OWNER) is not None
        jobs.release(job, OWNER)
    assert jobs.get(job).state == "queued"


def test_users_see_their_own(jobs: ExportJobs) -> None:
    own, other = ordered(jobs, "anna"), ordered(jobs, "bert")
    assert [each.id for each in jobs.all("anna")] == [own]
    assert [each.id for each in jobs.all()] == [other, own]
    for ask in (jobs.get, jobs.remove):
        with pytest.raises(UnknownExportError, match="order it anew"):
            ask(other, "anna")
    jobs.remove(own, "anna")
    assert jobs.known([own, other]) == {other}


def test_a_user_has_so_many_unfinished_ones(jobs: ExportJobs) -> None:
    made = [ordered(jobs, "anna") for _ in range(module.MOST_UNFINISHED)]
    with pytest.raises(TooManyExportsError, match="delete one"):
        ordered(jobs, "anna")
    ordered(jobs, "bert")
    jobs.remove(made[0])
    ordered(jobs, "anna")


def test_old_ones_and_too_many_bytes_are_forgotten(
    jobs: ExportJobs, toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_KEPT_BYTES", 10)
    made = [ordered(jobs) for _ in range(3)]
    for job in made:
        jobs.claim(OWNER)
        jobs.finish(job, OWNER, 5, "ab")
    waiting = ordered(jobs)
    assert jobs.expired() == 1
    jobs.expire()
    assert jobs.known([*made, waiting]) == {*made[1:], waiting}
    with toys.sessions.begin() as session:
        old = datetime.now(UTC) - module.RETENTION - timedelta(seconds=1)
        session.execute(update(ExportJob).where(ExportJob.id == made[2]).values(finished_at=old))
    jobs.expire()
    assert jobs.known([*made, waiting]) == {made[1], waiting}
