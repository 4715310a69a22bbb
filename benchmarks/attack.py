"""Requests drawn by a seed against real servers: what they answer, and whether they still tell that they are well.

::

    python -m benchmarks.attack [--requests 10000] [--seed 0] [--servers 2] [--out FILE]

Servers on one home of drawn photos are sent right and wrong requests: paths, queries, JSON, forms, uploads, headers and
bytes that are no HTTP at all. Meanwhile ``/healthz`` of each is asked twenty times a second. A fault is an answer of
5xx other than 503 and 507, no answer to a whole request, a traceback in a log, or an index that is not the catalogue's
afterwards.
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from indexer.bench.results import OUT, report

from .random_requests import Drawer
from .servers import MANAGE, Server, drawn_home, environment, serving

CLIENTS = 8
BY_DESIGN = {503, 507}
HEALTH_SECONDS = 0.05


@dataclass
class Account:
    """What was answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, request: bytes, is_whole: bool, status: int, answer: bytes) -> None:
        """Count an answer."""
        with self.lock:
            self.statuses[status] += 1
            if (status >= 500 and status not in BY_DESIGN) or (status == 0 and is_whole):
                self.faults.append(f"{status} to {request[:400]!r}: {answer[-200:]!r}")


def send(server: Server, request: bytes) -> tuple[int, bytes]:
    """Status and answer; 0 where the connection ended without one."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while block := client.recv(1 << 16):
                answer += block
    except OSError:
        return 0, b""
    first = answer.split(b"\r\n", 1)[0].split(b" ")
    return (int(first[1]), answer) if len(first) > 1 and first[1].isdigit() else (0, answer)


def attack(servers: list[Server], requests: int, seed: int) -> Account:
    """Send so many requests by several clients, a server each in turn."""
    account = Account()

    def client(number: int) -> None:
        drawer = Drawer(random.Random(f"{seed}-{number}"))
        for index in range(requests // CLIENTS):
            request, is_whole = drawer.draw()
            account.note(request, is_whole, *send(servers[(number + index) % len(servers)], request))

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    return account


@dataclass
class Watch:
    """Asks servers whether they are well, as long as it is entered."""

    servers: list[Server]
    seconds: list[float] = field(default_factory=list)
    unwell: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Watch:
        self._threads = [threading.Thread(target=self._ask, args=(server,)) for server in self.servers]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, server: Server) -> None:
        while not self._ended.wait(HEALTH_SECONDS):
            started = time.perf_counter()
            status, _ = server.get("/healthz")
            self.seconds.append(time.perf_counter() - started)
            self.unwell += status != 200

    def figures(self) -> dict[str, float]:
        """Milliseconds, and how often the answer was not 200."""
        shares = {f"p{share}, ms": round(1000 * float(np.percentile(self.seconds, share)), 1) for share in (50, 95, 99)}
        return {**shares, "asked": len(self.seconds), "not well": self.unwell}


def run(requests: int, seed: int, servers: int, photos: int = 20) -> dict[str, Any]:
    """Start servers, attack them, and look at what is left."""
    with drawn_home(photos) as home, ExitStack() as stack:
        running = [stack.enter_context(serving(home, number, worker=number == 0)) for number in range(servers)]
        started = time.perf_counter()
        with Watch(running) as watch:
            account = attack(running, requests, seed)
        seconds = time.perf_counter() - started
        faults = account.faults + [
            f"server {number} ended" for number, each in enumerate(running) if each.process.poll()
        ]
        faults += [f"{each.log.name}: {each.tracebacks()} tracebacks" for each in running if each.tracebacks()]
        if watch.unwell:
            faults.append(f"/healthz was not 200 {watch.unwell} times")
        stack.close()
        held = subprocess.run(
            [sys.executable, str(MANAGE), "verify"], env=environment(home), capture_output=True, text=True
        )
        if held.returncode:
            faults.append(f"verify: {held.stdout[-500:]}{held.stderr[-500:]}")
    return {
        "requests": sum(account.statuses.values()),
        "seed": seed,
        "servers": servers,
        "statuses": {str(status): count for status, count in sorted(account.statuses.items())},
        "healthz": watch.figures(),
        "faults": faults,
        "seconds": round(seconds, 1),
    }


@click.command()
@click.option("--requests", default=10_000, show_default=True, type=click.IntRange(CLIENTS))
@click.option("--seed", default=0, show_default=True)
@click.option("--servers", default=2, show_default=True, type=click.IntRange(1, 4))
@OUT
def main(requests: int, seed: int, servers: int, out: Path | None) -> None:
    """Send requests and count; exits with 1 if there was a fault."""
    found = run(requests, seed, servers)
    report(found, out)
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
