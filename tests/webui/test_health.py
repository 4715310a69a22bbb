"""What machines are told of the server, and the thread that keeps it in step."""

from __future__ import annotations

import hashlib
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from installation import Library, drawing, encoded

from retrieval.analysis.local import LocalAnalyzer
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.catalog import query_store as kept
from retrieval.images.decoder_pool import DecoderPool
from retrieval.storage import file_names
from webui import create_app
from webui.context import EXTENSION, WebContext
from webui.serving import following
from webui.serving.following import Follower, tidy
from webui.serving.metrics import METRICS, Metrics


def metric(client: FlaskClient, name: str) -> float:
    """The value of a sample."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").get_data(as_text=True), re.MULTILINE)
    assert found, name
    return float(found[1])


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def following_app(library: Library, decoders: DecoderPool) -> Iterator[Flask]:
    """An application that follows the catalogue by itself."""
    app = create_app(library.assembly, LocalAnalyzer(library.assembly.recipe, decoders))
    yield app
    follower = app.extensions[METRICS].follower
    follower.stop()
    follower.join()


class TestProbes:
    def test_alive(self, reader: FlaskClient) -> None:
        assert reader.get("/healthz").get_json() == {"status": "ok"}

    def test_ready(self, reader: FlaskClient) -> None:
        response = reader.get("/readyz")
        assert response.status_code == 200
        checks = {"catalog": True, "schema": True, "index": True, "analyzer": True}
        assert response.get_json() == {"status": "ready", "lag": 0, "checks": checks, "failing": []}

    def test_not_ready_without_analyzer(self, library: Library) -> None:
        app = create_app(library.assembly, RemoteAnalyzer(library.assembly.settings.analyzers_dir), follow=False)
        response = app.test_client().get("/readyz")
        assert response.status_code == 503
        assert response.get_json()["checks"] == {"catalog": True, "schema": True, "index": True, "analyzer": False}
        assert app.test_client().get("/api/v1/status").get_json()["analyzer_up"] is False
        files = {"file": (io.BytesIO(encoded(drawing(("teal", "pink")))), "x.png")}
        assert app.test_client().post("/api/v1/queries", data=files).status_code == 503

    def test_not_ready_without_catalogue(
        self, client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(type(parts.catalog.images), "counts", lambda _self: 1 / 0)
        response = client.get("/readyz")
        assert (response.status_code, response.get_json()["checks"]["catalog"]) == (503, False)
        assert client.get("/healthz").status_code == 200
        assert metric(client, "segsearch_catalog_up") == 0
        assert metric(client, "segsearch_indexed_segments") == 100

    def test_not_ready_when_it_stops_following(self, following_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        assert following_app.test_client().get("/readyz").status_code == 200
        monkeypatch.setattr(following, "FRESH_SECONDS", -1.0)
        response = following_app.test_client().get("/readyz")
        assert (response.status_code, response.get_json()["checks"]["index"]) == (503, False)


class TestMetrics:
    def test_contents(self, client: FlaskClient) -> None:
        files = {"file": (io.BytesIO(encoded(drawing(("teal", "pink")))), "x.png")}
        client.post("/api/v1/images", data=files)
        assert metric(client, "segsearch_indexed_segments") == 100
        assert metric(client, "segsearch_index_lag") == 0
        assert metric(client, 'segsearch_photos{state="indexed"}') == 4
        assert metric(client, 'segsearch_photos{state="pending"}') == 1
        assert metric(client, "segsearch_catalog_up") == 1
        assert metric(client, "process_resident_memory_bytes") > 0

    def test_requests(self, client: FlaskClient) -> None:
        for image_id in (1, 2, 99):
            client.get(f"/api/v1/images/{image_id}")
        route = "/api/v1/images/<id:image_id>"
        assert metric(client, f'segsearch_http_requests_total{{method="GET",route="{route}",status="200"}}') == 2
        assert metric(client, f'segsearch_http_requests_total{{method="GET",route="{route}",status="404"}}') == 1
        assert metric(client, f'segsearch_http_request_seconds_count{{method="GET",route="{route}"}}') == 3

    def test_labels_stay_few(self, client: FlaskClient) -> None:
        for number in range(3):
            client.open(f"/api/v1/nothing/{number}", method=f"ODD{number}")
        name = 'segsearch_http_requests_total{method="other",route="none",status="404"}'
        assert metric(client, name) == 3

    def test_searches(self, client: FlaskClient) -> None:
        client.post("/api/v1/search", json={"positive": [{"segment": 1}]})
        client.post("/api/v1/search", json={})
        assert metric(client, "segsearch_search_seconds_count") == 1


class TestFollowing:
    def test_new_photos_are_found_soon(self, following_app: Flask, library: Library) -> None:
        client = following_app.test_client()
        library.add("new.png", encoded(drawing(("teal", "pink"))))
        wait_for(lambda: client.get("/api/v1/status").get_json()["segments"] == 125)
        body = {"positive": [{"segment": 1}]}
        assert 5 in {result["image_id"] for result in client.post("/api/v1/search", json=body).get_json()["results"]}

    def test_it_never_dies(
        self,
        app: Flask,
        parts: WebContext,
        library: Library,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(following, "EVERY_SECONDS", 0.01)
        monkeypatch.setattr(following, "PAUSE_AFTER_FAILURE_SECONDS", 0.01)
        follower = Follower(app.extensions[EXTENSION])
        with monkeypatch.context() as broken:
            broken.setattr(type(parts.engine), "refresh", lambda _self: 1 / 0)
            follower.start()
            wait_for(lambda: len(caplog.records) > 2)
        assert follower.is_alive()
        assert "following the catalogue failed" in caplog.text
        library.add("new.png", encoded(drawing(("teal", "pink"))))
        wait_for(lambda: parts.engine.segments.stats().count == 125)
        follower.stop()
        follower.join()

    def test_old_queries_go_with_their_files(
        self, client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = encoded(drawing(("teal", "pink")))
        query = client.post("/api/v1/queries", data={"file": (io.BytesIO(content), "x.png")}).get_json()["id"]
        client.get(f"/api/v1/queries/{query}/file")
        stored = parts.assembly.files.new(file_names.query(hashlib.sha256(content).hexdigest()))
        tidy(parts)
        assert client.get(f"/api/v1/queries/{query}").status_code == 200
        monkeypatch.setattr(kept, "RETENTION", timedelta(seconds=-1))
        os.utime(stored, (0, 0))
        tidy(parts)
        assert client.get(f"/api/v1/queries/{query}").status_code == 404
        assert not [path for path in parts.settings.queries_dir.rglob("*") if path.is_file()]

    def test_remains_of_broken_uploads_go(self, parts: WebContext) -> None:
        parts.settings.uploads_dir.mkdir(parents=True)
        old, young = (parts.settings.uploads_dir / f".upload-{name}" for name in ("old", "young"))
        old.touch()
        young.touch()
        os.utime(old, (0, 0))
        tidy(parts)
        assert (old.exists(), young.exists()) == (False, True)


def test_metrics_are_the_applications_own(app: Flask, parts: WebContext) -> None:
    metrics = app.extensions[METRICS]
    assert isinstance(metrics, Metrics)
    assert app.extensions[EXTENSION].own is parts
