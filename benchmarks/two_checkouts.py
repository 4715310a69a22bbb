"""Two checkouts ingest the same photos in turns: photos a second and processor time of each, and their ratio.

::

    git worktree add --detach OLD COMMIT
    python -m benchmarks.two_checkouts OLD FOLDER [--count N] [--rounds N] [--out FILE]

Both run in this environment with recipe ``lite`` on the CPU, each time into an empty data directory. Of each the best
round counts, because other programs can only slow it down.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from indexer.bench.results import OUT, report

HERE = Path(__file__).parents[1]


def ingest(checkout: Path, photos: Path) -> tuple[float, float]:
    """Wall and processor seconds of an ingest, all its processes counted."""
    with tempfile.TemporaryDirectory() as home:
        settings = {name: home for name in ("SEGSEARCH_DATA_DIR", "SEGSEARCH_HOME")}
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, str(checkout / "manage.py"), "ingest", str(photos)],
            cwd=checkout,
            env={
                **os.environ,
                **settings,
                "PYTHONPATH": str(checkout),  # also for the processes that it starts
                "SEGSEARCH_RECIPE": "lite",
                "SEGSEARCH_DEVICE": "cpu",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise click.ClickException(f"ingest of {checkout} ended with {process.returncode}")
        return time.perf_counter() - started, used.ru_utime + used.ru_stime


@click.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", default=150, show_default=True, type=click.IntRange(1), help="How many photos.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@OUT
def main(old: Path, folder: Path, count: int, rounds: int, out: Path | None) -> None:
    """Compare this checkout with another."""
    chosen = sorted(each for each in folder.iterdir() if each.suffix.lower() in {".jpg", ".jpeg", ".png"})[:count]
    if not chosen:
        raise click.UsageError(f"{folder} holds no photos")
    checkouts = {"old": old.absolute(), "new": HERE}
    walls: dict[str, list[float]] = {name: [] for name in checkouts}
    cpus: dict[str, list[float]] = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory() as scratch:
        for path in chosen:
            shutil.copy(path, scratch)
        for _ in range(rounds):
            for name, checkout in checkouts.items():
                wall, cpu = ingest(checkout, Path(scratch))
                walls[name].append(wall)
                cpus[name].append(cpu)
                click.echo(f"{name}: {wall:.1f} s, {cpu:.1f} s of processor time", err=True)
    figures = {
        name: {
            "photos a second": round(len(chosen) / min(walls[name]), 2),
            "processor ms a photo": round(1000 * min(cpus[name]) / len(chosen)),
        }
        for name in checkouts
    }
    gain = {
        what: round(min(taken["old"]) / min(taken["new"]), 2)
        for what, taken in (("photos a second", walls), ("processor time", cpus))
    }
    report({"photos": len(chosen), "rounds": rounds, **figures, "gain": gain}, out)


if __name__ == "__main__":
    main()
