"""`Idempotency-Key`: a change that is sent again gets the first answer, whatever broke in between."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from installation import Library, drawing, encoded, library_in
from werkzeug.test import TestResponse

from retrieval.analysis.local import LocalAnalyzer
from retrieval.catalog import Accounts
from retrieval.errors import IdempotencyKeyInUseError
from retrieval.images.decoder_pool import DecoderPool
from webui import create_app
from webui.api.problems import from_error
from webui.context import EXTENSION, WebContext

V1 = "/api/v1"
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
CONCEPT = {"name": "corner", "positive": [1], "negative": [30]}
PICTURE = encoded(drawing(("teal", "pink")))


def query(client: FlaskClient, content: bytes = PICTURE, name: str = "a.png", **options: Any) -> TestResponse:
    return client.post(f"{V1}/queries", data={"file": (io.BytesIO(content), name)}, headers=KEY, **options)


def test_the_first_answer_comes_again(client: FlaskClient) -> None:
    first, second = (client.post(f"{V1}/concepts", json=CONCEPT, headers=KEY) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert second.data == first.data
    assert second.mimetype == "application/json"
    assert (first.headers.get("Idempotent-Replayed"), second.headers.get("Idempotent-Replayed")) == (None, "true")
    assert len(client.get(f"{V1}/concepts").get_json()["concepts"]) == 1
    bare = client.post(f"{V1}/concepts", json=CONCEPT, headers={"Idempotency-Key": KEY["Idempotency-Key"].strip('"')})
    assert bare.data == first.data, "a key without quotation marks is the same"


def test_uploads_too(client: FlaskClient) -> None:
    first, second = query(client), query(client)
    assert first.status_code == 201
    assert second.get_json() == first.get_json()
    for changed in (query(client, encoded(drawing(("red", "pink")))), query(client, name="b.png")):
        assert (changed.status_code, changed.mimetype) == (422, "application/problem+json")
    assert query(client, query_string={"masks": "none"}).status_code == 422


def test_a_part_without_a_name(client: FlaskClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; x="y"\r\n\r\ntext\r\n--b--\r\n'
    told = client.post(f"{V1}/queries", data=body, content_type="multipart/form-data; boundary=b", headers=KEY)
    assert told.status_code == 422
    assert "no file" in told.get_json()["detail"]


def test_deletions_too(client: FlaskClient) -> None:
    made = client.post(f"{V1}/concepts", json=CONCEPT).get_json()["id"]
    answers = [client.delete(f"{V1}/concepts/{made}", headers=KEY) for _ in range(2)]
    assert [each.status_code for each in answers] == [204, 204]
    assert client.delete(f"{V1}/concepts/{made}").status_code == 404


@pytest.mark.parametrize(
    "change", [{"json": {**CONCEPT, "name": "other"}}, {"json": CONCEPT, "query_string": "a=1"}], ids=["body", "query"]
)
def test_another_request_is_refused(client: FlaskClient, change: dict[str, Any]) -> None:
    client.post(f"{V1}/concepts", json=CONCEPT, headers=KEY)
    told = client.post(f"{V1}/concepts", headers=KEY, **change)
    assert (told.status_code, told.mimetype) == (422, "application/problem+json")
    assert "make a new key" in told.get_json()["detail"]
    assert client.patch(f"{V1}/concepts/1", json=CONCEPT, headers=KEY).status_code == 422


def test_what_failed_can_be_corrected(client: FlaskClient) -> None:
    assert client.post(f"{V1}/concepts", json={"name": ""}, headers=KEY).status_code == 422
    assert client.post(f"{V1}/concepts", json=CONCEPT, headers=KEY).status_code == 201


def test_what_crashed_can_be_sent_again(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    app.testing = False
    with monkeypatch.context() as broken:
        broken.setattr("webui.api.answers.whole_concept", lambda *_: 1 / 0)
        assert client.post(f"{V1}/concepts", json=CONCEPT, headers=KEY).status_code == 500
    assert client.post(f"{V1}/concepts", json={**CONCEPT, "name": "x"}, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", '""', "k" * 256, "a b", "schlüssel".encode().decode("latin-1"), '"'])
def test_bad_keys(client: FlaskClient, key: str) -> None:
    told = client.post(f"{V1}/concepts", json=CONCEPT, headers={"Idempotency-Key": key})
    assert told.status_code == 400
    assert "printable ASCII" in told.get_json()["detail"]


def test_searches_need_none(reader: FlaskClient) -> None:
    for body in ({"positive": [{"segment": 1}]}, {"positive": [{"segment": 2}]}):
        assert reader.post(f"{V1}/search", json=body, headers=KEY).status_code == 200


def test_secrets_are_not_kept(client: FlaskClient, users: Accounts) -> None:
    own = {"Authorization": f"Bearer {users.add_token('admin', 'test')[1]}"}
    told = client.post(f"{V1}/tokens", json={"user": "admin", "name": "script"}, headers={**own, **KEY})
    assert told.status_code == 400
    assert "leave the header out" in told.get_json()["detail"]


def test_users_do_not_see_answers_of_each_other(client: FlaskClient, users: Accounts) -> None:
    for number, name in enumerate(("admin", "editor")):
        own = {"Authorization": f"Bearer {users.add_token(name, 'test')[1]}"}
        body = {**CONCEPT, "name": f"corner {number}"}
        assert client.post(f"{V1}/concepts", json=body, headers={**own, **KEY}).status_code == 201


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: FlaskClient) -> None:
    body = json.dumps({**CONCEPT, "name": "x" * 2_000_000})
    assert client.post(f"{V1}/concepts", data=body, content_type="application/json", headers=KEY).status_code == 413


def test_a_restart_forgets_nothing(
    library: Library, client: FlaskClient, decoders: DecoderPool, tmp_path: Path
) -> None:
    first = client.post(f"{V1}/concepts", json=CONCEPT, headers=KEY)
    assembly = library_in(tmp_path / "installation").assembly
    after = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
    after.testing = True
    again = after.test_client().post(f"{V1}/concepts", json=CONCEPT, headers=KEY)
    after.extensions[EXTENSION].own.renditions.close()
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"


def test_it_is_described(reader: FlaskClient) -> None:
    paths = reader.get(f"{V1}/openapi.json").get_json()["paths"]
    ref = {"$ref": "#/components/parameters/Idempotency-Key"}
    having = {
        (path, method)
        for path, item in paths.items()
        for method, each in item.items()
        if ref in each.get("parameters", ())
    }
    changing = {(path, method) for path, item in paths.items() for method in item if method != "get"}
    without = {path.removeprefix("/api/v1/") for path, _ in changing - having}
    batches = {"search/batch", "images/batch", "segments/batch"}
    assert {path for path in without if not path.startswith(("account", "users", "tokens"))} == {
        "search",
        "search/facets",
        "search/things",
        "segment",
        "images/{image_id}/segmentation/preview",
        *batches,
    }
    assert all("409" in paths[path][method]["responses"] for path, method in having)


@pytest.mark.slow
def test_duplicates_at_the_same_time_change_one_thing(served: str, parts: WebContext) -> None:
    answers: list[requests.Response] = []
    ready = threading.Barrier(6)

    def send() -> None:
        ready.wait()
        form = {"file": ("a.png", PICTURE, "image/png")}
        answers.append(requests.post(f"{served}{V1}/queries", files=form, headers=KEY, timeout=60))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    statuses = sorted(each.status_code for each in answers)
    assert set(statuses) <= {201, 409}
    done = [each for each in answers if each.status_code == 201]
    assert [each.headers.get("Idempotent-Replayed") for each in done].count(None) == 1, (
        "one was answered, others got its answer"
    )
    assert len({each.json()["id"] for each in done}) == 1
    assert requests.get(f"{served}{V1}/queries/{done[0].json()['id'] + 1}", timeout=60).status_code == 404


@pytest.mark.slow
def test_a_connection_that_breaks_before_the_answer_is_read(served: str) -> None:
    address = urlsplit(served)
    body = json.dumps(CONCEPT)
    head = (
        f"POST {V1}/concepts HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {KEY['Idempotency-Key']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall((head + body).encode())
    ends = time.monotonic() + 60
    while not (found := requests.get(f"{served}{V1}/concepts", timeout=60).json()["concepts"]):
        assert time.monotonic() < ends, "the request that was sent is carried out"
        time.sleep(0.05)
    again = requests.post(
        f"{served}{V1}/concepts", data=body, headers={**KEY, "Content-Type": "application/json"}, timeout=60
    )
    while again.status_code == 409:  # its answer is being written
        assert time.monotonic() < ends
        time.sleep(0.05)
        again = requests.post(
            f"{served}{V1}/concepts", data=body, headers={**KEY, "Content-Type": "application/json"}, timeout=60
        )
    assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (201, "true")
    assert again.json()["id"] == found[0]["id"]
    assert len(requests.get(f"{served}{V1}/concepts", timeout=60).json()["concepts"]) == 1


def test_the_one_that_is_still_answered_says_when_to_ask_again() -> None:
    told = from_error(IdempotencyKeyInUseError("the first one is being answered: send it again in some seconds"))
    assert (told.status_code, told.headers["Retry-After"]) == (409, "1")
