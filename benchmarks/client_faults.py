"""Uploads, lists, searches and exports drawn photos with `segsearch.client` while connections are cut.

A proxy of TCP stands between the client and a real server, and resets one connection a minute, and one soon after each
step began. Nothing may be lost or be there twice.

    python benchmarks/client_faults.py --photos 10000 --output benchmarks/results/client-faults.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import socket
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from servers import drawn, serving

from segsearch.client import Client, Progress, Search

BLOCK = 1 << 16


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


def measure(photos: int, searches: int, seconds: float) -> dict[str, object]:
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
                    report = client.upload_folder(folder, progress=_tell)
                with step("upload again", steps, proxy):
                    again = client.upload_folder(folder)
                with step("indexed", steps, proxy):
                    while (status := client.installation.status()).counts.indexed < photos or status.lag:
                        time.sleep(1)
                with step("list", steps, proxy):
                    listed = [Path(photo.path or "").stem for photo in client.photos.all()]
                with step("search", steps, proxy):
                    keys = list(client.timeline.ids())
                    found = sum(bool(_search(client, key)) for key in random.sample(keys, min(searches, photos)))
                with step("export", steps, proxy):
                    exported = json.loads(client.photos.export(Path(place) / "coco.json").read_text())
            proxy.close()
            tracebacks = server.tracebacks()
        left = [path.name for path in Path(place).glob(".*.part")]
    return {
        "photos": photos,
        "cuts": proxy.cuts,
        "steps": steps,
        "upload": {"sent": report.sent, "known": report.known, "refused": len(report.refused)},
        "upload_again": {"sent": again.sent, "known": again.known, "refused": len(again.refused)},
        "listed": _account(listed, digests),
        "searches": {"asked": min(searches, photos), "answered": found},
        "exported": _account([Path(each["file_name"]).stem for each in exported["images"]], digests),
        "segments": {
            "in the index": status.segments,
            "exported": len(exported["annotations"]),
            "doubled": len(exported["annotations"]) - len({each["id"] for each in exported["annotations"]}),
        },
        "partial_files": left,
        "tracebacks": tracebacks,
    }


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


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0, help="between two cuts")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    found = measure(options.photos, options.searches, options.seconds)
    told = json.dumps(found, indent=2)
    print(told)
    if options.output is not None:
        options.output.write_text(told + "\n")


if __name__ == "__main__":
    main()
