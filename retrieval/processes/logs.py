"""Log records of every process: as lines for people, or as JSON for a log collector.

SEGSEARCH_LOG_FORMAT chooses between ``text`` (the default) and ``json``. A JSON record is an object on a line of its
own, with ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, ``process`` and, within a request,
``request_id``; an exception is in ``exception``, and further fields are those of the logger.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from ..errors import ConfigurationError
from .terminal import PrintableFormatter

VARIABLE = "SEGSEARCH_LOG_FORMAT"
FORMATS = ("text", "json")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered; None outside requests."""


def set_up(level: int, environ: Mapping[str, str]) -> None:
    """Log to the standard error from a level on.

    Raises
    ------
    ConfigurationError
        SEGSEARCH_LOG_FORMAT is no format.
    """
    chosen = environ.get(VARIABLE) or "text"
    if chosen not in FORMATS:
        raise ConfigurationError(f"{VARIABLE}={chosen!r} must be text or json")
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if chosen == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler])


class TextLines(PrintableFormatter):
    """Lines for people, escaped, with the id of the request if there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # logging's own name
        """The line."""
        number = request_id.get()
        return super().formatMessage(record) + (f" [request {number}]" if number else "")


class JsonLines(JsonFormatter):
    """Objects in ASCII, each on one line."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger", "exc_info": "exception"}
        super().__init__(["levelname", "name", "message", "process"], rename_fields=names)

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """The fields of a record, its time first."""
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        super().add_fields(log_data, record, message_dict)
        if number := request_id.get():
            log_data["request_id"] = number
