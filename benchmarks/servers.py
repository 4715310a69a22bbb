"""Real servers for benchmarks: processes of ``manage.py serve`` on a home of drawn photos."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import numpy as np
from PIL import Image

MANAGE = Path(__file__).resolve().parents[1] / "manage.py"
START_SECONDS = 120.0


def drawn(seed: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """A JPEG of coloured blocks, another for every seed."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes
    ----------
    port : int
        On 127.0.0.1.
    process : Popen
    log : Path
        What it wrote to standard error.
    """

    port: int
    process: subprocess.Popen[str]
    log: Path

    def get(self, path: str, timeout: float = 30.0) -> tuple[int, bytes]:
        """Status and body of an answer; status 0 where there was none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return 0, b""
        finally:
            connection.close()

    def tracebacks(self) -> int:
        """How many errors that nobody expected its log tells of."""
        return self.log.read_text(errors="replace").count("Traceback (most recent call last)")


@contextmanager
def serving(home: Path, number: int = 1, *, recipe: str = "grid", worker: bool = True) -> Iterator[Server]:
    """Start a server on a free port of loopback, wait until it is ready, and end it afterwards.

    Parameters
    ----------
    home : Path
    number : int
        Which of several on the same home; names its log.
    recipe : str
    worker : bool
        Whether it has a worker beside it.

    Raises
    ------
    RuntimeError
        It did not become ready.
    """
    options = [] if worker else ["--no-worker"]
    log = home.parent / f"server-{number}.log"
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, str(MANAGE), "serve", "--port", "0", *options],
                env=environment(home, recipe),
                stdout=subprocess.PIPE,
                stderr=stack.enter_context(log.open("w")),
                text=True,
            )
        )
        stack.callback(process.terminate)
        words = (word for line in process.stdout or () for word in line.split())
        address = next((word for word in words if word.startswith("http://")), None)
        if address is None:
            raise RuntimeError(f"the server ended before it listened: {log.read_text()[-500:]}")
        server = Server(int(address.rstrip("/").rpartition(":")[2]), process, log)
        until = time.monotonic() + START_SECONDS
        while server.get("/readyz")[0] != 200:
            if time.monotonic() > until:
                raise RuntimeError(f"the server did not become ready: {server.get('/readyz')[1]!r}")
            time.sleep(0.2)
        yield server


def environment(home: Path, recipe: str = "grid") -> dict[str, str]:
    """Of the processes of a home."""
    own = {
        "SEGSEARCH_DATA_DIR": str(home),
        "SEGSEARCH_RECIPE": recipe,
        "SEGSEARCH_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    return {**os.environ, **own}


@contextmanager
def drawn_home(photos: int) -> Iterator[Path]:
    """A home in a temporary folder, with drawn photos in it: the first is large, one is broken, one has an odd name."""
    with tempfile.TemporaryDirectory(prefix="segsearch-") as folder:
        source = Path(folder) / "photos"
        source.mkdir()
        noise = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype=np.uint8)
        Image.fromarray(noise).save(source / "000.png", compress_level=0)
        for number in range(1, photos):
            (source / f"{number:03}.jpg").write_bytes(drawn(number))
        (source / "東京 \N{SNOWMAN} “quoted”.jpg").write_bytes(drawn(photos))
        (source / "torn.jpg").write_bytes(drawn(photos + 1)[:2000])
        home = Path(folder) / "home"
        subprocess.run(
            [sys.executable, str(MANAGE), "ingest", str(source)],
            env=environment(home),
            check=True,
            capture_output=True,
        )
        yield home
