"""The timeline and deleting many photos, over the API."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import Library, drawing, encoded, sign_in

from retrieval.catalog.accounts import Accounts
from retrieval.catalog.models import Segment
from retrieval.catalog.records import View
from retrieval.storage.locations import uri_of
from webui.context import WebContext


def told(client: FlaskClient, call: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1/{call}", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_months(client: FlaskClient, parts: WebContext) -> None:
    added = parts.catalog.images.get(1).created_at.strftime("%Y-%m")
    assert told(client, "timeline") == {"months": [{"month": added, "photos": 4, "aspect": pytest.approx(4 / 3)}]}
    assert told(client, "timeline", state="failed") == {"months": []}
    page = told(client, "timeline/photos", month=added, skip=1, limit=2)
    assert [photo["id"] for photo in page["photos"]] == [3, 2]
    assert told(client, "timeline/photos", month="1999-01") == {"photos": []}


def test_what_a_grid_needs(client: FlaskClient, library: Library) -> None:
    library.assembly.catalog.locations.note_lost([uri_of(library.photos / "photo4.png")])
    path = library.photos / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    broken = library.register(path)
    library.assembly.ingest_queue.claim("test", 1)
    library.assembly.ingest_queue.fail("test", broken, f"{path}: truncated; copy it again")
    failed, fourth = told(client, "timeline/photos", limit=2)["photos"]
    assert fourth == {
        "id": 4, "aspect": pytest.approx(640 / 480), "state": "indexed", "name": "photo4.png", "segments": 25, "duration_s": None,
        "missing": True, "error": None,
    }  # fmt: skip
    assert failed["error"] == "truncated; copy it again"
    assert failed["aspect"] == pytest.approx(4 / 3)


@pytest.mark.parametrize(
    ("order", "ids"), [("newest", [4, 3, 2, 1]), ("oldest", [1, 2, 3, 4]), ("added", [4, 3, 2, 1])]
)
def test_orders(client: FlaskClient, order: str, ids: list[int]) -> None:
    assert told(client, "timeline/ids", order=order) == {"ids": ids}
    assert told(client, "timeline/ids", order=order, skip=1, limit=2) == {"ids": ids[1:3]}


def test_photos_around_a_photo(client: FlaskClient, parts: WebContext) -> None:
    def around(**query: Any) -> tuple[list[int], list[int], bool]:
        found = told(client, "timeline/around", **query)
        before, after = ([each["id"] for each in found[side]] for side in ("before", "after"))
        return before, after, found["listed"]

    assert around(image=3) == ([4], [2, 1], True)
    assert around(image=3, order="oldest", count=1) == ([2], [4], True)
    assert around(image=3, tag="none") == ([], [], False)
    (photo,) = told(client, "timeline/photos", limit=1)["photos"]
    assert told(client, "timeline/around", image=3)["before"] == [photo]
    parts.assembly.trash.put([3])
    assert around(image=3) == ([4], [2, 1], False)
    assert around(image=4) == ([], [2, 1], True)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"image": 99}, 404),
        ({"image": "x"}, 422),
        ({"image": 1, "count": 0}, 422),
        ({"image": 1, "nr": 1}, 422),
    ],
)
def test_around_nothing(reader: FlaskClient, query: dict[str, Any], status: int) -> None:
    answer = reader.get("/api/v1/timeline/around", query_string=query)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_folders(client: FlaskClient, library: Library) -> None:
    folder = library.photos / "100% sure & more"
    folder.mkdir()
    image_id = library.add(f"{folder.name}/x.png", encoded(drawing(("pink", "gray"))))
    assert told(client, "timeline/ids", folder=folder.name) == {"ids": [image_id]}
    assert told(client, "timeline/ids", folder=library.photos.name) == {"ids": [4, 3, 2, 1]}
    assert f'data-id="{image_id}"' in client.get("/", query_string={"folder": folder.name}).text
    assert "No photos are in this folder." in client.get("/?folder=nowhere").text


@pytest.mark.parametrize(
    "query",
    [
        {"order": "best"}, {"state": "working"}, {"month": "2024"}, {"month": "0000-01"}, {"limit": 501}, {"skip": -1},
        {"folder": ""}, {"folder": "a/b"}, {"folder": "a\0b"}, {"folder": "x" * 256}, {"mont": "2024-01"},
    ],
)  # fmt: skip
def test_malformed_questions_are_refused(reader: FlaskClient, query: dict[str, Any]) -> None:
    answer = reader.get("/api/v1/timeline/photos", query_string=query)
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json["detail"]


@pytest.mark.parametrize("folder", ["", "a/b", "\0", "../..", "\ud800"])
def test_the_page_leaves_out_a_folder_that_cannot_be(reader: FlaskClient, folder: str) -> None:
    answer = reader.get("/", query_string={"folder": folder.encode("utf-8", "surrogatepass")})
    assert answer.status_code == 200


def test_photos_are_deleted_together(client: FlaskClient, parts: WebContext, library: Library) -> None:
    content = io.BytesIO(encoded(drawing(("teal", "pink"))))
    uploaded = client.post("/api/v1/images", data={"file": (content, "up.png")}).json["id"]
    stored = parts.catalog.images.get(uploaded).path
    assert stored is not None
    assert stored.exists()
    answer = client.post("/api/v1/images/delete", json={"ids": [2, uploaded, 2, 999]})
    assert answer.json == {"deleted": 2}
    assert parts.catalog.timeline.ids(View()) == [4, 3, 1]
    assert stored.exists()
    assert client.post("/api/v1/trash/delete", json={"ids": [1, 2, uploaded]}).json == {"deleted": 2}
    assert not stored.exists()
    assert (library.photos / "photo2.png").exists()


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": ["1"]}, {"ids": [-1]}, {"ids": list(range(501))}, {"id": [1]}]
)
def test_malformed_deletions_are_refused(client: FlaskClient, parts: WebContext, body: dict[str, Any]) -> None:
    assert client.post("/api/v1/images/delete", json=body).status_code == 422
    assert client.post("/api/v1/images/delete", data="[1]").status_code == 415
    assert sum(parts.catalog.images.counts().values()) == 4


def test_viewers_can_select_nothing(client: FlaskClient, users: Accounts) -> None:
    """There is nothing that they could do with it."""
    sign_in(client, "viewer")
    page = client.get("/").text
    assert "data-looks-only" in page
    assert 'id="selection"' not in page
    assert (
        client.post("/api/v1/images/delete", json={"ids": [1]}, headers={"Origin": "http://localhost"}).status_code
        == 403
    )


def test_photos_are_counted(client: FlaskClient, parts: WebContext, library: Library) -> None:
    with parts.catalog.images._sessions.begin() as session:
        for key, label in ((1, "dog"), (2, "dog"), (30, "dog"), (60, "cat")):
            session.get_one(Segment, key).label = label
    client.post("/api/v1/images/tags", json={"ids": [1, 2], "add": ["rare"]})
    taught = client.post("/api/v1/concepts", json={"name": "rex", "positive": [1]})
    assert taught.status_code == 201
    found = client.get("/api/v1/timeline/facets").json
    assert found["folders"] == [{"name": library.photos.name, "photos": 4}]
    assert found["tags"] == [{"name": "rare", "photos": 2}]
    assert found["labels"] == [{"name": "dog", "photos": 2}, {"name": "cat", "photos": 1}]
    assert [each["name"] for each in found["concepts"]] == ["rex"]
    assert 1 <= found["concepts"][0]["photos"] <= 4
    narrowed = client.get("/api/v1/timeline/facets?label=cat").json
    assert (narrowed["labels"], narrowed["tags"]) == ([{"name": "cat", "photos": 1}], [])
    assert client.get("/api/v1/timeline/ids?label=dog").json == {"ids": [2, 1]}
    page = client.get("/?label=dog&tag=rare").text
    assert 'href="/?tag=rare" title="Remove this filter"' in page
    assert 'href="/?label=dog" title="Remove this filter"' in page
    assert client.get("/api/v1/timeline/facets?labels=dog").status_code == 422
