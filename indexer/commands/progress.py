"""What an ingest shows on a terminal: a progress bar with total, rate and time left, then a table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from retrieval.assembly import Assembly
from retrieval.processes.program import PROGRAM
from retrieval.processes.tables import Console, Table

from ..report import IngestReport, Tally
from ..walk import find_files
from ..worker import Worker, ingest

SHOWN_FAILURES = 50
RARE = ("restored", "deleted", "waiting")
"""Outcomes that are shown only if there are any."""


class _Rate(ProgressColumn):
    """Files per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} files/s" if speed else "", style="progress.data.speed")


class _Bar(Progress):
    """A progress bar that asks how far the work is each time it is drawn."""

    def __init__(self, *columns: ProgressColumn, look: Callable[[], tuple[int, int | None]], console: Console) -> None:
        self._look = look  # it is asked while the bar is made
        super().__init__(*columns, console=console, disable=not console.is_terminal)

    def get_renderables(self) -> Iterable[Any]:
        completed, total = self._look()
        for task in self.task_ids:
            self.update(task, completed=completed, total=total)
        yield from super().get_renderables()


class IngestProgress:
    """A progress bar on the standard error; silent where that is not a terminal.

    Parameters
    ----------
    tally : Tally
        The files so far.
    paths : sequence of Path
        What is ingested. Its files are counted at once, while they are ingested.
    within : bool
        As for `find_files`.
    is_counted : bool
        Whether the files are counted; objects of stores are not, for that takes a whole listing.
    total : int, optional
        How many photos there are, if known.
    """

    def __init__(
        self,
        tally: Tally,
        paths: Sequence[Path] = (),
        *,
        within: bool = False,
        is_counted: bool = True,
        total: int | None = None,
    ) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
        )  # fmt: skip
        self._tally, self._total, self._analysed = tally, total, 0
        self._bar = _Bar(*columns, look=self._so_far, console=console)
        self._bar.add_task("ingesting", total=total)
        self._files = find_files(paths, within=within, is_quiet=True)
        self._is_counted = is_counted
        self._ended = threading.Event()

    def advance(self) -> None:
        """Count one more photo as analysed."""
        self._analysed += 1

    def __enter__(self) -> Self:
        self._bar.start()
        if self._total is None and self._is_counted and not self._bar.disable:
            threading.Thread(target=self._count, name="count", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._bar.stop()

    def _count(self) -> None:
        total = 0
        for _ in self._files:
            total += 1
            if self._ended.is_set():
                return
        self._total = total

    def _so_far(self) -> tuple[int, int | None]:
        """Files that are done, and how many there are, if known."""
        done = self._tally.settled + self._analysed
        return done, None if self._total is None else max(done, self._total)


def ingest_all(assembly: Assembly, paths: Sequence[Path]) -> float:
    """Ingest photos with a progress bar; returns the seconds it took."""
    tally = Tally()
    with IngestProgress(tally, paths) as progress:
        return ingest(assembly, Worker(assembly, progress.advance), paths, tally).seconds


def print_report(report: IngestReport) -> None:
    """Print the table of outcomes, and why files failed."""
    console = Console()
    table = Table(title=f"{sum(report.counts.values())} files in {report.seconds:.1f} s")
    shown = {key: count for key, count in report.counts.items() if count or key not in RARE}
    for outcome in shown:
        table.add_column(outcome, justify="right")
    table.add_row(*(str(count) for count in shown.values()))
    console.print(table)
    if waiting := report.counts["waiting"]:
        console.print(
            f"stopped: {waiting} photos wait; run the same command again, or start `{PROGRAM} worker`", soft_wrap=True
        )
    if report.counts["deleted"]:
        console.print("files of photos that were deleted were left out: to ingest them again, use --restore")
    for failure in report.failures[:SHOWN_FAILURES]:
        console.print(f"failed: {failure.path}", soft_wrap=True)
        console.print(f"        {failure.reason}", soft_wrap=True)
    if len(report.failures) > SHOWN_FAILURES:
        console.print(f"… and {len(report.failures) - SHOWN_FAILURES} more failures: --json lists them all")
