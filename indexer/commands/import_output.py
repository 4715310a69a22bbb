"""Imports annotations with a progress bar, teaches their categories, and tells what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from retrieval.assembly import Assembly
from retrieval.errors import QueryError
from retrieval.formats.coco import read_coco
from retrieval.formats.dataset import UNNAMED
from retrieval.formats.importing import Importer, ImportReport, examples_of
from retrieval.formats.labelled import LabelledPhoto
from retrieval.formats.places import PhotosByPath
from retrieval.formats.voc import read_voc
from retrieval.formats.yolo import read_yolo
from retrieval.images.decoder_pool import DecoderPool
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo, echo_json
from retrieval.text.tokens import normal_form

from ..publish import Publisher
from .progress import ingest_all

EXAMPLES = 200
"""At most so many objects of a category become examples of its concept in one import."""

SHOWN = 20
"""So many faults and unknown photos are printed."""

READERS: dict[str, Callable[[Path], Iterator[LabelledPhoto]]] = {
    "coco": read_coco,
    "yolo": read_yolo,
    "voc": read_voc,
}


def run(
    assembly: Assembly, source: Path, photos: Path | None, form: str | None, *, teaches: bool, as_json: bool
) -> None:
    """Import a file or folder of annotations; see `Importer`.

    Parameters
    ----------
    assembly : Assembly
    source : Path
    photos : Path or None
        A folder to ingest first.
    form : {"coco", "yolo", "voc"} or None
        None to look at what is there.
    teaches : bool
        Whether categories become concepts.
    as_json : bool

    Raises
    ------
    QueryError
        It is not such a file or folder, or names no photo of the catalogue.
    """
    labelled = READERS[form or format_of(source)](source)
    first = next(labelled, None)  # what is wrong with the file is said before photos are ingested
    if first is None:
        raise QueryError(f"{source} names no photos: there is nothing to import")
    if photos is not None:
        ingest_all(assembly, [photos])
    report = imported(assembly, _chained(first, labelled), source, photos)
    if not report.photos and not report.refused:
        raise QueryError(
            f"none of the {len(report.unknown)} photos that {source} names is in the catalogue, such as "
            f"{report.unknown[0]!r}: give their folder with --photos"
            if report.unknown
            else f"the photos that {source} names have no objects"
        )
    Publisher(assembly).publish()
    concepts, untaught = teach(assembly, report) if teaches else ([], [])
    if as_json:
        echo_json({**_counts(report, concepts), "faults": [*report.faults, *untaught], "unknown": report.unknown})
    else:
        _print(report, concepts, untaught)


def format_of(source: Path) -> str:
    """The format of a file or folder, by what is there.

    Raises
    ------
    QueryError
        It is none that can be imported.
    """
    if source.suffix.lower() == ".zip":
        raise QueryError(f"{source} is a ZIP file: unpack it, and give the folder")
    if source.suffix.lower() == ".json":
        return "coco"
    if source.suffix.lower() in (".yaml", ".yml") or (source / "data.yaml").is_file():
        return "yolo"
    if (source / "Annotations").is_dir():
        return "voc"
    raise QueryError(
        f"{source} is neither COCO's JSON, nor a folder with data.yaml (YOLO) or Annotations (VOC), nor Parquet: name "
        "its format with --format"
    )


def imported(assembly: Assembly, labelled: Iterator[LabelledPhoto], source: Path, photos: Path | None) -> ImportReport:
    """Import photos' objects, with a progress bar."""
    folder = source if source.is_dir() else source.parent
    roots = [
        *([photos, photos / "images"] if photos is not None else []),
        folder,
        folder / "images",
        folder / "JPEGImages",
    ]
    with importing(assembly, "importing photos", processes=2) as (importer, _):
        return importer.add(labelled, PhotosByPath.of(assembly.catalog, photos), roots)


@contextmanager
def importing(assembly: Assembly, what: str, processes: int) -> Iterator[tuple[Importer, Callable[[int], None]]]:
    """An importer with a progress bar, and what tells the bar how many photos there are."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with (
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
        DecoderPool(processes) as decoders,
    ):
        task = bar.add_task(what, total=None)
        importer = Importer(
            assembly.catalog,
            assembly.imported,
            assembly.bulk_recipe,
            decoders,
            assembly.originals,
            lambda: bar.advance(task),
        )
        yield importer, lambda total: bar.update(task, total=total)


def _chained(first: LabelledPhoto, rest: Iterator[LabelledPhoto]) -> Iterator[LabelledPhoto]:
    yield first
    yield from rest


def teach(assembly: Assembly, report: ImportReport) -> tuple[list[str], list[str]]:
    """Make categories concepts, or give known concepts more examples; returns their names, and what failed."""
    trainer = assembly.trainer(assembly.engine())
    known = {normal_form(name): key for name, key in assembly.concepts.names().items()}
    taught, failed = list[str](), list[str]()
    for name, segments in report.segments.items():
        if name == UNNAMED:
            continue
        examples = examples_of(list(dict.fromkeys(segments)), EXAMPLES)
        try:
            key = known.get(normal_form(name))
            if key is None:
                known[normal_form(name)] = trainer.teach(name, examples, [])
            else:
                model = assembly.concepts.get(key).model
                new = [each for each in examples if each not in {*model.positive, *model.negative}]
                trainer.change(key, positive=new)
            taught.append(name)
        except QueryError as error:
            failed.append(f"concept {name!r}: {error}")
    return taught, failed


def _counts(report: ImportReport, concepts: list[str]) -> dict[str, object]:
    return {
        "photos": report.photos,
        "added": report.added,
        "known": report.known,
        "refused": report.refused,
        "unknown_photos": len(report.unknown),
        "concepts": len(concepts),
    }


def _print(report: ImportReport, concepts: list[str], untaught: list[str]) -> None:
    counts = _counts(report, concepts)
    table = Table(title="imported objects")
    for name in counts:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row(*map(str, counts.values()))
    Console().print(table)
    print_lines("refused", [*report.faults, *untaught])
    print_lines("not in the catalogue", report.unknown)


def print_lines(title: str, lines: Sequence[str]) -> None:
    """Print the first of some lines, each with a title, and how many more there are."""
    for line in lines[:SHOWN]:
        echo(f"{title}: {line}")
    if len(lines) > SHOWN:
        echo(f"… and {len(lines) - SHOWN} more; --json lists them")
