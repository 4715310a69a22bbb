"""What ``copy-catalogue`` did, on the terminal."""

from __future__ import annotations

from dataclasses import asdict

from retrieval.catalog import CopiedTable, copy_catalogue
from retrieval.processes.terminal import echo, echo_json


def print_copied(source: str, target: str, *, as_json: bool) -> None:
    """Copy, and tell each table as it is done."""

    def tell(table: CopiedTable) -> None:
        if table.rows and not as_json:
            echo(f"{table.name}: {table.rows:,} rows, SHA-256 {table.digest[:16]}")

    copied = copy_catalogue(source, target, tell)
    if as_json:
        echo_json([asdict(each) for each in copied])
        return
    echo(f"copied {sum(each.rows for each in copied):,} rows; all tables are the same in both")
    echo("set SEGSEARCH_DATABASE_URL to the new database, and start SegSearch again")
