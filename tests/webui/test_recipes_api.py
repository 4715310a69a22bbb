"""The recipes, and analysing photos again with another one."""

from __future__ import annotations

from typing import Any

import pytest
from databases import execute
from flask.testing import FlaskClient
from installation import Library

from retrieval.processes.program import PROGRAM
from retrieval.recipes import NAMES, recipe_spec

RESEGMENT = "/api/v1/recipes/resegment"


def recipes(client: FlaskClient) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in client.get("/api/v1/recipes").get_json()["recipes"]}


def test_all_are_listed_and_the_current_one_first(client: FlaskClient) -> None:
    found = recipes(client)
    assert set(NAMES) <= set(found)
    assert next(iter(found)) == "grid"
    grid, lite = found["grid"], found["lite"]
    assert (grid["is_current"], grid["photos"], grid["is_comparable"], grid["fault"]) == (True, 4, True, None)
    assert (lite["is_current"], lite["photos"], lite["is_comparable"], lite["weights"]) == (False, 0, False, "included")
    assert found["semantic"]["fingerprint"] is None
    assert "semantic:OWNER/MODEL" in found["semantic"]["fault"]
    assert found["lite"]["fingerprint"] == recipe_spec("lite").fingerprint


def test_photos_wait_for_a_worker_with_it(client: FlaskClient, library: Library) -> None:
    """First counted, then queued; this recipe's workers leave them alone; cancelled, they are as they were."""
    queue, lite = library.assembly.ingest_queue, recipe_spec("lite").fingerprint
    command = f"SEGSEARCH_RECIPE=lite {PROGRAM} worker"
    assert client.post(RESEGMENT, json={"recipe": "lite", "dry_run": True}).get_json() == {
        "photos": 4,
        "command": command,
    }
    assert recipes(client)["lite"]["waiting"] == 0
    assert client.post(RESEGMENT, json={"recipe": "lite"}).get_json() == {"photos": 4, "command": command}
    assert recipes(client)["lite"]["waiting"] == 4
    assert "SEGSEARCH_RECIPE=lite" in client.get("/recipes").text
    assert client.post("/api/v1/search", json={"positive": [{"segment": 1}]}).get_json()["results"]
    assert queue.claim("grid", 9, library.assembly.recipe_spec.fingerprint) == []
    assert len(queue.claim("lite", 3, lite)) == 3
    assert recipes(client)["lite"]["waiting"] == 4, "until they are done"
    queue.release("lite")
    client.post("/api/v1/intake/cancel")
    assert library.assembly.catalog.images.counts()["indexed"] == 4


def test_photos_of_recipes_that_are_not_listed(client: FlaskClient, library: Library) -> None:
    execute(library.assembly.settings.database_url, "UPDATE image SET recipe = 'older:1' WHERE id = 2")
    assert client.get("/api/v1/recipes").get_json()["others"] == [{"fingerprint": "older:1", "photos": 1}]
    assert "older:1" in client.get("/recipes").text
    assert client.post(RESEGMENT, json={"recipe": "grid"}).get_json() == {"photos": 1, "command": None}
    assert recipes(client)["grid"]["waiting"] == 1
    queue = library.assembly.ingest_queue
    assert [job.image_id for job in queue.claim("grid", 9, library.assembly.recipe_spec.fingerprint)] == [2]


@pytest.mark.parametrize(
    ("choice", "photos"),
    [
        ({"state": "indexed"}, 4),
        ({"state": "empty"}, 0),
        ({"max_quality": 1.0}, 4),
        ({"max_quality": 0}, 0),
        ({"folder": "PHOTOS"}, 4),
        ({"folder": "PHOTOS/"}, 4),
        ({"folder": "PHOTOS/none"}, 0),
        ({"folder": "/nowhere", "state": "indexed"}, 0),
    ],
)
def test_which_photos(client: FlaskClient, library: Library, choice: dict[str, Any], photos: int) -> None:
    if "folder" in choice:
        choice = {**choice, "folder": choice["folder"].replace("PHOTOS", str(library.photos))}
    for dry_run in (True, False):
        body = {"recipe": "lite", "dry_run": dry_run, **choice}
        assert client.post(RESEGMENT, json=body).get_json()["photos"] == photos


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "recipe"),
        ({"recipe": "lites"}, "choose one of lite, lite-crops"),
        ({"recipe": "semantic"}, "cannot be used here"),
        ({"recipe": "lite+clip"}, "there is no recipe"),
        ({"recipe": "lite", "folder": "photos"}, "not an absolute path"),
        ({"recipe": "lite", "state": "failed"}, "state"),
        ({"recipe": "lite", "max_quality": 1.5}, "max_quality"),
        ({"recipe": "lite", "max_quality": "0.5"}, "max_quality"),
        ({"recipe": "lite", "dry_run": "no"}, "dry_run"),
        ({"recipe": "li\0te"}, "U+0000"),
        ({"recipe": "lite", "fodler": "/"}, "fodler"),
    ],
)
def test_what_is_refused(client: FlaskClient, body: dict[str, Any], told: str) -> None:
    answer = client.post(RESEGMENT, json=body)
    assert answer.status_code == 422
    assert told in answer.get_json()["detail"]
    assert recipes(client)["lite"]["waiting"] == 0
