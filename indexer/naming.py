"""Concepts on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrieval.assembly import Assembly
from retrieval.concepts import FORM, Portable
from retrieval.errors import QueryError
from retrieval.vocabulary import normal_form


def print_concepts(assembly: Assembly, *, as_json: bool) -> None:
    """A table, or one JSON list."""
    teacher = assembly.teacher(assembly.engine())
    rows = [
        {
            "name": each.name,
            "examples": len(each.lesson.positive) + len(each.lesson.negative),
            "segments": teacher.count(each),
            "space": each.lesson.space,
        }
        for each in assembly.concepts.all()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    table = Table("name", "examples", "segments labelled", "space")
    for row in rows:
        labelled = "of another space" if row["segments"] is None else str(row["segments"])
        table.add_row(Text(str(row["name"])), str(row["examples"]), labelled, str(row["space"]))
    Console().print(table)


def export_json(assembly: Assembly) -> str:
    """What `import_json` takes in."""
    return json.dumps({"form": FORM, "concepts": assembly.teacher(assembly.engine()).exported()})


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
        raise QueryError(f"{file} is not what `manage.py concepts export` writes: export it again") from error
    return len(assembly.teacher(assembly.engine()).take_in(concepts))


def delete(assembly: Assembly, name: str) -> None:
    """Forget a concept by its name.

    Raises
    ------
    QueryError
        None is called so.
    """
    assembly.concepts.delete(concept_named(assembly, name))
    click.echo(f"{name} was forgotten")


def concept_named(assembly: Assembly, name: str) -> int:
    """The id of a concept.

    Raises
    ------
    QueryError
        None is called so.
    """
    found = {normal_form(each): key for each, key in assembly.concepts.names().items()}
    if normal_form(name) not in found:
        raise QueryError(f"there is no concept {name!r}: `manage.py concepts list` shows those there are")
    return found[normal_form(name)]
