"""Exports that are written in the background."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

ExportState = Literal["queued", "running", "done", "failed"]
EXPORT_STATES: tuple[ExportState, ...] = get_args(ExportState)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord:
    """An export that someone ordered.

    Attributes
    ----------
    user : str
        Who ordered it; empty without sign-in.
    format : str
    polygons : bool
        Whether COCO's masks are polygons.
    selection : str
        What is exported, as `formats.selection.Selection.to_json` writes it.
    state : {"queued", "running", "done", "failed"}
    done, total : int
        Photos that were written, and that there are at most.
    finished_at, expires_at : datetime or None
        When it was done or failed, and when its file goes.
    size : int or None
        Bytes of the file, once it is whole.
    sha256 : str or None
        Of the file.
    error : str or None
        Why it failed, and what to do.
    """

    id: int
    user: str
    created_at: datetime
    format: str
    polygons: bool
    selection: str
    state: ExportState
    done: int
    total: int
    finished_at: datetime | None
    expires_at: datetime | None
    size: int | None
    sha256: str | None
    error: str | None
