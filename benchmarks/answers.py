"""Whether a change leaves the answers as they were: the same searches of every kind, before it and after it.

::

    python -m benchmarks.answers record DATA_DIR PHOTOS before.json
    python -m benchmarks.answers record DATA_DIR PHOTOS after.json
    python -m benchmarks.answers compare before.json after.json

Searches are put over HTTP to a server over a copy of DATA_DIR, so that they depend on nothing inside the program. Query
photos are the first of the folder PHOTOS.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import click

from .servers import Server, serving

TOLERANCE = 1e-4
VOLATILE = frozenset({"took_ms", "lag", "created_at", "created"})
"""Keys of answers that differ among runs."""

WORDS = (
    "dog", "red car", "animal", "grass", "a person next to a bicycle", "blue", "two dogs", "motorcycles", "sky",
    "dark green plant", "xyzzy", "cat not dog", "brown horse", "chairs and table",
)  # fmt: skip
QUERY_PHOTOS = 3
STORED_PHOTOS = (3, 17, 40)


class Client:
    """Asks the API of a server.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._port = server.port

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Status and object of an answer."""
        return self._ask("POST", path, json.dumps(body).encode(), "application/json")

    def get(self, path: str) -> dict[str, Any]:
        """Status and object of an answer."""
        return self._ask("GET", path, None, None)

    def send(self, path: str, picture: Path) -> dict[str, Any]:
        """Upload a picture."""
        head = b'--part\r\nContent-Disposition: form-data; name="file"; filename="query.jpg"\r\n\r\n'
        body = head + picture.read_bytes() + b"\r\n--part--\r\n"
        return self._ask("POST", path, body, "multipart/form-data; boundary=part")

    def _ask(self, method: str, path: str, body: bytes | None, kind: str | None) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            connection.request(method, f"/api/v1{path}", body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            return {"status": answer.status, "body": json.loads(answer.read())}
        finally:
            connection.close()


def searches(client: Client, photos: list[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names of searches, and what they were answered."""
    for name, body in [*_words(), *_stored(client), *_combined(), *_filtered()]:
        yield name, client.post("/search", {"limit": 20, **body})
    for number, photo in enumerate(photos):
        yield from _of_photo(client, number, photo)
    yield from _rounds(client)
    yield "facets of animal", client.post("/search/facets", {"text": "animal"})


def _words() -> Iterator[tuple[str, dict[str, Any]]]:
    for text in WORDS:
        yield f"words: {text}", {"text": text}
    yield "words, by segment", {"text": "dog", "group_by": "segment"}
    yield "words, with facets and masks", {"text": "person", "facets": True, "masks": True}


def _stored(client: Client) -> Iterator[tuple[str, dict[str, Any]]]:
    images = client.get("/images?limit=60&state=indexed")["body"]["items"]
    for at in STORED_PHOTOS:
        image = images[at]
        width, height = image["width"], image["height"]
        key = image["id"]
        yield f"stored {at}: point", {"positive": [{"image": key, "point": [width / 2, height / 2]}]}
        box = [width * 0.2, height * 0.3, width * 0.7, height * 0.9]
        yield f"stored {at}: box", {"positive": [{"image": key, "box": box}]}
        yield f"stored {at}: whole", {"positive": [{"image": key}]}
        yield (
            f"stored {at}: point, by segment",
            {"positive": [{"image": key, "point": [width / 3, height / 3]}], "group_by": "segment"},
        )
    for segment in (11, 222, 1001):
        yield f"segment {segment}", {"positive": [{"segment": segment}]}
    yield (
        "two segments and one against",
        {"positive": [{"segment": 11}, {"segment": 300}], "negative": [{"segment": 57}]},
    )
    yield "segment and words", {"positive": [{"segment": 222}], "text": "blue"}
    yield "no such segment", {"positive": [{"segment": 10**12}]}
    yield "nothing", {}


def _combined() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "person and dog", {"text": "person", "also": [{"text": "dog"}]}
    for relation in ("above", "left_of", "inside", "touching", "smaller"):
        relations = [{"subject": 0, "relation": relation, "object": 1}]
        yield f"person {relation} car", {"text": "person", "also": [{"text": "car"}], "relations": relations}
    yield "segment and word", {"positive": [{"segment": 222}], "also": [{"text": "grass"}]}
    yield "three", {"text": "sky", "also": [{"text": "tree"}, {"text": "grass"}], "group_by": "segment"}


def _filtered() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "large", {"text": "dog", "filters": {"min_area": 0.2}}
    yield "small", {"positive": [{"segment": 222}], "filters": {"max_area": 0.05}}
    yield "position", {"text": "person", "filters": {"position": "left"}}
    yield "label", {"positive": [{"segment": 11}], "filters": {"label": "dog"}}
    yield "quality", {"text": "cat", "min_quality": 0.5}
    yield "taken", {"text": "dog", "filters": {"taken_from": "2005-01-01", "taken_until": "2014-01-01"}}
    yield "folder", {"text": "dog", "filters": {"folder": "/nowhere"}}
    yield "many", {"text": "animal", "limit": 500}


def _of_photo(client: Client, number: int, photo: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    kept = client.send("/queries", photo)
    yield f"query {number}", kept
    query = kept["body"]
    key, width, height = query["id"], query["width"], query["height"]
    for name, place in {
        "point": {"point": [width / 2, height / 2]},
        "box": {"box": [width * 0.1, height * 0.1, width * 0.6, height * 0.7]},
        "whole": {},
        "corner": {"point": [1, 1]},
    }.items():
        yield f"query {number}: {name}", client.post("/search", {"positive": [{"query": key, **place}], "limit": 20})
    body = {"positive": [{"query": key, "point": [width / 2, height / 2]}], "group_by": "segment", "limit": 20}
    yield f"query {number}: by segment", client.post("/search", body)


def _rounds(client: Client) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, asked in {"segment": {"positive": [{"segment": 222}]}, "words": {"text": "dog"}}.items():
        begun = client.post("/feedback", {**asked, "limit": 20})
        yield f"rounds of {name}: 0", begun
        key = begun["body"]["id"]
        answer = begun
        for number in (1, 2):
            found = [result["segment_id"] for result in answer["body"]["results"]]
            judged = {"relevant": found[:3], "irrelevant": found[5:7]}
            answer = client.post(f"/feedback/{key}/rounds", judged)
            yield f"rounds of {name}: {number}", answer


def differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Where two answers differ by more than the tolerance."""
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_objects(before, after, at)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{at}: {len(before)} against {len(after)}"
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from differences(one, other, f"{at}[{number}]")
    elif not _are_equal(before, after):
        yield f"{at}: {before!r} against {after!r}"


def _of_objects(before: dict[str, Any], after: dict[str, Any], at: str) -> Iterator[str]:
    for key in sorted((before.keys() | after.keys()) - VOLATILE):
        if key in before and key in after:
            yield from differences(before[key], after[key], f"{at}.{key}")
        else:
            yield f"{at}.{key}: only {'after' if key in after else 'before'}"


def _are_equal(before: Any, after: Any) -> bool:
    if isinstance(before, float) and isinstance(after, int | float):
        return abs(before - after) <= TOLERANCE
    return bool(before == after)


@click.group()
def main() -> None:
    """Record the answers to searches of every kind, and compare two records."""


@main.command()
@click.argument("data_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("photos", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--recipe", default="lite", show_default=True)
def record(data_dir: Path, photos: Path, out: Path, recipe: str) -> None:
    """Put the searches to a server over a copy of DATA_DIR."""
    pictures = sorted(photos.rglob("*.jpg"))[:QUERY_PHOTOS]
    with tempfile.TemporaryDirectory(prefix="segsearch-") as folder:
        copy = Path(folder) / "home"
        shutil.copytree(data_dir, copy, ignore=lambda _, names: [name for name in names if name.endswith(".sock")])
        with serving(copy, recipe=recipe, worker=False) as server:
            answers = dict(searches(Client(server), pictures))
    out.write_text(json.dumps(answers, indent=1))
    statuses = [answer["status"] for answer in answers.values()]
    click.echo(f"{len(answers)} answers; statuses {sorted(set(statuses))}")


@main.command()
@click.argument("before", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def compare(before: Path, after: Path) -> None:
    """Print what differs by more than 1e-4, and end with 1 if anything does."""
    one, other = json.loads(before.read_text()), json.loads(after.read_text())
    found = list(differences(one, other))
    for line in found[:50]:
        click.echo(line)
    click.echo(f"{len(one)} answers, {len(found)} differences")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
