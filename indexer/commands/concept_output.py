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
        labelled = "in another space" if row["segments"] is None else str(row["segments"])
        table.add_row(str(row["name"]), str(row["examples"]), labelled, str(row["space"]))
    Console().print(table)


def export_json(assembly: Assembly) -> str:
    """All concepts as JSON, for `import_json`."""
    return json.dumps({"form": FORM, "concepts": assembly.trainer(assembly.engine()).exported()})


def import_json(assembly: Assembly, file: Path) -> int:
    """Import an exported file; returns how many concepts it had.

    Raises
    ------
    QueryError
        The file is not an export, or its concepts do not fit this collection.
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
        raise QueryError(f"{file} was not written by `{PROGRAM} concepts export`: export it again") from error
    return len(assembly.trainer(assembly.engine()).take_in(concepts))


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSource:
    """What to learn concepts from; exactly one of the three sources is given.

    Attributes
    ----------
    folders : str or None
        Names of folders below this one are tags; of all folders if empty.
    excluded : tuple of str
        Folders whose names are not tags.
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
    """The outcome of every tag, counts of boxes, and paths of unknown photos."""

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
    """A table of the tags, then unmatched boxes and unknown paths."""
    table = Table("tag", "photos", "learned from", "agreement", "segments labelled")
    for each in report.tags:
        agreement = "" if each.agreement is None else f"{each.agreement:.2f}"
        outcome = each.reason if each.reason is not None else f"{len(each.explained)} segments"
        labelled = "" if each.segments is None else str(each.segments)
        table.add_row(each.name, str(each.photos), outcome, agreement, labelled)
    Console().print(table)
    learnt = sum(each.reason is None for each in report.tags)
    echo(f"{learnt} of {len(report.tags)} tags were learned")
    if report.boxes is not None:
        echo(f"{report.misfits} of {report.boxes} boxes overlap no segment with an IoU of at least 0.5")
    if report.unknown:
        echo(f"{len(report.unknown)} paths match no photo in the catalogue, such as {report.unknown[0]}")


def delete(assembly: Assembly, name: str) -> None:
    """Delete a concept by its name.

    Raises
    ------
    QueryError
        No concept has this name.
    """
    assembly.concepts.delete(concept_named(assembly, name))
    echo(f"deleted concept {name}")


def concept_named(assembly: Assembly, name: str) -> int:
    """The id of a concept.

    Raises
    ------
    QueryError
        No concept has this name.
    """
    found = {normal_form(each): key for each, key in assembly.concepts.names().items()}
    if normal_form(name) not in found:
        raise QueryError(f"there is no concept {name!r}: `{PROGRAM} concepts list` lists the concepts")
    return found[normal_form(name)]
