"""Ingesting photos, and orders to workers. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from retrieval.processes.lifetime import stop_on_signals
from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo
from retrieval.settings import Settings

from .options import FOLDER, PLACES, RAY, open_assembly, ray_at

if TYPE_CHECKING:
    from retrieval.catalog.records import State

    from ..worker import Worker


def _stop_on_signals(worker: Worker) -> None:
    """On the first signal finish the photos in progress; on a second Ctrl-C end the process at once."""

    def stop() -> None:
        echo("finishing the photos in progress; press Ctrl-C again to stop at once", err=True)
        worker.stop()

    stop_on_signals(stop)


@click.command(short_help="Ingest photos: files, folders, and what is in object stores.")
@click.argument("places", nargs=-1, type=PLACES, metavar="[PATH_OR_URI]...")
@click.option("--list", "listed", type=click.File(), help="Also ingest what a file names, one path or URI a line.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any file failed or waits.")
@click.option(
    "--within",
    is_flag=True,
    help="Do not follow links that lead out of the paths. Use it where others can write to them.",
)
@click.option(
    "--restore", is_flag=True, help="Also ingest photos that were deleted. Files named themselves always are."
)
@click.option("--sidecars", "reads", is_flag=True, help="Make the keywords of XMP files beside the photos their tags.")
@click.option("--watch", is_flag=True, help="Keep watching for new, changed and deleted files until interrupted.")
@RAY
@click.pass_obj
def ingest(  # noqa: PLR0913  # its options
    settings: Settings,
    places: tuple[Path | str, ...],
    *,
    listed: TextIO | None,
    as_json: bool,
    strict: bool,
    within: bool,
    restore: bool,
    reads: bool,
    watch: bool,
    address: str | None,
) -> None:
    """Ingest photos: files, folders with everything below them, s3://BUCKET/PREFIX, and http(s):// addresses of files.

    Photos that were deleted are left out. Object stores and web servers are only read.
    """
    paths, uris = _parted([*places, *_named(listed)])
    if uris and reads:
        raise click.UsageError(
            "--sidecars reads files beside photos on this machine; in object stores none are read: leave it out"
        )
    if watch:
        if as_json or strict or restore or reads:
            raise click.UsageError(
                "--watch prints no report and restores nothing: leave out --json, --strict, --restore, --sidecars"
            )
        with ray_at(address) as ray:
            _watch(settings, paths, uris, within=within, ray=ray)
        return
    from ..report import Tally
    from ..worker import Worker
    from ..worker import ingest as run
    from .progress import IngestProgress, print_report

    tally, assembly = Tally(), open_assembly(settings)
    with ray_at(address) as ray, IngestProgress(tally, paths, within=within, is_counted=not uris) as progress:
        worker = Worker(assembly, progress.advance, ray)
        _stop_on_signals(worker)
        report = run(assembly, worker, paths, tally, uris=uris, within=within, restore=restore)
    if reads:
        from .sidecars import read_beside

        read_beside(assembly, paths)
    if as_json:
        report.write_json(sys.stdout)
    else:
        print_report(report)
    sys.exit(1 if strict and (report.failures or report.counts["waiting"]) else 0)


def _named(listed: TextIO | None) -> Iterator[Path | str]:
    """What a list names."""
    for line in listed or ():
        if text := line.strip():
            yield PLACES.convert(text, None, click.get_current_context())


def _parted(places: Iterable[Path | str]) -> tuple[list[Path], list[str]]:
    """Paths, and URIs."""
    places = list(places)
    if not places:
        raise click.UsageError("name what to ingest: files, folders, s3://BUCKET/PREFIX or http(s):// addresses")
    return [each for each in places if isinstance(each, Path)], [each for each in places if isinstance(each, str)]


def _watch(settings: Settings, paths: list[Path], uris: list[str], *, within: bool, ray: Any) -> None:
    from ..watch import ingest_and_watch
    from ..worker import Worker

    assembly = open_assembly(settings)
    each = Worker(assembly, ray=ray)
    _stop_on_signals(each)
    ingest_and_watch(assembly, each, paths, uris, within=within)


@click.command()
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Run so many worker processes, which share the cores, and take the GPUs in turn.",
)
@click.pass_obj
def worker(settings: Settings, workers: int) -> None:
    """Ingest pending photos until interrupted."""
    if workers > 1 and settings.collection:
        raise click.UsageError("--workers is for the whole installation: leave out --collection, or --workers")
    if workers > 1:
        from ..several_workers import work_forever as work_together

        work_together(settings.device, workers)
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it works there is nothing to end in order
    from retrieval.processes.lifetime import stop_with_parent

    from ..collection_worker import CollectionWorker
    from ..worker import Worker, work_forever

    assembly = open_assembly(settings)
    each, beside = Worker(assembly), CollectionWorker(assembly)
    _stop_on_signals(each)
    stop_with_parent(each.stop)
    if not settings.collection:
        beside.start()
    try:
        work_forever(each)
    finally:
        beside.stop()
        if beside.is_alive():
            beside.join()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one that comes now is late, and no reason to fail


@click.command()
@click.pass_obj
def pause(settings: Settings) -> None:
    """Pause ingest. Workers finish the photos in progress and start no others until `resume`."""
    open_assembly(settings).ingest_queue.pause()
    echo(f"ingest is paused; continue with `{PROGRAM} resume`")


@click.command()
@click.pass_obj
def resume(settings: Settings) -> None:
    """Resume ingest after `pause`."""
    open_assembly(settings).ingest_queue.resume()
    echo("ingest is resumed")


@click.command()
@click.pass_obj
def cancel(settings: Settings) -> None:
    """Cancel all pending photos. Photos that are already ingested stay."""
    assembly = open_assembly(settings)
    cancelled = assembly.ingest_queue.cancel()
    for photo in cancelled:
        assembly.own_files.remove_photo(photo.sha256, photo.uris)
    echo(f"cancelled {len(cancelled)} photos; to add them after all, run `{PROGRAM} ingest` on them again")


@click.command("retry-failed", short_help="Retry all failed photos.")
@click.pass_obj
def retry_failed(settings: Settings) -> None:
    """Retry all failed photos, and those that a worker left unfinished when it died."""
    count = open_assembly(settings).ingest_queue.retry_failed()
    echo(f"{count} photos are pending again; a running worker or `{PROGRAM} ingest` processes them")


@click.command()
@click.option("--recipe", "name", help="The recipe to analyse with. Default: SEGSEARCH_RECIPE.")
@click.option("--state", type=click.Choice(["indexed", "empty"]), help="Only photos in this state.")
@click.option(
    "--max-quality", type=click.FloatRange(0, 1), help="Only photos whose segmentation quality is at most this."
)
@click.option("--folder", type=FOLDER, help="Only photos below this folder.")
@click.option("--enqueue", is_flag=True, help="Only queue the photos; a worker with that recipe processes them.")
@RAY
@click.pass_obj
def resegment(
    settings: Settings,
    name: str | None,
    state: State | None,
    max_quality: float | None,
    folder: str | None,
    enqueue: bool,
    address: str | None,
) -> None:
    """Analyse photos again that were analysed by another recipe.

    Searches find the old segments until the new ones are stored. If interrupted, run it again to continue.
    """
    if enqueue and address is not None:
        raise click.UsageError("--enqueue analyses nothing: leave out --ray")
    from .resegment import resegment as run

    with ray_at(address) as ray:
        run(replace(settings, recipe=name or settings.recipe), state, max_quality, folder, enqueue=enqueue, ray=ray)
