"""Entering photos, and what workers are told. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrieval.processes.lifetime import stop_on_signals
from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo
from retrieval.settings import Settings

from .options import PATHS, open_assembly

if TYPE_CHECKING:
    from retrieval.catalog.records import State

    from ..worker import Worker


def _stop_on_signals(worker: Worker) -> None:
    """Have the first signal finish what is on the line, and a second Ctrl-C end the process at once."""

    def stop() -> None:
        echo("finishing what is on the line; Ctrl-C once more stops at once", err=True)
        worker.stop()

    stop_on_signals(stop)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PATHS)
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object instead of the table.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any file failed.")
@click.option("--within", is_flag=True, help="Do not follow links that lead out of PATHS, which others can write to.")
@click.option("--watch", is_flag=True, help="Go on with what comes, changes or goes there, until it is interrupted.")
@click.pass_obj
def ingest(settings: Settings, paths: tuple[Path, ...], as_json: bool, strict: bool, within: bool, watch: bool) -> None:
    """Enter photos: files, and folders with everything below them."""
    if watch:
        if as_json or strict:
            raise click.UsageError("--watch ends with no account: leave out --json and --strict")
        _watch(settings, paths, within=within)
        return
    from ..report import Tally
    from ..worker import Worker
    from ..worker import ingest as run
    from .progress import IngestProgress, print_report

    tally, assembly = Tally(), open_assembly(settings)
    with IngestProgress(tally) as progress:
        worker = Worker(assembly, progress.advance)
        _stop_on_signals(worker)
        report = run(assembly, worker, paths, tally, within=within)
    if as_json:
        report.write_json(sys.stdout)
    else:
        print_report(report)
    sys.exit(1 if strict and report.failures else 0)


def _watch(settings: Settings, paths: tuple[Path, ...], *, within: bool) -> None:
    from ..watch import ingest_and_watch
    from ..worker import Worker

    assembly = open_assembly(settings)
    each = Worker(assembly)
    _stop_on_signals(each)
    ingest_and_watch(assembly, each, paths, within=within)


@click.command()
@click.pass_obj
def worker(settings: Settings) -> None:
    """Enter whatever is pending, for ever."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it works there is nothing to end in order
    from retrieval.processes.lifetime import stop_with_parent

    from ..worker import Worker, work_forever

    each = Worker(open_assembly(settings))
    _stop_on_signals(each)
    stop_with_parent(each.stop)
    work_forever(each)


@click.command()
@click.pass_obj
def pause(settings: Settings) -> None:
    """Have every worker finish what it is at and take nothing more, until `resume`."""
    open_assembly(settings).ingest_queue.pause()
    echo(f"paused; `{PROGRAM} resume` goes on")


@click.command()
@click.pass_obj
def resume(settings: Settings) -> None:
    """Let the workers go on after `pause`."""
    open_assembly(settings).ingest_queue.resume()
    echo("the workers go on")


@click.command()
@click.pass_obj
def cancel(settings: Settings) -> None:
    """Take out the photos that wait to be entered; what was entered stays."""
    assembly = open_assembly(settings)
    cancelled = assembly.ingest_queue.cancel()
    for photo in cancelled:
        assembly.own_files.remove_photo(photo.sha256, photo.paths)
    echo(f"{len(cancelled)} photos were cancelled; `{PROGRAM} ingest` enters them when it is asked to again")


@click.command("retry-failed")
@click.pass_obj
def retry_failed(settings: Settings) -> None:
    """Make every failed photo pending again, and those that a worker was at when it died."""
    count = open_assembly(settings).ingest_queue.retry_failed()
    echo(f"{count} photos are pending again; a worker or `{PROGRAM} ingest` enters them")


@click.command()
@click.option("--recipe", "name", help="The recipe to analyse by; that of the setting if absent.")
@click.option("--state", type=click.Choice(["indexed", "empty"]), help="Only photos in this state.")
@click.option("--max-quality", type=click.FloatRange(0, 1), help="Only photos segmented no better than this.")
@click.option("--folder", type=click.Path(path_type=Path), help="Only photos below this folder.")
@click.option("--enqueue", is_flag=True, help="Leave the work to a worker of that recipe.")
@click.pass_obj
def resegment(
    settings: Settings,
    name: str | None,
    state: State | None,
    max_quality: float | None,
    folder: Path | None,
    enqueue: bool,
) -> None:
    """Analyse again the photos that another recipe analysed.

    What is there is found until the new segments are in. Ended before it is done, it goes on when it is started again.
    """
    from ..resegment import resegment as run

    run(replace(settings, recipe=name or settings.recipe), state, max_quality, folder, enqueue=enqueue)
