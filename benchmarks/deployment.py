"""The processes of one home, two of each if need be: started, found, ended, and asked as a client asks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from indexer.bench.synthetic import fill
from indexer.publish import rebuild
from retrieval.assembly import Assembly
from retrieval.settings import Settings

from .servers import MANAGE

PATIENCE = 120.0
"""Seconds that anything may take before it counts as a hang."""


LOG_CHARACTERS = 8000
"""How much of each log is told where something hangs."""


class HangError(RuntimeError):
    """Something did not happen in time."""


@dataclass
class Deployment:
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
        return Settings.in_data_dir(self.home, device="cpu", recipe=self.recipe)

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
        own = {"SEGSEARCH_DATA_DIR": str(self.home), "SEGSEARCH_RECIPE": self.recipe, "SEGSEARCH_DEVICE": "cpu"}
        return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1", **own}

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
                if process.environ().get("SEGSEARCH_DATA_DIR") == str(self.home) and process.pid != os.getpid():
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

    def abort(self) -> str:
        """End what runs by SIGABRT; returns what is in the catalogue and the last of each log, with all its stacks."""
        states = self.rows("SELECT state, count(*) FROM image GROUP BY state")
        lines = [f"photos: {dict(states)}", *(f"{name}: {each.poll()}" for name, each in self.processes.items())]
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGABRT)
                process.wait(PATIENCE)
        for log in sorted(self.home.parent.glob("*.log")):
            lines += [f"---- {log.name}", log.read_text(errors="replace")[-LOG_CHARACTERS:]]
        return "\n".join(lines)

    # ---- as a client

    def upload(self, content: bytes) -> None:
        """Give a photo until it is acknowledged, as a patient client would."""
        self.uploaded.add(hashlib.sha256(content).hexdigest())
        until(lambda: self._post("images", content) in (200, 202), "an upload is acknowledged")

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


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds.

    Raises
    ------
    HangError
        It does not within `PATIENCE`.
    """
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise HangError(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.1)


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
