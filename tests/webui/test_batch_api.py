"""Many photos, segments or searches in one request."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from retrieval.search.example_ranking import QUALITY_WEIGHT
from webui.context import WebContext

V1 = "/api/v1"


def send(client: FlaskClient, call: str, **body: Any) -> TestResponse:
    return client.post(f"{V1}/{call}/batch", json=body)


def test_photos_by_ids(reader: FlaskClient) -> None:
    found = send(reader, "images", ids=[3, 99, 1, 3]).get_json()
    assert found["missing"] == [99]
    listed = {item["id"]: item for item in reader.get(f"{V1}/images").get_json()["items"]}
    assert found["items"] == [listed[3], listed[1]]


def test_hundreds_of_segments_by_ids(reader: FlaskClient) -> None:
    ids = [*range(100, 0, -1), *range(10_000, 10_400)]
    found = send(reader, "segments", ids=ids).get_json()
    assert found["missing"] == ids[100:]
    assert [each["id"] for each in found["segments"]] == ids[:100]
    of_photos = {
        segment["id"]: {**segment, "image_id": number}
        for number in (1, 2, 3, 4)
        for segment in reader.get(f"{V1}/images/{number}").get_json()["segments"]
    }
    assert all(each == of_photos[each["id"]] for each in found["segments"])
    assert reader.get(f"{V1}/segments/7").get_json() == of_photos[7]


def test_vectors(reader: FlaskClient, parts: WebContext) -> None:
    found = send(reader, "segments", ids=[1, 30], vectors=True, masks="none").get_json()["segments"]
    vectors = np.array([each["vector"]["values"] for each in found])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=2e-3)
    results = reader.post(f"{V1}/search", json={"positive": [{"segment": 1}], "group_by": "segment", "limit": 100})
    (match,) = [each for each in results.get_json()["results"] if each["segment_id"] == 30]
    cosine = vectors[0] @ vectors[1]
    lost = QUALITY_WEIGHT * (1 - match["quality"] ** 0.5)
    assert cosine - lost * abs(cosine) == pytest.approx(match["score"], abs=2e-3)
    assert {each["vector"]["space"] for each in found} == {parts.assembly.recipe_spec.space}
    assert reader.get(f"{V1}/segments/1?vector=true").get_json()["vector"] == found[0]["vector"]


def test_segments_of_deleted_photos_are_missing(client: FlaskClient) -> None:
    client.delete(f"{V1}/images/1")
    assert send(client, "segments", ids=[1, 26]).get_json()["missing"] == [1]
    told = client.get(f"{V1}/segments/1")
    assert (told.status_code, told.mimetype) == (404, "application/problem+json")


def test_many_searches_are_as_one_by_one(reader: FlaskClient) -> None:
    searches = [{"positive": [{"segment": number}], "limit": 3} for number in (1, 30, 60)]
    searches += [{"text": "unheard-of"}, {"positive": [{"image": 1}], "masks": "rle"}]
    found = send(reader, "search", searches=searches).get_json()
    assert len(found["answers"]) == 5
    for asked, each in zip(searches, found["answers"], strict=True):
        alone = reader.post(f"{V1}/search", json=asked).get_json()
        assert set(each) == {"answer"}
        assert _without_rounding(each["answer"]) == _without_rounding(alone)


def _without_rounding(answer: dict[str, Any]) -> dict[str, Any]:
    results = [{**each, "score": round(each["score"], 5)} for each in answer["results"]]
    return {**answer, "results": results, "took_ms": 0}


def test_each_search_has_its_own_error(reader: FlaskClient) -> None:
    assert send(reader, "search", searches=[{}]).get_json()["answers"][0]["error"]["status"] == 422
    searches = [{"positive": [{"segment": 999_999}]}, {"positive": [{"segment": 1}]}, {}]
    found = send(reader, "search", searches=searches).get_json()["answers"]
    assert [each.get("error", {}).get("status") for each in found] == [404, None, 422]
    assert "no segment 999999" in found[0]["error"]["detail"]
    assert found[1]["answer"]["results"]
    assert sorted(found[2]["error"]) == ["detail", "status", "title", "type"]


@pytest.mark.parametrize(
    ("call", "body", "reason"),
    [
        ("images", {"ids": []}, "ids"),
        ("images", {"ids": [1] * 501}, "ids"),
        ("segments", {"ids": ["1"]}, "ids.0"),
        ("segments", {"ids": [1], "vectors": "yes"}, "vectors"),
        ("search", {"searches": []}, "searches"),
        ("search", {"searches": [{"text": "x"}] * 101}, "searches"),
        ("search", {"searches": [{"text": "x", "limit": 1000}] * 11}, "more than 10000 results"),
        ("search", {"searches": [{"text": "x", "filters": {"taken_from": 0}}]}, "YYYY-MM-DD"),
        ("search", {"searches": [{"text": "x"}, {"txt": "x"}]}, "searches.1.txt"),
    ],
)
def test_what_is_refused(reader: FlaskClient, call: str, body: dict[str, Any], reason: str) -> None:
    told = send(reader, call, **body)
    assert (told.status_code, told.mimetype) == (422, "application/problem+json")
    assert reason in told.get_json()["detail"]


def test_deleted_photos_are_in_no_answer(client: FlaskClient, parts: WebContext) -> None:
    before = send(client, "search", searches=[{"positive": [{"segment": 1}]}] * 2).get_json()["answers"]
    client.delete(f"{V1}/images/2")
    parts.engine.refresh()
    after = send(client, "search", searches=[{"positive": [{"segment": 1}]}] * 2).get_json()["answers"]
    assert 2 in {each["image_id"] for each in before[0]["answer"]["results"]}
    assert all(2 not in {each["image_id"] for each in one["answer"]["results"]} for one in after)
