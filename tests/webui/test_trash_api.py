"""The trash by its API and on its pages."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import PALETTES, drawing, encoded, sign_in

from retrieval.catalog import Accounts
from webui.context import WebContext


def put(client: FlaskClient, *ids: int) -> None:
    assert client.post("/api/v1/images/delete", json={"ids": ids}).json == {"deleted": len(ids)}


def test_deleted_photos_are_in_the_trash_and_come_back(client: FlaskClient, parts: WebContext) -> None:
    put(client, 1, 3)
    assert client.get("/api/v1/status").json["trash"] == 2
    assert sum(client.get("/api/v1/status").json["counts"].values()) == 2
    assert client.get("/api/v1/timeline/ids").json == {"ids": [4, 2]}
    assert client.get("/api/v1/timeline/ids?state=trash").json == {"ids": [3, 1]}
    assert client.get("/api/v1/images/1").json["deleted_at"].endswith("Z")
    assert client.get("/api/v1/images/1/thumbnail").status_code == 200
    parts.engine.refresh()
    assert client.get("/api/v1/status").json["segments"] == 50
    assert client.post("/api/v1/images/restore", json={"ids": [1, 2, 99]}).json == {"restored": 1}
    assert client.get("/api/v1/status").json["segments"] == 75
    assert client.get("/api/v1/images/1").json["deleted_at"] is None


def test_an_upload_restores_its_photo_and_says_so(client: FlaskClient) -> None:
    put(client, 2)
    content = io.BytesIO(encoded(drawing(PALETTES[1])))
    answer = client.post("/api/v1/images", data={"file": (content, "x.png")})
    assert (answer.status_code, answer.json) == (200, {"id": 2, "state": "indexed", "restored": True})
    assert client.get("/api/v1/status").json["trash"] == 0


def test_for_good(client: FlaskClient) -> None:
    put(client, 1, 2, 3)
    assert client.post("/api/v1/trash/delete", json={"ids": [1, 4, 99]}).json == {"deleted": 1}
    assert client.post("/api/v1/trash/empty", json={}).json == {"deleted": 2, "left": 0}
    assert client.get("/api/v1/images").json["items"][0]["id"] == 4


@pytest.mark.parametrize("address", ["/images/restore", "/trash/delete"])
@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["1"]}, {"ids": list(range(501))}, {"id": [1]}])
def test_malformed_requests_are_refused(client: FlaskClient, address: str, body: dict[str, Any]) -> None:
    assert client.post(f"/api/v1{address}", json=body).status_code == 422
    assert client.post(f"/api/v1{address}", data="[1]").status_code == 415


def test_emptying_takes_no_conditions(client: FlaskClient) -> None:
    put(client, 1)
    assert client.post("/api/v1/trash/empty", json={"older_than": 3}).status_code == 422
    assert client.get("/api/v1/status").json["trash"] == 1


def test_pages(client: FlaskClient, parts: WebContext) -> None:
    assert "The trash is empty" in client.get("/?state=trash").text
    chip = re.compile(r'data-filter="trash" href="[^"]*"( hidden)?>')
    assert chip.search(client.get("/").text)[1]  # type: ignore[index]
    put(client, 1)
    page = client.get("/?state=trash").text
    assert "<h1>Trash</h1>" in page
    assert 'data-bulk="restore"' in page
    assert 'id="empty-trash"' in page
    assert "deleted for good 30 days after" in page
    assert not chip.search(client.get("/").text)[1]  # type: ignore[index]
    assert 'id="restore"' in client.get("/photos/1").text
    assert 'id="delete"' not in client.get("/photos/1").text
    assert 'href="/photos/1"' not in client.get("/photos/2").text
    put(client, 2, 3, 4)
    assert 'data-filter="trash"' in client.get("/").text


def test_viewers_see_it_and_change_nothing(client: FlaskClient, users: Accounts) -> None:
    sign_in(client, "editor")
    headers = {"Origin": "http://localhost"}
    client.post("/api/v1/images/delete", json={"ids": [1]}, headers=headers)
    sign_in(client, "viewer")
    page = client.get("/?state=trash").text
    assert 'href="/photos/1"' in page
    assert "data-bulk" not in page
    assert "empty-trash" not in page
    assert 'id="restore"' not in client.get("/photos/1").text
    for address, body in (("images/restore", {"ids": [1]}), ("trash/delete", {"ids": [1]}), ("trash/empty", {})):
        assert client.post(f"/api/v1/{address}", json=body, headers=headers).status_code == 403
