"""Kill -9 at moments drawn by a seed: whatever dies, nothing is lost, nothing doubled, index equal to catalogue.

::

    python -m benchmarks.kills [--kills 50] [--copies 2] [--seed 0] [--filled 60000] [--from FOLDER] [--out FILE]

Web servers with their analyzers, workers with their decoders and ``ingest``, two of each, run on one home, while photos
are uploaded, put into a folder and searched with. One of the processes is killed, what nobody restarts is started
again, and when all is entered the catalogue is held against the files and the index against the catalogue. Then the
next one. The home is filled with synthetic photos before, so that it has an index of inverted lists, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import psutil

from indexer.bench.results import OUT, report
from indexer.bench.synthetic import fill
from indexer.publish import Publisher, rebuild, verify
from retrieval.assembly import Assembly
from retrieval.catalog.ingest_queue import GIVEN_UP
from retrieval.settings import Settings

from .servers import MANAGE, drawn

KINDS = ("worker", "decoder", "web server", "analyzer", "ingest")
PATIENCE = 120.0
"""Seconds that anything may take before it counts as a hang."""


class HangError(RuntimeError):
    """Something did not happen in time."""


def contents(source: Path | None, seed: int) -> Iterator[bytes]:
    """Pictures without end, no two alike: those of a folder first, drawn ones after them."""
    seen: set[str] = set()
    for path in sorted(source.rglob("*.jpg")) if source else ():
        content = path.read_bytes()
        if (digest := hashlib.sha256(content).hexdigest()) not in seen:
            seen.add(digest)
            yield content
    number = seed * 1_000_000
    while True:
        yield drawn(number)
        number += 1


@dataclass
class Library:
    """The processes of one home and what they were given.

    Attributes
    ----------
    copies : int
        How many there are of each kind of process. They are named by kind and number: ``worker 1``.
    """

    home: Path
    photos: Path
    recipe: str = "grid"
    copies: int = 1
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    before: set[str] = field(default_factory=set)
    uploaded: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.ports = {name: _free_port() for name in self.names("web server")}

    def fill(self, segments: int) -> None:
        """Enter synthetic photos that have so many segments, and write their index."""
        assembly = Assembly(self.settings)
        fill(assembly, segments)
        rebuild(assembly)
        assembly._sessions.kw["bind"].dispose()
        self.before = {digest for (digest,) in self.rows("SELECT sha256 FROM image")}

    @property
    def settings(self) -> Settings:
        """Of its home."""
        return Settings.in_home(self.home, device="cpu", recipe=self.recipe)

    def names(self, *kinds: str) -> list[str]:
        """Of the processes of some kinds."""
        return [f"{kind} {number}" for kind in kinds for number in range(1, self.copies + 1)]

    def start(self, name: str) -> None:
        """Start a web server, worker or ingest that is not running."""
        running = self.processes.get(name)
        if running is not None and running.poll() is None:
            return
        arguments = {
            "web server": ["serve", "--no-worker", "--port", str(self.ports.get(name, 0))],
            "worker": ["worker"],
            "ingest": ["ingest", str(self.photos)],
        }[kind_of(name)]
        with (self.home.parent / f"{name.replace(' ', '-')}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, str(MANAGE), *arguments], env=self.environment, stdout=log, stderr=log
            )

    @property
    def environment(self) -> dict[str, str]:
        """Of the processes; they are known by their home."""
        own = {"SEGSEARCH_HOME": str(self.home), "SEGSEARCH_RECIPE": self.recipe, "SEGSEARCH_DEVICE": "cpu"}
        return {**os.environ, "OMP_NUM_THREADS": "1", **own}

    def victim(self, name: str) -> psutil.Process | None:
        """The process of a name, if there is one now; an analyzer is a web server's, a decoder that of any worker.

        One worker may take all the photos, and the others have no decoder then.
        """
        kind, number = kind_of(name), name.rpartition(" ")[2]
        if kind == "decoder":
            return next((each for worker in self.names("worker") for each in self._decoders_of(worker)), None)
        owner = f"web server {number}" if kind == "analyzer" else name
        with contextlib.suppress(psutil.Error, KeyError):
            process = psutil.Process(self.processes[owner].pid)
            if kind == "analyzer":
                return next((each for each in process.children() if "analyzer" in each.cmdline()), None)
            if self.processes[owner].poll() is None:
                return process
        return None

    def _decoders_of(self, worker: str) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error, KeyError):
            return _decoders(psutil.Process(self.processes[worker].pid))
        return []

    def leftovers(self) -> list[str]:
        """Processes of this home that are there although they should have ended."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SEGSEARCH_HOME") == str(self.home) and process.pid != os.getpid():
                    found.append(f"{process.pid} {' '.join(process.cmdline())[-80:]}")
        return found

    def stop(self) -> None:
        """End everything, kindly."""
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

    # ---- as a client

    def upload(self, content: bytes) -> None:
        """Give a photo until it is acknowledged, as a patient client would."""
        self.uploaded.add(hashlib.sha256(content).hexdigest())
        _until(lambda: self._post("images", content) in (200, 202), "an upload is acknowledged")

    def ask(self, content: bytes) -> None:
        """Have a query photo segmented, once."""
        self._post("queries", content)

    def _post(self, where: str, content: bytes) -> int:
        boundary = b"segsearch-kills"
        head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' % boundary
        body = head + content + b"\r\n--%s--\r\n" % boundary
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
        port = self.ports[random.choice(self.names("web server"))]
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/{where}", body, kind)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            status = 0
        except Exception:  # noqa: BLE001  # http.client's, where the server died in the middle of its answer
            status = 0
        self.answers[f"{where} {status or 'no answer'}"] += 1
        return status

    def searchable(self, name: str) -> tuple[int, int]:
        """Segments that a web server finds, and those that it does not yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/api/v1/status", timeout=60) as answer:
                told = json.load(answer)
                return told["segments"], told["lag"]
        except (OSError, ValueError):
            return -1, -1

    # ---- in the catalogue

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database itself, or tell it."""
        with contextlib.closing(sqlite3.connect(self.home / "catalog.db", timeout=60)) as database, database:
            return database.execute(question, values).fetchall()

    def is_settled(self) -> bool:
        """Whether all that was given is registered and entered."""
        waiting = "SELECT count(*) FROM image WHERE state IN ('pending', 'working')"
        ended = all(self.processes[name].poll() is not None for name in self.names("ingest"))
        return ended and self.rows(waiting) == [(0,)]


def kind_of(name: str) -> str:
    """What a process is, without its number."""
    return name.rpartition(" ")[0]


def _free_port() -> int:
    """One that the kernel gives to no client: asking at an own port while nobody listens can connect to oneself."""
    while True:
        port = random.SystemRandom().randint(20000, 30000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _decoders(worker: psutil.Process) -> list[psutil.Process]:
    servers = [each for each in worker.children() if "forkserver" in " ".join(each.cmdline())]
    return [child for server in servers for child in server.children()]


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise HangError(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.1)


def faults_of(library: Library) -> list[str]:
    """What is lost, doubled or different; nothing if all is well."""
    assembly = Assembly(library.settings)
    try:
        Publisher(assembly).publish()
        found = verify(assembly)
    finally:
        assembly._sessions.kw["bind"].dispose()
    wanted = library.before | library.uploaded | library.files
    digests = [digest for (digest,) in library.rows("SELECT sha256 FROM image")]
    places = {uri for (uri,) in library.rows("SELECT uri FROM location")}
    segments = library.rows("SELECT count(*) FROM segment WHERE NOT is_fallback")[0][0]
    counted = library.rows("SELECT coalesce(sum(segment_count), 0) FROM image")[0][0]
    per_photo = "SELECT image_id FROM segment GROUP BY image_id, mask_counts, x0, y0, x1, y1 HAVING count(*) > 1"
    checks = {
        "photos lost": len(wanted - set(digests)),
        "photos doubled": len(digests) - len(set(digests)),
        "photos that nobody gave": len(set(digests) - wanted),
        "places lost or doubled": abs(len(places) - len(wanted)),
        "photos not entered": library.rows("SELECT count(*) FROM image WHERE state NOT IN ('indexed', 'empty')")[0][0],
        "segments lost or doubled": abs(segments - counted),
        "photos with a segment twice": len(library.rows(per_photo)),
        "segments without photo": library.rows(
            "SELECT count(*) FROM segment WHERE image_id NOT IN (SELECT id FROM image)"
        )[0][0],
        "renditions missing": sum(
            not _renditions(assembly.settings, digest) for digest in set(digests) - library.before
        ),
    }
    return found + [f"{count} {what}" for what, count in checks.items() if count]


def _renditions(settings: Settings, digest: str) -> bool:
    return settings.preview(digest).is_file() and settings.thumbnail(digest).is_file()


def _parts(library: Library) -> list[str]:
    """How many segments each part of the written index has, and whether they are in inverted lists."""
    parts = Assembly(library.settings).segment_files.manifest().parts
    return [f"{part.count} {'inverted' if part.tuning else 'exact'}" for part in parts]


def kill_one(library: Library, name: str, wait: float) -> bool:
    """Kill a process after some seconds, or as soon as it is there; whether it was killed."""
    time.sleep(wait)
    end = time.monotonic() + (5.0 if kind_of(name) == "ingest" else PATIENCE)
    while (process := library.victim(name)) is None:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    process.kill()
    if name in library.processes:
        library.processes[name].wait(PATIENCE)
    return True


def work(library: Library, source: Iterator[bytes], photos: int, number: int) -> threading.Thread:
    """Put photos into the folder, and begin to give as many by upload; each third is asked for as well."""
    for index in range(photos):
        content = next(source)
        library.files.add(hashlib.sha256(content).hexdigest())
        (library.photos / f"{number:03}-{index:03}.jpg").write_bytes(content)
    uploads = [next(source) for _ in range(photos)]

    def give() -> None:
        for index, content in enumerate(uploads):
            library.upload(content)
            if index % 3 == 0:
                library.ask(content)

    thread = threading.Thread(target=give, daemon=True)
    thread.start()
    return thread


def one_round(
    library: Library, source: Iterator[bytes], victim: str, photos: int, wait: float, number: int
) -> list[str]:
    """Work, a kill in the middle of it, and the account afterwards."""
    giving = work(library, source, photos, number)
    for name in library.names("web server", "worker", "ingest"):
        library.start(name)
    while not kill_one(library, victim, wait):
        if kind_of(victim) != "ingest":
            raise HangError(f"there is no {victim} to kill")
        library.start(victim)  # it was faster than its death
        wait = wait / 2
    for name in library.names("web server", "worker"):
        library.start(name)
    if kind_of(victim) == "ingest":
        library.start(victim)
    giving.join(PATIENCE)
    if giving.is_alive():
        raise HangError("uploads are not acknowledged")
    _until(library.is_settled, "everything is entered")
    faults = faults_of(library)
    count = library.rows("SELECT count(*) FROM segment")[0][0]
    for name in library.names("web server"):
        try:
            _until(lambda name=name: library.searchable(name) == (count, 0), f"{name} finds every segment")
        except HangError as error:
            faults.append(f"{error}: {library.searchable(name)} of {count}")
    return faults


def run(
    kills: int,
    seed: int,
    photos: int = 12,
    source: Path | None = None,
    *,
    filled: int = 0,
    copies: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Kill so many times; returns what was given, killed and found wrong.

    Parameters
    ----------
    kills, seed : int
    photos : int
        New files a round, and as many uploads.
    source : Path, optional
        A folder of photos; drawn ones if absent.
    filled : int
        Synthetic segments to begin with.
    copies : int
        Processes of each kind.
    tell : callable
        Called with a line a round.
    """
    rng, started = random.Random(seed), time.monotonic()
    kinds = [kind for _ in range(-(-kills // len(KINDS))) for kind in rng.sample(KINDS, len(KINDS))][:kills]
    killed, faults, given_up = Counter[str](), list[str](), 0
    with tempfile.TemporaryDirectory(prefix="segsearch-kills-") as folder:
        library = Library(Path(folder) / "home", Path(folder) / "photos", copies=copies)
        library.photos.mkdir()
        supply = contents(source, seed)
        if filled:
            library.fill(filled)
        try:
            for number, kind in enumerate(kinds):
                wait, name = rng.uniform(0.0, 3.0), f"{kind} {rng.randint(1, copies)}"
                found = one_round(library, supply, name, photos, wait, number)
                again = library.rows("SELECT count(*) FROM image WHERE error = ?", GIVEN_UP)[0][0]
                given_up += again
                killed[kind] += 1
                faults += [f"kill {number}, of {name}: {fault}" for fault in found]
                tell(f"{number + 1}/{kills} {name} killed after {wait:.2f} s: {'; '.join(found) or 'all is well'}")
        finally:
            library.stop()
        try:
            _until(lambda: not library.leftovers(), "all processes end")
        except HangError:
            faults += [f"left behind: {each}" for each in library.leftovers()]
        faults += [f"{count} answers: {name}" for name, count in library.answers.items() if name.endswith(" 500")]
        return {
            "kills": sum(killed.values()),
            "seed": seed,
            "processes of each kind": copies,
            "killed": dict(sorted(killed.items())),
            "files": len(library.files),
            "uploads": len(library.uploaded),
            "photos in the catalogue": library.rows("SELECT count(*) FROM image")[0][0],
            "parts of the index": _parts(library),
            "segments in catalogue and index": library.rows("SELECT count(*) FROM segment")[0][0],
            "given up as killers of workers": given_up,
            "answers": dict(sorted(library.answers.items())),
            "faults": faults,
            "seconds": round(time.monotonic() - started, 1),
        }


@click.command()
@click.option("--kills", default=50, show_default=True, type=click.IntRange(1))
@click.option("--copies", default=2, show_default=True, type=click.IntRange(1, 4), help="Processes of each kind.")
@click.option("--seed", default=0, show_default=True)
@click.option("--photos", default=12, show_default=True, help="New files a round, and as many uploads.")
@click.option("--filled", default=60_000, show_default=True, help="Synthetic segments to begin with.")
@click.option("--from", "source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@OUT
def main(kills: int, copies: int, seed: int, photos: int, filled: int, source: Path | None, out: Path | None) -> None:
    """Kill, restart, count; exits with 1 if anything was lost, doubled or different."""
    found = run(kills, seed, photos, source, filled=filled, copies=copies, tell=click.echo)
    report(found, out)
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
