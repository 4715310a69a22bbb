"""Everything that is printed goes through here, so that no name, no error and no tag can steer the terminal.

Files, concepts and users are named by others. A name with escape sequences could set a window's title, move the
cursor or hide what follows, one with a line break could forge a message, one with marks of the direction of writing
could be read as another. All of these are printed as escapes.
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
    r"""Text on one line whose characters only show, as ``\x1b`` where they would do something else.

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
    """Log records that take one line each, tracebacks apart."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # logging's own name
        """The line, with a message that only shows."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # logging's own name
        """The traceback."""
        return _lines(super().formatException(ei))


class PrintableGroup(click.Group):
    """Commands whose errors, which quote what was typed or found, only show."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """As click does it."""
        return _with_printable_errors(lambda: super(PrintableGroup, self).make_context(*arguments, **options))

    def invoke(self, ctx: click.Context) -> Any:
        """As click does it."""
        return _with_printable_errors(lambda: super(PrintableGroup, self).invoke(ctx))


def show_only_printable() -> None:
    """Have tracebacks of errors that nobody foresaw be printed through here, too."""

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
    """Several lines, each of which only shows."""
    return "\n".join(map(printable, text.split("\n")))


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":  # a byte, as Python keeps it in a name
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
