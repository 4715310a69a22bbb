"""The answer that comes with a page of results."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import Library

from retrieval.errors import QueryError
from retrieval.search.engine import SearchEngine
from webui.pages.first_answer import URGENT
from webui.serving.admission import GATES

SEGMENT = {
    "positive": [{"segment": 1}], "negative": [], "text": "", "limit": 50, "group_by": "image", "min_quality": 0,
    "filters": {}, "masks": "rle", "fold_duplicates": True,
}  # fmt: skip


def answer_in(page: str) -> dict[str, Any] | None:
    found = re.search(r'<script id="first-answer" type="application/json">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1]) if found else None


def test_it_is_what_the_script_would_be_answered(client: FlaskClient) -> None:
    page = client.get("/search?segment=1").text
    came, asked = answer_in(page), client.post("/api/v1/search", json=SEGMENT).json
    assert came is not None
    assert asked is not None
    assert came["results"]
    assert {**came, "took_ms": 0} == {**asked, "took_ms": 0}
    shown = sorted(came["results"], key=lambda result: not result["likely"])
    photos = list(dict.fromkeys(f"/api/v1/images/{result['image_id']}/thumbnail" for result in shown))
    assert re.findall(r'rel="preload" as="image"[^>]+href="([^"]+)"', page) == photos[:URGENT]


def test_words_are_answered(client: FlaskClient) -> None:
    came = answer_in(client.get("/search?text=</script>nothing").text)
    assert came is not None
    assert "nothing" in came["words"]["unknown"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "text=",
        "segment=1&text=dog",
        "segment=1&segment=2",
        "text=dog&group=segment",
        "image=1",
        "segment=-1",
        "segment=999",
        "segment=٣",
        f"segment={'9' * 30}",
        f"text={'a' * 2000}",
        "other=1",
    ],
)
def test_the_script_asks_for_all_else(client: FlaskClient, query: str) -> None:
    page = client.get(f"/search?{query}")
    assert page.status_code == 200
    assert answer_in(page.text) is None


def test_nobody_waits_for_the_page_while_the_server_is_busy(client: FlaskClient) -> None:
    gate = client.application.extensions[GATES]["search"]
    taken = 0
    while gate.enter(patient=False):
        taken += 1
    try:
        assert answer_in(client.get("/search?segment=1").text) is None
    finally:
        for _ in range(taken):
            gate.leave()
    assert taken > 0
    assert answer_in(client.get("/search?segment=1").text) is not None


def test_a_search_that_fails_is_left_to_the_script(
    client: FlaskClient, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise QueryError("no")

    monkeypatch.setattr(SearchEngine, "search", fail)
    page = client.get("/search?segment=1")
    assert (page.status_code, answer_in(page.text)) == (200, None)


def test_it_counts_as_a_search(client: FlaskClient) -> None:
    elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
    answered = [answer_in(client.get("/search?segment=1", environ_overrides=elsewhere).text) for _ in range(301)]
    assert all(each is not None for each in answered[:300])
    assert answered[300] is None
