"""Clusters over the API: looked for, listed, named, dismissed, merged and split."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import PALETTES, Library, drawing, encoded
from test_api import body_of, problem_of, search

from webui.context import WebContext

COPIES = 3


@pytest.fixture
def alike(library: Library, parts: WebContext) -> Library:
    """Further photos of the colours of the first two, each a little larger than the one before."""
    for colors in PALETTES[:2]:
        for copy in range(COPIES):
            name = f"{colors[0]}{copy}.png"
            library.add(name, encoded(drawing(colors, (640 + 40 * (copy + 1), 480))))
    parts.engine.refresh()
    return library


def update(client: FlaskClient) -> Any:
    return body_of(client.post("/api/v1/clusters/update", json={}))


def listed(client: FlaskClient, **query: Any) -> list[Any]:
    return body_of(client.get("/api/v1/clusters", query_string=query))["clusters"]


def test_there_are_none_before_they_were_looked_for(client: FlaskClient) -> None:
    assert body_of(client.get("/api/v1/clusters")) == {"clusters": [], "total": 0, "next": None}


def test_what_several_photos_show_is_listed(client: FlaskClient, alike: Library) -> None:
    report = update(client)
    assert report["founded"] >= 2
    assert not report["more"]
    found = listed(client)
    assert len(found) == report["founded"]
    for each in found:
        assert each["photos"] >= 3
        assert each["segments"] >= each["photos"]
        images = [member["image_id"] for member in each["typical"]]
        assert len(images) == len(set(images)) == each["photos"]
        assert client.get(f"/api/v1/segments/{each['typical'][0]['segment_id']}/crop").status_code == 200
        assert body_of(client.get(f"/api/v1/clusters/{each['id']}")) == each
    again = update(client)
    assert (again["founded"], again["joined"]) == (0, 0)


def test_pages_follow_each_other(client: FlaskClient, alike: Library) -> None:
    update(client)
    whole, seen, after = listed(client), [], 0
    while after is not None:
        page = body_of(client.get("/api/v1/clusters", query_string={"limit": 1, "after": after}))
        assert page["total"] == len(whole)
        seen += page["clusters"]
        after = page["next"]
    assert seen == whole


def test_a_name_makes_a_concept(client: FlaskClient, alike: Library) -> None:
    update(client)
    best, *rest = listed(client)
    concept = body_of(client.post(f"/api/v1/clusters/{best['id']}/name", json={"name": "Red thing"}), 201)["concept"]
    taught = body_of(client.get(f"/api/v1/concepts/{concept}"))
    assert taught["name"] == "Red thing"
    assert set(taught["positive"]) == {member["segment_id"] for member in best["typical"]}
    assert search(client, text="red thing")["words"]["understood"][0]["concept"] == concept
    (named,) = listed(client, state="named")
    assert (named["id"], named["concept"]) == (best["id"], concept)
    taken = f"/api/v1/clusters/{rest[0]['id']}/name"
    assert "`add`" in problem_of(client.post(taken, json={"name": "red THING"}), 422)
    assert body_of(client.post(taken, json={"name": "red THING", "add": True}), 201)["concept"] == concept
    assert "named" in problem_of(client.post(taken, json={"name": "other"}), 422)


def test_dismissed_and_restored(client: FlaskClient, alike: Library) -> None:
    update(client)
    best, *rest = listed(client)
    assert body_of(client.post(f"/api/v1/clusters/{best['id']}/dismiss", json={}))["state"] == "dismissed"
    assert listed(client) == rest
    assert "restore" in problem_of(client.post(f"/api/v1/clusters/{best['id']}/split", json={}), 422)
    assert body_of(client.post(f"/api/v1/clusters/{best['id']}/restore", json={}))["state"] == "open"
    assert listed(client) == [best, *rest]


def test_merged_and_split(client: FlaskClient, alike: Library) -> None:
    update(client)
    one, other = sorted(listed(client)[:2], key=lambda each: each["id"])
    merged = body_of(client.post("/api/v1/clusters/merge", json={"ids": [other["id"], one["id"]]}))
    assert merged["id"] == one["id"]
    assert merged["segments"] == one["segments"] + other["segments"]
    assert "no cluster" in problem_of(client.get(f"/api/v1/clusters/{other['id']}"), 404)
    parts = body_of(client.post(f"/api/v1/clusters/{one['id']}/split", json={}))["clusters"]
    assert parts[0]["id"] == one["id"]
    assert parts[1]["id"] > other["id"]
    assert sum(part["segments"] for part in parts) == merged["segments"]


def test_what_cannot_be_done_is_said(client: FlaskClient, alike: Library) -> None:
    update(client)
    best, *_ = listed(client)
    assert problem_of(client.post("/api/v1/clusters/999/dismiss", json={}), 404)
    assert problem_of(client.post("/api/v1/clusters/999/name", json={"name": "x"}), 404)
    assert problem_of(client.post("/api/v1/clusters/merge", json={"ids": [best["id"]]}), 422)
    assert "at least two" in problem_of(client.post("/api/v1/clusters/merge", json={"ids": [best["id"]] * 2}), 422)
    assert "letter" in problem_of(client.post(f"/api/v1/clusters/{best['id']}/name", json={"name": "!"}), 422)
    assert problem_of(client.post(f"/api/v1/clusters/{best['id']}/dismiss", json={"x": 1}), 422)
    assert problem_of(client.get("/api/v1/clusters?state=lost"), 422)


def test_the_page_lists_them_and_says_what_to_do_without(client: FlaskClient, alike: Library) -> None:
    assert "Find clusters" in client.get("/discover").text
    update(client)
    page = client.get("/discover").text
    for each in listed(client):
        assert f'data-id="{each["id"]}"' in page
    one, other, *_ = [each["id"] for each in listed(client)]
    alone = client.get(f"/discover?id={one}&id=x").text
    assert (f'data-id="{one}"' in alone, f'data-id="{other}"' in alone) == (True, False)
    assert client.get("/discover?state=nonsense&skip=x").text.count("<h1>") == 1
    assert "No dismissed clusters" in client.get("/discover?state=dismissed").text
