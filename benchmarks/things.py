"""How long searches for all things of a photo take, together and one by one; over replicas of a collection's photos.

::

    python -m benchmarks.things DATA_DIR --segments 120000

The catalogue is copied, and its photos are entered again, with noise on their vectors, until there are so many.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import tempfile
from pathlib import Path

import numpy as np

from indexer.bench.search import interleaved, spread
from indexer.publish import rebuild
from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.catalog.records import vectors_from
from retrieval.embed.projection import unit
from retrieval.images.decoder_pool import DecoderPool
from retrieval.query.request import Ref, SearchRequest, ThingsRequest
from retrieval.search.engine import SearchEngine
from retrieval.search.things import best_things
from retrieval.settings import Settings
from webui import create_app

PHOTOS = 20
MOST = 12
LIMIT = 20
NOISE = 0.5
"""Length of the noise beside vectors of length 1: the cosine of a segment and its replica is .89, as that of the fifth
nearest of real segments (`benchmarks.likeness`)."""


def main() -> None:
    """Time photos with twelve things, each in all ways in turn, the best of five times each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, help="with an SQLite catalogue")
    parser.add_argument("--segments", type=int, default=120_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segsearch-bench-") as temporary:
        copy = Path(temporary) / "data"
        copy.mkdir()
        shutil.copy(given.data_dir / "catalog.db", copy)
        replicate(copy / "catalog.db", given.segments)
        assembly = Assembly(Settings.in_data_dir(copy))
        rebuild(assembly)
        engine = assembly.engine()
        engine.refresh()
        print(f"{engine.segments.stats().count} segments, {len(engine.segments.image_counts()[0])} photos")
        _measure(assembly, engine)


def replicate(catalog: Path, count: int) -> None:
    """Enter the photos of an SQLite catalogue again, with noise on their vectors, until it has `count` segments."""
    rng = np.random.default_rng(0)
    with sqlite3.connect(catalog) as database:
        held, last_photo, last = database.execute(
            "SELECT count(*), max(image_id), (SELECT max(id) FROM segment) FROM segment"
        ).fetchone()
        for copy in range(1, -(-count // held)):
            for table, shifted in (
                ("image", {"id": last_photo, "sha256": None}),
                ("location", {"image_id": last_photo, "id": None, "uri": None}),
                ("segment", {"id": last, "image_id": last_photo, "parent_id": last}),
            ):
                _copy_rows(database, table, shifted, copy, rng)
            database.execute(
                "DELETE FROM image WHERE id > ? AND id NOT IN (SELECT image_id FROM segment)", (last_photo,)
            )


def _copy_rows(
    database: sqlite3.Connection, table: str, shifted: dict[str, int | None], copy: int, rng: np.random.Generator
) -> None:
    """Insert the first rows of a table again: keys are shifted, texts that have to be unique get the copy's number."""
    key = "image_id" if "image_id" in shifted else "id"
    cursor = database.execute(f"SELECT * FROM {table} WHERE {key} <= ?", (shifted[key],))
    names = [each[0] for each in cursor.description]
    rows = []
    for row in cursor.fetchall():
        values = dict(zip(names, row, strict=True))
        for name, by in shifted.items():
            if by is not None and values[name] is not None:
                values[name] += by * copy
            elif name == "id":
                values[name] = None
            elif isinstance(values[name], str):
                values[name] = f"{copy:08x}{values[name][8:]}" if name == "sha256" else f"{values[name]}?{copy}"
        if "vector" in values:
            (vector,) = vectors_from([values["vector"]])
            noise = rng.standard_normal(len(vector)) * NOISE / len(vector) ** 0.5
            values["vector"] = unit(vector[None] + noise).astype(np.float16).tobytes()
        rows.append(tuple(values.values()))
    database.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
        rows,
    )


def _measure(assembly: Assembly, engine: SearchEngine) -> None:
    photos = [
        image.id
        for image in assembly.catalog.images.page(limit=500)
        if len(engine.search_things(ThingsRequest(photo=Ref(image=image.id), limit=1)).things) == MOST
    ][:PHOTOS]
    with DecoderPool(1) as decoders:
        app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders))
        client = app.test_client()

        def one_by_one(photo: int) -> None:
            with engine.catalog.one_connection():
                segments, size_hw = engine.lookup.segments_of(Ref(image=photo))
                for row in best_things(segments, size_hw):
                    engine.search(SearchRequest(positive=(Ref(segment=segments[row].id),), limit=LIMIT))

        def requested(photo: int) -> None:
            body = {"image": photo, "most": MOST, "limit": LIMIT, "masks": "rle"}
            assert client.post("/api/v1/search/things", json=body).status_code == 200

        ways = {
            "together": lambda photo: engine.search_things(ThingsRequest(photo=Ref(image=photo), limit=LIMIT)),
            "one by one": one_by_one,
            "as a request, with masks": requested,
            "photos that share them": lambda photo: engine.search(
                SearchRequest(positive=(Ref(image=photo),), limit=LIMIT, compare="things")
            ),
        }
        times = interleaved(ways, photos)
    for name, each in times.items():
        print(f"{len(photos)} photos of {MOST} things, {name}: {spread(each)} ms")
    ratio = float(np.median(times["one by one"] / times["together"]))
    print(f"one by one / together: {ratio:.2f}")


if __name__ == "__main__":
    main()
