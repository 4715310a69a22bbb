"""How long words that stand for many classes take: the results, as the page asks for them, and facets.

::

    python -m benchmarks.broad_words DATA_DIR [--times N] [--word W …] [--out FILE]

A web server over DATA_DIR, without analyzer and worker, answers in this process, so that the times are of whole
requests over loopback: reading, searching, counting, writing the answer.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from waitress.server import create_server

from indexer.bench.results import OUT, report
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.assembly import Assembly
from retrieval.settings import Settings
from webui import create_app

WORDS = ("animal", "dog", "vehicle", "bird", "food", "person", "furniture", "plant", "red car", "clothing")
COMMON = {"limit": 50, "group_by": "image", "min_quality": 0.0, "filters": {}, "masks": True}
"""What the page asks with every search (`webui/static/js/refs.js`)."""

WAYS = {
    "results": ("/api/v1/search", {}),
    "with facets": ("/api/v1/search", {"facets": True}),
    "facets alone": ("/api/v1/search/facets", {}),
}


@contextmanager
def served(data_dir: Path) -> Iterator[http.client.HTTPConnection]:
    """A connection to a server over a collection."""
    assembly = Assembly(Settings.from_env({**os.environ, "SEGSEARCH_DATA_DIR": str(data_dir)}))
    app = create_app(assembly, RemoteAnalyzer(assembly.settings.analyzers_dir))
    server = create_server(app, host="127.0.0.1", port=0)
    threading.Thread(target=server.run, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.effective_port, timeout=120)
    try:
        yield connection
    finally:
        connection.close()
        time.sleep(0.2)  # the server notices that the connection has ended
        server.close()


def asked(connection: http.client.HTTPConnection, path: str, body: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Milliseconds of a request, and its answer.

    Raises
    ------
    RuntimeError
        It is no answer to a search.
    """
    started = time.perf_counter()
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    took = 1000 * (time.perf_counter() - started)
    if answer.status != http.client.OK:
        raise RuntimeError(f"the server answered {answer.status}: {content[:300]!r}")
    return took, json.loads(content)


@click.command()
@click.argument("data_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--times", default=5, show_default=True, type=click.IntRange(1), help="Each is asked so many times.")
@click.option("--word", "words", multiple=True, default=WORDS, help="Instead of the ten; several times.")
@OUT
def main(data_dir: Path, times: int, words: tuple[str, ...], out: Path | None) -> None:
    """Measure words over a collection."""
    figures: dict[str, Any] = {"asked, times": times, "words, ms": {}}
    with served(data_dir) as connection:
        _, first = asked(connection, "/api/v1/search", {**COMMON, "text": words[0]})
        figures["segments"] = first["index"]["segments"]
        for word in words:
            ways: dict[str, Any] = {}
            for name, (path, more) in WAYS.items():
                took = [asked(connection, path, {**COMMON, "text": word, **more})[0] for _ in range(times)]
                ways[name] = {"best": round(min(took), 1), "median": round(statistics.median(took), 1)}
            figures["words, ms"][word] = ways
    for name in WAYS:
        medians = {word: ways[name]["median"] for word, ways in figures["words, ms"].items()}
        slowest = max(medians, key=medians.__getitem__)
        figures[f"worst median {name}, ms"] = {slowest: medians[slowest]}
    report(figures, out)


if __name__ == "__main__":
    main()
