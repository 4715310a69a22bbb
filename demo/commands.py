"""The command ``quickstart``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click


@click.command(short_help="Try SegSearch on a small collection or your own photos.")
@click.option(
    "--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder of your own photos."
)
@click.option("--serve/--no-serve", default=True, help="Whether to serve the pages at the end.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Of the web server.")
@click.option("--open", "opens", is_flag=True, help="Open the pages in the browser.")
def quickstart(photos: Path | None, serve: bool, port: int, opens: bool) -> None:
    """Ingest a small collection, or your own photos, check that searches find the right ones, and serve it."""
    from .run import run

    try:
        run(photos, serve=serve, port=port, opens=opens)
    except subprocess.CalledProcessError as error:  # the child has printed why
        sys.exit(error.returncode)
