"""Tables and lines on a terminal, with values from outside (see `retrieval.processes.terminal`)."""

from __future__ import annotations

from typing import Any

import rich.console
import rich.table
from rich.text import Text

from .terminal import printable


class Console(rich.console.Console):
    """A console that prints values literally: no markup, no control characters, one line each."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print tables, and strings or texts."""
        super().print(*map(_shown, objects), **options)


class Table(rich.table.Table):
    """A table whose cells are printed literally."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of strings or texts."""
        super().add_row(*map(_shown, cells), **options)


def _shown(value: Any) -> Any:
    """A string with escapes instead of control characters; other objects unchanged."""
    if isinstance(value, Text):
        return Text(printable(value.plain), style=value.style)
    return Text(printable(value)) if isinstance(value, str) else value
