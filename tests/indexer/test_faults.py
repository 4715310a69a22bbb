"""Disks that are full, catalogues that are locked, files that change: the line waits, goes on, and loses nothing."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from toys import Ingested, Pictures

from indexer import registering, upkeep
from indexer import scan as discover
from indexer import worker as worker_module
from indexer.commands.ingest import cancel, pause, resume
from indexer.report import Tally
from indexer.scan import register_files
from indexer.verify import verify
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.catalog.dialects import sqlite
from retrieval.errors import CatalogUnavailableError
from retrieval.settings import Settings
from retrieval.storage import disk as storage


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    monkeypatch.setattr(worker_module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(registering, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(storage, "LOOK_SECONDS", 0.0)


def states(assembly: Assembly) -> dict[str, int]:
    return {state: count for state, count in assembly.catalog.images.counts().items() if count}


def failing(work: Callable[..., Any], error: Exception, times: int) -> Callable[..., Any]:
    """Work that fails so many times before it succeeds."""
    left = [times]

    def attempt(*arguments: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise error
        return work(*arguments, **options)

    return attempt


FULL = OSError(errno.ENOSPC, "No space left on device")


class TestFullDisk:
    def test_while_renditions_are_written(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        pictures.many(6)
        worker = Worker(assembly)
        monkeypatch.setattr(type(worker.pipeline), "_decode", failing(type(worker.pipeline)._decode, FULL, 2))
        assert ingest(assembly, worker, [pictures.folder], Tally()).counts["indexed"] == 6
        assert "ingest stopped: the disk is full (No space left on device): free some space" in caplog.text
        assert verify(assembly) == []

    @pytest.mark.skipif(not hasattr(os, "statvfs") or os.geteuid() != 0, reason="only root may mount")
    def test_a_decoder_tells_of_a_disk_that_is_really_full(self, pictures: Pictures, tmp_path: Path) -> None:
        import subprocess

        from retrieval.images.decoder_pool import DecoderPool

        small = tmp_path / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        try:
            (small / "rest").write_bytes(bytes(64 * 1024))
            path = pictures("a.jpg", size=(640, 480))
            with DecoderPool(1) as pool, pytest.raises(OSError, match="No space left") as caught:
                pool.submit(path, long_side=640, preview=small / "p.jpg", thumbnail=small / "t.jpg").result()
            assert caught.value.errno == errno.ENOSPC
            assert [each.name for each in small.iterdir()] == ["rest"], "no half picture is left"
        finally:
            subprocess.run(["umount", small], check=True)

    @pytest.mark.sqlite("it bounds its file")
    def test_while_the_catalogue_is_written(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        pictures.many(40)
        with closing(sqlite3.connect(assembly.settings.data_dir / "catalog.db")) as database:
            pages = database.execute("PRAGMA page_count").fetchone()[0]
        limit = [pages + 20]

        @sqlite.event.listens_for(assembly._sessions.kw["bind"], "begin")
        def bound(connection: Any) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {limit[0]}")

        worker = Worker(assembly)
        run = worker.pipeline.run
        stops: list[BaseException] = []

        def once(is_complete: Callable[[], bool]) -> int:
            try:
                return run(is_complete)
            except CatalogUnavailableError as error:
                stops.append(error)
                limit[0] = 1 << 30  # somebody makes room
                raise

        monkeypatch.setattr(type(worker.pipeline), "run", lambda _self, is_complete: once(is_complete))
        report = ingest(assembly, worker, [pictures.folder], Tally())
        assert report.counts["indexed"] == 40
        assert stops
        assert "the disk of the catalogue is full: free some space" in caplog.text
        assert {image.segment_count for image in assembly.catalog.images.page(limit=100)} == {25}
        assert verify(assembly) == []

    def test_while_the_index_is_written(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        pictures.many(2)
        whole = upkeep.Publisher.publish
        monkeypatch.setattr(upkeep.Publisher, "publish", failing(whole, FULL, 1))
        assert ingest(assembly, Worker(assembly), [pictures.folder], Tally()).counts["indexed"] == 2
        assert "the index cannot be published" in caplog.text
        Worker(assembly).work(lambda: True)
        assert verify(assembly) == []

    def test_other_errors_of_the_disk_stop_the_worker(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pictures.many(1)
        worker = Worker(assembly)
        broken = failing(type(worker.pipeline)._decode, OSError(errno.EIO, "Input/output error"), 1)
        monkeypatch.setattr(type(worker.pipeline), "_decode", broken)
        with pytest.raises(OSError, match="Input/output"):
            ingest(assembly, worker, [pictures.folder], Tally())
        assert states(assembly) == {"pending": 1}


@pytest.mark.sqlite("another program locks its file")
class TestLockedCatalogue:
    def test_it_is_waited_for(
        self, settings: Settings, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
        pictures.many(3)
        other = Assembly(settings)
        worker = Worker(other)
        with closing(sqlite3.connect(settings.data_dir / "catalog.db", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            run = threading.Thread(target=ingest, args=(other, worker, [pictures.folder], Tally()))
            run.start()
            while "ingest stopped" not in caplog.text or "trying again" not in caplog.text:
                assert run.is_alive()
            lock.execute("ROLLBACK")
        run.join()
        assert states(other) == {"indexed": 3}
        assert verify(other) == []
        other._sessions.kw["bind"].dispose()

    def test_whoever_asks_is_told(
        self, settings: Settings, assembly: Assembly, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
        other = Assembly(settings)
        assert other.catalog.images.counts()
        with closing(sqlite3.connect(settings.data_dir / "catalog.db", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            with pytest.raises(CatalogUnavailableError, match="another program has locked the catalogue"):
                other.ingest_queue.pause()
        other.ingest_queue.pause()
        assert other.ingest_queue.orders().paused
        other._sessions.kw["bind"].dispose()


class TestFilesThatChange:
    def test_one_that_grows_while_it_is_read_is_read_again(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = pictures("a.png")
        whole, digest_of = path.read_bytes(), discover._digest_of_picture
        path.write_bytes(whole[:-20])
        looks: list[int] = []

        def growing(each: Path) -> str | None:
            digest = digest_of(each)
            looks.append(1)
            path.write_bytes(whole)
            os.utime(path, ns=(1, 10**9 * len(looks) if len(looks) < 2 else 10**9))
            return digest

        monkeypatch.setattr(discover, "_digest_of_picture", growing)
        assert ingest(assembly, Worker(assembly), [pictures.folder], Tally()).counts["indexed"] == 1
        assert len(looks) == 2
        assert len(assembly.catalog.images.page()) == 1

    def test_one_that_never_stops_growing_is_told(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, digest_of = pictures("a.png"), discover._digest_of_picture

        def growing(each: Path) -> str | None:
            digest = digest_of(each)
            path.write_bytes(path.read_bytes() + b"more")
            return digest

        monkeypatch.setattr(discover, "_digest_of_picture", growing)
        (failure,) = ingest(assembly, Worker(assembly), [pictures.folder], Tally()).failures
        assert failure.reason == "cannot be read: another program is writing to it; ingest it again when it is complete"
        assert assembly.catalog.images.page() == []

    def test_other_bytes_after_registering_never_stand_for_the_old_ones(
        self, assembly: Assembly, pictures: Pictures
    ) -> None:
        path, other = pictures("a.png"), pictures("other/b.png")
        tally = Tally()
        register_files(assembly, [path], tally)
        other.replace(path)
        Worker(assembly).work(lambda: True)
        (failure,) = tally.close(assembly.ingest_queue).failures
        assert failure.reason == "the file has changed since it was registered: ingest it again"
        assert list(assembly.settings.renditions_dir.rglob("*.jpg")) == []
        assert ingest(assembly, Worker(assembly), [path], Tally()).counts["indexed"] == 1
        assert states(assembly) == {"indexed": 1}

    def test_another_time_alone_is_no_change(self, assembly: Assembly, pictures: Pictures) -> None:
        path = pictures("a.png")
        register_files(assembly, [path], Tally())
        os.utime(path, ns=(5, 5))
        Worker(assembly).work(lambda: True)
        assert states(assembly) == {"indexed": 1}


class TestOrders:
    def test_a_pause_holds_every_worker_until_it_is_over(
        self, assembly: Assembly, pictures: Pictures, caplog: pytest.LogCaptureFixture
    ) -> None:
        pictures.many(3)
        runner = CliRunner()
        assert runner.invoke(pause, obj=assembly.settings).exit_code == 0
        run = threading.Thread(target=ingest, args=(assembly, Worker(assembly), [pictures.folder], Tally()))
        with caplog.at_level(logging.WARNING):
            run.start()
            while "waiting: ingest is paused" not in caplog.text:
                assert run.is_alive()
            assert assembly.ingest_queue.claim("another", 10) == []
            assert runner.invoke(resume, obj=assembly.settings).exit_code == 0
            run.join()
        assert "continuing" in caplog.text
        assert states(assembly) == {"indexed": 3}

    def test_what_waits_can_be_cancelled_and_entered_later(self, ingested: Ingested, pictures: Pictures) -> None:
        assembly = ingested.assembly
        upload = assembly.settings.uploads_dir / "ab" / "upload.png"
        upload.parent.mkdir(parents=True)
        pictures("waits.png", seed=77).rename(ingested.photos / "waits.png")
        upload.write_bytes(pictures("upload.png", seed=78).read_bytes())
        (pictures.folder / "upload.png").unlink()
        register_files(assembly, [ingested.photos, upload], Tally())
        result = CliRunner().invoke(cancel, obj=assembly.settings)
        assert result.output.startswith("cancelled 2 photos")
        assert states(assembly) == {"indexed": 6}
        assert not upload.exists(), "nothing else knows of it"
        assert (ingested.photos / "waits.png").exists()
        assert verify(assembly) == []
        assert ingest(assembly, Worker(assembly), [ingested.photos], Tally()).counts["indexed"] == 1

    def test_what_waits_to_be_analysed_again_stays(self, ingested: Ingested) -> None:
        assembly = ingested.assembly
        assert assembly.ingest_queue.reanalyze("other:1") == 6
        assert assembly.ingest_queue.cancel() == []
        assert states(assembly) == {"indexed": 6}
        assert assembly.ingest_queue.unfinished("other:1") == 0

    def test_what_is_being_worked_on_is_finished(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures.many(2)
        register_files(assembly, [pictures.folder], Tally())
        assembly.ingest_queue.claim("w", 1)
        assert len(assembly.ingest_queue.cancel()) == 1
        assert states(assembly) == {"working": 1}

    def test_an_ingest_under_way_registers_no_more(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registering, "CHUNK", 2)
        pictures.many(6)
        register, calls = assembly.catalog.locations.register, []

        def and_cancel(files: Any) -> Any:
            calls.append(len(files))
            registered = register(files)
            assembly.ingest_queue.cancel()
            return registered

        monkeypatch.setattr(assembly.catalog.locations, "register", and_cancel)
        tally = Tally()
        register_files(assembly, [pictures.folder], tally)
        assert calls == [2]
        assert states(assembly) == {}
        assert "cancelled" in tally.close(assembly.ingest_queue).failures[0].reason


class TestRoom:
    def test_a_full_home_holds_the_worker_until_there_is_room(
        self, assembly: Assembly, pictures: Pictures, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pictures.many(3)
        free = [1000]
        limited = Assembly(replace(assembly.settings, min_free=2000))
        monkeypatch.setattr(storage, "_free", lambda _: free[0])
        run = threading.Thread(target=ingest, args=(limited, Worker(limited), [pictures.folder], Tally()))
        run.start()
        while "has 1000 bytes free, less than SEGSEARCH_MIN_FREE, 2.0 KiB: free some space" not in caplog.text:
            assert run.is_alive()
        assert limited.catalog.images.counts()["indexed"] == 0
        free[0] = 3000
        run.join()
        assert states(limited) == {"indexed": 3}
        limited._sessions.kw["bind"].dispose()

    def test_a_quota_counts_what_is_there(self, settings: Settings) -> None:
        settings.data_dir.mkdir()
        limited = storage.Storage(replace(settings, quota=100_000))
        assert limited.shortage() is None
        (settings.data_dir / "sub").mkdir()
        (settings.data_dir / "sub" / "a").write_bytes(bytes([1]) * 200_000)
        limited._counted = float("-inf")
        assert "SEGSEARCH_QUOTA allows 97.7 KiB: delete photos, or raise the quota" in (limited.shortage() or "")
        (settings.data_dir / "sub" / "a").unlink()
        assert limited.shortage() is None, "what is over the quota is counted each time"

    def test_no_limits(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(storage, "_free", lambda _: 0)
        assert storage.Storage(settings).shortage() is None


def test_two_workers_share_one_catalogue(assembly: Assembly, pictures: Pictures) -> None:
    pictures.many(40)
    other = Assembly(assembly.settings)
    register_files(assembly, [pictures.folder], Tally())
    workers = Worker(assembly), Worker(other)
    done: list[int] = []
    threads = [threading.Thread(target=lambda each=each: done.append(each.work(lambda: True))) for each in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 40
    assert states(assembly) == {"indexed": 40}
    assert assembly.catalog.vectors.contents(assembly.recipe_spec.space).segments == 40 * 25
    Worker(assembly).work(lambda: True)
    assert verify(assembly) == []
    other._sessions.kw["bind"].dispose()
