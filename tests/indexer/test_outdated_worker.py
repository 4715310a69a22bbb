"""A worker whose catalogue is upgraded by a newer version while it works."""

from __future__ import annotations

import threading
import time

import pytest
from databases import execute, fetched
from toys import Pictures

from indexer.report import Tally
from indexer.scan import register_files
from indexer.worker import Worker, ingest_paths, work_forever
from retrieval.assembly import Assembly
from retrieval.catalog import processes, schema
from retrieval.errors import SchemaOutdatedError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have hearts beat often."""
    monkeypatch.setattr(processes.Heartbeat.__init__, "__kwdefaults__", {
        **processes.Heartbeat.__init__.__kwdefaults__, "every": 0.05,
    })  # fmt: skip


def upgrade(assembly: Assembly, oldest: str) -> None:
    url = assembly.settings.database_url
    execute(url, "UPDATE schema_support SET oldest = :oldest", oldest=oldest)
    execute(url, "UPDATE alembic_version SET version_num = '9999'")


def working(assembly: Assembly) -> tuple[threading.Thread, list[BaseException]]:
    """A worker in a thread, once it is registered."""
    failed = list[BaseException]()

    def work() -> None:
        try:
            work_forever(worker)
        except SchemaOutdatedError as error:
            failed.append(error)

    worker = Worker(assembly)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while not assembly.shared.processes.all():
        time.sleep(0.01)
    return thread, failed


def test_it_ends_between_photos_with_a_word(assembly: Assembly, pictures: Pictures) -> None:
    pictures.many(12)
    thread, failed = working(assembly)
    register_files(assembly, [pictures.folder], Tally())
    upgrade(assembly, "9999")
    thread.join(60)
    assert not thread.is_alive()
    assert "made by a newer SegSearch" in str(failed[0])
    states = dict(fetched(assembly.settings.database_url, "SELECT state, count(*) FROM image GROUP BY state"))
    assert "working" not in states, "what it held is given back"
    assert fetched(assembly.settings.database_url, "SELECT lease_owner FROM image WHERE lease_owner IS NOT NULL") == []


def test_it_works_on_where_only_something_was_added(assembly: Assembly, pictures: Pictures) -> None:
    upgrade(assembly, schema.head())
    pictures.many(3)
    report = ingest_paths(assembly, [pictures.folder])
    assert report is not None
    assert assembly.catalog.images.counts()["indexed"] == 3
    assert assembly.shared.processes.all() == []
