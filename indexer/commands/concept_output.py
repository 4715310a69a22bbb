"""Concepts on the command line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from retrieval.assembly import Assembly
from retrieval.errors import QueryError
from retrieval.learning.concepts import FORM, Portable
from retrieval.learning.tagging import Learnt, learn_from_photos, learn_from_segments
from retrieval.processes.program import PROGRAM
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo, echo_json
from retrieval.text.tokens import normal_form

from ..tags import boxes_of, csv_tags, fitted, folder_tags


def print_concepts(assembly: Assembly, *, as_json: bool) -> None:
    """A table, or one JSON list."""
    trainer = assembly.trainer(assembly.engine())
    rows = [
        {
            "name": each.name,
            "examples": len(each.model.positive) + len(each.model.negative),
            "segments": trainer.count(each),
            "space": each.model.space,
        }
        for each in assembly.concepts.all()
    ]
    if as_json:
        echo_json(rows)
        return
    table = Table("name", "examples", "segments labelled", "space")
    for row in rows:
        labelled = "of another space" if row["segments"] is None else str(row["segments"])
        table.add_row(str(row["name"]), str(row["examples"]), labelled, str(row["space"]))
    Console().print(table)


def export_json(assembly: Assembly) -> str:
    """What `import_json` takes in."""
    return json.dumps({"form": FORM, "concepts": assembly.trainer(assembly.engine()).exported()})


def import_json(assembly: Assembly, file: Path) -> int:
    """Take in an exported file; returns how many concepts.

    Raises
    ------
    QueryError
        It is no such file, or its concepts cannot be had here.
    """
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
        concepts = [
            Portable(
                name=str(each["name"]),
                space=str(each["space"]),
                threshold=float(each["threshold"]),
                rows=int(each["rows"]),
                directions=str(each["directions"]),
            )
            for each in {FORM: read["concepts"]}[read["form"]]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise QueryError(f"{file} is not what `{PROGRAM} concepts export` writes: export it again") from error
    return len(assembly.trainer(assembly.engine()).take_in(concepts))


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSource:
    """What concepts are to be learnt from; one of the three sources is there.

    Attributes
    ----------
    folders : str or None
        Names of folders below this one are tags; of all folders if it is empty.
    excluded : tuple of str
        Folders that are no tags.
    tags : Path or None
        A CSV file with the columns ``path`` and ``tag``.
    boxes : Path or None
        COCO's JSON of instances, or a folder of VOC's XML files.
    """

    folders: str | None
    excluded: tuple[str, ...]
    tags: Path | None
    boxes: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagReport:
    """What became of every tag, of how many boxes, and which photos are unknown."""

    tags: list[Learnt]
    unknown: tuple[str, ...]
    boxes: int | None = None
    misfits: int | None = None

    def as_json(self) -> dict[str, object]:
        """For scripts; boxes only where there were any."""
        counts = {} if self.boxes is None else {"boxes": self.boxes, "boxes_without_segment": self.misfits}
        return {"tags": [asdict(each) for each in self.tags], **counts, "unknown_paths": list(self.unknown)}


def learn(assembly: Assembly, lesson: TagSource, *, replace: bool) -> TagReport:
    """Learn concepts from folders, a CSV file or boxes.

    Raises
    ------
    QueryError
        The source cannot be read, or names no photo.
    """
    trainer = assembly.trainer(assembly.engine())
    if lesson.boxes is not None:
        found = fitted(assembly.catalog, boxes_of(lesson.boxes), lesson.boxes)
        learnt = learn_from_segments(trainer, found.segments, replace=replace)
        return TagReport(tags=learnt, unknown=found.unknown, boxes=found.boxes, misfits=found.misfits)
    if lesson.tags is not None:
        tags = csv_tags(assembly.catalog, lesson.tags)
    else:
        tags = folder_tags(assembly.catalog, Path(lesson.folders) if lesson.folders else None, lesson.excluded)
    return TagReport(tags=learn_from_photos(trainer, tags.photos, replace=replace), unknown=tags.unknown)


def print_report(report: TagReport) -> None:
    """A table of the tags, then what was left over."""
    table = Table("tag", "photos", "learnt from", "agreement", "segments labelled")
    for each in report.tags:
        agreement = "" if each.agreement is None else f"{each.agreement:.2f}"
        outcome = each.reason if each.reason is not None else f"{len(each.explained)} segments"
        labelled = "" if each.segments is None else str(each.segments)
        table.add_row(each.name, str(each.photos), outcome, agreement, labelled)
    Console().print(table)
    learnt = sum(each.reason is None for each in report.tags)
    echo(f"{learnt} of {len(report.tags)} tags were learnt")
    if report.boxes is not None:
        echo(f"{report.misfits} of {report.boxes} boxes fit no segment with an IoU of .5")
    if report.unknown:
        echo(f"{len(report.unknown)} paths are of no photo here, such as {report.unknown[0]}")


def delete(assembly: Assembly, name: str) -> None:
    """Forget a concept by its name.

    Raises
    ------
    QueryError
        None is called so.
    """
    assembly.concepts.delete(concept_named(assembly, name))
    echo(f"{name} was forgotten")


def concept_named(assembly: Assembly, name: str) -> int:
    """The id of a concept.

    Raises
    ------
    QueryError
        None is called so.
    """
    found = {normal_form(each): key for each, key in assembly.concepts.names().items()}
    if normal_form(name) not in found:
        raise QueryError(f"there is no concept {name!r}: `{PROGRAM} concepts list` shows those there are")
    return found[normal_form(name)]
