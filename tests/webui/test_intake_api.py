"""What the API tells of photos on their way in."""

from __future__ import annotations

import os

from flask.testing import FlaskClient
from installation import PALETTES, Library, drawing, encoded

from retrieval.catalog.owners import new_owner


def add_pending(library: Library, number: int) -> int:
    path = library.photos / f"pending {number}.png"
    path.write_bytes(encoded(drawing(PALETTES[number], (64, 48 + number))))
    return library.register(path)


def test_an_idle_installation(client: FlaskClient) -> None:
    assert client.get("/api/v1/intake").get_json() == {
        **{"pending": 0, "waiting_for_recipe": 0, "working": 0, "failed": 0},
        **{"paused": False, "shortage": None, "workers": []},
    }


def test_queue_workers_and_failures(client: FlaskClient, library: Library) -> None:
    queue = library.assembly.ingest_queue
    first, second, *_ = (add_pending(library, number) for number in range(3))
    queue.reanalyze("other:1", image_ids=[1])
    queue.claim("w", 1)
    queue.fail("w", first, "truncated; copy it again")
    queue.claim(new_owner(), 1)
    client.post("/api/v1/intake/pause")
    found = client.get("/api/v1/intake").get_json()
    (worker,) = found.pop("workers")
    assert found == {
        **{"pending": 1, "waiting_for_recipe": 1, "working": 1, "failed": 1},
        **{"paused": True, "shortage": None},
    }
    assert worker["photos"] == [{"id": second, "name": "pending 1.png"}]
    assert (worker["pid"], worker["is_gone"]) == (os.getpid(), False)


def test_the_page_has_it_without_scripts(client: FlaskClient, library: Library) -> None:
    queue = library.assembly.ingest_queue
    first, *_ = (add_pending(library, number) for number in range(2))
    assert "None is processing photos." in client.get("/upload").text
    queue.claim("w", 1)
    queue.fail("w", first, "truncated; copy it again")
    page = client.get("/upload").text
    assert "truncated; copy it again" in page
    assert f'data-retry="{first}"' in page
    assert "1 photo could not be added" in page
