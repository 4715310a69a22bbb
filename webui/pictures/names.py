"""Names and places of photos, for display."""

from __future__ import annotations

import os
from pathlib import Path

from retrieval.catalog import ImageRecord
from retrieval.catalog.records import LocationRecord

from ..context import context


def shown_path(path: Path | None) -> str | None:
    r"""A path as text; bytes that are not UTF-8 as ``\xNN``."""
    return None if path is None else os.fsencode(path).decode("utf-8", "backslashreplace")


def name_of(image: ImageRecord) -> str:
    """The name of a photo: its file name."""
    location = next(iter(image.locations), None)
    if image.path is None or (location is not None and is_upload(location)):
        return f"Photo {image.id}"
    return shown_path(Path(image.path.name)) or ""


def reason_of(image: ImageRecord) -> str:
    """Why a photo failed, without the path, which is shown next to it."""
    reason = image.error or "unknown reason"
    for location in image.locations:
        reason = reason.removeprefix(f"{shown_path(location.path)}: ")
    return reason


def place_of(location: LocationRecord) -> str:
    """The location of a photo, for display."""
    return "uploaded here" if is_upload(location) else shown_path(location.path) or ""


def is_upload(location: LocationRecord) -> bool:
    """Whether a file was uploaded, and lies in the data directory."""
    return location.path.is_relative_to(context().settings.uploads_dir)
