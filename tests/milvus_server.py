"""A Milvus server for tests.

``SEGSEARCH_TEST_MILVUS`` names one by its URL, or the Python of an environment with milvus-lite, by which one is started.
It is an environment of its own: milvus-lite needs faiss-cpu, which has the module name of faiss-gpu.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VARIABLE = "SEGSEARCH_TEST_MILVUS"
START_SECONDS = 60


@contextmanager
def running_milvus(folder: Path) -> Iterator[str]:
    """The URL of a server; one that was started here is ended afterwards."""
    named = os.environ.get(VARIABLE, "")
    if not named:
        pytest.skip(f"{VARIABLE} names no Milvus server, nor a Python with milvus-lite: make test-services")
    if "://" in named:
        yield named
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(named).parent / "milvus-lite", "server", "--data-dir", folder / "data", "--host", "127.0.0.1"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*map(str, command), "--port", str(port)], stdout=log, stderr=log)
    try:
        _wait(process, port, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it takes connections."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"milvus-lite does not listen: {log.read_text()[-2000:]}")
