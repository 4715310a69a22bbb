"""How much sooner searches are answered together than one by one.

::

    python -m benchmarks.search_batch DATA_DIR
    python -m benchmarks.search_batch FOLDER --size 300000    # fills it with synthetic segments first
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from indexer.bench.search import interleaved
from indexer.bench.synthetic import fill
from indexer.publish import rebuild
from retrieval.assembly import Assembly
from retrieval.query.request import Ref, SearchRequest
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings

COUNTS = (8, 12)
SETS = 10
WORDS = ["dog", "cat", "car", "person", "train", "horse", "bottle", "chair", "bicycle", "pizza", "clock", "bus", "boat"]


def main() -> None:
    """Time sets of searches, each both ways in turn, the best of five times each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--size", type=int, help="synthetic segments to fill an empty data directory with")
    given = parser.parse_args()
    assembly = Assembly(Settings.in_data_dir(given.data_dir))
    if given.size and not assembly.catalog.vectors.contents(assembly.recipe_spec.space).segments:
        fill(assembly, given.size)
        rebuild(assembly)
    engine = assembly.engine()
    engine.refresh()
    held = engine.segments.stats()
    print(f"{held.count} segments")
    rng = np.random.default_rng(0)
    for count in COUNTS:
        keys = rng.integers(1, held.newest_id + 1, (SETS, count)).tolist()
        words = [rng.choice(WORDS, count, replace=False).tolist() for _ in range(SETS)]
        examples = [[SearchRequest(positive=(Ref(segment=key),), limit=20) for key in each] for each in keys]
        by_word = [[SearchRequest(text=word, limit=20) for word in each] for each in words]
        for name, sets in (("examples", examples), ("words", by_word)):
            ways: dict[str, Callable[[int], object]] = {
                "one by one": partial(_one_by_one, engine, sets),
                "together": partial(_together, engine, sets),
            }
            times = {way: 1000 * float(np.median(each)) for way, each in interleaved(ways, list(range(SETS))).items()}
            ratio = times["one by one"] / times["together"]
            print(count, name, *(f"{way} {ms:.1f} ms," for way, ms in times.items()), f"ratio {ratio:.2f}")


def _one_by_one(engine: SearchEngine, sets: list[list[SearchRequest]], row: int) -> None:
    with engine.catalog.one_connection():
        for request in sets[row]:
            engine.search(request)


def _together(engine: SearchEngine, sets: list[list[SearchRequest]], row: int) -> None:
    engine.search_batch(sets[row])


if __name__ == "__main__":
    main()
