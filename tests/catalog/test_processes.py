"""Who runs, on all machines; and what a process does when another one upgrades the catalogue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from databases import execute, fetched
from toys import ToyLibrary

from retrieval.catalog import Heartbeat, open_sessions, schema
from retrieval.catalog.owners import new_owner
from retrieval.catalog.processes import Processes
from retrieval.errors import CatalogUnavailableError, SchemaOutdatedError

THERE = "there-12345678:7:boot-1:abcd"
TOLD = {"version": "1.0", "recipe": "toy", "fingerprint": "toy:1"}


@pytest.fixture
def processes(toys: ToyLibrary) -> Processes:
    return Processes(toys.sessions)


@pytest.fixture
def beating(processes: Processes) -> Callable[..., Heartbeat]:
    """Makes a heart that beats often."""

    def make(name: str = THERE, **options: object) -> Heartbeat:
        return Heartbeat(processes, name, "worker", **TOLD, every=0.01, **options)

    return make


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def upgrade(toys: ToyLibrary, to: str, oldest: str) -> None:
    """What the command `migrate` of a newer version does."""
    execute(toys.url, "UPDATE alembic_version SET version_num = :to", to=to)
    execute(toys.url, "UPDATE schema_support SET oldest = :oldest", oldest=oldest)


def test_they_are_listed_while_they_run(processes: Processes) -> None:
    own = new_owner()
    processes.beat(THERE, "worker", **TOLD)
    processes.beat(own, "web server", **TOLD | {"version": "2.0"})
    found = {each.name: each for each in processes.all()}
    assert (found[THERE].host, found[THERE].pid, found[THERE].kind, found[THERE].recipe) == (
        "there",
        7,
        "worker",
        "toy",
    )
    assert (found[own].version, found[own].is_gone, found[THERE].is_gone) == ("2.0", False, False)
    processes.leave(own)
    processes.leave("nobody")
    assert [each.name for each in processes.all()] == [THERE]


def test_one_that_is_not_seen_counts_as_gone_and_is_forgotten_after_a_day(
    toys: ToyLibrary, processes: Processes
) -> None:
    processes.beat(THERE, "worker", **TOLD)
    began = processes.all()[0].started_at
    for ago, is_gone in ((timedelta(seconds=50), False), (timedelta(seconds=70), True), (timedelta(hours=25), True)):
        execute(toys.url, "UPDATE process SET seen_at = :then", then=str((began - ago).replace(tzinfo=None)))
        assert [each.is_gone for each in processes.all()] == [is_gone]
    processes.beat("another", "worker", **TOLD)
    assert [each.name for each in processes.all()] == ["another"]


def test_a_process_of_this_machine_that_was_killed_is_gone_at_once(processes: Processes) -> None:
    host, _, rest = new_owner().partition(":")
    boot = rest.split(":")[1].partition("-")[0]
    processes.beat(f"{host}:4194304:{boot}-17:abcd", "worker", **TOLD)
    assert [each.is_gone for each in processes.all()] == [True]


def test_a_heart_beats_until_its_end(processes: Processes, beating: Callable[..., Heartbeat]) -> None:
    heart = beating()
    heart.start()
    until(lambda: bool(processes.all()))
    first = processes.all()[0]
    until(lambda: processes.all()[0].seen_at > first.seen_at)
    assert processes.all()[0].started_at == first.started_at
    heart.end()
    assert processes.all() == []
    heart.start()
    until(lambda: bool(processes.all()))
    heart.end()


def test_it_beats_on_after_a_failure(
    processes: Processes,
    beating: Callable[..., Heartbeat],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = threading.Semaphore(3)
    beat = processes.beat

    def failing(*given: object, **told: object) -> None:
        if failures.acquire(blocking=False):
            raise CatalogUnavailableError("out of reach")
        beat(*given, **told)

    monkeypatch.setattr(processes, "beat", failing)
    heart = beating()
    with caplog.at_level(logging.WARNING):
        heart.start()
        until(lambda: bool(processes.all()))
    assert caplog.text.count("out of reach") == 1
    heart.end()


class TestUpgrade:
    def test_what_only_adds_is_no_obstacle(
        self, toys: ToyLibrary, processes: Processes, beating: Callable[..., Heartbeat]
    ) -> None:
        upgrade(toys, "9999", schema.head())
        open_sessions(toys.url).engine.dispose()
        processes.check_schema()
        heart = beating(on_outdated=lambda _: pytest.fail("it can go on"))
        heart.start()
        until(lambda: bool(processes.all()))
        heart.end()

    def test_all_else_ends_the_process(
        self, toys: ToyLibrary, processes: Processes, beating: Callable[..., Heartbeat]
    ) -> None:
        told = list[SchemaOutdatedError]()
        heart = beating(on_outdated=told.append)
        heart.start()
        until(lambda: bool(processes.all()))
        upgrade(toys, "9999", "9998")
        until(lambda: bool(told))
        assert heart.outdated is told[0]
        assert "made by a newer SegSearch: it has schema 9999" in str(told[0])
        with pytest.raises(SchemaOutdatedError, match="upgrade SegSearch"):
            open_sessions(toys.url)
        heart.end()

    def test_migrations_say_which_programs_can_go_on(self, toys: ToyLibrary) -> None:
        steps = {path.name[:4]: path.read_text() for path in (schema.MIGRATIONS / "versions").glob("[0-9]*.py")}
        oldest = max(number for number, text in steps.items() if "\nadditive = True\n" not in text)
        assert fetched(toys.url, "SELECT id, oldest FROM schema_support") == [(1, oldest)]
