"""Where a photo's bytes are, as a URI."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit


def uri_of(path: Path) -> str:
    """A path as a file URI, as `Path.as_uri` but quicker; also for names that are not UTF-8."""
    return "file://" + quote_from_bytes(os.fsencode(os.path.abspath(path)))  # noqa: PTH100  # takes ".." out without following links


def path_of(uri: str) -> Path:
    """The path of a file URI."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(uri).path)))


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file found on disk, with the digest of its bytes; of an upload also the name that it had, after its folder.

    One that `restores` takes its photo out of the trash: it was named or uploaded by somebody who wants it.
    """

    uri: str
    sha256: str
    size: int
    mtime_ns: int
    uploaded_as: str | None = None
    restores: bool = False


Registration = Literal["new", "unchanged", "duplicate", "restored", "deleted"]


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome of registering a file, and whether its photo, if already known, is still pending.

    A photo that was ``restored`` had been in the trash; one that is ``deleted`` stays there.
    """

    image_id: int
    outcome: Registration
    waits: bool = False
