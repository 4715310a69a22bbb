"""The command ``demo``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click


@click.command()
@click.option("--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder of your own.")
@click.option("--serve/--no-serve", default=True, help="Serve the pages in the end.")
@click.option("--port", default=8000, show_default=True)
def demo(photos: Path | None, serve: bool, port: int) -> None:
    """Enter a small collection, check that it can be searched, and serve it."""
    from .run import run

    try:
        run(photos, serve=serve, port=port)
    except subprocess.CalledProcessError as error:  # it has said why
        sys.exit(error.returncode)
