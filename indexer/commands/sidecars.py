"""``sidecars``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrieval.processes.terminal import echo, echo_json
from retrieval.query.filters import Filters
from retrieval.settings import Settings

from .options import open_assembly

if TYPE_CHECKING:
    from retrieval.assembly import Assembly

    from ..sidecars import SidecarReport

SHOWN = 20
"""So many failures are listed."""

folder_option = click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Only photos in or below it."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group()
def sidecars() -> None:
    """Exchange keywords with other programs by XMP files beside the photos. Photos are never changed."""


@sidecars.command()
@folder_option
@json_option
@click.pass_obj
def write(settings: Settings, folder: Path | None, *, as_json: bool) -> None:
    """Write tags, and concepts that segments are examples of, to PHOTO.jpg.xmp.

    In a sidecar that is there, only keywords of this program are changed.
    """
    from ..sidecars import write_sidecars

    _print(write_sidecars(open_assembly(settings), _filters(folder)), as_json=as_json)


@sidecars.command()
@folder_option
@json_option
@click.pass_obj
def read(settings: Settings, folder: Path | None, *, as_json: bool) -> None:
    """Give photos the keywords of their sidecars as tags. No tag is taken away."""
    from ..sidecars import read_sidecars

    _print(read_sidecars(open_assembly(settings), _filters(folder)), as_json=as_json)


def read_beside(assembly: Assembly, paths: Sequence[Path]) -> None:
    """Read the sidecars of photos below some paths; what fails is told, and stops nothing."""
    from ..sidecars import read_sidecars

    for folder in sorted({path if path.is_dir() else path.parent for path in paths}):
        _tell(read_sidecars(assembly, _filters(folder)))


def _filters(folder: Path | None) -> Filters:
    return Filters(folder=str(folder.absolute()) if folder else None)


def _print(report: SidecarReport, *, as_json: bool) -> None:
    """Print what became of the sidecars; exits with 1 if any failed."""
    if as_json:
        failures = [
            {"path": str(path).encode("utf-8", "backslashreplace").decode(), "reason": reason}
            for path, reason in report.failures
        ]
        echo_json({"counts": dict(report.counts), "failures": failures})
    else:
        echo(", ".join(f"{count} {outcome}" for outcome, count in sorted(report.counts.items())) or "no photos")
        _tell(report)
    sys.exit(1 if report.failures else 0)


def _tell(report: SidecarReport) -> None:
    for path, reason in report.failures[:SHOWN]:
        echo(f"{path}: {reason}", err=True)
    if len(report.failures) > SHOWN:
        echo(f"and {len(report.failures) - SHOWN} more", err=True)
