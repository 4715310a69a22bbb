"""Near-duplicates by the API and on their page."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from retrieval.catalog.records import Comparison, DuplicatePair
from webui.context import WebContext


@pytest.fixture
def found(parts: WebContext) -> WebContext:
    """Photos 1, 2 and 3 are copies, and 3 shows the most."""
    pairs = DuplicatePair(1, 2, 0.9), DuplicatePair(1, 3, 0.95), DuplicatePair(2, 3, 0.99)
    compared = Comparison((1, 2, 3), pairs, {1: 50.0, 2: 60.0, 3: 100.0})
    parts.assembly.duplicates.record(compared, parts.assembly.recipe_spec.space)
    return parts


def groups(client: FlaskClient, query: str = "") -> list[list[int]]:
    answer = client.get(f"/api/v1/duplicates{query}").json
    return [[group["best"]["id"], *(each["id"] for each in group["others"])] for group in answer["groups"]]


def test_groups_have_the_best_in_front(client: FlaskClient, found: WebContext) -> None:
    answer = client.get("/api/v1/duplicates").json
    assert (answer["total"], answer["waiting"], answer["next"]) == (1, 1, None)
    assert groups(client) == [[3, 2, 1]]
    best = answer["groups"][0]["best"]
    assert (best["likeness"], best["filename"]) == (1.0, "photo3.png")
    assert best["bytes"] > 0
    assert groups(client, "?min_likeness=0.98") == [[3, 2]]
    assert client.get("/api/v1/images/1/duplicates").json["duplicates"][0]["id"] == 3
    assert client.get("/api/v1/images/4/duplicates").json == {"duplicates": []}


def test_pages(client: FlaskClient, parts: WebContext) -> None:
    pairs = DuplicatePair(1, 2, 0.9), DuplicatePair(3, 4, 0.9)
    parts.assembly.duplicates.record(Comparison((1, 2, 3, 4), pairs, {}), parts.assembly.recipe_spec.space)
    first = client.get("/api/v1/duplicates?limit=1").json
    second = client.get(f"/api/v1/duplicates?limit=1&after={first['next']}").json
    assert [first["total"], second["total"], second["next"]] == [2, 2, None]
    assert first["groups"] != second["groups"]


def test_the_trash_and_back(client: FlaskClient, found: WebContext) -> None:
    client.post("/api/v1/images/delete", json={"ids": [3]})
    assert groups(client) == [[2, 1]]
    client.post("/api/v1/images/restore", json={"ids": [3]})
    assert groups(client) == [[3, 2, 1]]
    client.delete("/api/v1/images/2")
    client.delete("/api/v1/images/1")
    assert groups(client) == []


def test_dismissing_and_back(client: FlaskClient, found: WebContext) -> None:
    assert client.post("/api/v1/duplicates/dismiss", json={"ids": [1, 2, 3]}).json == {"pairs": 3}
    assert groups(client) == []
    assert client.get("/api/v1/images/1/duplicates").json == {"duplicates": []}
    assert client.post("/api/v1/duplicates/restore", json={"ids": [2, 3]}).json == {"pairs": 1}
    assert groups(client) == [[3, 2]]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/duplicates?limit=0", 422),
        ("/api/v1/duplicates?min_likeness=2", 422),
        ("/api/v1/duplicates?after=-1", 422),
        ("/api/v1/duplicates?color=red", 422),
        ("/api/v1/images/99/duplicates", 404),
    ],
)
def test_what_cannot_be_asked(client: FlaskClient, address: str, status: int) -> None:
    assert client.get(address).status_code == status


@pytest.mark.parametrize("ids", [[], [1], ["a", 2], [-1, 1], None])
def test_what_cannot_be_dismissed(client: FlaskClient, ids: object) -> None:
    assert client.post("/api/v1/duplicates/dismiss", json={"ids": ids}).status_code == 422


def test_the_page(client: FlaskClient, found: WebContext) -> None:
    page = client.get("/duplicates").text
    assert page.index('data-id="3"') < page.index('data-id="2"') < page.index('data-id="1"')
    assert "Keep the marked one, delete 2" in page
    assert "1 photo has not been compared" in page
    assert "No more duplicates here" in client.get("/duplicates?after=99").text
    assert client.get("/duplicates?after=abc").status_code == 200


def test_the_page_without_any(client: FlaskClient) -> None:
    assert "No duplicates" in client.get("/duplicates").text
