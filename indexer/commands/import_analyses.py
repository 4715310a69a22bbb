"""Takes over the analyses of a Parquet file with a progress bar, and tells what became of them."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from retrieval.assembly import Assembly
from retrieval.errors import QueryError
from retrieval.formats.adopting import Adopter, AdoptionReport
from retrieval.formats.analyses import AnalysesFile
from retrieval.processes.program import PROGRAM
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo, echo_json

from ..publish import Publisher
from ..report import Tally
from ..scan import register_files
from .import_output import print_lines


def run(assembly: Assembly, source: Path, photos: Path | None, *, as_json: bool) -> None:
    """Import a Parquet file of analyses; see `Adopter`.

    Parameters
    ----------
    assembly : Assembly
    source : Path
    photos : Path or None
        A folder whose photos are registered first, without being analysed.
    as_json : bool

    Raises
    ------
    QueryError
        The file cannot be imported, or has no photo of the catalogue; no analysis was changed.
    """
    spec = assembly.recipe_spec
    file = AnalysesFile(source, spec.space, spec.segment_dim, spec.photo_dim)
    total = file.check()
    if photos is not None:
        register_files(assembly, [photos], Tally())
    report = _adopted(assembly, file, total)
    if len(report.unknown) == total:
        raise QueryError(
            f"none of the {total} photos of {source} is in the catalogue, such as {report.unknown[0]!r}: give the "
            "folder with the same files with --photos"
        )
    Publisher(assembly).publish()
    waiting = assembly.ingest_queue.unfinished(spec.fingerprint)
    counts = _counts(report, waiting)
    if as_json:
        echo_json({**counts, "faults": report.faults, "unknown": report.unknown})
    else:
        _print(report, counts)


def _adopted(assembly: Assembly, file: AnalysesFile, total: int) -> AdoptionReport:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("importing analyses", total=total)
        adopter = Adopter(assembly.catalog, assembly.imported, assembly.ingest_queue, lambda: bar.advance(task))
        return adopter.adopt(file)


def _counts(report: AdoptionReport, waiting: int) -> dict[str, int]:
    return {
        "photos": report.photos,
        "segments": report.segments,
        "known": report.known,
        "refused": len(report.faults),
        "unknown_photos": len(report.unknown),
        "waiting": waiting,
    }


def _print(report: AdoptionReport, counts: dict[str, int]) -> None:
    table = Table(title="imported analyses")
    for name in counts:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row(*map(str, counts.values()))
    Console().print(table)
    if counts["waiting"]:
        echo(f"{counts['waiting']} photos wait for their analysis: `{PROGRAM} worker` does that")
    print_lines("refused", report.faults)
    print_lines("not in the catalogue", report.unknown)
