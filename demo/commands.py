"""The command ``demo``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click


@click.command()
@click.option(
    "--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder of your own photos."
)
@click.option("--serve/--no-serve", default=True, help="Whether to serve the pages at the end.")
@click.option("--port", default=8000, show_default=True)
def demo(photos: Path | None, serve: bool, port: int) -> None:
    """Ingest a small collection, check that searches find the right photos, and serve it."""
    from .run import run

    try:
        run(photos, serve=serve, port=port)
    except subprocess.CalledProcessError as error:  # the child has printed why
        sys.exit(error.returncode)
