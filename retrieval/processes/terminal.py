"""Everything is printed through this module, so that no name, error or tag can control the terminal.

Names of files, concepts and users come from outside. A name with escape sequences could set the window's title, move
the cursor or hide text, one with a line break could forge a message, and one with text-direction marks could be read
as another name. All of these characters are printed as escapes.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

import click

T = TypeVar("T")

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # controls, line breaks and tabs among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the direction of writing
    "\u2028\u2029\ufeff"  # further line breaks, and a mark that is not seen
    "\ud800-\udfff]"  # bytes of names that are not UTF-8
)


def printable(text: object) -> str:
    r"""Text on one line, with escapes such as ``\x1b`` instead of control characters.

    Examples
    --------
    >>> printable("a\n\x1b[31mb")
    'a\\n\\x1b[31mb'
    """
    return _UNPRINTABLE.sub(_escape, str(text))


def echo(*columns: object, err: bool = False) -> None:
    """Print a line, with tabs between columns if there are several."""
    click.echo("\t".join(map(printable, columns)), err=err)


def echo_json(value: Any) -> None:
    """Print a value as JSON, in ASCII, on one line."""
    click.echo(json.dumps(value))


class PrintableFormatter(logging.Formatter):
    """Formats log records on one line each, except for tracebacks."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # logging's own name
        """The line, with its message escaped."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # logging's own name
        """The traceback, escaped."""
        return _lines(super().formatException(ei))


class PrintableGroup(click.Group):
    """Commands whose errors, which may quote input, are escaped."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """As click does it."""
        return _with_printable_errors(lambda: super(PrintableGroup, self).make_context(*arguments, **options))

    def invoke(self, ctx: click.Context) -> Any:
        """As click does it."""
        return _with_printable_errors(lambda: super(PrintableGroup, self).invoke(ctx))


def show_only_printable() -> None:
    """Escape tracebacks of unexpected errors, too."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(_lines("".join(traceback.format_exception(kind, error, trace))))

    def in_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            hook(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    sys.excepthook = hook
    threading.excepthook = in_thread


def _with_printable_errors(act: Callable[[], T]) -> T:
    try:
        return act()
    except click.ClickException as error:
        error.__dict__["message"] = printable(error.message)  # which is final, for others
        raise


def _lines(text: str) -> str:
    """Several lines, each of them escaped."""
    return "\n".join(map(printable, text.split("\n")))


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":  # a byte, as Python keeps it in a name
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
