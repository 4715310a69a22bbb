"""Locks of the folders of files, which keep a file while a row for it is written."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from databases import Files, Server

from retrieval.catalog import file_locks
from retrieval.catalog.dialects import postgresql
from retrieval.errors import CatalogUnavailableError
from retrieval.storage.file_locks import FileLocks, FolderLocks

FOLDER = "uploads/ab"


def hold_until_killed(url: str, folder: Path, told: Connection) -> None:
    with file_locks(url, 0, folder).held(FOLDER, alone=True):
        told.send("held")
        signal.pause()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return Files(tmp_path).empty(tmp_path)
    server: Server = request.getfixturevalue("server")
    return server.url_of(tmp_path)


@pytest.fixture
def two(url: str, tmp_path: Path) -> Iterator[tuple[FileLocks, FileLocks]]:
    """The locks as two processes have them."""
    made = file_locks(url, 0, tmp_path), file_locks(url, 0, tmp_path)
    yield made
    for each in made:
        each.close()


def waits(locks: FileLocks, *, alone: bool) -> threading.Event:
    """Take the lock in a thread; what tells that it was got."""
    got = threading.Event()

    def take() -> None:
        with locks.held(FOLDER, alone=alone):
            got.set()

    threading.Thread(target=take, daemon=True).start()
    return got


def test_who_removes_waits_for_those_who_add_and_they_for_it(two: tuple[FileLocks, FileLocks]) -> None:
    one, other = two
    with one.held(FOLDER, alone=False):
        assert waits(other, alone=False).wait(20)
        removed = waits(other, alone=True)
        assert not removed.wait(0.3)
    assert removed.wait(20)
    with one.held(FOLDER, alone=True):
        added = waits(other, alone=False)
        assert not added.wait(0.3)
    assert added.wait(20)


def test_other_folders_and_collections_are_free(two: tuple[FileLocks, FileLocks], url: str, tmp_path: Path) -> None:
    one, other = two
    inside = file_locks(url, 7, tmp_path / "collections" / "7")
    with one.held(FOLDER, alone=True), other.held("uploads/ac", alone=True), other.held("queries/ab", alone=True):
        with inside.held(FOLDER, alone=True):
            assert not waits(other, alone=True).wait(0.1)
    inside.close()


def test_the_lock_of_a_killed_process_is_released(url: str, tmp_path: Path) -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold_until_killed, args=(url, tmp_path, there))
    process.start()
    assert here.poll(120) and here.recv() == "held"
    locks = file_locks(url, 0, tmp_path)
    got = waits(locks, alone=True)
    assert not got.wait(0.3)
    os.kill(process.pid or 0, signal.SIGKILL)
    assert got.wait(60)
    process.join()


def test_many_threads_need_no_more_connections_of_the_catalogue(server: Server, tmp_path: Path) -> None:
    locks = file_locks(server.url_of(tmp_path), 0, tmp_path)
    inside = threading.Barrier(20)

    def add() -> None:
        with locks.held(FOLDER, alone=False):
            inside.wait(60)

    threads = [threading.Thread(target=add) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not inside.broken
    locks.close()


def test_who_waits_too_long_is_told(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "WAIT_SECONDS", 1)
    one, other = (file_locks(server.url_of(tmp_path), 0, tmp_path) for _ in range(2))
    with one.held(FOLDER, alone=False):
        with pytest.raises(CatalogUnavailableError, match="has locked these files for more than 1 s"):
            with other.held(FOLDER, alone=True):
                pass
    with other.held(FOLDER, alone=True):
        pass
    one.close()
    other.close()


def test_an_sqlite_file_has_them_beside_it(tmp_path: Path) -> None:
    assert isinstance(file_locks(f"sqlite:///{tmp_path}/catalog.db", 0, tmp_path), FolderLocks)
