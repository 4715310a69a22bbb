"""Figures of one or several recipes, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..processes.tables import Console, Table
from ..processes.terminal import echo_json

Figures = Mapping[str, Any]


def print_figures(found: Mapping[str, Figures], *, title: str, as_json: bool) -> None:
    """A table of measures by recipes or JSON; of one recipe its figures alone, of several by recipe."""
    (only, *more) = found.values()
    if as_json:
        echo_json(found if more else only)
        return
    table = Table("measure", *(found if more else ["value"]), title=title)
    for name, values in side_by_side(list(found.values())):
        table.add_row(name, *values)
    Console().print(table)


def side_by_side(found: Sequence[Figures]) -> list[tuple[str, list[str]]]:
    """Each measure with every recipe's value as text, empty where it has none; in the order they first come in."""
    names = dict.fromkeys(name for figures in found for name in figures)
    return [(name, [shown(figures[name]) if name in figures else "" for figures in found]) for name in names]


def shown(value: object) -> str:
    """A figure as text."""
    if isinstance(value, list):
        return " to ".join(f"{each:+.3f}" for each in value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
