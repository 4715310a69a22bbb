"""A worker writes the exports that were ordered, and tells why where it cannot."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from toys import Ingested

from indexer import exports as module
from indexer.clean import EXPORT_ROWS, EXPORTS, KINDS, UNFINISHED, clean
from indexer.exports import Exporter
from indexer.upkeep import Upkeep
from retrieval.catalog.records import ExportRecord
from retrieval.errors import CatalogUnavailableError
from retrieval.formats.selection import Selection
from retrieval.storage.disk import Storage


@pytest.fixture
def order(ingested: Ingested) -> Callable[..., int]:
    """Orders an export of everything."""

    def order(form: str = "coco", selection: Selection | None = None) -> int:
        chosen = (selection or Selection()).to_json()
        return ingested.assembly.export_jobs.add("", form, chosen, len(ingested.paths)).id

    return order


@pytest.fixture
def exporter(ingested: Ingested) -> Exporter:
    return Exporter(ingested.assembly, lambda: False)


def told(ingested: Ingested, job: int) -> ExportRecord:
    return ingested.assembly.export_jobs.get(job)


def file_of(ingested: Ingested, job: int, extension: str = "json") -> Path:
    return ingested.assembly.settings.export(job, extension)


def test_nothing_to_do(exporter: Exporter) -> None:
    assert exporter.write_next() is None


@pytest.mark.parametrize(("form", "extension"), [("coco", "json"), ("csv", "csv"), ("voc", "zip"), ("cutouts", "zip")])
def test_the_file_is_whole(
    ingested: Ingested, exporter: Exporter, order: Callable[..., int], form: str, extension: str
) -> None:
    job = order(form)
    assert exporter.write_next() is True
    content, found = file_of(ingested, job, extension).read_bytes(), told(ingested, job)
    assert (found.state, found.size, found.error) == ("done", len(content), None)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.done == found.total == len(ingested.paths)
    assert list(ingested.assembly.settings.exports_dir.iterdir()) == [file_of(ingested, job, extension)]


def test_a_selection_stays_what_it_was(ingested: Ingested, exporter: Exporter, order: Callable[..., int]) -> None:
    first, second = ingested.ids[:2]
    of_first = [each.id for each in ingested.assembly.catalog.segments.of_image(first)]
    chosen = Selection.of_segments(ingested.assembly.catalog, of_first[:2])
    assert Selection.from_json(chosen.to_json()) == chosen
    job = order("coco", chosen)
    exporter.write_next()
    written = json.loads(file_of(ingested, job).read_text())
    assert {each["id"] for each in written["annotations"]} == set(of_first[:2])
    gone = order("coco", Selection.of_photos(ingested.assembly.catalog, [first, second]))
    ingested.assembly.trash.put([first])
    exporter.write_next()
    assert [each["id"] for each in json.loads(file_of(ingested, gone).read_text())["images"]] == [second]


def test_one_that_is_deleted_meanwhile_leaves_nothing(
    ingested: Ingested, exporter: Exporter, order: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TELL_SECONDS", 0.0)
    job, advance = order(), ingested.assembly.export_jobs.advance

    def deleting(*args: object) -> bool:
        ingested.assembly.export_jobs.remove(job)
        return advance(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(ingested.assembly.export_jobs, "advance", deleting)
    assert exporter.write_next() is True
    assert list(ingested.assembly.settings.exports_dir.iterdir()) == []


def test_a_worker_that_stops_gives_it_back(ingested: Ingested, order: Callable[..., int]) -> None:
    job, asked = order(), iter([False, True])
    assert Exporter(ingested.assembly, lambda: next(asked)).write_next() is True
    assert told(ingested, job).state == "queued"
    assert list(ingested.assembly.settings.exports_dir.iterdir()) == []
    assert Exporter(ingested.assembly, lambda: True).write_next() is None
    assert Exporter(ingested.assembly, lambda: False).write_next() is True
    assert told(ingested, job).state == "done"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (PermissionError(13, "Permission denied", "x"), "cannot be written"),
        (KeyError("bug"), "internal error (KeyError)"),
    ],
)
def test_why_it_failed(
    ingested: Ingested,
    exporter: Exporter,
    order: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module.Export, "parts", fail)
    job = order()
    assert exporter.write_next() is True
    assert told(ingested, job).state == "failed"
    assert reason in (told(ingested, job).error or "")
    assert list(ingested.assembly.settings.exports_dir.iterdir()) == []


def test_no_room(
    ingested: Ingested, exporter: Exporter, order: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Storage, "disk_shortage", lambda _: "the disk has 1 MB free: free some space")
    job = order()
    exporter.write_next()
    assert "free some space" in (told(ingested, job).error or "")


def test_one_that_grows_too_large(
    ingested: Ingested, exporter: Exporter, order: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_KEPT_BYTES", 100)
    monkeypatch.setattr(module, "CHECKED_BYTES", 1)
    job = order()
    exporter.write_next()
    assert "export fewer photos" in (told(ingested, job).error or "")


def test_a_locked_catalogue_is_no_failure_of_the_export(
    ingested: Ingested, exporter: Exporter, order: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise CatalogUnavailableError("locked")

    job = order()
    with monkeypatch.context() as patched:
        patched.setattr(module.Export, "parts", locked)
        with pytest.raises(CatalogUnavailableError):
            exporter.write_next()
    assert exporter.write_next() is True
    assert told(ingested, job).state == "done"


@pytest.mark.slow
def test_upkeep_writes_them(ingested: Ingested, order: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.upkeep.EXPORT_SECONDS", 0.01)
    job, written = order(), threading.Event()
    finish = ingested.assembly.export_jobs.finish

    def finished(*args: object) -> bool:
        done = finish(*args)  # type: ignore[arg-type]
        written.set()
        return done

    monkeypatch.setattr(ingested.assembly.export_jobs, "finish", finished)
    upkeep = Upkeep(ingested.assembly, threading.Event())
    upkeep.start()
    try:
        assert written.wait(60)
    finally:
        upkeep.finish()
    assert told(ingested, job).state == "done"
    assert file_of(ingested, job).is_file()


def test_files_go_with_their_rows(ingested: Ingested, exporter: Exporter, order: Callable[..., int]) -> None:
    kept, gone = order(), order("csv")
    exporter.write_next()
    exporter.write_next()
    ingested.assembly.export_jobs.remove(gone)
    kinds = set(KINDS) & {EXPORT_ROWS, EXPORTS, UNFINISHED}
    assert [(each.kind, each.count) for each in clean(ingested.assembly, kinds)] == [(EXPORTS, 1)]
    assert list(ingested.assembly.settings.exports_dir.iterdir()) == [file_of(ingested, kept)]
