"""Upload against delete of the same bytes, with two servers and a command on one home: nothing lost, nothing left.

::

    python -m benchmarks.two_servers [--rounds 500] [--seed 0] [--out FILE]

In each round a photo that is there is deleted through one server, or cancelled, through a server or by the command,
while the same bytes are given through the other server, at moments drawn by the seed. Afterwards a row must have its
file and a file its row. At last either server is stopped, and the other asked to segment a query photo.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from indexer.bench.results import OUT, report
from indexer.commands.ingest import cancel
from retrieval.settings import Settings

from .deployment import Deployment
from .servers import drawn

HOWS = ("delete", "delete", "cancel by a server", "cancel by command")
LONGEST_HEADSTART = 0.03
"""Seconds by which one side may begin before the other."""

PATIENCE = 120.0


class Server(Deployment):
    """A web server of a home, as its clients see it."""

    @property
    def environment(self) -> dict[str, str]:
        """Without a trash, so that files go with their rows."""
        return {**super().environment, "SEGSEARCH_TRASH_DAYS": "0"}

    def ask_status(self, method: str, where: str) -> int:
        """Send a request without a body; returns the status of the answer."""
        request = urllib.request.Request(f"{self.base}/{where}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    @property
    def base(self) -> str:
        """Address of its API."""
        return f"http://127.0.0.1:{self.ports['web server 1']}/api/v1"

    def give(self, content: bytes, where: str = "images") -> int:
        """Upload a picture; returns the status of the answer."""
        return self._post(where, content)

    def is_up(self) -> bool:
        """Whether it answers, and its own analyzer listens."""
        if not any(self.settings.analyzers_dir.glob(f"{self.processes['web server 1'].pid}-*")):
            return False
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.base}/status", timeout=60) as answer:
            return bool(json.load(answer)["analyzer_up"])
        return False


def _wait_until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.05)


@contextmanager
def two_servers(folder: Path) -> Iterator[tuple[Server, Server]]:
    """Two servers on a home in a folder, with their analyzers and without workers."""
    (folder / "photos").mkdir(parents=True)
    servers = Server(folder / "home", folder / "photos"), Server(folder / "home", folder / "photos")
    try:
        for server in servers:  # the first one makes the catalogue
            server.start("web server 1")
            _wait_until(server.is_up, "a server is up")
        yield servers
    finally:
        for server in servers:
            server.stop()


def _remove(server: Server, settings: Settings, how: str, image_id: int) -> int:
    """Have a photo removed; returns a status."""
    if how == "delete":
        return server.ask_status("DELETE", f"images/{image_id}")
    if how == "cancel by a server":
        return server.ask_status("POST", "intake/cancel")
    return 200 if CliRunner().invoke(cancel, obj=settings).exit_code == 0 else 500


def _at_once(*tasks: tuple[float, Callable[[], int]]) -> list[int]:
    """Do things in threads, each after some seconds; what they return."""
    found = [0] * len(tasks)

    def work(number: int, wait: float, task: Callable[[], int]) -> None:
        time.sleep(wait)
        found[number] = task()

    threads = [threading.Thread(target=work, args=(number, *task)) for number, task in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def fault_of(server: Server, content: bytes) -> str | None:
    """What is wrong with a photo that was given and removed, if anything is."""
    sha256 = hashlib.sha256(content).hexdigest()
    rows = server.rows("SELECT id FROM image WHERE sha256 = ?", sha256)
    files = [path for path in (server.settings.uploads_dir / sha256[:2]).glob("*") if path.name.startswith(sha256)]
    if len(rows) > 1 or len(files) > 1:
        return "doubled"
    if rows and (not files or files[0].read_bytes() != content):
        return "lost"
    return "orphaned" if files and not rows else None


def one_round(servers: tuple[Server, Server], content: bytes, how: str, rng: random.Random) -> tuple[list[int], bool]:
    """A photo that is there is removed by one server and given by the other; their answers, and whether it is there."""
    first, second = rng.sample(servers, 2)
    first.give(content)
    sha256 = hashlib.sha256(content).hexdigest()
    ((image_id,),) = first.rows("SELECT id FROM image WHERE sha256 = ?", sha256)
    waits = [rng.uniform(0, LONGEST_HEADSTART) for _ in range(2)]
    answers = _at_once(
        (waits[0], lambda: _remove(first, first.settings, how, image_id)),
        (waits[1], lambda: second.give(content)),
    )
    return answers, bool(first.rows("SELECT id FROM image WHERE sha256 = ?", sha256))


def run(rounds: int, seed: int = 0, tell: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Give and remove the same bytes so many times; returns what was lost, doubled or orphaned.

    Parameters
    ----------
    rounds, seed : int
    tell : callable
        Called with a line for each fault, and now and then.
    """
    rng, started = random.Random(seed), time.monotonic()
    faults, statuses, ends = Counter[str](lost=0, doubled=0, orphaned=0), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="segsearch-two-") as folder, two_servers(Path(folder)) as servers:
        for number in range(rounds):
            content, how = drawn(seed * 1_000_000 + number, (32, 24)), rng.choice(HOWS)
            answers, is_there = one_round(servers, content, how, rng)
            statuses.update(str(status) for status in answers)
            ends["the photo is there" if is_there else "the photo is gone"] += 1
            if fault := fault_of(servers[0], content):
                faults[fault] += 1
                tell(f"round {number + 1}, {how}: {fault}")
            servers[0].ask_status("POST", "intake/cancel")
            if (number + 1) % 50 == 0:
                tell(f"{number + 1} of {rounds} rounds")
        left = [path for path in servers[0].settings.uploads_dir.rglob("*") if path.is_file()]
        stopped = _stop_each(servers)
    return {
        "rounds": rounds,
        "seed": seed,
        **faults,
        "files left at the end": len(left),
        "rounds after which": dict(sorted(ends.items())),
        "answers": dict(sorted(statuses.items())),
        "query photos while the other is stopped": stopped,
        "seconds": round(time.monotonic() - started, 1),
    }


def _stop_each(servers: tuple[Server, Server]) -> list[int]:
    """Stop either server in turn; what the other then answers to a query photo."""
    found = []
    for number, server in enumerate(servers):
        other = servers[1 - number]
        server.stop()
        found.append(other.give(drawn(number), "queries"))
        server.start("web server 1")
        _wait_until(server.is_up, "a server is up again")
    return found


def is_well(found: dict[str, Any]) -> bool:
    """Whether nothing was lost or left, and each server went on without the other."""
    kinds = ("lost", "doubled", "orphaned", "files left at the end")
    failed = [status for status in found["answers"] if status.startswith("5") or status == "0"]
    return not (failed or any(found[kind] for kind in kinds)) and set(
        found["query photos while the other is stopped"]
    ) == {201}


@click.command()
@click.option("--rounds", default=500, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True)
@OUT
def main(rounds: int, seed: int, out: Path | None) -> None:
    """Give, remove, count; exits with 1 if anything was lost, doubled or left."""
    found = run(rounds, seed, tell=lambda line: click.echo(line, err=True))
    report(found, out)
    sys.exit(0 if is_well(found) else 1)


if __name__ == "__main__":
    main()
