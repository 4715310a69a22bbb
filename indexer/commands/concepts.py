"""Names that people gave. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrieval.processes.terminal import echo, echo_json
from retrieval.settings import Settings

from .options import PATHS, open_assembly

if TYPE_CHECKING:
    pass


@click.group()
def concepts() -> None:
    """Names that people gave to what they have shown examples of."""


@concepts.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_concepts(settings: Settings, as_json: bool) -> None:
    """All concepts, with how many segments they label."""
    from .concept_output import print_concepts

    print_concepts(open_assembly(settings), as_json=as_json)


@concepts.command("export")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; the terminal if absent.")
@click.pass_obj
def export_concepts(settings: Settings, out: Path | None) -> None:
    """Write all concepts with their vectors as JSON, for another collection of the same recipe."""
    from .concept_output import export_json

    text = export_json(open_assembly(settings))
    if out is None:
        echo(text)  # it is JSON
    else:
        out.write_text(text, encoding="utf-8")


@concepts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_concepts(settings: Settings, file: Path) -> None:
    """Take in concepts that were exported from a collection of the same recipe."""
    from .concept_output import import_json

    echo(f"{import_json(open_assembly(settings), file)} concepts were taken in")


@concepts.command("delete")
@click.argument("name")
@click.pass_obj
def delete_concept(settings: Settings, name: str) -> None:
    """Forget the concept called NAME; the segments it was learnt from stay."""
    from .concept_output import delete

    delete(open_assembly(settings), name)


@concepts.command("learn")
@click.option(
    "--folders",
    is_flag=False,
    flag_value="",
    metavar="[PATH]",
    help="Names of the folders that photos are in are tags; with a path those of folders below it.",
)
@click.option("--except", "excluded", multiple=True, metavar="NAME", help="A folder that is no tag; several times.")
@click.option("--tags", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV: path,tag.")
@click.option("--boxes", type=PATHS, help="COCO's JSON of instances, or a folder of VOC's XML files.")
@click.option("--replace", is_flag=True, help="Learn concepts anew that have the name of a tag.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def learn_concepts(settings: Settings, /, *, as_json: bool, replace: bool, **sources: Any) -> None:
    """Learn concepts from tags of whole photos, by finding which segments explain them, or from boxes.

    Photos without a tag are taken not to show what it names.
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
