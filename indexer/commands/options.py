"""Options and parameters that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrieval.query.request import MAX_ID
from retrieval.settings import Settings

if TYPE_CHECKING:
    from retrieval.assembly import Assembly

PATHS = click.Path(exists=True, path_type=Path)
ID = click.IntRange(0, MAX_ID)


def open_assembly(settings: Settings) -> Assembly:
    """The assembly of the data directory that the settings name."""
    from retrieval.assembly import Assembly

    return Assembly(settings)


def corners(text: str | None) -> tuple[tuple[float, float], ...]:
    """Corners of an option such as ``"10,10,80,12,44,90"``."""
    if text is None:
        return ()
    found = numbers(text, text.count(",") + 1) or ()
    if len(found) % 2:
        raise click.BadParameter(f"{text!r} is not an even count of numbers separated by commas")
    return tuple(zip(found[::2], found[1::2], strict=True))


def numbers(text: str | None, count: int) -> tuple[float, ...] | None:
    """Numbers of an option such as ``"120,48"``."""
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise click.BadParameter(f"{text!r} is not {count} numbers separated by commas")
    return numbers
