"""Exports in the background, by the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from indexer.exports import Exporter
from retrieval.catalog.accounts import Accounts
from retrieval.storage.disk import Storage
from webui.context import WebContext

V1 = "/api/v1"
OWN = {"Origin": "http://localhost"}


def ordered(client: FlaskClient, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{V1}/exports", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"{V1}/exports/{answer.json['id']}"
    return answer.json


def write(parts: WebContext) -> None:
    assert Exporter(parts.assembly, lambda: False).write_next() is True


def test_from_the_order_to_the_file(client: FlaskClient, parts: WebContext) -> None:
    job = ordered(client, photos=[1, 2, 1], polygons=True)
    assert (job["state"], job["done"], job["total"], job["size"]) == ("queued", 0, 2, None)
    address = f"{V1}/exports/{job['id']}"
    early = client.get(f"{address}/file")
    assert (early.status_code, early.headers["Retry-After"]) == (409, "1")
    write(parts)
    done = client.get(address).json
    assert (done["state"], done["done"], done["error"]) == ("done", 2, None)
    assert client.get(f"{V1}/exports").json == {"exports": [done]}
    file = client.get(f"{address}/file")
    assert len(file.data) == done["size"]
    assert file.headers["Content-Disposition"].startswith("attachment")
    written = json.loads(file.data)
    assert [each["id"] for each in written["images"]] == [1, 2]
    at_once = client.get(f"{V1}/export?photos=1,2&polygons=true").json
    assert written["annotations"] == at_once["annotations"]
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == client.get(f"{address}/file").status_code == 404
    assert list(parts.settings.exports_dir.iterdir()) == []


def test_a_download_goes_on(client: FlaskClient, parts: WebContext) -> None:
    address = f"{V1}/exports/{ordered(client)['id']}/file"
    write(parts)
    whole = client.get(address)
    assert whole.headers["Accept-Ranges"] == "bytes"
    tag = whole.headers["ETag"]
    rest = client.get(address, headers={"Range": "bytes=100-", "If-Range": tag})
    assert (rest.status_code, rest.data) == (206, whole.data[100:])
    other = client.get(address, headers={"Range": "bytes=100-", "If-Range": '"another"'})
    assert (other.status_code, other.data) == (200, whole.data)
    assert client.get(address, headers={"Range": "bytes=999999999-"}).status_code == 416
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304


def test_one_that_failed_says_why(client: FlaskClient, parts: WebContext) -> None:
    job = ordered(client)
    parts.assembly.export_jobs.claim("w")
    parts.assembly.export_jobs.fail(job["id"], "w", "the disk is full: free some space")
    told = client.get(f"{V1}/exports/{job['id']}").json
    assert (told["state"], told["error"]) == ("failed", "the disk is full: free some space")
    answer = client.get(f"{V1}/exports/{job['id']}/file")
    assert answer.status_code == 409
    assert "the disk is full" in answer.json["detail"]


def test_a_file_that_is_gone(client: FlaskClient, parts: WebContext) -> None:
    job = ordered(client)
    write(parts)
    parts.settings.export(job["id"], "json").unlink()
    assert client.get(f"{V1}/exports/{job['id']}/file").status_code == 410
    assert client.delete(f"{V1}/exports/{job['id']}").status_code == 204


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"format": "xls"}, 422, "format"),
        ({"photos": []}, 422, "photos"),
        ({"photos": ["1"]}, 422, "photos"),
        ({"photos": [1] * 10_001}, 422, "photos"),
        ({"photos": [1], "segments": [1]}, 422, "give only one of"),
        ({"folder": "/"}, 422, "folder"),
        ({"photos": [9999]}, 404, "there is no photo 9999"),
        ({"concept": 9999}, 404, "there is no concept 9999"),
        ({"text": "qqqqq"}, 422, "no likely result"),
    ],
)
def test_what_is_refused(client: FlaskClient, body: dict[str, Any], status: int, told: str) -> None:
    answer = client.post(f"{V1}/exports", json=body)
    assert answer.status_code == status
    assert told in answer.json["detail"]
    assert client.get(f"{V1}/exports").json == {"exports": []}


def test_too_many_at_once(client: FlaskClient) -> None:
    made = [ordered(client)["id"] for _ in range(4)]
    assert client.post(f"{V1}/exports", json={}).status_code == 409
    client.delete(f"{V1}/exports/{made[0]}")
    ordered(client)


def test_no_room(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "shortage", lambda _: "the disk is full: free some space")
    answer = client.post(f"{V1}/exports", json={})
    assert answer.status_code == 507
    assert "free some space" in answer.json["detail"]


def test_users_have_their_own(client: FlaskClient, users: Accounts) -> None:
    of = {
        role: {"Authorization": f"Bearer {users.add_token(role, 't')[1]}", **OWN}
        for role in ("viewer", "admin", "editor")
    }
    job = ordered(client, headers=of["viewer"])
    address = f"{V1}/exports/{job['id']}"
    for method, path in (("GET", address), ("GET", f"{address}/file"), ("DELETE", address)):
        assert client.open(path, method=method, headers=of["editor"]).status_code == 404
    assert client.get(f"{V1}/exports", headers=of["editor"]).json == {"exports": []}
    assert client.get(address, headers=of["admin"]).json["id"] == job["id"]
    assert [each["id"] for each in client.get(f"{V1}/exports", headers=of["viewer"]).json["exports"]] == [job["id"]]
    assert client.delete(address, headers=of["viewer"]).status_code == 204
