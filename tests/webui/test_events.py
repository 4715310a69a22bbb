"""The status as server-sent events: over real connections, and for no more clients than there are places."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask
from installation import Library, drawing, encoded

from retrieval.errors import CatalogUnavailableError
from webui.context import WebContext
from webui.events import StatusEvents
from webui.serving import admission
from webui.serving.server import listen


def events(answer: requests.Response) -> Iterator[dict[str, Any]]:
    """What is told, as it comes."""
    for line in answer.iter_lines(chunk_size=1):
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def follow(served: str) -> requests.Response:
    return requests.get(f"{served}/api/v1/events", stream=True, timeout=20)


@pytest.mark.slow
def test_changes_come_by_themselves(served: str, library: Library, parts: WebContext) -> None:
    with follow(served) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        found = events(answer)
        first = next(found)
        assert first == requests.get(f"{served}/api/v1/status", timeout=20).json()
        library.add("new.png", encoded(drawing(("teal", "pink"))))
        assert next(each for each in found if each["counts"]["indexed"] == 5)["trash"] == 0
        parts.assembly.trash.put([1, 2])
        after = next(each for each in found if each["trash"] == 2)
        assert after["counts"]["indexed"] == 3


@pytest.mark.slow
def test_places_are_bounded_and_freed(served: str) -> None:
    quota = admission.QUOTAS["events"]
    open_ones = [follow(served) for _ in range(quota.running)]
    assert {answer.status_code for answer in open_ones} == {200}
    refused = follow(served)
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    assert requests.get(f"{served}/api/v1/status", timeout=20).status_code == 200
    for answer in open_ones:
        answer.close()
    end = time.monotonic() + 20
    while (again := follow(served)).status_code == 503 and time.monotonic() < end:
        time.sleep(0.2)
    assert again.status_code == 200
    again.close()


@pytest.mark.slow
def test_connections_do_not_keep_the_server(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    app.testing = False
    listening = listen(app, "127.0.0.1", 0)
    threading.Thread(target=listening.run, daemon=True).start()
    with follow(f"http://127.0.0.1:{listening.port}") as answer:
        next(events(answer))
        listening.stop()
    assert "still running" not in caplog.text


def test_a_connection_ends() -> None:
    """After its time; without news it is written to."""
    told = list(StatusEvents(lambda: {"a": 1}, look_seconds=0.01, beat_seconds=0.02, longest_seconds=0.2).stream())
    assert told[:2] == ["retry: 3000\n\n", 'event: status\ndata: {"a": 1}\n\n']
    assert set(told[2:]) == {": no news\n\n"}


def test_a_connection_ends_where_the_catalogue_cannot_be_read() -> None:
    def fail() -> dict[str, Any]:
        raise CatalogUnavailableError("locked")

    assert list(StatusEvents(fail).stream()) == ["retry: 3000\n\n"]


def test_all_connections_share_a_look() -> None:
    looks: list[int] = []

    def look() -> dict[str, Any]:
        looks.append(1)
        return {}

    shared = StatusEvents(look, look_seconds=0.2, longest_seconds=0.15)
    threads = [threading.Thread(target=lambda: list(shared.stream())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looks) == 1
