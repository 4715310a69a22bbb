"""Folders of a home that cannot be written: each command says so, and a worker waits until they can."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from read_only import read_only
from test_damage import run
from toys import Ingested, Pictures, close

from indexer import worker as worker_module
from indexer.publish import rebuild
from indexer.report import Tally
from indexer.scan import register_files
from indexer.verify import verify
from indexer.worker import Worker, work_forever
from retrieval.assembly import Assembly
from retrieval.errors import IndexFileError
from retrieval.storage import disk as storage

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    monkeypatch.setattr(worker_module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(storage, "LOOK_SECONDS", 0.0)


@contextmanager
def file_in_place(folder: Path) -> Iterator[None]:
    """Somebody has put a file where a folder belongs."""
    beside = folder.with_name("moved")
    folder.rename(beside)
    folder.write_text("a file")
    try:
        yield
    finally:
        folder.unlink()
        beside.rename(folder)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


WAYS = [read_only, file_in_place]


@pytest.mark.parametrize("below", ["", "ab"])
@pytest.mark.parametrize("way", WAYS)
def test_a_worker_waits_for_folders_that_can_be_written(
    assembly: Assembly,
    pictures: Pictures,
    caplog: pytest.LogCaptureFixture,
    way: Callable[[Path], AbstractContextManager[None]],
    below: str,
) -> None:
    """All folders of renditions, or the one below that a photo needs."""
    caplog.set_level(logging.WARNING)
    pictures.many(1)
    register_files(assembly, [pictures.folder], Tally())
    digest = assembly.catalog.images.page()[0].sha256
    folder = assembly.settings.renditions_dir / (digest[:2] if below else "")
    folder.mkdir(parents=True)
    worker = Worker(assembly)
    working = threading.Thread(target=work_forever, args=(worker,))
    with way(folder):
        working.start()
        until(lambda: "cannot be written" in caplog.text or "is not a folder" in caplog.text)
        assert str(folder) in caplog.text
        assert working.is_alive()
    until(lambda: assembly.catalog.images.counts()["indexed"] == 1)
    worker.stop()
    working.join(PATIENCE)
    assert assembly.catalog.images.page()[0].attempts == 1, "nobody died of it"
    assert verify(assembly) == []


@pytest.mark.parametrize("way", WAYS)
def test_an_index_that_cannot_be_written(
    ingested: Ingested, way: Callable[[Path], AbstractContextManager[None]]
) -> None:
    folder = ingested.assembly.indexes.segment_files.folder
    with way(folder), pytest.raises(IndexFileError, match=f"{folder} cannot be written .*: give this account write"):
        rebuild(ingested.assembly)
    rebuild(ingested.assembly)
    assert verify(ingested.assembly) == []


def test_an_error_inside_is_not_taken_for_one_of_the_lock(ingested: Ingested) -> None:
    with pytest.raises(OSError, match="mine"), ingested.assembly.indexes.segment_files.writing():
        raise OSError("mine")
    with ingested.assembly.indexes.segment_files.writing():
        pass


@pytest.mark.slow
@pytest.mark.parametrize("command", [("rebuild-index",), ("status",), ("verify",), ("retry-failed",), ("migrate",)])
def test_commands_on_a_disk_that_is_read_only(ingested: Ingested, command: tuple[str, ...]) -> None:
    close(ingested.assembly)
    home = ingested.assembly.settings.data_dir
    with read_only(home):
        code, told = run(home, *command)
    assert (code, len(told.splitlines())) == (1, 1), told
    assert any(reason in told for reason in ("is writable", "is read-only", "cannot be written"))


@pytest.mark.slow
def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, told = run(tmp_path / "file" / "home", "status")
    assert (code, len(told.splitlines())) == (2, 1), told
    assert "SEGSEARCH_DATA_DIR" in told


def test_what_is_exported_to_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before the work begins."""
    import sys

    import click

    import manage

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEGSEARCH_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["manage.py", "export", "--out", os.fspath(tmp_path / "file" / "x.json")])
    told: list[str] = []
    monkeypatch.setattr(click, "echo", lambda text, **_: told.append(text))
    with pytest.raises(SystemExit) as ended:
        manage.main()
    assert ended.value.code == 2
    assert f"the folder {tmp_path / 'file'} does not exist: create it" in told[0]
