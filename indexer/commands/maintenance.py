"""Checking, cleaning, rebuilding, exporting. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo
from retrieval.settings import Settings

from .options import open_assembly

if TYPE_CHECKING:
    pass


@click.command()
@click.pass_obj
def verify(settings: Settings) -> None:
    """Hold the index against the catalogue, and list what is of no use; exits with 1 if something is wrong."""
    from ..clean import waste
    from ..publish import verify as check

    assembly = open_assembly(settings)
    faults = check(assembly)
    for fault in faults:
        echo(fault)
    left = waste(assembly)
    for each in left:
        echo(f"waste: {each}")
    if left:
        echo(f"waste is not wrong; `{PROGRAM} clean` removes it")
    echo("index and catalogue agree" if not faults else f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


@click.command("clean")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def clean(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Remove files that nothing needs any more, and rows whose time is over; nothing younger than an hour."""
    from .search_output import print_cleaned

    print_cleaned(open_assembly(settings), dry_run=dry_run, as_json=as_json)


@click.command("rebuild-index")
@click.option(
    "--recall",
    type=click.FloatRange(0.5, 1),
    help="Of the 50 nearest segments, what searches of a large index have to find from now on.  [at first: 0.95]",
)
@click.pass_obj
def rebuild_index(settings: Settings, recall: float | None) -> None:
    """Make the index anew from the catalogue; the old one serves until then."""
    from ..publish import rebuild

    sizes = rebuild(open_assembly(settings), recall)
    echo(f"the index holds {sizes['segments']} segments and {sizes['photos']} whole photos")


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; the terminal if absent.")
@click.pass_obj
def export(settings: Settings, out: Path | None) -> None:
    """Write photos and segments as COCO JSON, masks as compressed run lengths of the upright original."""
    from ..export import write_coco

    if out is None:
        write_coco(open_assembly(settings).catalog, sys.stdout)
        return
    beside = out.with_name(f"{out.name}.tmp")
    with beside.open("w", encoding="utf-8") as file:
        write_coco(open_assembly(settings).catalog, file)
    beside.replace(out)


@click.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database's schema up to date."""
    echo(f"the catalogue has schema {open_assembly(settings).migrate()}")
