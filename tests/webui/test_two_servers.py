"""Several processes on one home that give and remove the same bytes: a row has its file, and a file its row."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import environment_of
from flask.testing import FlaskClient
from installation import Library, drawing, encoded

from benchmarks.two_servers import is_well, run
from retrieval.catalog import LocationRepository, QueryStore
from retrieval.errors import CatalogUnavailableError, UnknownImageError, UnreadableImageError
from webui.context import WebContext

ROOT = Path(__file__).parents[2]
NEW = encoded(drawing(("teal", "pink")))

OTHER = """
import io, os, sys
from pathlib import Path
from indexer.commands.ingest import cancel
from retrieval.assembly import Assembly
from retrieval.catalog import ImageRepository, IngestQueue, LocationRepository
from retrieval.settings import Settings
from webui import create_app

def wait():
    print("waiting", flush=True)
    sys.stdin.readline()

def pause(kind, name, *, after):
    original = getattr(kind, name)
    def paused(*arguments, **named):
        after or wait()
        result = original(*arguments, **named)
        after and wait()
        return result
    setattr(kind, name, paused)

what, image_id, picture = sys.argv[1:]
settings = Settings.from_env({**os.environ, "SEGSEARCH_DEVICE": "cpu", "SEGSEARCH_RECIPE": "grid"})
pause(ImageRepository, "delete", after=True)
pause(IngestQueue, "cancel", after=True)
pause(LocationRepository, "register", after=False)
if what == "cancel command":
    cancel.main(args=[], obj=settings, standalone_mode=False)
else:
    client = create_app(Assembly(settings), None, follow=False).test_client()
    if what == "cancel":
        client.post("/api/v1/intake/cancel")
    elif what == "delete":
        client.delete(f"/api/v1/images/{image_id}")
        client.post("/api/v1/trash/empty", json={})
    else:
        client.post("/api/v1/images", data={"file": (io.BytesIO(Path(picture).read_bytes()), "x.png")})
"""
"""Another process: it waits for a line between a row and its file."""


@pytest.fixture
def other(library: Library, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts another process, and returns when it waits."""
    (tmp_path / "new.png").write_bytes(NEW)
    started: list[subprocess.Popen[str]] = []

    def start(what: str, image_id: int = 0) -> subprocess.Popen[str]:
        arguments = [what, str(image_id), str(tmp_path / "new.png")]
        process = subprocess.Popen(
            [sys.executable, "-c", OTHER, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment_of(library.assembly.settings.data_dir)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def give(client: FlaskClient, content: bytes = NEW, where: str = "images") -> Any:
    """Upload a picture."""
    return client.post(f"/api/v1/{where}", data={"file": (io.BytesIO(content), "x.png")})


def files(parts: WebContext) -> list[Path]:
    """Uploads and query photos that are on the disk."""
    folders = (parts.settings.uploads_dir, parts.settings.queries_dir)
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("what", ["delete", "cancel", "cancel command"])
def test_a_removal_elsewhere_takes_no_file_that_came_again(
    client: FlaskClient, parts: WebContext, other: Callable[..., subprocess.Popen[str]], what: str
) -> None:
    removing = other(what, give(client).get_json()["id"])
    again = give(client)
    assert again.status_code == 202
    removing.communicate("\n", timeout=60)
    assert removing.returncode == 0
    assert client.get(f"/api/v1/images/{again.get_json()['id']}/file").data == NEW
    assert len(files(parts)) == 1


def test_a_removal_takes_no_file_that_is_being_entered_elsewhere(
    client: FlaskClient, parts: WebContext, other: Callable[..., subprocess.Popen[str]]
) -> None:
    first = give(client).get_json()["id"]
    giving = other("give")

    def delete_for_good() -> None:
        client.delete(f"/api/v1/images/{first}")
        client.post("/api/v1/trash/empty", json={})

    removing = threading.Thread(target=delete_for_good)
    removing.start()
    end = time.monotonic() + 60
    with pytest.raises(UnknownImageError):
        while time.monotonic() < end:
            parts.catalog.images.get(first)
            time.sleep(0.01)
    giving.communicate("\n", timeout=60)
    removing.join(60)
    (record,) = parts.catalog.images.page(after=first, limit=9)
    assert client.get(f"/api/v1/images/{record.id}/file").data == NEW


def test_uploads_do_not_wait_for_each_other(
    client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they would where the catalogue is locked."""
    together, register = threading.Barrier(3, timeout=20), LocationRepository.register

    def meet(*arguments: Any) -> Any:
        together.wait()
        return register(*arguments)

    monkeypatch.setattr(LocationRepository, "register", meet)
    statuses: list[int] = []
    clients = [client.application.test_client() for _ in range(3)]
    contents = [NEW, NEW, encoded(drawing(("navy", "gold")))]

    def give_one(each: FlaskClient, content: bytes) -> None:
        statuses.append(give(each, content).status_code)

    threads = [threading.Thread(target=give_one, args=pair) for pair in zip(clients, contents, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 202, 202]
    assert len(files(parts)) == 2


@pytest.mark.parametrize(
    ("where", "kind", "name"), [("images", LocationRepository, "register"), ("queries", QueryStore, "add")]
)
def test_nothing_is_left_of_what_cannot_be_entered(
    client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch, where: str, kind: type, name: str
) -> None:
    def locked(*_: object) -> None:
        raise CatalogUnavailableError("another program has locked the catalogue")

    with monkeypatch.context() as patch:
        patch.setattr(kind, name, locked)
        assert give(client, where=where).status_code == 503
        assert files(parts) == []
    assert give(client, where=where).status_code in (201, 202)
    assert len(files(parts)) == 1


def test_a_failure_takes_no_upload_that_is_there(
    client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = give(client).get_json()["id"]
    with monkeypatch.context() as patch:
        patch.setattr(LocationRepository, "register", lambda *_: 1 / 0)
        client.application.testing = False
        assert give(client).status_code == 500
    assert client.get(f"/api/v1/images/{given}/file").data == NEW


def test_a_query_photo_that_fails_takes_no_other_of_the_same_bytes(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, parts: WebContext
) -> None:
    analyze = type(parts.analyzer).analyze
    begun, enough, statuses = threading.Event(), threading.Event(), list[int]()

    def fail(*_: object) -> None:
        begun.set()
        assert enough.wait(60)
        raise UnreadableImageError("too late")

    monkeypatch.setattr(type(parts.analyzer), "analyze", fail)
    failing = threading.Thread(
        target=lambda: statuses.append(give(client.application.test_client(), where="queries").status_code)
    )
    failing.start()
    assert begun.wait(60)
    monkeypatch.setattr(type(parts.analyzer), "analyze", analyze)
    query = give(client, where="queries").get_json()["id"]
    enough.set()
    failing.join(60)
    assert statuses == [422]
    assert client.get(f"/api/v1/queries/{query}/file").status_code == 200


def test_an_upload_that_is_spoilt_on_the_disk_is_mended(client: FlaskClient, parts: WebContext) -> None:
    give(client)
    (path,) = files(parts)
    path.write_bytes(NEW[:-1] + b"x")
    given = give(client).get_json()["id"]
    assert client.get(f"/api/v1/images/{given}/file").data == NEW


def test_an_upload_that_is_deleted_at_once_is_acknowledged(
    client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = LocationRepository.register

    def register_and_delete(*arguments: Any) -> Any:
        found = register(*arguments)
        parts.catalog.images.delete(found[0].image_id)
        return found

    monkeypatch.setattr(LocationRepository, "register", register_and_delete)
    assert give(client).status_code == 202


@pytest.mark.slow
def test_two_servers_that_give_and_remove_the_same_bytes() -> None:
    found = run(10)
    assert is_well(found), found
