"""``bench``: what it measures is printed as JSON, with the machine and the versions, and may be kept."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from retrieval.settings import Settings

OUT = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here, too.")
PACKAGES = ("faiss-gpu", "numpy", "sqlalchemy", "torch", "waitress")


@click.group()
def bench() -> None:
    """Measure how fast searches and ingests are, in a home of their own."""


@bench.command()
@click.option("--size", default=100_000, show_default=True, type=click.IntRange(1000), help="Segments to search.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keep the synthetic collection here.")
@OUT
@click.pass_obj
def search(settings: Settings, size: int, home: Path | None, out: Path | None) -> None:
    """Searches over synthetic segments: engine, raw FAISS, rounds of feedback, a server and its clients."""
    from .search import bench_search

    _report(bench_search(settings, size, home), out)


@bench.command()
@click.option("--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@OUT
@click.pass_obj
def ingest(settings: Settings, folder: Path, out: Path | None) -> None:
    """The stages of an ingest alone and together."""
    from .ingest import bench_ingest

    _report(bench_ingest(settings, folder), out)


def _report(figures: dict[str, Any], out: Path | None) -> None:
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    machine |= {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    text = json.dumps({**figures, "machine": machine}, indent=1)
    click.echo(text)
    if out is not None:
        out.write_text(f"{text}\n")
