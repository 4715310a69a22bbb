"""Numbers, days and texts at the edges of what there is, under the server that `serve` runs: never a 500."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
import requests

NUMBERS = (
    *("-1", "0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"),
    *("9" * 30, "-" + "9" * 30, "9" * 5000, "1e400", "NaN", "-Infinity", "٣", "1_000", "0x10", "\0", "1\0"),
)
TEXTS = ("\ud800", "x\udfffy", "\0", "a\0b", "/\0", "\ud7ff", "\ufffe", "\U0010ffff", "\u202e", "x" * 400)
DAYS = ("0001-01-01", "9999-12-31", "0000-01-01", "10000-01-01", "-0001-01-01", "2023-02-29", "253402300799")
BY = {"positive": [{"segment": 1}]}


@pytest.mark.parametrize("page", ["/", "/worst", "/discover", "/search", "/login"])
def test_pages(served: str, page: str) -> None:
    for name, value in product(("before", "skip", "id", "segment", "state", "text", "next"), (*NUMBERS, *TEXTS[2:])):
        answer = requests.get(served + page, params={name: value})
        assert answer.status_code == 200, (page, name, value)


def sent(served: str, call: str, body: Any, method: str = "POST") -> requests.Response:
    """The answer to a body; numbers are written as they are given."""
    text = json.dumps(body)
    for number in NUMBERS:
        text = text.replace(json.dumps(f"number {number}"), number)
    return requests.request(
        method, f"{served}/api/v1/{call}", data=text.encode(), headers={"Content-Type": "application/json"}
    )


def test_days(served: str) -> None:
    for name, day in product(("taken_from", "taken_until"), DAYS):
        for call in ("search", "feedback"):
            answer = sent(served, call, {**BY, "filters": {name: day}})
            assert answer.status_code in ((200, 201) if day in DAYS[:2] else (422,)), (call, name, day, answer.text)
    answer = sent(served, "search", {**BY, "filters": {"taken_from": DAYS[0], "taken_until": DAYS[1]}, "facets": True})
    assert answer.status_code == 200


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers(served: str, number: str) -> None:
    value = f"number {number}"
    bodies = [
        *({**BY, name: value} for name in ("limit", "min_quality")),
        *({**BY, "filters": {name: value}} for name in ("concept", "min_area", "max_area", "taken_until")),
        *({"positive": [{name: value}]} for name in ("segment", "image", "query")),
        *({"positive": [{"image": 1, "point": point}]} for point in ([value, value], [0, value])),
        {"positive": [{"image": 1, "box": [0, 0, value, value]}]},
        {"positive": [{"image": 1, "box": [value, value, value, value]}]},
        {"text": "red", "relations": [{"subject": value, "relation": "above", "object": value}]},
    ]
    for body in bodies:
        assert sent(served, "search", body).status_code in (200, 400, 404, 422), body
    for call in ("images", "segments", "queries", "feedback", "concepts", "clusters", "tokens"):
        for rest in ("", "/file", "/crop", "/cutout.png", "/mask.png", "/thumbnail"):
            answer = requests.get(f"{served}/api/v1/{call}/{requests.utils.quote(number)}{rest}")
            assert answer.status_code < 500, answer.url
    for name in ("after", "limit", "max_quality", "round"):
        assert requests.get(f"{served}/api/v1/images", params={name: value}).status_code in (200, 422)


@pytest.mark.parametrize("text", TEXTS)
def test_texts(served: str, text: str) -> None:
    calls = [
        *(("search", {**BY, "filters": {name: text}}) for name in ("folder", "label", "recipe", "position")),
        ("concepts", {"name": f"x{text}", "positive": [1], "negative": [30]}),
        ("concepts/learn", {"tags": {f"x{text}": [1, 2]}}),
        ("concepts/learn", {"folders": [text]}),
        ("concepts/merge", {"ids": [1, 2], "name": f"x{text}"}),
        ("clusters/merge", {"ids": [1, 2], "name": f"x{text}"}),
    ]
    for call, body in calls:
        answer = sent(served, call, body)
        assert answer.status_code < 500, (call, body, answer.text)
        if set(text) & {"\0", "\ud800", "\udfff"}:
            assert answer.status_code == 422, (call, body, answer.text)
    for call, body in (
        ("search", {"text": text}),
        ("search", {**BY, "also": [{"text": text}]}),
        ("feedback", {"text": text}),
    ):
        assert sent(served, call, body).status_code in (200, 201, 422)
    detail = sent(served, "search", {**BY, "filters": {"label": "a\0b"}}).json()["detail"]
    assert detail.startswith("filters.label: it contains the character U+0000")
    form = {name: text.encode("utf-8", "surrogatepass") for name in ("name", "password")}
    assert requests.post(f"{served}/login", data=form, headers={"Origin": served}).status_code == 401


@pytest.mark.parametrize("depth", [500, 900, 1500, 5000, 200_000])
@pytest.mark.parametrize("call", ["search", "feedback", "concepts", "concepts/import", "clusters/merge"])
def test_depths(served: str, depth: int, call: str) -> None:
    for name in ("positive", "filters", "concepts", "ids", "text"):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            body = f'{{"{name}":{opening * depth}1{closing * depth}}}'
            answer = requests.post(f"{served}/api/v1/{call}", data=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 413, 422), (call, name, depth)
