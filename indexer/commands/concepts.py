"""``concepts``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrieval.processes.terminal import echo, echo_json
from retrieval.settings import Settings

from .options import PATHS, open_assembly

if TYPE_CHECKING:
    pass


@click.group(short_help="Manage the names learned from examples.")
def concepts() -> None:
    """List, learn, export, import and delete concepts: names learned from examples."""


@concepts.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def list_concepts(settings: Settings, as_json: bool) -> None:
    """List all concepts and how many segments each one labels."""
    from .concept_output import print_concepts

    print_concepts(open_assembly(settings), as_json=as_json)


@concepts.command("export")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead of standard output."
)
@click.pass_obj
def export_concepts(settings: Settings, out: Path | None) -> None:
    """Export all concepts and their vectors as JSON, for another collection with the same recipe."""
    from .concept_output import export_json

    text = export_json(open_assembly(settings))
    if out is None:
        echo(text)
    else:
        out.write_text(text, encoding="utf-8")


@concepts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_concepts(settings: Settings, file: Path) -> None:
    """Import concepts exported from a collection with the same recipe."""
    from .concept_output import import_json

    echo(f"imported {import_json(open_assembly(settings), file)} concepts")


@concepts.command("delete")
@click.argument("name")
@click.pass_obj
def delete_concept(settings: Settings, name: str) -> None:
    """Delete the concept NAME. The segments it was learned from stay."""
    from .concept_output import delete

    delete(open_assembly(settings), name)


@concepts.command("learn")
@click.option(
    "--folders",
    is_flag=False,
    flag_value="",
    metavar="[PATH]",
    help="Use each photo's folder name as its tag; with PATH, only folders below it.",
)
@click.option(
    "--except", "excluded", multiple=True, metavar="NAME", help="A folder name that is not a tag. Repeatable."
)
@click.option(
    "--tags",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file with the columns path and tag.",
)
@click.option("--boxes", type=PATHS, help="A COCO instances JSON, or a folder of VOC XML files.")
@click.option("--replace", is_flag=True, help="Relearn concepts that already exist under the name of a tag.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def learn_concepts(settings: Settings, /, *, as_json: bool, replace: bool, **sources: Any) -> None:
    """Learn concepts from tags of whole photos, by finding the segments that explain them, or from boxes.

    A photo without a tag is assumed not to show what the tag names.
    """
    from .concept_output import TagSource, learn, print_report

    if sum(sources[name] is not None for name in ("folders", "tags", "boxes")) != 1:
        raise click.UsageError("give one of --folders, --tags and --boxes")
    if sources["excluded"] and sources["folders"] is None:
        raise click.UsageError("--except goes with --folders")
    report = learn(open_assembly(settings), TagSource(**sources), replace=replace)
    if as_json:
        echo_json(report.as_json())
    else:
        print_report(report)
