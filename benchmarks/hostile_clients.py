"""Forty hostile clients beside an honest one: how long the honest one's searches take.

::

    python -m benchmarks.hostile_clients [--seconds 60] [--hostile 40] [--out FILE]

A fifth each of the hostile clients open connections and say nothing, send a request a byte at a time, ask for large
files and do not read them, send query photos that are costly to decode, and search without a pause. The honest client
searches ten times a second by segments, and asks for health, readiness and a thumbnail now and then. It comes again
where it is told to (503 with ``Retry-After``); the time until it has its answer counts.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from indexer.bench.results import OUT, report

from .servers import Server, drawn, drawn_home, serving

PAUSE = 0.1
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
JSON = {"Content-Type": "application/json"}


def costly_jpeg(scans: int = 1500) -> bytes:
    """A progressive JPEG whose last scan is repeated, which makes decoders go over the whole picture each time."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(drawn(0, (2000, 1500)))).save(buffer, "JPEG", quality=30, progressive=True)
    content = buffer.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * scans + content[-2:]


def form(content: bytes) -> bytes:
    """The body of an upload."""
    return b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + content + b"\r\n--x--\r\n"


@dataclass
class Client:
    """One client of a server, in a thread of its own.

    Attributes
    ----------
    server : Server
    ended : threading.Event
    """

    server: Server
    ended: threading.Event
    answers: Counter[str] = field(default_factory=Counter)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
        """Status of an answer; 0 where there was none."""
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, HTTPException):
            status = 0
        finally:
            connection.close()
        self.answers[f"{method} {path.split('?')[0]} {status or 'no answer'}"] += 1
        return status


class Hostile(Client):
    """The ways of being one."""

    def half_open(self) -> None:
        """Hold twenty connections and say nothing."""
        self._hold([b""] * 20)

    def slow(self) -> None:
        """Send headers and bodies a byte at a time."""
        head = b"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        self._hold([head] * 5 + [head + b"Content-Length: 100000\r\n\r\n"] * 5)

    def unread(self) -> None:
        """Ask for originals, and parts of them, and read nothing."""
        asked = b"GET /api/v1/images/1/file HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        self._hold([asked + b"\r\n", asked + b"Range: bytes=1-\r\n\r\n"] * 4)

    def costly(self) -> None:
        """Give query photos that take long to decode, and look for thumbnails that cannot be made."""
        body = form(costly_jpeg())
        while not self.ended.is_set():
            self.ask("POST", "/api/v1/queries", body, FORM)
            for number in range(20, 24):
                self.ask("GET", f"/api/v1/images/{number}/thumbnail")

    def greedy(self) -> None:
        """Search without a pause."""
        body = json.dumps({"positive": [{"segment": 1}, {"segment": 30}], "limit": 500, "facets": True}).encode()
        while not self.ended.is_set():
            self.ask("POST", "/api/v1/search", body, JSON)

    def _hold(self, beginnings: list[bytes]) -> None:
        while not self.ended.is_set():
            sockets = []
            for begin in beginnings:
                with contextlib.suppress(OSError):
                    sockets.append(socket.create_connection(("127.0.0.1", self.server.port), timeout=5))
                    sockets[-1].sendall(begin)
            for _ in range(40):
                if self.ended.wait(0.5):
                    break
                for each in sockets:
                    with contextlib.suppress(OSError):
                        each.sendall(b"x")
            for each in sockets:
                each.close()


@dataclass
class Honest(Client):
    """Searches ten times a second."""

    searches: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    again: int = 0
    failed: int = 0

    def run(self) -> None:
        """Until the end."""
        rng = random.Random(0)
        while not self.ended.wait(PAUSE):
            body = json.dumps({"positive": [{"segment": rng.randint(1, 400)}], "limit": 50}).encode()
            self.searches.append(self._timed(lambda body=body: self.ask("POST", "/api/v1/search", body, JSON)))
            if len(self.searches) % 5 == 0:
                self.health.append(self._timed(lambda: self.ask("GET", "/healthz")))
                self.ask("GET", "/readyz")
                self.ask("GET", f"/api/v1/images/{rng.randint(1, 18)}/thumbnail")

    def _timed(self, attempt: Callable[[], int]) -> float:
        started = time.perf_counter()
        for _ in range(10):
            status = attempt()
            if status != 503:
                break
            self.again += 1
            time.sleep(2)
        self.failed += status != 200
        return time.perf_counter() - started


def run(seconds: float, hostile: int) -> dict[str, Any]:
    """Let them loose, and see what the honest one gets."""
    with drawn_home(20) as home, serving(home) as server:
        quiet = _round(server, [], min(seconds, 10.0))
        kinds = [Hostile.half_open, Hostile.slow, Hostile.unread, Hostile.costly, Hostile.greedy]
        attacked = _round(server, [kinds[number % len(kinds)] for number in range(hostile)], seconds)
        after = _round(server, [], min(seconds, 5.0))
        tracebacks = server.tracebacks()
    return {
        "hostile clients": hostile,
        "seconds": seconds,
        "alone": quiet,
        "beside them": attacked,
        "afterwards": after,
        "tracebacks": tracebacks,
    }


def _round(server: Server, kinds: list[Callable[[Hostile], None]], seconds: float) -> dict[str, Any]:
    ended = threading.Event()
    honest, others = Honest(server, ended), [Hostile(server, ended) for _ in kinds]
    threads = [threading.Thread(target=kind, args=(each,)) for kind, each in zip(kinds, others, strict=True)]
    threads.append(threading.Thread(target=honest.run))
    for thread in threads:
        thread.start()
    ended.wait(seconds)
    ended.set()
    for thread in threads:
        thread.join()
    answers = sum((each.answers for each in others), Counter[str]())
    return {
        "search": _milliseconds(honest.searches),
        "healthz": _milliseconds(honest.health),
        "searches": len(honest.searches),
        "told to come again": honest.again,
        "failed": honest.failed,
        "answers to hostile clients": dict(sorted(answers.items())),
    }


def _milliseconds(times: list[float]) -> dict[str, float]:
    return {f"p{share}, ms": round(1000 * float(np.percentile(times, share)), 1) for share in (50, 95, 99)}


@click.command()
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--hostile", default=40, show_default=True, type=click.IntRange(1, 200))
@OUT
def main(seconds: float, hostile: int, out: Path | None) -> None:
    """Measure an honest client's searches beside hostile ones."""
    report(run(seconds, hostile), out)


if __name__ == "__main__":
    main()
