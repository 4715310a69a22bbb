"""How long words that stand for many classes take: the results, as the page asks for them, and facets.

::

    python -m benchmarks.broad_words DATA_DIR [--times N] [--word W …] [--words FILE] [--out FILE]

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

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
@click.option("--words", "file", type=click.File(encoding="utf-8"), help="Instead of the ten; one a line.")
@OUT
def main(data_dir: Path, times: int, words: Sequence[str], file: TextIO | None, out: Path | None) -> None:
    """Measure words over a collection."""
    words = [line.strip() for line in file if line.strip()] if file else words
    medians: dict[str, dict[str, float]] = {name: {} for name in WAYS}
    with served(data_dir) as connection:
        _, first = asked(connection, "/api/v1/search", {**COMMON, "text": words[0]})
        for word in words:
            for name, (path, more) in WAYS.items():
                took = [asked(connection, path, {**COMMON, "text": word, **more})[0] for _ in range(times)]
                medians[name][word] = round(statistics.median(took), 1)
    figures = {"segments": first["index"]["segments"], "words": len(words), "asked, times": times}
    report({**figures, "medians of the words, ms": {name: summary(of) for name, of in medians.items()}}, out)


def summary(medians: dict[str, float]) -> dict[str, Any]:
    """Half, 95 % and the slowest of the words."""
    rising = sorted(medians, key=medians.__getitem__)
    return {
        "p50": medians[rising[len(rising) // 2]],
        "p95": medians[rising[int(0.95 * (len(rising) - 1))]],
        "slowest": {word: medians[word] for word in rising[:-6:-1]},
    }


if __name__ == "__main__":
    main()
