"""Searches for each thing of a photo, and for photos that share them, by the recipe `grid`."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import drawing, encoded

V1 = "/api/v1"


def find(client: FlaskClient, status: int = 200, **body: Any) -> Any:
    response = client.post(f"{V1}/search/things", json=body)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json() or response.get_json(force=True)


def test_each_thing_of_a_photo(reader: FlaskClient) -> None:
    things = reader.get(f"{V1}/images/1").get_json()["things"]
    assert 1 < len(things) <= 12
    found = find(reader, image=1, limit=3)
    assert [each["segment"] for each in found["things"]] == things
    assert (found["whole"], found["note"]) == (None, None)
    for each in found["things"]:
        answer = reader.post(f"{V1}/search", json={"positive": [{"segment": each["segment"]}], "limit": 3}).get_json()
        for name in ("used", "parts", "words", "index"):
            assert each["answer"][name] == answer[name]
        named = [(result["image_id"], result["likely"]) for result in answer["results"]]
        assert [(result["image_id"], result["likely"]) for result in each["answer"]["results"]] == named
        assert 1 not in [image for image, _ in named]
        assert "mask" not in each["answer"]["results"][0]


def test_masks_region_and_number(reader: FlaskClient) -> None:
    found = find(reader, image=1, most=2, limit=1, masks="polygons", mask_frame="original")
    assert [len(each["answer"]["results"]) for each in found["things"]] == [1, 1]
    assert all(each["answer"]["results"][0]["mask"]["polygons"] for each in found["things"])
    inside = find(reader, image=1, within=[0, 0, 330, 250])["things"]
    boxes = [each["answer"]["used"][0]["segment"]["box_xyxy"] for each in inside]
    assert boxes
    assert all(box[2] <= 400 and box[3] <= 300 for box in boxes)
    none = find(reader, image=1, within=[0, 0, 2, 2])
    assert (none["things"], none["whole"]) == ([], None)
    assert "inside the region" in none["note"]


def test_a_query_photo(client: FlaskClient) -> None:
    sent = client.post(f"{V1}/queries", data={"file": (io.BytesIO(encoded(drawing(("teal", "pink")))), "a.png")})
    query = sent.get_json()
    found = find(client, query=query["id"], limit=2)
    assert [each["segment"] for each in found["things"]] == query["things"]
    assert found["things"][0]["answer"]["used"][0]["ref"] == {"query": query["id"], "segment": query["things"][0]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "exactly one of `image` and `query`"),
        ({"image": 1, "query": 1}, "exactly one of `image` and `query`"),
        ({"image": 1, "most": 13}, "most"),
        ({"image": 1, "limit": 501}, "limit"),
        ({"image": 1, "within": [5, 5, 5, 9]}, "the region is empty"),
        ({"image": 1, "masks": True}, "masks"),
        ({"image": 1, "text": "dog"}, "text"),
        ({"image": 1, "filters": {"min_area": 0.5, "max_area": 0.1}}, "min_area"),
    ],
)
def test_what_is_refused(reader: FlaskClient, body: dict[str, Any], says: str) -> None:
    assert says in find(reader, 422, **body)["detail"]


def test_photos_that_are_not_there(reader: FlaskClient) -> None:
    assert "999" in find(reader, 404, image=999)["detail"]
    assert "999" in find(reader, 404, query=999)["detail"]


def test_photos_that_share_most_things(reader: FlaskClient) -> None:
    asked = {"positive": [{"image": 1}], "compare": "things", "limit": 3, "masks": "rle"}
    answer = reader.post(f"{V1}/search", json=asked).get_json()
    assert answer["compared"] == "things"
    assert len(answer["parts"]) == len(reader.get(f"{V1}/images/1").get_json()["things"])
    assert [result["segment_id"] for result in answer["results"]] == [None] * 3
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    shared = answer["results"][0]["matched"]
    assert shared
    owners = reader.post(f"{V1}/segments/batch", json={"ids": [each["segment_id"] for each in shared]}).get_json()
    assert {each["image_id"] for each in owners["segments"]} == {answer["results"][0]["image_id"]}
    assert all(each["mask"]["counts"] for each in shared)
    whole = reader.post(f"{V1}/search", json={"positive": [{"image": 1}]}).get_json()
    assert (whole["compared"], whole["parts"]) == ("whole", [])
    one = reader.post(f"{V1}/search", json={"positive": [{"segment": 1}]}).get_json()
    assert one["compared"] == "segments"


@pytest.mark.parametrize(
    "wrong", [{"positive": [{"segment": 1}]}, {"text": "dog"}, {"positive": [{"image": 1}, {"image": 2}]}]
)
def test_what_cannot_be_compared_by_things(reader: FlaskClient, wrong: dict[str, Any]) -> None:
    response = reader.post(f"{V1}/search", json={**wrong, "compare": "things"})
    assert response.status_code == 422
    assert "one whole photo" in response.get_json(force=True)["detail"]
    response = reader.post(f"{V1}/search", json={"positive": [{"image": 1}], "compare": "parts"})
    assert "compare" in response.get_json(force=True)["detail"]
