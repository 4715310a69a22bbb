"""Processes that use a catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ProcessKind = Literal["worker", "web server"]


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process that has registered itself.

    Attributes
    ----------
    name : str
        Which no other process ever has.
    kind : {'worker', 'web server'}
    host : str
        Name of its machine.
    pid : int or None
        Its number there.
    version : str
        Of SegSearch; empty if that is not known.
    recipe, fingerprint : str
    started_at, seen_at : datetime
        In UTC, by the clock of the database.
    is_gone : bool
        Whether it has ended, or was not seen for longer than `processes.ALIVE`.
    """

    name: str
    kind: ProcessKind
    host: str
    pid: int | None
    version: str
    recipe: str
    fingerprint: str
    started_at: datetime
    seen_at: datetime
    is_gone: bool
