"""What ``copy-catalogue`` did, on the terminal."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, replace

from retrieval.catalog import CopiedTable, copy_catalogue, make_schema
from retrieval.data_directory import DataDirectory
from retrieval.processes.terminal import echo, echo_json
from retrieval.settings import Settings
from retrieval.settings.database_urls import schema_of


def print_copied(settings: Settings, source: str, target: str, *, as_json: bool) -> None:
    """Copy a catalogue, and those of its collections, and tell each table as it is done."""

    def tell(table: CopiedTable) -> None:
        if table.rows and not as_json:
            echo(f"{table.name}: {table.rows:,} rows, SHA-256 {table.digest[:16]}")

    copied = copy_catalogue(source, target, tell)
    from_, to = replace(settings, database_url=source), replace(settings, database_url=target)
    with closing(DataDirectory(from_)) as installation:
        numbers = [record.id for record in installation.collections.all_with_deleted()]
    for number in numbers:
        urls = from_.of_collection(number).database_url, to.of_collection(number).database_url
        if urls[0] == urls[1]:  # files of the data directory are not touched
            continue
        with closing(DataDirectory(from_.of_collection(number))) as inside:
            inside.catalog.images.counts()  # one that nobody has opened yet has no catalogue
        make_schema(urls[1], schema_of(number))
        if not as_json:
            echo(f"collection {number}:")
        copied += copy_catalogue(*urls, tell)
    if as_json:
        echo_json([asdict(each) for each in copied])
        return
    echo(f"copied {sum(each.rows for each in copied):,} rows; all tables are the same in both")
    echo("set SEGSEARCH_DATABASE_URL to the new database, and start SegSearch again")
