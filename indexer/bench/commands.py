"""``bench``: prints measurements as JSON, with the machine and the versions."""

from __future__ import annotations

from pathlib import Path

import click

from retrieval.settings import Settings

from .results import OUT, report


@click.group(short_help="Measure the speed of searches and ingests.")
def bench() -> None:
    """Measure the speed of searches and ingests, in a data directory of their own."""


@bench.command()
@click.option(
    "--size", default=100_000, show_default=True, type=click.IntRange(1000), help="How many segments to search."
)
@click.option(
    "--data-dir",
    "--home",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the synthetic collection here.",
)
@OUT
@click.pass_obj
def search(settings: Settings, size: int, data_dir: Path | None, out: Path | None) -> None:
    """Measure searches over synthetic segments: engine, raw FAISS, rounds of feedback, server and clients."""
    from .search import bench_search

    report(bench_search(settings, size, data_dir), out)


@bench.command()
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Photos to ingest.",
)
@OUT
@click.pass_obj
def ingest(settings: Settings, folder: Path, out: Path | None) -> None:
    """Measure the stages of an ingest, separately and together."""
    from .ingest import bench_ingest

    report(bench_ingest(settings, folder), out)
