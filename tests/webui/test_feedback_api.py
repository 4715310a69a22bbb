"""Rounds of feedback over the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from test_api import body_of, problem_of


def begin(client: FlaskClient) -> Any:
    segment = body_of(client.get("/api/v1/images/1"))["segments"][0]["id"]
    return body_of(client.post("/api/v1/feedback", json={"positive": [{"segment": segment}], "limit": 10}), 201)


def judge(client: FlaskClient, number: int, status: int = 201, **body: Any) -> Any:
    return body_of(client.post(f"/api/v1/feedback/{number}/rounds", json=body), status)


def ids(found: Any) -> list[int]:
    return [result["segment_id"] for result in found["results"]]


def test_rounds_are_made_looked_at_and_taken_back(client: FlaskClient) -> None:
    first = begin(client)
    assert (first["round"], first["rounds"], first["model"], first["kept_query"]) == (0, 0, "query", True)
    right, wrong, *_ = ids(first)
    second = judge(client, first["id"], relevant=[right], irrelevant=[wrong])
    assert (second["round"], second["model"], second["kept_query"]) == (1, "rocchio", False)
    assert (second["relevant"], second["irrelevant"]) == ([right], [wrong])
    assert not {right, wrong} & set(ids(second))
    assert second["ask"]
    zero = body_of(client.get(f"/api/v1/feedback/{first['id']}?round=0"))
    assert (ids(zero), zero["rounds"]) == (ids(first), 1)
    back = body_of(client.delete(f"/api/v1/feedback/{first['id']}/rounds/last"))
    assert (back["round"], back["relevant"], ids(back)) == (0, [], ids(first))


def test_a_later_judgement_counts(client: FlaskClient) -> None:
    first = begin(client)
    segment = ids(first)[0]
    judge(client, first["id"], relevant=[segment])
    second = judge(client, first["id"], irrelevant=[segment])
    assert (second["relevant"], second["irrelevant"]) == ([], [segment])
    assert body_of(client.get(f"/api/v1/feedback/{first['id']}?round=1"))["relevant"] == [segment]


def test_a_judgement_is_taken_back(client: FlaskClient) -> None:
    first = begin(client)
    right, wrong, *_ = ids(first)
    judge(client, first["id"], relevant=[right], irrelevant=[wrong])
    second = judge(client, first["id"], withdrawn=[right])
    assert (second["round"], second["relevant"], second["irrelevant"]) == (2, [], [wrong])
    assert right in ids(second), "its photo is among the results again"


def test_judgements_go_with_their_photo(client: FlaskClient) -> None:
    first = begin(client)
    result = first["results"][0]
    judge(client, first["id"], relevant=[result["segment_id"]])
    client.delete(f"/api/v1/images/{result['image_id']}")
    assert body_of(client.get(f"/api/v1/feedback/{first['id']}"))["relevant"] == []


def test_masks_come_if_they_are_wanted(client: FlaskClient) -> None:
    first = begin(client)
    assert "mask" not in first["results"][0]
    found = judge(client, first["id"], relevant=ids(first)[:1], masks=True)
    assert all("mask" in result for result in (*found["results"], *found["ask"]))


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "there are no judgements"),
        ({"relevant": [1], "irrelevant": [1]}, 422, "both relevant and irrelevant"),
        ({"relevant": [1], "withdrawn": [1]}, 422, "both relevant and withdrawn"),
        ({"relevant": [9999]}, 404, "no segment 9999"),
        ({"relevant": ["1"]}, 422, "relevant"),
    ],
)
def test_wrong_judgements_are_refused(client: FlaskClient, body: Any, status: int, said: str) -> None:
    number = begin(client)["id"]
    assert said in problem_of(client.post(f"/api/v1/feedback/{number}/rounds", json=body), status)


def test_what_is_not_there_is_said(client: FlaskClient) -> None:
    number = begin(client)["id"]
    assert "start one" in problem_of(client.get("/api/v1/feedback/999"), 404)
    assert "rounds 0 to 0" in problem_of(client.get(f"/api/v1/feedback/{number}?round=3"), 422)
    assert "no round to undo" in problem_of(client.delete(f"/api/v1/feedback/{number}/rounds/last"), 422)
    assert "pick a segment" in problem_of(client.post("/api/v1/feedback", json={"positive": [{"image": 1}]}), 422)
