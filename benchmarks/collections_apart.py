"""Whether anything of one user's collection is seen by another, over the API.

::

    python -m benchmarks.collections_apart FOLDER FOLDER [--photos 60] [--searches 200] [--out FILE]

Two users each have a collection with photos of one folder, a tag, and a concept. Each of them sends, through the whole
web application: searches by words, by examples, facets, words that begin like the other's names, what all collections
have; and every reading address in the other's collection, with guessed ids. What belongs to the other must be in none
of the answers: names of files, tags, concepts, and photos that are not their own. As a check of the check, one of them
then shares the collection, and the same is found to be seen.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from indexer.bench.results import OUT, report
from indexer.worker import ingest_paths
from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.settings import Settings
from webui import create_app

WORDS = ("dog", "cat", "person", "car", "tree", "grass", "red car", "animal", "sky", "food", "a dog on grass", "bench")
OPEN = frozenset({"/login", "/messages/<code>.js", "/static/<path:filename>", "/bundles/<name>", "/healthz", "/readyz"})
"""What is the same for everybody, signed in or not."""

GUESSES = 5
"""Guessed ids for each address."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


@dataclass
class User:
    """A user with a collection, and what only that user may see."""

    name: str
    headers: dict[str, str]
    collection: int
    photos: set[int]
    segments: list[int]
    secrets: tuple[str, ...]


@dataclass
class Counts:
    """What was asked, and what crossed."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    crossed: list[str] = field(default_factory=list)


def prepare(assembly: Assembly, name: str, folder: Path, count: int) -> User:
    """Make a user with a collection of the first photos of a folder, and a tag and a concept that tell whose it is."""
    assembly.accounts.add(name, "editor", "-")
    token = assembly.accounts.add_token(name, "benchmark")[1]
    record = assembly.collections.add(f"collection-of-{name}", name)
    inside = assembly.of_collection(record)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)[:count]
    ingest_paths(inside, paths)
    photos = inside.catalog.images.page(limit=count)
    inside.tags.change([photo.id for photo in photos], add=[f"tag-of-{name}"])
    segments = [segment.id for photo in photos for segment in inside.catalog.segments.of_image(photo.id)]
    with inside.opening_engine() as opening:
        engine = opening.result()
    inside.trainer(engine).teach(f"concept-of-{name}", positive=segments[:3], negative=())
    inside.close()
    secrets = (*(path.name for path in paths), f"-of-{name}", *(photo.sha256 for photo in photos))
    return User(
        name, {"Authorization": f"Bearer {token}"}, record.id, {photo.id for photo in photos}, segments, secrets
    )


@dataclass
class Visit:
    """Requests of one user, in whose answers nothing of another may be."""

    client: FlaskClient
    counts: Counts
    user: User
    other: User
    dice: random.Random

    def ask(self, kind: str, method: str, path: str, body: object = None) -> TestResponse:
        """Send a request, and look for what is the other's."""
        answer = self.client.open(path, method=method, json=body, headers=self.user.headers)
        self.counts.requests[kind] += 1
        self.counts.statuses[f"{kind}: {answer.status_code}"] += 1
        text, asked = answer.get_data(), json.dumps(body)
        seen = next((each for each in self.other.secrets if each.encode() in text and each not in asked), None)
        if seen is not None:
            self.counts.crossed.append(f"{self.user.name}: {method} {path} {asked} shows {seen}")
        return answer

    def search(self, number: int) -> None:
        """Search so many times in each way, in the user's own collection, and in all."""
        own, api = f"/c/{self.user.collection}/api/v1", "/api/v1"
        for at in range(number):
            words, example = self.dice.choice(WORDS), [{"segment": self.dice.choice(self.user.segments)}]
            every = {"limit": 100, "collections": "all"}
            for kind, path, body in (
                ("words", f"{own}/search", {"text": words, "limit": 100}),
                ("words in all", f"{api}/search", {"text": words, **every}),
                ("example", f"{own}/search", {"positive": example, "limit": 100}),
                ("example in all", f"{own}/search", {"positive": example, **every}),
                ("facets", f"{own}/search/facets", {"text": words}),
                ("the other named", f"{api}/search", {"text": words, "collections": [self.other.collection]}),
                ("the other's concept", f"{own}/search", {"text": f"concept-of-{self.other.name}"}),
            ):
                self._check(kind, self.ask(kind, "POST", path, body).get_json())
            prefix = f"concept-of-{self.other.name}"[: 1 + at % 14]
            self.ask("suggestions", "GET", f"{own}/words?prefix={prefix}")

    def _check(self, kind: str, answer: dict[str, Any]) -> None:
        """Whether results are photos that the user may see."""
        own = self.user.collection
        for result in answer.get("results", ()):
            place, photo = result.get("collection", own), result["image_id"]
            if place == self.other.collection or (place == own and photo not in self.user.photos):
                self.counts.crossed.append(f"{self.user.name}: {kind} lists photo {photo} of collection {place}")

    def guess(self) -> None:
        """Ask for every reading address with guessed ids: in the other's collection, the own, and the library."""
        rules = [rule.rule for rule in self.client.application.url_map.iter_rules() if "GET" in (rule.methods or ())]
        theirs = f"/c/{self.other.collection}"
        for place in (theirs, f"/c/{self.user.collection}", ""):
            for rule in rules:
                if rule == "/api/v1/events" and place != theirs:
                    continue  # does not end
                for _ in range(GUESSES if "<" in rule else 1):
                    path = place + _filled(rule, self.dice, max(self.other.segments))
                    status = self.ask("guessed address", "GET", path).status_code
                    if place == theirs and rule not in OPEN and status not in (404, 405):
                        self.counts.crossed.append(f"{self.user.name}: GET {path} is answered with {status}")


def _filled(rule: str, dice: random.Random, most: int) -> str:
    path = ""
    for piece in rule.split("<"):
        name, closing, rest = piece.partition(">")
        path += (str(dice.randint(1, most)) if "id:" in name else "x") + rest if closing else piece
    return path


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.argument("folders", nargs=2, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--photos", default=60, show_default=True, help="Photos of each collection.")
@click.option("--searches", "number", default=200, show_default=True, help="Of each kind, by each user.")
@OUT
def main(folders: tuple[Path, Path], photos: int, number: int, out: Path | None) -> None:
    """Run it, and print the figures as JSON."""
    counts, dice = Counts(), random.Random(1)
    with tempfile.TemporaryDirectory() as home, DecoderPool(1) as decoders:
        assembly = Assembly(Settings.in_data_dir(Path(home)))
        assembly.accounts.add("operator", "admin", "-")
        users = [prepare(assembly, name, folder, photos) for name, folder in zip(("anna", "ben"), folders, strict=True)]
        app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
        client = app.test_client()
        for user, other in (users, users[::-1]):
            visit = Visit(client, counts, user, other, dice)
            visit.search(number)
            visit.guess()
        control = Counts()
        assembly.collections.share(users[0].collection, users[1].name, "viewer")
        Visit(client, control, users[1], users[0], dice).search(1)
    report(
        {
            "photos_each": photos,
            "searches_of_each_kind_and_user": number,
            "requests": dict(counts.requests),
            "statuses": dict(sorted(counts.statuses.items())),
            "crossed": counts.crossed,
            "seen_once_shared": len(control.crossed),
        },
        out,
    )


if __name__ == "__main__":
    main()
