"""One way to keep vectors, filled or asked by lines of JSON: the process that `benchmarks.peers` starts for each.

::

    python -m benchmarks.peer_process STORE DATA FOLDER

Runs in the environment that the store needs (`benchmarks.peer_stores`). ``DATA`` has ``vectors.npy``, ``photos.npy``
and, of the queries, ``queries.npy`` and ``keys.npy``; the store is in ``FOLDER``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .peer_stores import STORES, Effort, Query, Store


class Service:
    """Answers requests, each a line of JSON, by a store.

    Parameters
    ----------
    store : Store
    data : Path
        The folder with the vectors.
    tell : callable
        Sends a line.
    """

    def __init__(self, store: Store, data: Path, tell: Callable[[dict[str, Any]], None]) -> None:
        self._store, self._data, self._tell = store, data, tell
        self._queries: list[Query] = []
        _load(store.modules)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What was asked for: ``fill``, ``open``, ``search`` or ``nearest``."""
        methods: dict[str, Callable[..., dict[str, Any]]] = {
            "fill": self._fill,
            "open": self._open,
            "search": self._search,
            "nearest": self._nearest,
        }
        return methods[request.pop("do")](**request)

    def _fill(self) -> dict[str, Any]:
        _load(self._store.filling_modules)
        vectors, photos = (np.load(self._data / f"{name}.npy", mmap_mode="r") for name in ("vectors", "photos"))
        started = time.perf_counter()
        for count in self._store.add(vectors, np.array(photos)):
            self._tell({"added": count})
        added = time.perf_counter()
        self._store.build()
        return {"add, s": added - started, "index, s": time.perf_counter() - added}

    def _open(self) -> dict[str, Any]:
        keys, vectors = (np.load(self._data / f"{name}.npy") for name in ("keys", "queries"))
        self._queries = [Query(int(key), vector) for key, vector in zip(keys, vectors, strict=True)]
        self._store.open()
        ways, photo_ways = self._store.ways(), self._store.photo_ways()
        self._ways = ways | photo_ways
        return {
            "ways": list(ways),
            "photo ways": list(photo_ways),
            "efforts": self._store.efforts,
            "versions": {name: importlib.metadata.version(name) for name in self._store.packages},
        }

    def _search(self, row: int, way: str, effort: Effort) -> dict[str, Any]:
        ask, query = self._ways[way], self._queries[row]
        started = time.perf_counter()
        found = ask(query, effort)
        return {"seconds": time.perf_counter() - started, "ids": found.ids, "photos": found.photos}

    def _nearest(self, row: int, way: str, effort: Effort) -> dict[str, Any]:
        return {"ids": list(self._store.nearest(self._queries[row], effort, way))}


def _load(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _to_one_core() -> None:
    """What a library does by as many threads as there are cores, it does by one."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@contextlib.contextmanager
def _own_output() -> Iterator[TextIO]:
    """Standard output for the protocol alone; what libraries print goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        yield out


def main(name: str, data: str, folder: str) -> None:
    """Answer until there are no more requests."""
    _to_one_core()
    with _own_output() as out:

        def tell(message: dict[str, Any]) -> None:
            out.write(json.dumps(message) + "\n")
            out.flush()

        service = Service(STORES[name](Path(folder)), Path(data), tell)
        for line in sys.stdin:
            tell({"done": service.answer(json.loads(line))})


if __name__ == "__main__":
    main(*sys.argv[1:])
