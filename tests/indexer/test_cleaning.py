"""What is of no use is listed and removed, whatever left it there; what anybody uses stays."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from toys import Ingested, analysis, drawing

from indexer import clean as cleaning
from indexer import upkeep
from indexer.commands.maintenance import clean, verify
from indexer.commands.search import search
from indexer.verify import verify as faults_of
from indexer.worker import Worker
from retrieval.catalog import idempotency, judgements
from retrieval.catalog import query_store as queries
from retrieval.processes import duties
from retrieval.query.request import SearchRequest
from retrieval.settings import Settings
from retrieval.storage import file_names
from retrieval.storage.locations import SeenFile, uri_of

GONE = "ab" * 32
OLD = 2 * cleaning.AGE_SECONDS


def put(path: Path, age: float = OLD, content: bytes = b"waste") -> Path:
    """A file of some age."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


def files_of(settings: Settings) -> set[Path]:
    """All files of the data directory but the catalogue, locks and what tells of duties."""
    found = (path for path in settings.data_dir.rglob("*") if path.is_file())
    return {path for path in found if "catalog.db" not in path.name and path.suffix != ".lock"}


def run(settings: Settings, command: Any, *options: str) -> str:
    done = CliRunner().invoke(command, list(options), obj=settings)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def aged(ingested: Ingested) -> Ingested:
    """An installation whose files are all old, so that only their use keeps them."""
    for path in files_of(ingested.assembly.settings):
        os.utime(path, (time.time() - OLD,) * 2)
    return ingested


def left_behind(where: Ingested, age: float = OLD) -> dict[str, list[Path]]:
    """Files of every kind that nothing needs."""
    settings = where.assembly.settings
    index = where.assembly.indexes.segment_files.folder
    upload, query = settings.uploads_dir, settings.queries_dir
    known = where.assembly.catalog.images.page()[0].sha256
    return {
        cleaning.RENDITIONS: [
            put(settings.files_dir / file_names.preview(GONE), age),
            put(settings.files_dir / file_names.thumbnail(GONE), age),
        ],
        cleaning.UPLOADS: [put(upload / "ab" / f"{GONE}.jpg", age)],
        cleaning.QUERIES: [put(query / "ab" / GONE, age), put(query / "ab" / f"{GONE}.jpg", age)],
        cleaning.UNFINISHED: [
            put(upload / ".upload-0123456789abcdef", age),
            put(query / ".upload-fedcba9876543210", age),
            put(
                (settings.files_dir / file_names.preview(known)).with_name(f".{known}.preview.jpg.0123abcd.partial"),
                age,
            ),
            put(settings.data_dir / "duties" / ".publish-0123abcd.tmp", age),
        ],
        cleaning.INDEX: [
            put(index / "part-20200101T000000000000.faiss", age),
            put(index / "part-20200101T000000000000.ids.npy.tmp", age),
            put(index / "gone-20200101T000000000000-x.npy", age),
        ],
    }


def test_there_is_nothing_to_clean_after_an_ingest(aged: Ingested) -> None:
    before = files_of(aged.assembly.settings)
    assert "nothing to remove" in run(aged.assembly.settings, clean)
    assert files_of(aged.assembly.settings) == before
    assert "waste" not in run(aged.assembly.settings, verify)


def test_every_kind_is_listed_and_removed(aged: Ingested) -> None:
    settings = aged.assembly.settings
    before = files_of(settings)
    left = left_behind(aged)
    told = run(settings, verify)
    assert "index and catalogue agree" in told
    assert "segsearch clean" in told
    for kind, paths in left.items():
        assert f"waste: {len(paths)} {kind}" in told
    counted = {kind: {"count": len(paths), "bytes": 5 * len(paths)} for kind, paths in left.items()}
    dry = json.loads(run(settings, clean, "--dry-run", "--json"))
    assert dry == {"dry_run": True, "waste": counted, "bytes": 5 * sum(map(len, left.values()))}
    assert all(path.exists() for paths in left.values() for path in paths)
    assert "would be removed" in run(settings, clean, "--dry-run")
    assert json.loads(run(settings, clean, "--json"))["waste"] == counted
    assert files_of(settings) == before
    assert faults_of(aged.assembly) == []
    assert json.loads(run(settings, clean, "--json")) == {"dry_run": False, "waste": {}, "bytes": 0}


def test_what_is_young_stays(aged: Ingested) -> None:
    left = left_behind(aged, age=cleaning.AGE_SECONDS - 60)
    run(aged.assembly.settings, clean)
    assert all(path.exists() for paths in left.values() for path in paths)


def test_files_of_others_stay(aged: Ingested) -> None:
    settings = aged.assembly.settings
    strange = [put(settings.uploads_dir / "notes.txt"), put(settings.renditions_dir / "ab" / "mine.jpg")]
    (settings.uploads_dir / "ab").mkdir()
    link = settings.uploads_dir / "ab" / f"{GONE}.jpg"
    link.symlink_to(aged.paths[0])
    run(settings, clean)
    assert all(path.exists() for path in (*strange, link, *aged.paths))


def test_what_a_deleted_or_replaced_photo_leaves(aged: Ingested) -> None:
    """The row goes while its renditions are being made, or because its file has other bytes."""
    assembly = aged.assembly
    gone, replaced, *_ = (image.sha256 for image in assembly.catalog.images.page())
    with assembly._sessions.begin() as session:
        session.execute(text("DELETE FROM image WHERE sha256 = :gone"), {"gone": gone})
    drawing(99).save(aged.paths[1])
    Worker(assembly).work(lambda: True)
    from indexer.report import Tally
    from indexer.scan import register_files

    register_files(assembly, [aged.paths[1]], Tally())
    found = {each.kind: each.count for each in cleaning.waste(assembly)}
    assert found[cleaning.RENDITIONS] == 4
    cleaning.clean(assembly)
    for sha256 in (gone, replaced):
        assert not (assembly.settings.files_dir / file_names.preview(sha256)).exists()
    assert len(list(assembly.settings.renditions_dir.rglob("*.jpg"))) == 2 * 4


def test_a_file_that_comes_back_meanwhile_is_not_lost(aged: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload of the same bytes is registered between the look-up and the removal."""
    assembly = aged.assembly
    path = put(assembly.settings.uploads_dir / GONE[:2] / f"{GONE}.jpg")
    lost = put(assembly.settings.uploads_dir / "ff" / f"{'f' * 64}.jpg")

    def between(digests: Collection[str]) -> set[str]:
        assembly.catalog.locations.register([SeenFile(uri_of(path), GONE, 5, 1)])
        return set()

    monkeypatch.setattr(assembly.catalog.images, "known_digests", between)
    cleaning.clean(assembly, [cleaning.UPLOADS])
    assert path.exists()
    assert not lost.exists()


def test_an_index_that_is_written_is_left_alone(aged: Ingested) -> None:
    paths = left_behind(aged)[cleaning.INDEX]
    with aged.assembly.indexes.segment_files.writing():
        run(aged.assembly.settings, clean)
        assert all(path.exists() for path in paths)
    run(aged.assembly.settings, clean)
    assert not any(path.exists() for path in paths)


def test_rows_whose_time_is_over(aged: Ingested) -> None:
    assembly, settings = aged.assembly, aged.assembly.settings
    names = ("e" * 64, "f" * 64)
    kept = [assembly.queries.add(name, (8, 40), analysis([(1, 0, 0, 0)]), "toy:1") for name in names]
    begun = [assembly.judgements.begin(SearchRequest(text=name), "toy:1") for name in names]
    answered = [assembly.idempotency_keys.claim("", name, "r", "owner") for name in names]
    young, old = (put(assembly.files.new(file_names.query(name))) for name in names)
    with assembly._sessions.begin() as session:
        for table, key, age in (
            ("query", kept[1], queries.RETENTION),
            ("feedback", begun[1], judgements.RETENTION),
            ("idempotency_key", answered[1], idempotency.RETENTION),
        ):
            when = datetime.now(UTC) - age - timedelta(minutes=1)
            session.execute(text(f"UPDATE {table} SET created_at = :when WHERE id = :key"), {"when": when, "key": key})
    found = json.loads(run(settings, clean, "--json"))["waste"]
    kinds = (cleaning.QUERY_ROWS, cleaning.FEEDBACK_ROWS, cleaning.ANSWER_ROWS)
    assert [found[kind]["count"] for kind in kinds] == [1, 1, 1]
    assert assembly.queries.get(kept[0]).sha256 == names[0]
    assert assembly.judgements.get(begun[0]).request.text == names[0]
    assert assembly.queries.expired() == assembly.judgements.expired() == assembly.idempotency_keys.expired() == 0
    assert (young.exists(), old.exists()) == (True, False)


def test_a_query_photo_of_a_copied_link_stays(aged: Ingested) -> None:
    assembly = aged.assembly
    number = assembly.queries.add("e" * 64, (8, 40), analysis([(1, 0, 0, 0)]), "toy:1")
    path = put(assembly.files.new(file_names.query("e" * 64)))
    assembly.queries.keep(number, path.stat().st_size)
    with assembly._sessions.begin() as session:
        when = datetime.now(UTC) - queries.RETENTION - timedelta(minutes=1)
        session.execute(text("UPDATE query SET created_at = :when"), {"when": when})
    run(assembly.settings, clean)
    assert path.exists()
    assert assembly.queries.get(number).sha256 == "e" * 64


def test_a_search_by_a_photo_leaves_no_row(aged: Ingested) -> None:
    run(aged.assembly.settings, search, "--image", str(aged.paths[0]), "--json")
    with aged.assembly._sessions.begin() as session:
        assert session.scalar(text("SELECT count(*) FROM query")) == 0


def test_a_worker_tidies_but_removes_no_upload(aged: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    left = left_behind(aged)
    monkeypatch.setattr(upkeep, "TIDY_SECONDS", 0.01)
    monkeypatch.setattr(duties, "PAUSE_SECONDS", 0.01)
    uploads = left.pop(cleaning.UPLOADS)
    waits = time.monotonic() + 60
    Worker(aged.assembly).work(
        lambda: not any(path.exists() for paths in left.values() for path in paths) or time.monotonic() > waits
    )
    assert not any(path.exists() for paths in left.values() for path in paths)
    assert all(path.exists() for path in uploads)
