"""Values of requests, drawn by a random generator: paths, ids, texts, numbers, days, pictures, JSON."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from .servers import drawn

IDS = [
    "1",
    "2",
    "7",
    "19",
    "0",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "9" * 19,
    "9" * 400,
    "1.5",
    "x",
    "%00",
    "٣",
    "1e3",
]
TEXTS = [
    *("motorcycle", "animal", "red car", "", " ", "a" * 10_000, "\x00", "dog\x00", "’; DROP TABLE image;--", "%", "_"),
    *("\ud800", "𝄞", "é", "e\u0301", "\u202egnp", "../../etc/passwd", "<script>", "\r\nX: y", "null", "NaN"),
]
NUMBERS = [
    0,
    1,
    -1,
    50,
    1000,
    1001,
    2**31,
    2**63 - 1,
    2**63,
    -(2**63),
    10**30,
    0.5,
    -0.5,
    1e308,
    -1e308,
    True,
    None,
    "1",
]
DATES = [
    "2020-01-01",
    "0001-01-01",
    "9999-12-31",
    "2020-02-30",
    "2020-01-01T00:00:00Z",
    "9999-12-31T23:59:59+14:00",
    "x",
]
PATHS = [
    *("/", "/search", "/worst", "/upload", "/concepts", "/discover", "/account", "/users", "/login"),
    *("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/status", "/api/v1/images", "/api/v1/words"),
    *(
        "/api/v1/folders",
        "/api/v1/timeline",
        "/api/v1/timeline/photos",
        "/api/v1/timeline/ids",
        "/api/v1/concepts",
        "/api/v1/clusters",
        "/api/v1/nothing",
        "/static/css/base.css",
        "/favicon.ico",
    ),
]
WITH_ID = [
    *("/photos/{}", "/api/v1/images/{}", "/api/v1/images/{}/file", "/api/v1/images/{}/thumbnail"),
    *("/api/v1/images/{}/preview", "/api/v1/segments/{}/crop", "/api/v1/queries/{}", "/api/v1/queries/{}/file"),
    *("/api/v1/feedback/{}", "/api/v1/feedback/{}/rounds/last", "/api/v1/concepts/{}", "/api/v1/clusters/{}"),
]
POSTED = [
    *("/api/v1/search", "/api/v1/feedback", "/api/v1/concepts", "/api/v1/concepts/merge", "/api/v1/concepts/import"),
    *("/api/v1/concepts/learn", "/api/v1/clusters/merge", "/api/v1/clusters/update", "/api/v1/users", "/api/v1/tokens"),
    *("/api/v1/account/password", "/api/v1/account/tokens", "/api/v1/intake", "/login", "/logout"),
]
KEYS = [
    *("positive", "negative", "text", "limit", "group_by", "min_quality", "masks", "also", "relations", "filters"),
    *("facets", "segment", "image", "query", "point", "box", "name", "ids", "feedback", "round", "folders", "concepts"),
    *("folder", "taken_from", "taken_until", "label", "concept", "area", "position", "judgements", "password", "role"),
]


class ValueDrawer:
    """Draws parts of requests by a random generator.

    Parameters
    ----------
    rng : random.Random
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def address(self) -> str:
        """The path of a page or a call."""
        return self.rng.choice(PATHS) if self.rng.random() < 0.4 else self.with_id()

    def with_id(self) -> str:
        """A path with an id, right or wrong, in it."""
        return quote(self.rng.choice(WITH_ID).format(self.rng.choice(IDS)), safe="/%")

    def posted(self) -> str:
        """The path of a call that takes JSON, more often than not."""
        return self.rng.choice(POSTED) if self.rng.random() < 0.8 else self.with_id()

    def picture(self) -> bytes:
        """The bytes of a photo, whole or spoilt."""
        whole = drawn(self.rng.randint(0, 60), self.rng.choice([(64, 48), (320, 240), (1, 1), (3000, 10)]))
        spoilt = bytearray(whole)
        for _ in range(self.rng.randint(1, 20)):
            spoilt[self.rng.randrange(len(spoilt))] = self.rng.randrange(256)
        return self.rng.choice(
            [whole, whole, bytes(spoilt), whole[: len(whole) // 2], b"", b"no picture", self.rng.randbytes(500)]
        )

    def scalar_text(self) -> str:
        """A text, a number or a day as text."""
        return self.rng.choice([*TEXTS[:-8], *IDS, *map(str, NUMBERS), *DATES])

    def number(self) -> Any:
        """A number, or what stands for one."""
        return self.rng.choice(NUMBERS)

    def reference(self) -> dict[str, Any]:
        """A reference to something to search by."""
        kind = self.rng.choice(["segment", "image", "query"])
        found: dict[str, Any] = {kind: self.rng.choice([1, 2, 30, self.number()])}
        if kind != "segment" and self.rng.random() < 0.7:
            found["point"] = [self.rng.choice([10, 100, self.number()]) for _ in range(self.rng.choice([2, 2, 2, 1]))]
        if self.rng.random() < 0.2:
            found["box"] = [self.rng.choice([0, 50, 200, self.number()]) for _ in range(4)]
        return found

    def field(self, key: str) -> Any:
        """A value of a field of a search, right more often than not."""
        fields: dict[str, Callable[[], Any]] = {
            "negative": lambda: [self.reference()],
            "text": lambda: self.rng.choice(TEXTS),
            "limit": self.number,
            "min_quality": self.number,
            "facets": lambda: self.rng.choice([True, False, None, ["label"], self.number()]),
            "also": lambda: [{"text": self.rng.choice(TEXTS)}, {"positive": [self.reference()]}],
            "relations": lambda: [{"first": self.number(), "relation": "left_of", "second": self.number()}],
            "filters": lambda: {
                self.rng.choice(["folder", "label", "concept", "taken_from", "taken_until"]): self.rng.choice(
                    [*TEXTS, *DATES]
                ),
                self.rng.choice(["min_area", "max_area", "position"]): self.number(),
            },
        }
        return fields[key]() if self.rng.random() < 0.9 else self.value(2)

    def value(self, depth: int) -> Any:
        """JSON of any shape, nested no deeper than `depth`."""
        kind = self.rng.random()
        if depth == 0 or kind < 0.4:
            return self.rng.choice([*NUMBERS, *TEXTS])
        if kind < 0.6:
            return [self.value(depth - 1) for _ in range(self.rng.randint(0, 4))]
        return {self.rng.choice(KEYS): self.value(depth - 1) for _ in range(self.rng.randint(0, 5))}
