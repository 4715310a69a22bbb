"""Original files of several photos in one ZIP file, made while it is sent."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from werkzeug.exceptions import HTTPException

from retrieval.catalog import ImageRecord
from retrieval.formats.targets import Sink

from ..context import WebContext
from .originals import download_name, open_picture

BLOCK = 1 << 20
LEFT_OUT = "left out.txt"
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""ZIP files know no earlier time."""


def archived(context: WebContext, photos: Sequence[ImageRecord]) -> Iterator[bytes]:
    """The bytes of a ZIP file with the originals, part by part; about a megabyte is held at a time.

    Files keep their names; equal names are numbered. A file that is missing, was changed or cannot be decoded is left
    out, and named with the reason in a text file. Photos are compressed already, so they are stored as they are.
    """
    sink, taken, left_out = Sink(), {LEFT_OUT}, list[str]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for photo in photos:
            name = unused_name(re.sub(r"[/\\]", "_", download_name(photo)), taken)
            try:
                source = open_picture(context, photo)
            except HTTPException as error:
                left_out.append(f"{name}: {error.description}")
                continue
            moment = photo.taken_at or photo.created_at
            entry = zipfile.ZipInfo(name, max(EARLIEST, moment.timetuple()[:6]))
            with source, archive.open(entry, "w", force_zip64=True) as target:
                while block := source.read(BLOCK):
                    target.write(block)
                    yield sink.take()
        if left_out:
            archive.writestr(LEFT_OUT, "\n".join(left_out) + "\n")
    yield sink.take()


def unused_name(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken already; systems differ in whether case matters, so here it does not."""
    path, number, found = PurePath(name), 1, name
    while found.casefold() in taken:
        number += 1
        found = f"{path.stem} ({number}){path.suffix}"
    taken.add(found.casefold())
    return found
