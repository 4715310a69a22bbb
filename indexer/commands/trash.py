"""Deleting photos, restoring them, and the trash that they are in meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo, echo_json
from retrieval.settings import Settings

from .options import ID, open_assembly

if TYPE_CHECKING:
    from retrieval.catalog.records import ImageRecord

PAGE = 500


@click.command()
@click.argument("ids", nargs=-1, required=True, type=ID)
@click.pass_obj
def delete(settings: Settings, ids: tuple[int, ...]) -> None:
    """Move photos to the trash by their IDs. Files outside the data directory stay where they are."""
    trash = open_assembly(settings).trash
    moved = trash.put(ids)
    if trash.days:
        echo(f"moved {_photos(moved)} to the trash; `{PROGRAM} restore` brings them back for {trash.days:g} days")
    else:
        echo(f"deleted {_photos(moved)}")
    _tell_missed(ids, moved, "the library")


@click.command()
@click.argument("ids", nargs=-1, required=True, type=ID)
@click.pass_obj
def restore(settings: Settings, ids: tuple[int, ...]) -> None:
    """Restore photos from the trash by their IDs."""
    restored = open_assembly(settings).trash.restore(ids)
    echo(f"restored {_photos(restored)}")
    _tell_missed(ids, restored, "the trash")


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def _tell_missed(ids: Sequence[int], found: int, place: str) -> None:
    """End with 1 if not all photos were where they should be."""
    if missed := len(set(ids)) - found:
        raise click.ClickException(f"{missed} of these IDs {'is' if missed == 1 else 'are'} not in {place}")


@click.group()
def trash() -> None:
    """List the photos in the trash, or delete them for good."""


@trash.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def list_trash(settings: Settings, as_json: bool) -> None:
    """List the photos in the trash, those taken last first."""
    from retrieval.catalog.records import View

    assembly, skip, found = open_assembly(settings), 0, list["ImageRecord"]()
    while page := assembly.catalog.timeline.page(View(state="trash"), skip=skip, limit=PAGE):
        found, skip = found + page, skip + PAGE
    if as_json:
        echo_json([{"id": each.id, "path": each.displayed, "deleted_at": str(each.deleted_at)} for each in found])
        return
    for each in found:
        echo(each.id, f"{each.deleted_at:%Y-%m-%d %H:%M}", each.displayed)
    echo(f"{_photos(len(found))} in the trash")


@trash.command()
@click.confirmation_option(prompt="Delete all photos in the trash for good?")
@click.pass_obj
def empty(settings: Settings) -> None:
    """Delete all photos in the trash for good, and those of their files that were uploaded."""
    echo(f"deleted {_photos(open_assembly(settings).trash.empty())} for good")
