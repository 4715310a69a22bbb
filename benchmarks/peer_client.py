"""A store of `benchmarks.peers` in its own process and environment, as who asks it sees it."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]

PACKAGES = {
    "lancedb": ("lancedb==0.40.0", "pyarrow==26.0.1", "numpy==2.4.6"),
    "milvus-lite": ("milvus-lite==3.2.2", "pymilvus==3.0.2", "faiss-cpu==1.15.1", "pyarrow==26.0.1", "numpy==2.4.6"),
}
"""What the stores of a name need; the others run in this environment."""

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS",
        "TOKIO_WORKER_THREADS", "LANCE_CPU_THREADS",
    ),
    "1",
)  # fmt: skip
"""Not ``LANCE_IO_THREADS``: with one, LanceDB 0.40 waits for itself for ever."""


class PeerError(RuntimeError):
    """A store cannot be had, ended, answered wrongly, or took too long."""


@cache
def interpreter(name: str, folder: Path) -> Path:
    """Python of the environment that a store needs, made if need be.

    Raises
    ------
    PeerError
        It cannot be made.
    """
    packages = PACKAGES.get(name.split()[0])
    if packages is None:
        return Path(sys.executable)
    if shutil.which("uv") is None:
        raise PeerError("its environment needs uv, which is not installed: https://docs.astral.sh/uv")
    place = folder / name.split()[0]
    python = place / "bin" / "python"
    for command in (
        ["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(place)],
        ["uv", "pip", "install", "--quiet", "--python", str(python), *packages],
    ):
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise PeerError(f"its environment could not be made: {_last_line(made.stderr)}")
    return python


class StoreProcess:
    """A store in its own process.

    Parameters
    ----------
    name : str
        Of `STORES`.
    python : Path
    data, folder : Path
        Of the vectors, and of the store.
    limit_s : float
        Seconds that it may take to answer, all requests together.
    """

    def __init__(self, name: str, python: Path, data: Path, folder: Path, limit_s: float) -> None:
        self.name, self.limit_s, self._left = name, limit_s, limit_s
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # as long as the process
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.peer_process", name, str(data), str(folder)],
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, what: str, **request: Any) -> dict[str, Any]:
        """Ask and wait for the answer.

        Raises
        ------
        PeerError
            The process ended, or its time is used up; then it is ended, too.
        """
        assert self._process.stdin is not None
        until, added = time.monotonic() + self._left, ""
        try:
            self._process.stdin.write(json.dumps({"do": what, **request}) + "\n")
            self._process.stdin.flush()
            while True:
                line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
                if line is None:
                    raise PeerError(f"ended while it was to {what}{added}: {self._last_words()}")
                answer = json.loads(line)
                if "done" in answer:
                    return dict(answer["done"])
                added = f", {answer['added']:,} added"
        except queue.Empty:
            self.end()
            raise PeerError(f"reached its limit of {self.limit_s:g} s when it was to {what}{added}") from None
        except BrokenPipeError:
            raise PeerError(f"ended before it was to {what}: {self._last_words()}") from None
        finally:
            self._left = until - time.monotonic()

    def memory(self) -> int:
        """Proportional set size of the process and its children, in bytes."""
        this = psutil.Process(self._process.pid)
        return sum(each.memory_full_info().pss for each in (this, *this.children(recursive=True)))

    def end(self) -> None:
        """End it, by the end of its requests if it listens."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(10 if self._left > 0 else 0)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _last_words(self) -> str:
        self._process.wait()
        self._log.seek(0)
        return _last_line(self._log.read())


@contextmanager
def running(name: str, python: Path, data: Path, folder: Path, limit_s: float) -> Iterator[StoreProcess]:
    """A store's process, ended afterwards."""
    process = StoreProcess(name, python, data, folder, limit_s)
    try:
        yield process
    finally:
        process.end()


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it says nothing")
