"""One folder with very many files: seconds and memory of finding and registering them, and of looking again.

::

    python -m benchmarks.many_files [--files 100000] [--out FILE]

Every file is a picture of its own by its bytes, of 8 x 8 pixels, so that the folder is what costs.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import click
import psutil

from indexer.bench.results import OUT, report
from indexer.report import Tally
from indexer.scan import register_files
from retrieval.assembly import Assembly
from retrieval.settings import Settings


def fill(folder: Path, files: int) -> None:
    """Write so many small PPM files, no two alike."""
    for number in range(files):
        pixels = (number.to_bytes(4, "big") * 48)[:192]
        (folder / f"{number:06}.ppm").write_bytes(b"P6 8 8 255\n" + pixels)


def run(files: int) -> dict[str, Any]:
    """Register a folder twice; seconds of both, the growth of memory, and what is in the catalogue."""
    with tempfile.TemporaryDirectory(prefix="segsearch-many-") as place:
        photos = Path(place) / "photos"
        photos.mkdir()
        fill(photos, files)
        assembly = Assembly(Settings.in_data_dir(Path(place) / "home", device="cpu", recipe="grid"))
        assembly.catalog.images.counts()  # opens it
        before, seconds = _memory(), []
        for _ in range(2):
            started, tally = time.monotonic(), Tally()
            register_files(assembly, [photos], tally)
            seconds.append(round(time.monotonic() - started, 2))
        held = assembly.catalog.images.counts()
        found = {
            "files": files,
            "registered": held["pending"],
            "seconds": seconds[0],
            "seconds when nothing changed": seconds[1],
            "memory, MiB more": (_memory() - before) >> 20,
        }
        assembly._sessions.kw["bind"].dispose()
    return found


def _memory() -> int:
    """Bytes of this process, but for files that are mapped."""
    held = psutil.Process().memory_info()
    return int(held.rss - held.shared)


@click.command()
@click.option("--files", default=100_000, show_default=True, type=click.IntRange(1))
@OUT
def main(files: int, out: Path | None) -> None:
    """Print the figures."""
    report(run(files), out)


if __name__ == "__main__":
    main()
