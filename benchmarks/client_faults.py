"""Uploads, lists, searches and exports drawn photos with `segsearch.client` while connections are cut.

::

    python -m benchmarks.client_faults [--photos 10000] [--searches 500] [--seconds 60] [--out FILE]

A proxy of TCP stands between the client and a real server. It resets a connection that carries something every so many
seconds, and one soon after each step began. Nothing may be lost or be there twice. The library is exported in parts of
500 photos: a server makes an export while it sends it, so one that takes longer than from cut to cut never arrives.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from indexer.bench.results import OUT, report
from segsearch.client import Client, Progress, Search

from .servers import drawn, serving

BLOCK = 1 << 16
PART = 500


class CuttingProxy:
    """Passes connections on to a port of loopback, and resets one of them from time to time.

    Parameters
    ----------
    port : int
        Where the server listens.
    seconds : float
        Between two cuts.
    """

    def __init__(self, port: int, seconds: float) -> None:
        self.cuts = 0
        self.sent = 0
        self._target = port
        self._open = set[tuple[socket.socket, socket.socket]]()
        self._busy: dict[tuple[socket.socket, socket.socket], float] = {}
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        self._ending = threading.Event()
        threading.Thread(target=self._cut_regularly, args=(seconds,), daemon=True).start()

    def cut_soon(self) -> None:
        """Cut the next connection that carries something."""
        before = time.monotonic()
        while not self._ending.wait(0.005):
            with self._lock:
                busy = [pair for pair, when in self._busy.items() if when > before and pair in self._open]
            if busy:
                self._reset(random.choice(busy))
                return

    def close(self) -> None:
        """Cut nothing any more."""
        self._ending.set()
        self._listening.close()

    def _cut_regularly(self, seconds: float) -> None:
        while not self._ending.wait(seconds):
            self.cut_soon()

    def _reset(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self.cuts += 1
        for end in pair:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            pair = (near, far)
            with self._lock:
                self._open.add(pair)
            threading.Thread(target=self._pass_both, args=(pair,), daemon=True).start()

    def _pass_both(self, pair: tuple[socket.socket, socket.socket]) -> None:
        back = threading.Thread(target=self._pass, args=(pair, pair[1], pair[0]), daemon=True)
        back.start()
        self._pass(pair, pair[0], pair[1])
        back.join()
        with self._lock:
            self._open.discard(pair)
            self._busy.pop(pair, None)
        for end in pair:
            end.close()

    def _pass(self, pair: tuple[socket.socket, socket.socket], source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(BLOCK):
                target.sendall(block)
                with self._lock:
                    self._busy[pair] = time.monotonic()
                    self.sent += len(block) if source is pair[0] else 0
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def step(name: str, steps: dict[str, dict[str, float]], proxy: CuttingProxy) -> Iterator[None]:
    """Measure a step, in which a connection is cut."""
    began, cuts, sent = time.monotonic(), proxy.cuts, proxy.sent
    threading.Thread(target=proxy.cut_soon, daemon=True).start()
    yield
    steps[name] = {
        "seconds": round(time.monotonic() - began, 1),
        "cuts": proxy.cuts - cuts,
        "megabytes_sent": round((proxy.sent - sent) / 1e6, 3),
    }
    print(f"{name}: {steps[name]}", flush=True)


def measure(photos: int, searches: int, seconds: float) -> dict[str, Any]:
    """Run all steps on a new server.

    Parameters
    ----------
    photos, searches : int
    seconds : float
        Between two cuts.
    """
    steps: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="segsearch-") as place:
        folder = Path(place) / "photos"
        digests = set[str]()
        for number in range(photos):
            content = drawn(number)
            digests.add(hashlib.sha256(content).hexdigest())
            path = folder / f"{number // 500:03}" / f"{number:06}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        with serving(Path(place) / "home") as server:
            proxy = CuttingProxy(server.port, seconds)
            with Client(f"http://127.0.0.1:{proxy.port}") as client:
                with step("upload", steps, proxy):
                    first = client.upload_folder(folder, progress=_tell)
                with step("upload again", steps, proxy):
                    again = client.upload_folder(folder)
                with step("indexed", steps, proxy):
                    while client.installation.status().counts.indexed < photos:
                        time.sleep(1)
                with step("list", steps, proxy):
                    listed = [Path(photo.path or "").stem for photo in client.photos.all()]
                with step("search", steps, proxy):
                    keys = list(client.timeline.ids())
                    found = sum(bool(_search(client, key)) for key in random.sample(keys, min(searches, photos)))
                with step("export", steps, proxy):
                    parts = [_exported(client, Path(place), keys[at : at + PART]) for at in range(0, len(keys), PART)]
                with step("searchable", steps, proxy):
                    while (status := client.installation.status()).lag:  # its index follows within seconds
                        time.sleep(1)
            proxy.close()
            tracebacks = server.tracebacks()
        images = [each for part in parts for each in part["images"]]
        annotations = [each["id"] for part in parts for each in part["annotations"]]
        left = [path.name for path in Path(place).glob(".*.part")]
    return {
        "photos": photos,
        "cuts": proxy.cuts,
        "steps": steps,
        "upload": {"sent": first.sent, "known": first.known, "refused": len(first.refused)},
        "upload_again": {"sent": again.sent, "known": again.known, "refused": len(again.refused)},
        "listed": _account(listed, digests),
        "searches": {"asked": min(searches, photos), "answered": found},
        "exported": _account([Path(each["file_name"]).stem for each in images], digests),
        "segments": {
            "in the index": status.segments,
            "exported": len(annotations),
            "doubled": len(annotations) - len(set(annotations)),
        },
        "partial_files": left,
        "tracebacks": tracebacks,
    }


def _exported(client: Client, place: Path, image_ids: list[int]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.photos.export(place / "coco.json", photos=image_ids).read_text())
    return found


def _search(client: Client, image_id: int) -> bool:
    segment = client.photos.get(image_id).segments[0].id
    return len(client.searches.find(Search(positive=[segment], limit=10)).results) == 10


def _account(found: list[str], expected: set[str]) -> dict[str, int]:
    counted = Counter(found)
    return {
        "there": len(expected & counted.keys()),
        "lost": len(expected - counted.keys()),
        "doubled": sum(counted.values()) - len(counted),
        "strange": len(counted.keys() - expected),
    }


def _tell(progress: Progress) -> None:
    if progress.done % 500 == 0:
        print(f"{progress.done} photos", flush=True)


def faults_of(found: dict[str, Any]) -> list[str]:
    """What was lost or doubled, or went wrong otherwise."""
    photos = found["photos"]
    wrong = {
        "photos were lost or doubled by uploads": found["upload"]["sent"] + found["upload"]["known"] != photos,
        "photos were sent a second time": found["upload_again"]["known"] != photos,
        "the list is not what was sent": found["listed"] != _right(photos),
        "the export is not what was sent": found["exported"] != _right(photos),
        "searches were not answered": found["searches"]["asked"] != found["searches"]["answered"],
        "segments were lost or doubled": found["segments"]["exported"] != found["segments"]["in the index"]
        or found["segments"]["doubled"] != 0,
        "partial files were left": bool(found["partial_files"]),
        "the server failed": found["tracebacks"] != 0,
    }
    return [text for text, is_so in wrong.items() if is_so]


def _right(photos: int) -> dict[str, int]:
    return {"there": photos, "lost": 0, "doubled": 0, "strange": 0}


@click.command()
@click.option("--photos", default=10_000, show_default=True, type=click.IntRange(10))
@click.option("--searches", default=500, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=60.0, show_default=True, help="Between two cuts.")
@OUT
def main(photos: int, searches: int, seconds: float, out: Path | None) -> None:
    """Measure, and exit with 1 if anything was lost or doubled."""
    found = measure(photos, searches, seconds)
    faults = faults_of(found)
    report({**found, "faults": faults}, out)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
