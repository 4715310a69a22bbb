"""`POST /segment` and references to what is marked: by the recipe `grid`, which makes no segments but pools under masks."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from installation import SIZE

from retrieval.images.masks import decode_mask, encode_mask

WIDTH, HEIGHT = SIZE


def mask_of(left: float, right: float) -> dict[str, Any]:
    """The part of a photo between two shares of its width."""
    mask = np.zeros((60, 80), bool)
    mask[:, round(80 * left) : round(80 * right)] = True
    return {"size": [60, 80], "counts": encode_mask(mask).decode()}


def test_a_box_picks_what_fits_best(reader: FlaskClient) -> None:
    told = reader.post("/api/v1/segment", json={"image": 1, "box": [0, 0, WIDTH / 2, HEIGHT / 2]})
    assert told.status_code == 200
    found = told.get_json()
    assert not found["made"]
    assert found["box_xyxy"] == [0, 0, WIDTH // 2, HEIGHT // 2]
    used = reader.post("/api/v1/search", json={"positive": [{"segment": found["segment"]}]}).get_json()["used"]
    assert used[0]["segment"]["mask"] == found["mask"]


@pytest.mark.parametrize(
    "place",
    [
        {"point": [20, 20]},
        {"polygon": [[0, 0], [WIDTH / 2, 0], [WIDTH / 2, HEIGHT / 2], [0, HEIGHT / 2]]},
        {"points": [[20, 20], [40, 40]], "not_points": [[WIDTH - 2, HEIGHT - 2]]},
        {"points": [[20, 20]]},
    ],
    ids=["point", "polygon", "points", "one point"],
)
def test_other_marks_pick_too(reader: FlaskClient, place: dict[str, Any]) -> None:
    found = reader.post("/api/v1/segment", json={"image": 1, **place}).get_json()
    assert found["segment"] is not None
    used = reader.post("/api/v1/search", json={"positive": [{"image": 1, **place}]}).get_json()["used"][0]
    assert used["segment"]["id"] == found["segment"]
    assert used["mask"] is None
    assert used["ref"] == {"image": 1, **place}


def test_a_mask_is_a_reference_like_any_other(reader: FlaskClient) -> None:
    ref = {"image": 1, "mask": mask_of(0.3, 0.7)}
    made = reader.post("/api/v1/segment", json=ref).get_json()
    assert (made["made"], made["segment"], made["quality"]) == (True, None, 1.0)
    size, counts = made["mask"]["size"], made["mask"]["counts"]
    assert decode_mask((size[0], size[1]), counts.encode()).mean() == pytest.approx(0.4, abs=0.02)
    answer = reader.post("/api/v1/search", json={"positive": [ref], "negative": [{"segment": 1}]}).get_json()
    (used, _) = answer["used"]
    assert (used["segment"], used["mask"], used["box_xyxy"]) == (None, made["mask"], made["box_xyxy"])
    assert answer["results"]
    assert 1 not in {result["image_id"] for result in answer["results"]}, "the photo it comes from is left out"
    both = {"positive": [ref], "also": [{"positive": [{"segment": 2}]}]}
    assert reader.post("/api/v1/search", json=both).get_json()["parts"][0] == "made segment"


def test_what_was_made_can_be_refined(client: FlaskClient) -> None:
    ref = {"image": 1, "mask": mask_of(0.3, 0.7)}
    begun = client.post("/api/v1/feedback", json={"positive": [ref]}).get_json()
    assert begun["used"][0]["ref"] == ref
    assert begun["used"][0]["mask"] is not None
    judged = {"relevant": [begun["results"][0]["segment_id"]], "irrelevant": []}
    after = client.post(f"/api/v1/feedback/{begun['id']}/rounds", json=judged)
    assert after.status_code == 201
    assert after.get_json()["used"][0]["mask"] == begun["used"][0]["mask"]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "with one of point, box, polygon"),
    "two": ({"box": [0, 0, 9, 9], "point": [1, 1]}, "with one of"),
    "outside": ({"box": [WIDTH + 1, 0, WIDTH + 9, 9]}, "lies outside the photo"),
    "empty box": ({"box": [9, 9, 9, 9]}, "is empty"),
    "crossing": ({"polygon": [[0, 0], [9, 9], [9, 0], [0, 9]]}, "crosses itself"),
    "no corners": ({"polygon": []}, "are empty"),
    "all negative": ({"not_points": [[1, 1]]}, "all points are negative"),
    "many points": ({"points": [[1, 1]] * 100_000}, "200"),
    "mask of other proportions": ({"mask": {"size": [10, 10], "counts": encode_mask(np.ones((10, 10), bool)).decode()}}, "proportions"),
    "mask of nothing": ({"mask": {"size": [10, 10], "counts": ""}}, "add up to 0 pixels"),
    "a segment": ({"segment": 1}, "reference"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_places_are_refused_clearly(reader: FlaskClient, name: str) -> None:
    place, message = BAD[name]
    answer = reader.post("/api/v1/segment", json={"image": 1, **place})
    assert answer.status_code == 422
    assert re.search(message, answer.get_json()["detail"]), answer.get_json()["detail"]


def test_photos_that_are_not_there(reader: FlaskClient) -> None:
    assert reader.post("/api/v1/segment", json={"image": 9999, "box": [0, 0, 9, 9]}).status_code == 404
    assert reader.post("/api/v1/segment", json={"query": 9999, "box": [0, 0, 9, 9]}).status_code == 404
