"""One folder entered on this machine alone, and with every part on a server: whether the same photos are found.

::

    python -m benchmarks.entered_on_servers FOLDER --bucket s3://BUCKET --postgresql URL --milvus URL [--out FILE]

The bucket has the photos of the folder. They are ingested once from the folder by a worker, with SQLite and the index
of this project, and once from the bucket by a Ray cluster on this machine, with the catalogue on PostgreSQL and the
vectors in Milvus; both by the command. Then the first 20 photos of 50 searches, by words and by segments, are compared
by their digests. The database must be new. Credentials and endpoint of the bucket come from the environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from indexer.bench.results import OUT, report
from retrieval.assembly import Assembly
from retrieval.query.request import Ref, SearchRequest
from retrieval.settings import Settings

from .index_servers import FIRST, WORDS

PROGRAM = Path(__file__).parents[1] / "manage.py"


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--bucket", required=True, help="Address of the bucket or prefix that has the same photos.")
@click.option("--postgresql", required=True, help="URL of a new database.")
@click.option("--milvus", required=True, help="URL of a Milvus server.")
@OUT
def main(folder: Path, bucket: str, postgresql: str, milvus: str, out: Path | None) -> None:
    """Enter, search and compare."""
    with tempfile.TemporaryDirectory() as place:
        local = Settings.in_data_dir(Path(place, "local"), device="cpu")
        servers = replace(
            Settings.in_data_dir(Path(place, "servers"), device="cpu"),
            database_url=postgresql,
            index="milvus",
            index_url=milvus,
        )
        figures: dict[str, Any] = {
            "local: ingest, s": _ingest(local, str(folder)),
            "servers and Ray: ingest, s": _ingest(servers, "--ray", "local", bucket),
        }
        first, second = _Entered(local), _Entered(servers)
        figures |= {"photos": len(first.digests), "photos on servers": len(second.digests)}
        figures |= {"segments": len(first.segments), "segments on servers": len(second.segments)}
        examples = sorted(first.segments)
        asked: list[str | tuple[str, int]] = [*WORDS]
        asked += [examples[row] for row in np.linspace(0, len(examples) - 1, len(WORDS)).astype(int)]
        shares = [_share(first.ask(each), second.ask(each)) for each in asked]
        figures |= {"searches": len(asked), "photos of each": FIRST}
        figures |= {"same photos, mean": float(np.mean(shares)), "least": float(np.min(shares))}
    report(figures, out)


class _Entered:
    """A catalogue, whose photos are known by their digests and whose segments by their place in the photo."""

    def __init__(self, settings: Settings) -> None:
        catalog = Assembly(settings).catalog
        self._engine = Assembly(settings).engine()
        photos = catalog.images.page(limit=100_000)
        self.digests = {photo.id: photo.sha256 for photo in photos}
        self.segments = {
            (photo.sha256, place): segment.id
            for photo in photos
            for place, segment in enumerate(catalog.segments.of_image(photo.id))
        }

    def ask(self, what: str | tuple[str, int]) -> set[str]:
        """The digests of the first photos for a word or an example."""
        if isinstance(what, str):
            request = SearchRequest(text=what, limit=FIRST)
        else:
            request = SearchRequest(positive=(Ref(segment=self.segments[what]),), limit=FIRST)
        return {self.digests[each.image_id] for each in self._engine.search(request).results}


def _share(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(len(one), 1)


def _ingest(settings: Settings, *arguments: str) -> float:
    """Ingest by the command; returns the seconds that it took."""
    environment = {
        **os.environ,
        "SEGSEARCH_DATA_DIR": str(settings.data_dir),
        "SEGSEARCH_DATABASE_URL": settings.database_url,
        "SEGSEARCH_INDEX": settings.index,
        "SEGSEARCH_INDEX_URL": settings.index_url,
        "SEGSEARCH_DEVICE": settings.device,
    }
    started = time.perf_counter()
    subprocess.run([sys.executable, str(PROGRAM), "ingest", *arguments], env=environment, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
