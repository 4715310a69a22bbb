"""How many requests are worked on at once: through the real server, with requests that hang."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.client import HTTPConnection

import pytest
from flask import Flask
from installation import PALETTES, Library, drawing, encoded

from webui import create_app
from webui.context import EXTENSION
from webui.serving import admission
from webui.serving.server import listen


class HangingAnalyzer:
    """Analyses nothing until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.asked = threading.Semaphore(0)

    def analyze(self, path):
        self.asked.release()
        assert self.go_on.wait(60)
        raise RuntimeError("nothing was analysed")


@dataclass(frozen=True)
class Site:
    app: Flask
    analyzer: HangingAnalyzer
    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def give_photo(self) -> tuple[int, dict, bytes]:
        picture = encoded(drawing(PALETTES[0]))
        body = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + picture + b"\r\n--x--\r\n"
        )
        return self.ask("POST", "/api/v1/queries", body, **{"Content-Type": "multipart/form-data; boundary=x"})


@pytest.fixture
def site(library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    quotas = {kind: replace(quota, patience=0.5) for kind, quota in admission.QUOTAS.items()}
    monkeypatch.setattr("webui.application.admit", lambda app: admission.admit(app, quotas))
    analyzer = HangingAnalyzer()
    app = create_app(library.assembly, analyzer, follow=False)
    listening = listen(app, "127.0.0.1", 0)
    threading.Thread(target=listening.run, daemon=True).start()
    yield Site(app, analyzer, listening.port)
    analyzer.go_on.set()
    listening.stop()
    app.extensions[EXTENSION].own.renditions.close()


def test_slow_requests_leave_the_rest_alone(site: Site):
    quota = admission.QUOTAS["analysis"]
    with ThreadPoolExecutor(30) as clients:
        asked: list[Future] = [clients.submit(site.give_photo) for _ in range(30)]
        for _ in range(quota.running):
            assert site.analyzer.asked.acquire(timeout=10)
        for path in ("/healthz", "/", "/api/v1/images", "/api/v1/images/1/thumbnail"):
            assert site.ask("GET", path)[0] == 200
        search = json.dumps({"positive": [{"segment": 1}]}).encode()
        assert site.ask("POST", "/api/v1/search", search, **{"Content-Type": "application/json"})[0] == 200
        deadline = time.monotonic() + 20
        while sum(each.done() for each in asked) < 30 - quota.running and time.monotonic() < deadline:
            time.sleep(0.05)
        refused = [each.result() for each in asked if each.done()]
        assert len(refused) == 30 - quota.running
        site.analyzer.go_on.set()
    for status, headers, body in refused:
        assert status == 503
        assert headers["Retry-After"] == str(admission.RETRY_SECONDS)
        assert headers["Content-Type"] == "application/problem+json"
        assert "try again in 2 s" in json.loads(body)["detail"]


def test_room_is_made_again(site: Site):
    site.analyzer.go_on.set()
    for _ in range(3 * (admission.QUOTAS["analysis"].running + admission.QUOTAS["analysis"].waiting)):
        assert site.give_photo()[0] == 500


def test_every_kind_has_a_quota_and_every_endpoint_exists(site: Site):
    assert set(admission.KINDS) <= set(site.app.view_functions)
    assert set(admission.KINDS.values()) - {None} < set(admission.QUOTAS)


def test_all_kinds_together_leave_threads():
    taken = sum(quota.running + quota.waiting for quota in admission.QUOTAS.values())
    assert taken < admission.THREADS
