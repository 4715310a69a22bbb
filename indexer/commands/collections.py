"""Collections on the command line. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo
from retrieval.settings import Settings

from .options import open_assembly

if TYPE_CHECKING:
    from retrieval.catalog import CollectionRecord, Collections

ROLE = click.Choice(["viewer", "editor"])


@click.group(
    short_help="Collections with photos and users of their own.",
    epilog=f"Commands for photos work in a collection by `{PROGRAM} --collection NAME …`.",
)
def collections() -> None:
    """Manage collections. Each has photos, concepts and an index of its own, for its owner and whom it is shared with.

    A collection is named by its name or its number.
    """


@collections.command("list")
@click.option("--deleted", is_flag=True, help="Those in the trash instead.")
@click.pass_obj
def list_collections(settings: Settings, deleted: bool) -> None:
    """List the collections."""
    from retrieval.processes.tables import Console, Table

    assembly = open_assembly(settings)
    table = Table("number", "name", "owner", "photos", "recipe", "shared with")
    for record in assembly.collections.all(deleted=deleted):
        inside = assembly.of_collection(record)
        photos = sum(inside.catalog.images.counts().values())
        inside.close()
        shared = ", ".join(f"{user} ({role})" for user, role in record.members.items())
        table.add_row(str(record.id), record.name, record.owner or "-", f"{photos:,}", record.recipe or "-", shared)
    if table.rows:
        Console().print(table)
    else:
        what = "no collection is in the trash" if deleted else "there are no collections"
        echo(what if deleted else f"{what}; make one with `{PROGRAM} collections add NAME`")


@collections.command("add")
@click.argument("name")
@click.option("--owner", metavar="USER", help="Whose it is. Needed once there are users.")
@click.option("--recipe", help="What segments and embeds its photos. Default: SEGSEARCH_RECIPE.")
@click.pass_obj
def add_collection(settings: Settings, name: str, owner: str | None, recipe: str | None) -> None:
    """Make a collection."""
    from retrieval.recipes import recipe_spec

    assembly = open_assembly(settings)
    if owner is None and assembly.accounts.any():
        raise click.UsageError("say whose it is: --owner USER")
    if recipe is not None:
        recipe_spec(recipe)
    record = assembly.collections.add(name, owner, recipe)
    echo(f"made collection {record.name}, number {record.id}; fill it with")
    echo(f"  {PROGRAM} --collection {record.id} ingest FOLDER")


@collections.command("rename")
@click.argument("name")
@click.argument("new_name")
@click.pass_obj
def rename_collection(settings: Settings, name: str, new_name: str) -> None:
    """Give a collection another name."""
    repository = open_assembly(settings).collections
    echo(f"it is now called {repository.change(repository.named(name).id, name=new_name).name}")


@collections.command("share")
@click.argument("name")
@click.argument("user")
@click.option("--role", type=ROLE, default="viewer", show_default=True, help="What the user may do in it.")
@click.pass_obj
def share_collection(settings: Settings, name: str, user: str, role: str) -> None:
    """Share a collection with a user, or give the user another role in it."""
    repository = open_assembly(settings).collections
    record = repository.share(repository.named(name).id, user, role)  # type: ignore[arg-type]  # click checked it
    echo(f"{record.name} is shared with {user} as {role}")


@collections.command("unshare")
@click.argument("name")
@click.argument("user")
@click.pass_obj
def unshare_collection(settings: Settings, name: str, user: str) -> None:
    """Share a collection with a user no longer."""
    repository = open_assembly(settings).collections
    record = repository.unshare(repository.named(name).id, user)
    echo(f"{record.name} is not shared with {user}")


@collections.command("give")
@click.argument("name")
@click.argument("user")
@click.pass_obj
def give_collection(settings: Settings, name: str, user: str) -> None:
    """Give a collection to another user. Its owner until now keeps no rights."""
    repository = open_assembly(settings).collections
    record = repository.change(repository.named(name).id, owner=user)
    echo(f"{record.name} is now {record.owner}'s")


@collections.command("delete")
@click.argument("name")
@click.option("--now", is_flag=True, help="For good, not into the trash.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete_collection(settings: Settings, name: str, now: bool, yes: bool) -> None:
    """Move a collection to the trash. Photos that were ingested from folders stay where they are."""
    assembly = open_assembly(settings)
    record = _anywhere(assembly.collections, name) if now else assembly.collections.named(name)
    if now and not yes:
        click.confirm(f"Delete {record.name} with its uploads, concepts and index for good?", abort=True)
    if record.deleted_at is None:
        assembly.collections.delete(record.id)
    if now:
        assembly.erase_collection(record.id)
        echo(f"deleted {record.name} for good")
    else:
        echo(
            f"{record.name} is in the trash for {settings.trash_days:g} days; take it out with "
            f"`{PROGRAM} collections restore {record.id}`"
        )


@collections.command("restore")
@click.argument("number", type=click.IntRange(1))
@click.pass_obj
def restore_collection(settings: Settings, number: int) -> None:
    """Take a collection out of the trash, by its number."""
    echo(f"restored {open_assembly(settings).collections.restore(number).name}")


def _anywhere(repository: Collections, name: str) -> CollectionRecord:
    """A collection, or one in the trash by its number."""
    deleted = {str(record.id): record for record in repository.all(deleted=True)}
    return deleted.get(name) or repository.named(name)
