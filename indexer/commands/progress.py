"""What an ingest shows on a terminal: a progress bar with rate and time left, then a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from retrieval.assembly import Assembly
from retrieval.processes.tables import Console, Table

from ..report import IngestReport, Tally
from ..worker import Worker, ingest

SHOWN_FAILURES = 50


class _Rate(ProgressColumn):
    """Photos per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} photos/s" if speed else "", style="progress.data.speed")


class IngestProgress:
    """A progress bar on the standard error; silent where that is not a terminal.

    Parameters
    ----------
    tally : Tally
        Grows while folders are read, and the bar with it.
    total : int, optional
        How many photos there are, if known.
    """

    def __init__(self, tally: Tally, total: int | None = None) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
        )  # fmt: skip
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task("ingesting", total=total)
        self._tally, self._total = tally, total

    def advance(self) -> None:
        """Count one more photo as done."""
        self._progress.update(self._task, advance=1, total=self._total or len(self._tally.photos))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def ingest_all(assembly: Assembly, paths: Sequence[Path]) -> float:
    """Ingest photos with a progress bar; returns the seconds it took."""
    tally = Tally()
    with IngestProgress(tally) as progress:
        return ingest(assembly, Worker(assembly, progress.advance), paths, tally).seconds


def print_report(report: IngestReport) -> None:
    """Print the table of outcomes, and why files failed."""
    console = Console()
    table = Table(title=f"{sum(report.counts.values())} files in {report.seconds:.1f} s")
    for outcome in report.counts:
        table.add_column(outcome, justify="right")
    table.add_row(*(str(count) for count in report.counts.values()))
    console.print(table)
    for failure in report.failures[:SHOWN_FAILURES]:
        console.print(f"failed: {failure.path}", soft_wrap=True)
        console.print(f"        {failure.reason}", soft_wrap=True)
    if len(report.failures) > SHOWN_FAILURES:
        console.print(f"… and {len(report.failures) - SHOWN_FAILURES} more failures: --json lists them all")
