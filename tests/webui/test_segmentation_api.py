"""Another recipe for a photo: looking at its segments, and taking them over."""

from __future__ import annotations

from typing import Any

import pytest
from databases import execute
from flask.testing import FlaskClient
from installation import Library
from toy_recipes import COARSE, CoarseRecipe, offer_coarse
from toys import analysis

from retrieval.errors import AnalyzerUnavailableError
from webui.context import WebContext

PREVIEW = "/api/v1/images/1/segmentation/preview"
TAKE = "/api/v1/images/1/segmentation"


@pytest.fixture
def coarse(parts: WebContext, monkeypatch: pytest.MonkeyPatch) -> CoarseRecipe:
    """The second recipe of the installation."""
    recipe = CoarseRecipe()
    object.__setattr__(parts.analyzer, "others", recipe)
    offer_coarse(monkeypatch)
    return recipe


def segments(client: FlaskClient, image_id: int = 1) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/images/{image_id}").get_json()["segments"]
    return found


def test_which_recipes_there_are(client: FlaskClient, coarse: CoarseRecipe) -> None:
    """Those whose vectors can be compared, but not the photo's own."""
    found = client.get("/api/v1/images/1/recipes").get_json()
    assert found["recipe"] == "grid"
    ready = {each["name"]: each["is_ready"] for each in found["recipes"]}
    assert ready == {"coarse": True, "heavy": False}
    assert client.get("/api/v1/images/99/recipes").status_code == 404


def test_a_preview_writes_nothing(client: FlaskClient, library: Library, coarse: CoarseRecipe) -> None:
    before, stamp = segments(client), library.assembly.catalog.vectors.stamp()
    found = client.post(PREVIEW, json={"recipe": "coarse"}).get_json()
    assert (found["recipe"], found["width"], found["height"]) == ("coarse", 640, 480)
    assert [each["id"] for each in found["segments"]] == list(range(len(found["segments"])))
    assert 0 < len(found["segments"]) < len(before)
    assert all(each["mask"]["counts"] for each in found["segments"])
    assert 0 <= found["segmentation"]["quality"] <= 1
    without = client.post(PREVIEW, json={"recipe": "coarse", "masks": "none"}).get_json()["segments"]
    assert all("mask" not in each for each in without)
    assert segments(client) == before
    assert library.assembly.catalog.vectors.stamp() == stamp
    assert coarse.asked == ["coarse", "coarse"]


def test_it_is_taken_over_and_back(client: FlaskClient, parts: WebContext, coarse: CoarseRecipe) -> None:
    """At once; the photo is found by its new segments, and its own recipe is a choice then."""
    before = segments(client)
    preview = client.post(PREVIEW, json={"recipe": "coarse"}).get_json()
    taken = client.post(TAKE, json={"recipe": "coarse"})
    assert (taken.status_code, taken.get_json()["state"]) == (200, "indexed")
    now = segments(client)
    assert [each["box_xyxy"] for each in now] == [each["box_xyxy"] for each in preview["segments"]]
    assert taken.get_json()["segment_count"] == len(now)
    assert parts.catalog.images.get(1).recipe == COARSE
    parts.engine.refresh()
    body = {"positive": [{"segment": segments(client, 2)[0]["id"]}], "limit": 10}
    assert 1 in [each["image_id"] for each in client.post("/api/v1/search", json=body).get_json()["results"]]
    found = client.get("/api/v1/images/1/recipes").get_json()
    assert [each["name"] for each in found["recipes"]] == ["grid", "heavy"]
    assert client.post(TAKE, json={"recipe": "grid"}).status_code == 200
    assert [each["box_xyxy"] for each in segments(client)] == [each["box_xyxy"] for each in before]
    assert coarse.asked == ["coarse", "coarse"], "the loaded recipe is not loaded once more"


def test_imported_segments_stay(client: FlaskClient, library: Library, coarse: CoarseRecipe) -> None:
    """With the vectors that they have; unless these are of another space."""
    space = library.assembly.recipe_spec.space
    (kept,) = library.assembly.imported.add(1, analysis([(1, 0, 0, 0, 0, 0)]), (480, 640), space)
    vector = library.assembly.catalog.segments.vectors([kept])[kept][0]
    assert client.post(TAKE, json={"recipe": "coarse"}).status_code == 200
    assert kept in [each["id"] for each in segments(client)]
    assert (library.assembly.catalog.segments.vectors([kept])[kept][0] == vector).all()
    assert client.get("/api/v1/images/1").get_json()["segment_count"] == len(segments(client))
    execute(library.assembly.settings.database_url, "UPDATE image SET space = 'other' WHERE id = 1")
    refused = client.post(TAKE, json={"recipe": "grid"})
    assert (refused.status_code, "imported segments" in refused.get_json()["detail"]) == (422, True)


@pytest.mark.parametrize("address", [PREVIEW, TAKE])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "recipe"),
        ({"recipe": "coarser"}, "there is no recipe 'coarser': choose one of"),
        ({"recipe": "lite"}, "would not find the photo"),
        ({"recipe": "heavy"}, "SEGSEARCH_RECIPE=heavy"),
        ({"recipe": "torn"}, "its plug-in is broken: install it again"),
        ({"recipe": "semantic"}, "semantic:OWNER/MODEL"),
        ({"recipe": "co\0arse"}, "U+0000"),
        ({"recipe": ["coarse"]}, "recipe"),
        ({"recipe": "coarse", "recipes": 1}, "recipes"),
    ],
)
def test_what_is_refused(
    client: FlaskClient, coarse: CoarseRecipe, address: str, body: dict[str, Any], told: str
) -> None:
    answer = client.post(address, json=body)
    assert answer.status_code == 422
    assert told in answer.get_json()["detail"]
    assert coarse.asked == []


@pytest.mark.parametrize("address", [PREVIEW, TAKE])
def test_photos_that_cannot_be_segmented_now(
    client: FlaskClient, library: Library, coarse: CoarseRecipe, address: str
) -> None:
    def told(status: int, words: str) -> None:
        answer = client.post(address, json={"recipe": "coarse"})
        assert (answer.status_code, words in answer.get_json()["detail"]) == (status, True), answer.get_json()

    url = library.assembly.settings.database_url
    coarse.fault = AnalyzerUnavailableError("the analyzer is starting: try again")
    told(503, "try again")
    coarse.fault = None
    for state in ("pending", "failed"):
        execute(url, f"UPDATE image SET state = '{state}' WHERE id = 1")
        told(422, f"is {state}")
    execute(url, "UPDATE image SET state = 'indexed' WHERE id = 1")
    (library.photos / "photo1.png").write_bytes(b"\x89PNG\r\n\x1a\nanother")
    told(409, "has changed")
    (library.photos / "photo1.png").unlink()
    told(410, "Restore it")
    assert client.post(address.replace("/1/", "/99/"), json={"recipe": "coarse"}).status_code == 404
    assert library.assembly.catalog.images.get(1).recipe != COARSE
