"""Folders that are watched: what settles is registered, what goes is noted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import environment_of
from toys import Pictures

from indexer import watch as watching
from indexer.watch import Settling, ingest_and_watch
from indexer.worker import Worker
from retrieval.assembly import Assembly
from retrieval.errors import ConfigurationError

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
PATIENCE = 60.0


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


class TestSettling:
    def test_a_file_settles_once_it_stays_the_same(self, tmp_path: Path) -> None:
        path, settling = tmp_path / "a", Settling(2.0)
        path.write_bytes(b"1")
        settling.touch(path, 0.0)
        assert settling.settled(1.9) == []
        path.write_bytes(b"12")
        assert settling.settled(2.1) == [], "it grew"
        assert settling.settled(4.0) == []
        assert settling.settled(4.2) == [path]
        assert settling.settled(9.0) == [], "it is told once"

    def test_what_is_gone_settles_at_once(self, tmp_path: Path) -> None:
        settling = Settling(2.0)
        settling.touch(tmp_path / "gone", 0.0)
        assert settling.settled(0.1) == [tmp_path / "gone"]

    def test_hidden_files_and_folders(self, tmp_path: Path) -> None:
        roots = [tmp_path / ".home" / "photos"]
        assert not watching._is_hidden(roots[0] / "a.jpg", roots)
        assert watching._is_hidden(roots[0] / ".a.jpg", roots)
        assert watching._is_hidden(roots[0] / ".git" / "a.jpg", roots)


@pytest.fixture
def watched(assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assembly]:
    """An installation that watches the folder of pictures, one of which was there before."""
    monkeypatch.setattr(watching, "Settling", lambda: Settling(0.3))
    pictures("before.png")
    worker = Worker(assembly)
    thread = threading.Thread(target=ingest_and_watch, args=(assembly, worker, [pictures.folder]))
    thread.start()
    until(lambda: assembly.catalog.images.counts()["indexed"] == 1)
    yield assembly
    worker.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.slow
class TestWatching:
    def test_what_comes_changes_and_goes(self, watched: Assembly, pictures: Pictures, tmp_path: Path) -> None:
        path = pictures("new.png")
        until(lambda: watched.catalog.images.counts()["indexed"] == 2)
        pictures("new.png", seed=9)
        old = {image.id for image in watched.catalog.images.page()}
        until(lambda: {image.id for image in watched.catalog.images.page(state="indexed")} - old != set())
        assert watched.catalog.images.counts()["indexed"] == 2, "the old bytes are nowhere any more"
        path.unlink()
        until(lambda: [image.is_missing for image in watched.catalog.images.page()] == [False, True])

    def test_a_folder_that_is_moved_in_with_all_that_is_in_it(
        self, watched: Assembly, pictures: Pictures, tmp_path: Path
    ) -> None:
        elsewhere = Pictures(tmp_path / "elsewhere")
        elsewhere("deep/er/a.png", seed=5)
        elsewhere("deep/.hidden/b.png", seed=6)
        (tmp_path / "elsewhere").rename(pictures.folder / "moved")
        until(lambda: watched.catalog.images.counts()["indexed"] == 2)
        (pictures.folder / "moved").rename(tmp_path / "elsewhere")
        until(lambda: [image.is_missing for image in watched.catalog.images.page()] == [False, True])

    def test_a_file_that_grows_is_entered_once_it_is_whole(self, watched: Assembly, pictures: Pictures) -> None:
        whole = Pictures(pictures.folder.parent / "other")("a.png", size=(300, 300)).read_bytes()
        path = pictures.folder / "grows.png"
        step = -(-len(whole) // 8)
        for start in range(0, len(whole), step):
            with path.open("ab") as file:
                file.write(whole[start : start + step])
            time.sleep(0.1)
        until(lambda: watched.catalog.images.counts()["indexed"] == 2)
        assert watched.catalog.images.counts()["failed"] == 0
        assert len(watched.catalog.images.page()) == 2


def test_what_cannot_be_watched_is_told(
    assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limit(*_: object, **_options: object) -> Iterator[None]:
        raise OSError("OS file watch limit reached.")

    pictures.many(1)
    monkeypatch.setattr(watching, "watch", limit)
    with pytest.raises(ConfigurationError, match="WATCHFILES_FORCE_POLLING=1"):
        ingest_and_watch(assembly, Worker(assembly), [pictures.folder])


@pytest.mark.slow
def test_an_interrupt_ends_it_cleanly(pictures: Pictures, home: Path) -> None:
    pictures.many(2)
    environment = {**os.environ, **environment_of(home), "SEGSEARCH_RECIPE": "grid", "SEGSEARCH_MIN_FREE": "0"}
    command = [sys.executable, str(MANAGE), "ingest", "--watch", str(pictures.folder)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "watching" not in (line := process.stderr.readline()):
        assert line, "it ended"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.mark.slow
class TestMoves:
    def test_a_name_that_is_not_utf8_ends_nothing(self, watched: Assembly, pictures: Pictures) -> None:
        odd = pictures.folder / os.fsdecode(b"caf\xe9.png")
        pictures("plain.png").rename(odd)
        until(lambda: watched.catalog.images.counts()["indexed"] == 2)
        assert odd in {image.path for image in watched.catalog.images.page()}
        pictures("after.png")
        until(lambda: watched.catalog.images.counts()["indexed"] == 3)
        odd.unlink()
        until(lambda: sum(image.is_missing for image in watched.catalog.images.page()) == 1)

    def test_a_watched_folder_is_moved_away_and_made_anew(
        self, watched: Assembly, pictures: Pictures, caplog: pytest.LogCaptureFixture
    ) -> None:
        pictures.folder.rename(pictures.folder.with_name("away"))
        until(lambda: [image.is_missing for image in watched.catalog.images.page()] == [True])
        until(lambda: f"{pictures.folder} is gone; watching resumes" in caplog.text)
        pictures("first.png")
        until(lambda: watched.catalog.images.counts()["indexed"] == 2)
        assert f"watching the new folder {pictures.folder}" in caplog.text
        pictures("second.png")
        until(lambda: watched.catalog.images.counts()["indexed"] == 3)

    def test_a_watched_folder_is_replaced_at_once(self, watched: Assembly, pictures: Pictures, tmp_path: Path) -> None:
        other = Pictures(tmp_path / "other")
        other("other.png", seed=7)
        pictures.folder.rename(tmp_path / "old")
        other.folder.rename(pictures.folder)
        until(lambda: watched.catalog.images.counts()["indexed"] == 2)
        until(lambda: [image.is_missing for image in watched.catalog.images.page()] == [True, False])
        pictures("later.png", seed=8)
        until(lambda: watched.catalog.images.counts()["indexed"] == 3)

    def test_an_error_loses_no_file(
        self, watched: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register = watching.register_files
        errors = [KeyError("odd"), MemoryError(), RuntimeError("no")]

        def failing(*arguments: object, **options: object) -> None:
            if errors:
                raise errors.pop()
            register(*arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(watching, "pause_after", lambda _failures: 0.05)
        monkeypatch.setattr(watching, "register_files", failing)
        pictures("new.png")
        until(lambda: watched.catalog.images.counts()["indexed"] == 2)
        assert errors == []
        assert watched.duties.failing() == []


@pytest.mark.slow
def test_a_folder_whose_own_name_is_not_utf8(
    assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "Settling", lambda: Settling(0.1))
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.2)
    odd = Pictures(tmp_path / os.fsdecode(b"\xff\xfe"))
    odd("a.png")
    worker = Worker(assembly)
    thread = threading.Thread(target=ingest_and_watch, args=(assembly, worker, [odd.folder]))
    thread.start()
    try:
        until(lambda: assembly.catalog.images.counts()["indexed"] == 1)
        odd("b.png")
        until(lambda: assembly.catalog.images.counts()["indexed"] == 2)
    finally:
        worker.stop()
        thread.join(PATIENCE)
