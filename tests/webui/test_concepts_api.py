"""Concepts over the API: taught, searched by, changed, carried elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from installation import Library, drawing, encoded
from PIL import Image
from test_api import body_of, problem_of, search

from webui.context import EXTENSION


def segments(client: FlaskClient, image: int) -> list[int]:
    return [each["id"] for each in body_of(client.get(f"/api/v1/images/{image}"))["segments"]]


def teach(client: FlaskClient, name: str = "Rex", **body: Any) -> Any:
    body = body or {"positive": segments(client, 1)[:1], "negative": segments(client, 2)[:1]}
    return body_of(client.post("/api/v1/concepts", json={"name": name, **body}), 201)


def test_a_name_is_a_word_at_once(client: FlaskClient) -> None:
    taught = teach(client, "  Little   Rex ")
    assert (taught["name"], taught["examples"], taught["lost"]) == ("Little Rex", 2, 0)
    found = search(client, text="find all little rexes")
    (word,) = found["words"]["understood"]
    assert (word["text"], word["name"], word["concept"]) == ("little rexes", "Little Rex", taught["id"])
    assert word["labels"] == word["colors"] == word["substitutes"] == []
    assert found["results"][0]["segment_id"] == taught["positive"][0]
    assert taught["segments"] >= 1
    assert body_of(client.get("/api/v1/words?prefix=litt"))["words"][0] == "Little Rex"


def test_names_go_before_the_words_there_were(client: FlaskClient) -> None:
    taught = teach(client, "dog")
    assert search(client, text="dogs")["words"]["understood"][0]["concept"] == taught["id"]
    client.delete(f"/api/v1/concepts/{taught['id']}")
    understood = search(client, text="dogs")["words"]["understood"]
    assert all("concept" not in term for term in understood)


def test_segments_are_labelled_as_the_concept_is_now(client: FlaskClient) -> None:
    def labelled() -> dict[int, list[str]]:
        shown = body_of(client.get("/api/v1/images/1"))["segments"]
        return {each["id"]: each["concepts"] for each in shown if "concepts" in each}

    assert labelled() == {}
    taught = teach(client)
    assert labelled()[taught["positive"][0]] == ["Rex"]
    client.patch(f"/api/v1/concepts/{taught['id']}", json={"name": "Max"})
    assert labelled()[taught["positive"][0]] == ["Max"]


def test_a_refined_search_becomes_a_concept(client: FlaskClient) -> None:
    start, *_ = segments(client, 1)
    begun = body_of(client.post("/api/v1/feedback", json={"positive": [{"segment": start}]}), 201)
    right, wrong, *_ = [each["segment_id"] for each in begun["results"]]
    client.post(f"/api/v1/feedback/{begun['id']}/rounds", json={"relevant": [right], "irrelevant": [wrong]})
    taught = teach(client, feedback=begun["id"])
    assert (set(taught["positive"]), taught["negative"]) == ({start, right}, [wrong])


def test_examples_come_and_go(client: FlaskClient) -> None:
    taught, (other, *_) = teach(client), segments(client, 3)
    address = f"/api/v1/concepts/{taught['id']}"
    changed = body_of(client.patch(address, json={"positive": [other], "removed": taught["negative"]}))
    assert (set(changed["positive"]), changed["negative"]) == ({*taught["positive"], other}, [])
    client.delete("/api/v1/images/3")
    assert body_of(client.get(address))["positive"] == taught["positive"]
    assert "positive examples" in problem_of(client.patch(address, json={"removed": taught["positive"]}), 422)
    assert body_of(client.get(address))["positive"] == taught["positive"]


def test_another_threshold_labels_what_was_foreseen(client: FlaskClient) -> None:
    """The photos are listed with their scores, labelled or not; those from the new threshold on are labelled."""
    address = f"/api/v1/concepts/{teach(client)['id']}"
    ranked = body_of(client.get(f"{address}/photos?limit=50"))
    scores = [each["score"] for each in ranked["photos"]]
    assert scores == sorted(scores, reverse=True)
    assert len({each["image_id"] for each in ranked["photos"]}) == len(scores) > ranked["labelled"] > 0
    assert sum(score >= ranked["threshold"] for score in scores) == ranked["labelled"]
    between = (scores[-2] + scores[-1]) / 2
    changed = body_of(client.patch(address, json={"threshold": between}))
    assert (changed["threshold"], changed["positive"]) == (between, body_of(client.get(address))["positive"])
    found = body_of(client.get(f"{address}/photos"))
    assert (found["labelled"], found["photos"]) == (len(scores) - 1, [])
    body_of(client.patch(address, json={"threshold": 2}))
    none = body_of(client.get(f"{address}/photos"))
    assert (none["labelled"], none["newest"]) == (0, None)


@pytest.mark.parametrize("change", [{"threshold": 3}, {"threshold": "high"}, {"threshold": 0.5, "removed": [1]}])
def test_a_threshold_that_cannot_be(client: FlaskClient, change: dict[str, Any]) -> None:
    address = f"/api/v1/concepts/{teach(client)['id']}"
    assert "threshold" in problem_of(client.patch(address, json=change), 422)
    assert "99" in problem_of(client.get("/api/v1/concepts/99/photos"), 404)
    assert "limit" in problem_of(client.get(f"{address}/photos?limit=100000"), 422)


def test_concepts_are_merged(client: FlaskClient) -> None:
    first, second = teach(client), teach(client, "Max", positive=segments(client, 3)[:1])
    body = {"ids": [first["id"], second["id"]], "name": "Rex"}
    merged = body_of(client.post("/api/v1/concepts/merge", json=body), 201)
    assert set(merged["positive"]) == {*first["positive"], *second["positive"]}
    assert [each["name"] for each in body_of(client.get("/api/v1/concepts"))["concepts"]] == ["Rex"]
    assert "no concept" in problem_of(client.get(f"/api/v1/concepts/{first['id']}"), 404)


def test_concepts_are_carried_to_another_collection(client: FlaskClient) -> None:
    taught = teach(client)
    file = body_of(client.get("/api/v1/concepts/export"))
    before = [each["segment_id"] for each in search(client, text="rex")["results"]]
    assert "already a concept named 'Rex'" in problem_of(client.post("/api/v1/concepts/import", json=file), 422)
    client.delete(f"/api/v1/concepts/{taught['id']}")
    (number,) = body_of(client.post("/api/v1/concepts/import", json=file), 201)["ids"]
    assert [each["segment_id"] for each in search(client, text="rex")["results"]] == before
    assert body_of(client.get(f"/api/v1/concepts/{number}"))["examples"] == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [({"space": "other:1"}, "collections of one recipe"), ({"directions": "AAAA"}, "damaged"), ({"rows": 7}, "damaged"),
     ({"directions": "?"}, "damaged")],
)  # fmt: skip
def test_what_cannot_be_carried_is_said(client: FlaskClient, change: dict[str, Any], said: str) -> None:
    teach(client)
    file = body_of(client.get("/api/v1/concepts/export"))
    file["concepts"][0] |= {"name": "Max", **change}
    assert said in problem_of(client.post("/api/v1/concepts/import", json=file), 422)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"name": "Rex"}, 422, "positive examples"),
        ({"name": "Rex", "positive": [9999]}, 422, "positive examples"),
        ({"name": "??", "positive": [1]}, 422, "letter or a digit"),
        ({"name": "Rex", "positive": [1], "negative": [1]}, 422, "both a positive and a negative"),
        ({"name": "Rex", "feedback": 77}, 404, "no feedback 77"),
        ({"name": "Rex", "feedback": 77, "positive": [1]}, 422, "not both"),
    ],
)
def test_what_cannot_be_taught_is_said(client: FlaskClient, body: Any, status: int, said: str) -> None:
    assert said in problem_of(client.post("/api/v1/concepts", json=body), status)


def test_a_name_is_given_once(client: FlaskClient) -> None:
    teach(client)
    body = {"name": "REX", "positive": segments(client, 2)[:1]}
    assert "already" in problem_of(client.post("/api/v1/concepts", json=body), 422)


def test_tags_that_cannot_be_explained_are_told_with_the_reason(client: FlaskClient) -> None:
    taught = teach(client)
    body = {"tags": {"few": [1, 2], "all": [1, 2, 3, 4], "REX": [1, 2, 3]}}
    few, everything, rex = body_of(client.post("/api/v1/concepts/learn", json=body))["tags"]
    assert (few["photos"], few["concept_id"], few["explained"]) == (2, None, [])
    assert few["reason"].startswith("2 photos")
    assert "nothing to tell it from" in everything["reason"]
    assert "already" in rex["reason"]
    assert body_of(client.get(f"/api/v1/concepts/{taught['id']}"))["positive"] == taught["positive"]
    assert len(body_of(client.get("/api/v1/concepts"))["concepts"]) == 1


def test_tags_are_learnt_from_photos(client: FlaskClient, library: Library) -> None:
    rng = np.random.default_rng(0)
    photos = []
    for number in range(18):
        cells = rng.integers(60, 140, (4, 4, 1)) + rng.integers(-25, 25, (4, 4, 3))
        if number < 6:
            cells[1 + number % 2, 1] = (230, 20, 20)
        picture = Image.fromarray(np.kron(cells, np.ones((24, 24, 1))).astype(np.uint8))
        photos.append(library.add(f"cells{number}.png", encoded(picture)))
    client.application.extensions[EXTENSION].own.engine.refresh()
    (found,) = body_of(client.post("/api/v1/concepts/learn", json={"tags": {"red": photos[:6]}}))["tags"]
    assert (found["photos"], found["reason"], len(found["explained"])) == (6, None, 6)
    concept = body_of(client.get(f"/api/v1/concepts/{found['concept_id']}"))
    assert (concept["name"], set(concept["positive"])) == ("red", set(found["explained"]))
    assert found["segments"] == concept["segments"] > 0
    results = search(client, text="red", limit=4)["results"]
    assert {each["image_id"] for each in results} < set(photos[:6])


def test_folders_teach_their_names(client: FlaskClient) -> None:
    ((name, count),) = (each.values() for each in body_of(client.get("/api/v1/folders"))["folders"])
    assert count >= 4
    (found,) = body_of(client.post("/api/v1/concepts/learn", json={"folders": [name]}))["tags"]
    assert (found["name"], found["photos"], found["concept_id"]) == (name, count, None)
    assert "nothing to tell it from" in found["reason"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"tags": {"few": [1, 999]}}, 404, "no photo 999"),
        ({"tags": {}}, 422, "there is nothing to learn"),
        ({"folders": ["nowhere"]}, 422, "no photo is in a folder named 'nowhere'"),
        ({"folders": [str(number) for number in range(21)]}, 422, "folders"),
        ({"tags": {"": [1]}}, 422, "tags"),
        ({"tags": {str(number): [1] for number in range(21)}}, 422, "tags"),
    ],
)
def test_what_cannot_be_learnt_from_is_said(client: FlaskClient, body: Any, status: int, said: str) -> None:
    assert said in problem_of(client.post("/api/v1/concepts/learn", json=body), status)


def test_folders_come_by_pages(client: FlaskClient, library: Library) -> None:
    for name in ("b", "a", "c"):
        (library.photos / name).mkdir()
        library.add(f"{name}/1.png", encoded(drawing(("red", "blue"), size=(64, 64 + ord(name)))))
    first = body_of(client.get("/api/v1/folders?limit=2"))
    assert [each["name"] for each in first["folders"]] == ["a", "b"]
    second = body_of(client.get("/api/v1/folders", query_string={"after": first["next"]}))
    assert [each["name"] for each in second["folders"]] == ["c", "photos"]
    assert second["next"] is None
    assert client.get("/api/v1/folders?limit=1001").status_code == 422
