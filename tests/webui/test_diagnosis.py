"""The health of the installation: what is wrong, and what cures it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from databases import Files, Server
from flask.testing import FlaskClient
from installation import Library, drawing, encoded

from indexer.publish import Publisher
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.catalog.owners import new_owner
from retrieval.processes.program import PROGRAM
from webui import create_app
from webui.context import WebContext
from webui.pages.admin import ago
from webui.serving import diagnosis


def findings(client: FlaskClient) -> list[dict[str, object]]:
    found: list[dict[str, object]] = client.get("/api/v1/health").get_json()["findings"]
    return found


def add_pending(library: Library, name: str = "later.png") -> int:
    path = library.photos / name
    path.write_bytes(encoded(drawing(("pink", "gray"))))
    return library.register(path)


def test_all_is_well(client: FlaskClient, library: Library) -> None:
    Publisher(library.assembly).publish()
    health = client.get("/api/v1/health").get_json()
    assert health["findings"] == []
    assert health["counts"]["indexed"] == 4
    assert health["index"]["segments"] == 100
    assert health["index"]["unwritten"] == 0
    assert [(each["segments"], each["is_exact"], each["recall"]) for each in health["index"]["shards"]] == [
        (100, True, None)
    ]
    assert (health["workers"], health["failures"], health["other_recipes"]) == ([], [], 0)
    assert health["versions"]["python"]
    assert health["disk"]["folder"] == str(library.assembly.settings.data_dir)
    assert "All is well." in client.get("/health").text


def test_before_the_first_publishing_nothing_is_wrong(client: FlaskClient) -> None:
    health = client.get("/api/v1/health").get_json()
    assert health["index"]["written_at"] is None
    assert health["index"]["shards"] == []
    assert health["findings"] == []


def test_a_pause_is_resumed(client: FlaskClient, library: Library) -> None:
    add_pending(library)
    client.post("/api/v1/intake/pause")
    (found,) = findings(client)
    assert (found["level"], found["action"]) == ("warning", "resume")
    assert "1 photo waits." in str(found["text"])
    assert 'data-intake="resume"' in client.get("/health").text


def test_failed_photos_with_their_reasons(client: FlaskClient, library: Library) -> None:
    image_id = add_pending(library, "torn <b>.png")
    library.assembly.ingest_queue.claim("w", 1)
    library.assembly.ingest_queue.fail("w", image_id, "truncated; copy it again")
    health = client.get("/api/v1/health").get_json()
    assert health["failures"] == [{"id": image_id, "name": "torn <b>.png", "reason": "truncated; copy it again"}]
    assert [each["action"] for each in health["findings"]] == ["retry-failed"]
    page = client.get("/health").text
    assert "torn &lt;b&gt;.png" in page
    assert "truncated; copy it again" in page


def registered(library: Library, owner: str) -> None:
    """Have a worker run somewhere."""
    recipe = library.assembly.recipe_spec
    library.assembly.shared.processes.beat(
        owner, "worker", version="1", recipe=recipe.name, fingerprint=recipe.fingerprint
    )


def test_photos_that_wait_without_a_worker(client: FlaskClient, library: Library) -> None:
    """A worker is known by its beats, on whatever machine it is."""
    image_id = add_pending(library)
    (found,) = findings(client)
    assert (found["level"], found["command"]) == ("bad", f"{PROGRAM} worker")
    add_pending(library, "another.png")
    owner = new_owner()
    library.assembly.ingest_queue.claim(owner, 1)
    registered(library, owner)
    health = client.get("/api/v1/health").get_json()
    assert health["findings"] == []
    assert [[each["id"] for each in worker["photos"]] for worker in health["workers"]] == [[image_id]]


def test_a_worker_that_was_not_seen_for_a_minute_is_none(
    parts: WebContext, library: Library, databases: Files | Server
) -> None:
    registered(library, "elsewhere-1234:17:none:1")
    assert diagnosis.worker_seen(parts)
    databases.execute(library.assembly.settings.data_dir, "UPDATE process SET seen_at = '2020-01-01 00:00:00'")
    assert not diagnosis.worker_seen(parts)


def test_a_process_with_another_recipe(client: FlaskClient, library: Library) -> None:
    library.assembly.shared.processes.beat("gpu1-1234:17:none:1", "worker", version="1", recipe="a", fingerprint="a:1")
    (found,) = findings(client)
    assert found["level"] == "warning"
    assert found["text"].startswith("A process on gpu1 uses recipe a, and this server grid")


def test_photos_for_another_recipe(client: FlaskClient, library: Library) -> None:
    library.assembly.ingest_queue.reanalyze("other:1", image_ids=[1, 2])
    (found,) = findings(client)
    assert "2 photos wait for a worker with another recipe" in str(found["text"])


def test_photos_of_another_recipe(client: FlaskClient, library: Library) -> None:
    library.assembly.recipe_spec = replace(library.assembly.recipe_spec, fingerprint="newer:1")
    (found,) = findings(client)
    assert "4 photos were analysed with another recipe" in str(found["text"])
    assert client.get("/api/v1/health").get_json()["other_recipes"] == 4


def test_background_tasks_that_fail(client: FlaskClient, library: Library) -> None:
    for _ in range(2):
        library.assembly.duties.failed("publish", OSError("no space"))
    (found,) = findings(client)
    assert found["level"] == "bad"
    assert "failed 2 times" in str(found["text"])
    assert "no space" in str(found["text"])
    assert found["command"] == f"{PROGRAM} rebuild-index"


def test_a_damaged_index(client: FlaskClient, library: Library) -> None:
    Publisher(library.assembly).publish()
    (library.assembly.indexes.segment_files.folder / "manifest.json").write_text("{")
    (found,) = findings(client)
    assert found["command"] == f"{PROGRAM} rebuild-index"
    assert client.get("/api/v1/health").get_json()["index"]["error"]


def test_no_analyzer_and_a_full_disk(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(library.assembly, RemoteAnalyzer(library.assembly.settings.analyzers_dir), follow=False)
    monkeypatch.setattr(type(library.assembly.storage), "shortage", lambda _self: "the disk is full: free some space")
    found = findings(app.test_client())
    assert [each["level"] for each in found] == ["bad", "bad"]
    assert "the disk is full" in str(found[0]["text"])
    assert "analyzer" in str(found[1]["text"])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "5 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (864_000, "10 d ago"), (-50, "0 s ago")],
)
def test_moments_in_words(seconds: int, words: str) -> None:
    assert ago((datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()) == words


def test_a_moment_that_never_was() -> None:
    assert ago(None) == "never"
