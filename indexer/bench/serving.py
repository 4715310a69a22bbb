"""Benchmark of a web server over a collection: start time, memory, and response times."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil

from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.processes.program import PROGRAM, own_command, own_environment
from retrieval.settings import Settings

CLIENTS = (1, 8)
STARTS = 3
WARM_UP = 20
ANALYZER_SECONDS = 120


def bench_serving(settings: Settings, keys: list[int]) -> dict[str, Any]:
    """Start a server in another process and search by segments over loopback.

    Parameters
    ----------
    settings : Settings
    keys : list of int
        Segments to search by; the first ones warm it up.

    Notes
    -----
    The fastest of `STARTS` starts counts. The clients share the cores with the server. Times are of single requests,
    without repetition.
    """
    starts, found = list[float](), dict[str, Any]()
    for _ in range(STARTS - 1):
        with _server(settings) as (_, _, started):
            starts.append(started)
    with _server(settings) as (address, process, started):
        found["server started, s"] = round(min(*starts, started), 2)
        found["server's own memory, MB"] = round(process.memory_full_info().uss / 1e6)
        _wait_for_analyzer(settings)
        _ask_all(address, keys[:WARM_UP])
        for clients in CLIENTS:
            with ThreadPoolExecutor(clients) as pool:
                rounds = [keys[number:] + keys[:number] for number in range(clients)]
                times = np.concatenate(list(pool.map(lambda mine: _ask_all(address, mine), rounds)))
            shares = {f"p{share}": round(1000 * float(np.percentile(times, share)), 1) for share in (50, 95, 99)}
            found[f"HTTP, {clients} client{'s' * (clients > 1)}, ms"] = shares
        found["server's own memory afterwards, MB"] = round(process.memory_full_info().uss / 1e6)
    return found


@contextmanager
def _server(settings: Settings) -> Iterator[tuple[str, psutil.Process, float]]:
    """Address, process, and seconds until it listened."""
    environment = own_environment(
        SEGSEARCH_DATA_DIR=str(settings.data_dir), SEGSEARCH_RECIPE=settings.recipe, SEGSEARCH_INDEX=settings.index
    )
    command = own_command("serve", "--no-worker", "--port", "0")
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            words = (word for line in process.stdout or () for word in line.split())
            address = next((word for word in words if word.startswith("http://")), None)
            if address is None:
                raise RuntimeError(f"the server exited before it listened: run `{PROGRAM} serve` to see why")
            yield address, psutil.Process(process.pid), time.perf_counter() - started
        finally:
            process.terminate()


def _wait_for_analyzer(settings: Settings) -> None:
    """Wait until the analyzer has loaded its network, because that would slow down the server."""
    remote, until = RemoteAnalyzer(settings.analyzers_dir), time.monotonic() + ANALYZER_SECONDS
    while not remote.is_up() and time.monotonic() < until:
        time.sleep(0.5)


def _ask_all(address: str, keys: list[int]) -> np.ndarray:
    """Seconds of each search, over one connection."""
    place, times = urlsplit(address), list[float]()
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    for key in keys:
        body = json.dumps({"positive": [{"segment": key}], "limit": 50})
        started = time.perf_counter()
        connection.request("POST", "/api/v1/search", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        times.append(time.perf_counter() - started)
        if answer.status != http.client.OK or len(json.loads(content)["results"]) == 0:
            raise RuntimeError(f"the server answered {answer.status}: {content[:300]!r}")
    connection.close()
    return np.array(times)
