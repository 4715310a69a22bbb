"""``duplicates``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import click

from retrieval.settings import Settings

from .options import open_assembly


@click.command(short_help="List photos that are copies of one another.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many to list.")
@click.option(
    "--min-likeness",
    default=0.0,
    type=click.FloatRange(0, 1),
    help="Only photos that are at least so alike; pairs from about 0.87 on are known.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def duplicates(settings: Settings, limit: int, min_likeness: float, as_json: bool) -> None:
    """List near-duplicates: crops, copies and edits of one photo, with the best one in front.

    Photos that no worker compared with the others yet are compared first.
    """
    from .duplicate_output import print_duplicates

    print_duplicates(open_assembly(settings), limit=limit, min_likeness=min_likeness, as_json=as_json)
