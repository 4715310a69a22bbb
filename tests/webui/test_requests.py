"""Ids of requests and the access log."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from retrieval.processes.logs import request_id
from webui.context import EXTENSION

HEADER = "X-Request-ID"


def test_every_answer_has_an_id_of_its_own(client: FlaskClient) -> None:
    numbers = {client.get(path).headers[HEADER] for path in ("/", "/healthz", "/api/v1/images", "/nowhere", "/api/no")}
    assert len(numbers) == 5
    assert all(len(number) == 32 for number in numbers)
    assert request_id.get() is None


def test_an_id_from_a_proxy_is_kept(client: FlaskClient) -> None:
    answer = client.get("/api/v1/images/999", headers={HEADER: "edge-7.a_B"})
    assert answer.headers[HEADER] == "edge-7.a_B"
    assert answer.json is not None
    assert answer.json["request_id"] == "edge-7.a_B"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "<script>", "a\tb"])
def test_other_ids_are_replaced(client: FlaskClient, given: str) -> None:
    number = client.get("/api/v1/images/999", headers={HEADER: given}).headers[HEADER]
    assert len(number) == 32


def test_error_pages_name_the_request(client: FlaskClient) -> None:
    answer = client.get("/photos/999", headers={HEADER: "edge-8"})
    assert answer.status_code == 404
    assert "Error 404, request edge-8" in answer.text


def test_what_is_logged_meanwhile_names_the_request(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer to a bug and its record in the log have the same id."""
    seen: list[str | None] = []

    class Seeing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(request_id.get())

    def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(app.extensions[EXTENSION].own.catalog.images), "counts", fail)
    monkeypatch.setattr(app, "testing", False)
    handler = Seeing()
    logging.getLogger("webui.application").addHandler(handler)
    try:
        answer = app.test_client().get("/api/v1/status", headers={HEADER: "edge-9"})
    finally:
        logging.getLogger("webui.application").removeHandler(handler)
    assert (answer.status_code, seen) == (500, ["edge-9"])
    assert answer.json is not None
    assert answer.json["request_id"] == "edge-9"
    assert "under the request's id" in answer.json["detail"]


def test_the_access_log_does_not_say_what_is_searched_for(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "segsearch.access"):
        client.get("/search?text=my+secret")
    [record] = [each for each in caplog.records if each.name == "segsearch.access"]
    assert (record.method, record.path, record.status) == ("GET", "/search", 200)  # type: ignore[attr-defined]
    assert record.milliseconds >= 0  # type: ignore[attr-defined]
    assert "secret" not in record.getMessage()
    assert record.getMessage().startswith("127.0.0.1 - GET /search 200 ")


def test_without_it_nothing_is_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/search")
    assert not [each for each in caplog.records if each.name == "segsearch.access"]
