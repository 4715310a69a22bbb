"""How soon an ingest has its first photo, as a user starts it: seconds from the start of the command.

::

    python -m benchmarks.first_photo FOLDER [--times N] [--out FILE]

Each time into a new data directory, until the first photo can be searched and all files are registered.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from indexer.bench.results import OUT, report
from indexer.walk import find_files

ROOT = Path(__file__).resolve().parents[1]
LONGEST_SECONDS = 600
POLL_SECONDS = 0.02


def seconds_until(folder: Path, files: int) -> dict[str, float]:
    """Ingest a folder until its first photo is indexed and its files are registered; seconds of both.

    Raises
    ------
    RuntimeError
        The ingest ended, or took too long, before that.
    """
    with tempfile.TemporaryDirectory(prefix="segsearch-first-") as home:
        started = time.monotonic()
        environment = {**os.environ, "SEGSEARCH_DATA_DIR": home}
        command = [sys.executable, str(ROOT / "manage.py"), "ingest", str(folder)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            found: dict[str, float] = {}
            try:
                while len(found) < 2:
                    if run.poll() is not None or time.monotonic() - started > LONGEST_SECONDS:
                        raise RuntimeError(f"not all of {files} files became photos, and one was indexed: {found}")
                    time.sleep(POLL_SECONDS)
                    photos, indexed = _counts(Path(home) / "catalog.db")
                    now = time.monotonic() - started
                    if indexed:
                        found.setdefault("first photo", now)
                    if photos >= files:
                        found.setdefault("all registered", now)
            finally:
                run.kill()
        return found


def _counts(catalog: Path) -> tuple[int, int]:
    """Photos, and those that are indexed; none while there is no catalogue."""
    try:
        with closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)) as database:
            photos, indexed = database.execute("SELECT count(*), total(state = 'indexed') FROM image").fetchone()
    except sqlite3.OperationalError:
        return 0, 0
    return photos, int(indexed)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--times", default=3, show_default=True, type=click.IntRange(1))
@OUT
def main(folder: Path, times: int, out: Path | None) -> None:
    """Print the figures. FOLDER must hold photos alone, each of which is there once."""
    files = sum(1 for _ in find_files([folder]))
    runs = [seconds_until(folder, files) for _ in range(times)]
    figures: dict[str, Any] = {"files": files, "times": times}
    for what in ("first photo", "all registered"):
        seconds = [run[what] for run in runs]
        figures[what] = {"best": round(min(seconds), 2), "median": round(statistics.median(seconds), 2)}
    report(figures, out)


if __name__ == "__main__":
    main()
