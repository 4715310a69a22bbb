"""Indexes on servers beside the one of this project: ``python -m benchmarks.index_servers --help``.

`recall` takes the segment vectors of a library, fills an index of each kind with them, and asks all of them in turn for
the 50 photos whose segments are nearest to one segment; its own photo is left out. Truth is by comparing everything.
Times are the best of the rounds, of each query, and the median over the queries.

`same` opens one library with each index and both catalogues, and compares the first 20 photos of searches by words and
by examples with those of an SQLite catalogue and the local index.

The libraries are only read, apart from a copy of the catalogue in the PostgreSQL database that is given, which must be
new. Servers are those whose URLs are given, as in ``SEGSEARCH_INDEX_URL``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from indexer.bench.results import OUT, report
from indexer.publish import rebuild
from retrieval.assembly import Assembly
from retrieval.catalog import copy_catalogue
from retrieval.catalog.records import VectorBatch
from retrieval.index.backends import LOCAL, IndexConfig, open_index
from retrieval.index.protocols import SegmentIndex
from retrieval.index.sources import segments_of
from retrieval.query.request import Ref, SearchRequest
from retrieval.settings import Settings
from retrieval.types import Ids, Vectors

PHOTOS, FIRST = 50, 20
WORDS = (
    "dog", "cat", "person", "car", "bus", "train", "boat", "horse", "sheep", "cow", "elephant", "zebra", "giraffe",
    "umbrella", "tie", "kite", "pizza", "cake", "chair", "bed", "laptop", "clock", "vase", "sky", "grass",
)  # fmt: skip

HOME = click.option("--home", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
POSTGRESQL = click.option("--postgresql", required=True, help="URL of a database of its own.")
MILVUS = click.option("--milvus", help="URL of a Milvus server; left out without.")


@click.group(help=__doc__)
def main() -> None:
    """Commands."""


@main.command()
@HOME
@POSTGRESQL
@MILVUS
@click.option("--queries", default=100, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@OUT
def recall(home: Path, postgresql: str, milvus: str | None, queries: int, rounds: int, out: Path | None) -> None:
    """Recall of 50 photos, and time, of one library's segments in each index."""
    assembly = Assembly(Settings.in_data_dir(home, device="cpu"))
    space, dim = assembly.recipe_spec.space, assembly.recipe_spec.segment_dim
    source = segments_of(assembly.catalog, space)
    batches = list(source.newer(0)) if source.newer else []
    ids, image_ids, vectors = (
        np.concatenate([getattr(each, name) for each in batches]) for name in ("ids", "image_ids", "vectors")
    )
    held = VectorBatch(ids, image_ids, vectors)
    asked = np.random.default_rng(0).choice(len(ids), queries, replace=False)
    truth = [_nearest_photos(held, row) for row in asked]
    figures: dict[str, Any] = {
        "segments": len(ids), "photos": len(np.unique(image_ids)), "dim": dim, "queries": queries, "rounds": rounds,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        made: dict[str, SegmentIndex] = {}
        for name, url in _places(postgresql, milvus).items():
            config = IndexConfig(name="benchmark", space=space, dim=dim, folder=Path(folder), url=url, source=source)
            started = time.perf_counter()
            made[name] = _filled(open_index(name, config), held)
            figures[f"{name}: fill and flush, s"] = time.perf_counter() - started
        for name, index in made.items():
            figures[f"{name}: until its graph is built, s"] = _built(index)
        figures |= _asked(made, held, asked, truth, rounds)
        for index in made.values():
            index.delete(ids)
            index.flush()
    report(figures, out)


@main.command()
@HOME
@POSTGRESQL
@MILVUS
@OUT
def same(home: Path, postgresql: str, milvus: str | None, out: Path | None) -> None:
    """Share of the first 20 photos that are the same as on SQLite with the local index."""
    settings = Settings.in_data_dir(home, device="cpu")
    copy_catalogue(settings.database_url, postgresql)
    moved = replace(settings, database_url=postgresql)
    kinds = {"SQLite, local": settings, "PostgreSQL, local": moved}
    for name, url in _places(postgresql, milvus).items():
        if name != LOCAL:
            kinds[f"PostgreSQL, {name}"] = replace(moved, index=name, index_url=url)
    found: dict[str, list[list[int]]] = {}
    times: dict[str, NDArray[np.float64]] = {}
    for name, each in kinds.items():
        assembly = Assembly(each)
        if each.index != LOCAL:
            rebuild(assembly)
        found[name], times[name] = _searched(assembly)
        assembly.close()
    first = found["SQLite, local"]
    figures: dict[str, Any] = {"searches": len(first), "photos of each": FIRST}
    for name, lists in found.items():
        shares = [len(set(one) & set(other)) / max(len(one), 1) for one, other in zip(first, lists, strict=True)]
        figures[name] = {
            "same photos, mean": float(np.mean(shares)),
            "least": float(np.min(shares)),
            "same order": float(np.mean([one == other for one, other in zip(first, lists, strict=True)])),
            "p50, ms": 1000 * float(np.median(times[name])),
        }
    report(figures, out)


def _places(postgresql: str, milvus: str | None) -> dict[str, str]:
    return {LOCAL: "", "pgvector": postgresql, **({"milvus": milvus} if milvus else {})}


def _filled(index: SegmentIndex, held: VectorBatch, at_once: int = 20_000) -> SegmentIndex:
    for start in range(0, len(held), at_once):
        rows = slice(start, start + at_once)
        index.upsert(VectorBatch(held.ids[rows], held.image_ids[rows], held.vectors[rows]))
    index.flush()
    return index


def _built(index: SegmentIndex) -> float:
    """Wait until nothing is pending; seconds."""
    started = time.perf_counter()
    while index.refresh() or index.stats().pending:
        time.sleep(1)
    return time.perf_counter() - started


def _nearest_photos(held: VectorBatch, row: int) -> set[int]:
    """The `PHOTOS` photos with the nearest segments to one, by comparing everything."""
    scores = held.vectors @ held.vectors[row]
    photos, places = np.unique(held.image_ids, return_inverse=True)
    best = np.full(len(photos), -np.inf, np.float32)
    np.maximum.at(best, places, scores)
    best[photos == held.image_ids[row]] = -np.inf
    return set(photos[np.argsort(-best, kind="stable")[:PHOTOS]].tolist())


def _asked(
    made: Mapping[str, SegmentIndex], held: VectorBatch, asked: Ids, truth: list[set[int]], rounds: int
) -> dict[str, Any]:
    times = {name: np.full(len(asked), np.inf) for name in made}
    recalls: dict[str, list[float]] = {name: [] for name in made}
    for turn in range(rounds):
        for place, row in enumerate(asked):
            own, direction = int(held.image_ids[row]), held.vectors[row][None]
            for name, index in made.items():
                seconds, found = _timed(index, direction, own)
                times[name][place] = min(times[name][place], seconds)
                if not turn:
                    recalls[name].append(len(found & truth[place]) / len(truth[place]))
    return {
        name: {
            "recall of 50 photos": float(np.mean(recalls[name])),
            "least": float(np.min(recalls[name])),
            "p50, ms": 1000 * float(np.median(times[name])),
            "p95, ms": 1000 * float(np.percentile(times[name], 95)),
        }
        for name in made
    }


def _timed(index: SegmentIndex, direction: Vectors, own: int) -> tuple[float, set[int]]:
    started = time.perf_counter()
    found = index.search(direction, PHOTOS, exclude_images=(own,), group_by_image=True)
    return time.perf_counter() - started, set(found.image_ids.tolist())


def _searched(assembly: Assembly) -> tuple[list[list[int]], NDArray[np.float64]]:
    """The first photos of searches, and the seconds of each."""
    engine = assembly.engine()
    ids = engine.segments.sample(10**9)
    examples = np.sort(ids)[np.linspace(0, len(ids) - 1, len(WORDS)).astype(int)]
    requests = [SearchRequest(text=word, limit=FIRST) for word in WORDS]
    requests += [SearchRequest(positive=(Ref(segment=int(each)),), limit=FIRST) for each in examples]

    def ask(request: SearchRequest) -> list[int]:
        return [each.image_id for each in engine.search(request).results]

    ask(requests[0])
    found, seconds = list[list[int]](), list[float]()
    for request in requests:
        started = time.perf_counter()
        found.append(ask(request))
        seconds.append(time.perf_counter() - started)
    return found, np.array(seconds)


if __name__ == "__main__":
    main()
