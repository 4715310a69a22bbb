"""What a worker does beside entering photos goes on after any error, and is told of while it fails."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from test_discovering import halves
from toys import Ingested, Pictures

from indexer import registering, upkeep
from indexer import scan as discover
from indexer.commands.maintenance import status
from indexer.publish import Publisher, rebuild
from indexer.report import Tally
from indexer.scan import register_files
from indexer.verify import verify
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.learning import discovery
from retrieval.learning.discovery import Discoverer
from retrieval.processes import duties
from retrieval.processes.duties import Duties, pause_after
from webui import create_app

PATIENCE = 60.0
UNFORESEEN = [KeyError("part"), MemoryError(), RuntimeError("faiss")]


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def failing(work: Callable[..., Any], errors: list[BaseException]) -> Callable[..., Any]:
    """Work that fails with each of the errors before it succeeds."""

    def attempt(*arguments: Any, **options: Any) -> Any:
        if errors:
            raise errors.pop(0)
        return work(*arguments, **options)

    return attempt


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "PUBLISH_SECONDS", 0.02)
    monkeypatch.setattr(duties, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(registering, "PAUSE_SECONDS", 0.01)


def status_of(assembly: Assembly) -> dict[str, Any]:
    done = CliRunner().invoke(status, ["--json"], obj=assembly.settings, catch_exceptions=False)
    return {each["name"]: each for each in json.loads(done.stdout)["duties"]}


def test_the_publisher_goes_on_after_any_error(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    assembly, ended = ingested.assembly, threading.Event()
    errors: list[BaseException] = [*UNFORESEEN, *UNFORESEEN]
    monkeypatch.setattr(Publisher, "publish", failing(Publisher.publish, errors))
    assembly.catalog.images.delete(ingested.ids[0])
    assert verify(assembly) != []
    running = threading.Thread(target=Worker(assembly).work, args=(ended.is_set,))
    running.start()
    try:
        until(lambda: verify(assembly) == [])
        assert running.is_alive(), "it was published while the worker ran, not at its end"
    finally:
        ended.set()
        running.join(PATIENCE)
    assert errors == []
    assert status_of(assembly)["publish"]["failing_since"] is None


def test_what_fails_is_shown_until_it_succeeds(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    assembly = ingested.assembly
    app = create_app(assembly, analyzer=None, follow=False)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "publish", failing(Publisher.publish, [KeyError("part")] * 1000))
        Worker(assembly).work(lambda: True)
    shown = status_of(assembly)["publish"]
    assert shown["failing_since"] is not None
    assert shown["failures"] >= upkeep.LAST_ATTEMPTS
    assert shown["error"] == "KeyError: 'part'"
    assert shown["succeeded_at"] is not None, "at the ingest before"
    assert "failing since" in CliRunner().invoke(status, obj=assembly.settings, env={"COLUMNS": "200"}).output
    (told,) = app.test_client().get("/readyz").get_json()["failing"]
    assert told["duty"] == "publish"
    assert told["since"] == shown["failing_since"]
    assert told["error"] == "KeyError", "and nothing of paths, for anybody may ask"
    rebuild(assembly)
    assert app.test_client().get("/readyz").get_json()["failing"] == []


def test_pauses_grow() -> None:
    pauses = [pause_after(failures) for failures in range(1, 40)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[1] < pauses[-1] == duties.MOST_PAUSE_SECONDS


def test_since_when_it_fails_is_kept(settings: Any) -> None:
    noted = Duties(settings.data_dir)
    assert noted.records() == []
    noted.failed("publish", MemoryError())
    since = noted.failing()[0].failing_since
    assert noted.failed("publish", KeyError(1)) == 2
    assert noted.failing()[0].failing_since == since
    noted.succeeded("publish")
    assert noted.failing() == []
    (settings.data_dir / "duties" / "publish.json").write_text("[")
    assert noted.records() == []


def test_the_worker_discovers_all_there_is(
    assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an error in between, after which what was not done is done."""
    monkeypatch.setattr(discovery, "MOST", 20)
    errors = [RuntimeError("numpy"), MemoryError()]
    monkeypatch.setattr(Discoverer, "update", failing(Discoverer.update, errors))
    ingest(assembly, Worker(assembly), [halves(pictures.folder, kinds=3, copies=6)], Tally())
    assert errors == []
    assert assembly.clusters.all(assembly.recipe_spec.space).newest_segment > 200
    report = assembly.discoverer.update()
    assert (report.more, report.founded, report.joined) == (False, 0, 0)
    assert status_of(assembly)["discover"]["failing_since"] is None


class TestRegistering:
    @pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
    def test_is_tried_again_after_any_error(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        pictures.many(3)
        worker = Worker(assembly)
        monkeypatch.setattr(
            assembly.catalog.locations, "register", failing(assembly.catalog.locations.register, [error] * 2)
        )
        assert ingest(assembly, worker, [pictures.folder], Tally()).counts["indexed"] == 3

    def test_an_error_over_one_file_is_that_files(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pictures.many(3)
        sniff = discover.sniff_format
        monkeypatch.setattr(discover, "sniff_format", failing(sniff, [KeyError("odd")]))
        tally = Tally()
        register_files(assembly, [pictures.folder], tally)
        assert len(tally.photos) == 2
        assert [each.reason for each in tally.failures] == ["cannot be examined: KeyError: 'odd'"]
