"""Names and places of photos, for display."""

from __future__ import annotations

import os
import re
from pathlib import Path

from retrieval.catalog import ImageRecord
from retrieval.catalog.records import LocationRecord

from ..texts import gettext

_SLASHES = re.compile(r"[/\\]")

MAX_PART, MAX_PARTS = 255, 20
"""Of an uploaded file's name: characters of a folder or the file, and folders with the file."""


def shown_path(path: Path | None) -> str | None:
    r"""A path as text; bytes that are not UTF-8 as ``\xNN``."""
    return None if path is None else os.fsencode(path).decode("utf-8", "backslashreplace")


def name_of(image: ImageRecord) -> str:
    """The name of a photo: that of its file, or of the file that was uploaded."""
    place = image.place
    return (shown_path(Path(place.name)) if place is not None and place.name else None) or gettext(
        "Photo %(id)s", id=image.id
    )


def reason_of(image: ImageRecord) -> str:
    """Why a photo failed, without the path, which is shown next to it."""
    reason = image.error or gettext("unknown reason")
    for location in image.locations:
        reason = reason.removeprefix(f"{location.displayed}: ")
    return reason


def place_of(location: LocationRecord) -> str:
    """The location of a photo, for display."""
    if location.uploaded_as is None:
        return location.displayed
    if not location.uploaded_as:
        return gettext("uploaded here")
    return gettext("uploaded as %(name)s", name=location.uploaded_as)


def uploaded_as(name: str | None, folder: str | None) -> str:
    """What an uploaded file was called: its name, after its folder if that is known. It is shown, and never opened.

    Browsers and programs of every system send names, so both slashes part folders; control characters, and parts that
    go up or nowhere, are left out.
    """
    parts = [*_SLASHES.split(folder or ""), _SLASHES.split(name or "")[-1]]
    printable = ["".join(char for char in part if char.isprintable()).strip() for part in parts]
    if printable[-1] in ("", ".", ".."):
        return ""
    kept = [part[-MAX_PART:] for part in printable if part not in ("", ".", "..")]
    return "/".join(kept[-MAX_PARTS:])
