"""Requests to the server, drawn by a random generator: right ones, wrong ones, and bytes that are no request."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from .random_values import PATHS, TEXTS, ValueDrawer


class Drawer:
    """Draws requests by a random generator.

    Parameters
    ----------
    rng : random.Random
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.values = rng, ValueDrawer(rng)
        self._kinds: list[Callable[[], bytes]] = [
            *(self.path, self.path, self.listed, self.search, self.search, self.random_json, self.deep_json),
            *(self.upload, self.upload, self.query_photo, self.form, self.deletion, self.ranged, self.not_http),
        ]

    def draw(self) -> tuple[bytes, bool]:
        """The bytes of one request, and whether they are a whole one that is to be answered."""
        kind = self.rng.choice(self._kinds)
        return kind(), kind != self.not_http

    def path(self) -> bytes:
        """Any address, by any method."""
        path = self.values.address()
        if self.rng.random() < 0.2:
            path += self.rng.choice(
                ["/", "//", "/..", "/../../etc/passwd", "%2e%2e", "%00", "?" * 50, "\\", "/" + "a" * 3000]
            )
        method = self.rng.choice(["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "BREW", "POST"])
        return self._request(method, path)

    def listed(self) -> bytes:
        """A list, by a query that may be nonsense."""
        names = [
            "after",
            "before",
            "limit",
            "state",
            "skip",
            "prefix",
            "round",
            "masks",
            "segment",
            "text",
            "image",
            "id",
        ]
        pairs = [
            f"{self.rng.choice(names)}={quote(self.values.scalar_text(), errors='surrogatepass')}"
            for _ in range(self.rng.randint(1, 4))
        ]
        return self._request("GET", f"{self.rng.choice(PATHS)}?{'&'.join(pairs)}")

    def search(self) -> bytes:
        """A search that is nearly right."""
        body: dict[str, Any] = {"positive": [self.values.reference() for _ in range(self.rng.randint(0, 2))]}
        for key in self.rng.sample(
            ["negative", "text", "limit", "min_quality", "filters", "facets", "also", "relations"], 3
        ):
            body[key] = self.values.field(key)
        return self._json("POST", "/api/v1/search", json.dumps(body))

    def random_json(self) -> bytes:
        """JSON of any shape for any call that takes JSON."""
        return self._json(
            self.rng.choice(["POST", "PATCH", "PUT"]), self.values.posted(), json.dumps(self.values.value(3))
        )

    def deep_json(self) -> bytes:
        """JSON that is hard to read, or none."""
        texts = [
            *("[" * 100_000, '{"a":' * 50_000, '{"positive": [' + '{"segment": 1},' * 20_000 + "]}", "NaN"),
            *(
                "",
                "\x00",
                '{"limit": Infinity}',
                '{"limit": 1e999}',
                '{"text": "\\ud800"}',
                '{"limit": ' + "9" * 5000 + "}",
                "[]",
                "1",
            ),
        ]
        return self._json("POST", self.values.posted(), self.rng.choice(texts))

    def upload(self) -> bytes:
        """A photo, or what pretends to be one."""
        return self._form("/api/v1/images", self.values.picture())

    def query_photo(self) -> bytes:
        """A query photo."""
        return self._form("/api/v1/queries", self.values.picture())

    def form(self) -> bytes:
        """A form of many, few or broken parts."""
        parts = self.rng.choice([0, 1, 5, 11, 300])
        content = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\nvalue\r\n' % number for number in range(parts)
        )
        body = content + self.rng.choice([b"--x--\r\n", b"", b"--x", b"\r\n"])
        kinds = ["multipart/form-data; boundary=x", "multipart/form-data", "application/x-www-form-urlencoded"]
        path = self.rng.choice(["/api/v1/images", "/api/v1/queries", "/login"])
        given = {"Content-Type": self.rng.choice(kinds), "Origin": "http://127.0.0.1"}
        return self._request("POST", path, body, given)

    def deletion(self) -> bytes:
        """Something is taken away."""
        return self._request("DELETE", self.values.with_id())

    def ranged(self) -> bytes:
        """Part of a file."""
        spec = [
            "bytes=0-",
            "bytes=1-",
            "bytes=-1",
            "bytes=5-2",
            "bytes=0-0,2-3",
            "bytes=" + "1-2," * 500,
            "x",
            "bytes=99999999999-",
        ]
        path = f"/api/v1/images/{self.rng.randint(1, 20)}/{self.rng.choice(['file', 'thumbnail', 'preview'])}"
        return self._request(
            "GET", path, headers={"Range": self.rng.choice(spec), "If-Range": self.rng.choice(['"x"', "x", ""])}
        )

    def not_http(self) -> bytes:
        """Bytes that are no request, or not a whole one."""
        return self.rng.choice(
            [
                self.rng.randbytes(300) + b"\r\n\r\n",
                b"GET / HTTP/9.9\r\n\r\n",
                b"GET\r\n\r\n",
                b"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                b"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
                b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
            ]
        )

    # ---- parts

    def _request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        given = {"Host": "127.0.0.1", "Connection": "close", **(headers or {})}
        if body or method in ("POST", "PUT", "PATCH"):
            given["Content-Length"] = str(len(body))
        if self.rng.random() < 0.05:
            given |= self.rng.choice(
                [
                    *(
                        {"Cookie": "segsearch_session=x"},
                        {"Authorization": "Bearer x"},
                        {"Authorization": "Basic \xff"},
                    ),
                    *({"Content-Encoding": "gzip"}, {"If-None-Match": '"' * 100}, {"If-Modified-Since": "yesterday"}),
                    *({"Accept": "x/y"}, {"X-Forwarded-For": "1.2.3.4"}, {"Sec-Fetch-Site": "cross-site"}),
                ]
            )
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body

    def _json(self, method: str, path: str, text: str) -> bytes:
        kind = self.rng.choices(["application/json", "text/plain", "application/json; charset=latin-1"], [18, 1, 1])[0]
        return self._request(method, path, text.encode("utf-8", "surrogatepass"), {"Content-Type": kind})

    def _form(self, path: str, content: bytes) -> bytes:
        name = quote(self.rng.choice(TEXTS)[:300], safe=" .<>", errors="surrogatepass").encode()
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
        return self._request(
            "POST", path, head + content + b"\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}
        )
