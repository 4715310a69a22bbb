"""Looking at an installation and caring for it. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo
from retrieval.settings import Settings

from .options import open_assembly


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Show what is in the catalogue and in the index."""
    from .status_output import print_status

    print_status(open_assembly(settings), as_json=as_json)


@click.command(short_help="Check that all parts work on this machine.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Of the web server.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def doctor(settings: Settings, port: int, as_json: bool) -> None:
    """Check that all parts work here, and say what to do where one does not. Exits with 1 if there is a fault."""
    from .doctor_output import print_findings

    sys.exit(print_findings(open_assembly(settings), port, as_json=as_json))


@click.command(short_help="Check the index against the catalogue.")
@click.pass_obj
def verify(settings: Settings) -> None:
    """Check the index against the catalogue, and list unused files. Exits with 1 if something is wrong."""
    from ..clean import waste
    from ..verify import verify as check

    assembly = open_assembly(settings)
    faults = check(assembly)
    for fault in faults:
        echo(fault)
    left = waste(assembly)
    for each in left:
        echo(f"waste: {each}")
    if left:
        echo(f"waste does no harm; remove it with `{PROGRAM} clean`")
    echo("index and catalogue agree" if not faults else f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


@click.command("clean", short_help="Remove unused files and expired rows.")
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def clean(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Remove unused files and expired rows, but nothing younger than an hour.

    Query photos expire after a day, unless a link to their search was copied, and refined searches that were not saved
    as a concept after 90 days.
    """
    from .search_output import print_cleaned

    print_cleaned(open_assembly(settings), dry_run=dry_run, as_json=as_json)


@click.command("rebuild-index")
@click.option(
    "--recall",
    type=click.FloatRange(0.5, 1),
    help="Recall of the 50 nearest segments that large indexes are tuned to from now on.  [initially: 0.95]",
)
@click.pass_obj
def rebuild_index(settings: Settings, recall: float | None) -> None:
    """Rebuild the index from the catalogue. Searches use the old one until the new one is ready."""
    from ..publish import rebuild

    sizes = rebuild(open_assembly(settings), recall)
    echo(f"the index holds {sizes['segments']} segments and {sizes['photos']} whole photos")


@click.command(short_help="Back up the data directory into a folder.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def backup(settings: Settings, folder: Path, as_json: bool) -> None:
    """Back up the data directory into FOLDER while it is in use.

    FOLDER is new, or an earlier backup, into which only what has changed is copied. The index is left out: it is
    rebuilt when the backup is restored. Originals outside the data directory are left out, too.
    """
    from .backup_output import print_backup

    print_backup(open_assembly(settings), folder.absolute(), as_json=as_json)


@click.command("restore-backup", short_help="Make a data directory from a backup.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_obj
def restore_backup(settings: Settings, folder: Path) -> None:
    """Make the data directory SEGSEARCH_DATA_DIR, which must be new or empty, from the backup in FOLDER."""
    from .backup_output import print_restored

    print_restored(settings, folder.absolute())


@click.command("copy-catalogue", short_help="Copy the catalogue to another database.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def copy_catalogue(settings: Settings, source: str, target: str, as_json: bool) -> None:
    """Copy the catalogue at the URL FROM into a new, empty database at the URL TO, and compare the two.

    URLs are written as in SEGSEARCH_DATABASE_URL. FROM is not changed; stop workers and servers before, or what they
    write meanwhile is not in the copy. Files of the data directory are not touched. Catalogues of collections are
    copied, too: on SQLite they are files in the data directory, on PostgreSQL schemas of the database.
    """
    from .copy_output import print_copied

    print_copied(settings, source, target, as_json=as_json)


@click.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Upgrade the database schema to this version, also those of collections."""
    assembly = open_assembly(settings)
    echo(f"the catalogue has schema {assembly.migrate()}")
    for record in () if settings.collection else assembly.collections.all_with_deleted():
        echo(f"the catalogue of collection {record.name} has schema {assembly.of_collection(record).migrate()}")
