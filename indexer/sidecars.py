"""XMP sidecars beside the photos: names that were given here go into them, and keywords of others come from them.

A sidecar is ``photo.jpg.xmp``, or ``photo.xmp`` if that is there and no other picture has this stem. Photos themselves
are only looked at for their names. A sidecar is written beside itself and renamed, after a look whether somebody
changed it meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from retrieval.assembly import Assembly
from retrieval.catalog import ImageRecord
from retrieval.catalog.tags import MAX_NAME, key_of
from retrieval.errors import QueryError
from retrieval.formats.selection import Selection
from retrieval.formats.xmp import MOST_BYTES, read_keywords, with_keywords
from retrieval.query.filters import NO_FILTERS, Filters
from retrieval.storage.disk import obstacle_of

from .scan import PICTURE_SUFFIXES

ATTEMPTS = 3
"""How often a sidecar that somebody else changes meanwhile is read again."""

Outcome = Literal["written", "read", "unchanged", "failed", "in a store"]
"""Photos ``in a store`` have no sidecars."""


@dataclass(frozen=True, slots=True)
class SidecarReport:
    """What became of the sidecars.

    Attributes
    ----------
    counts : Counter
        Photos' files by outcome.
    failures : list of (Path, str)
        Sidecars that were left as they were, and why.
    """

    counts: Counter[Outcome] = field(default_factory=Counter)
    failures: list[tuple[Path, str]] = field(default_factory=list)

    def note_store(self, image: ImageRecord) -> None:
        """Count a photo that is an object in a store."""
        if any(each.path is None and each.missing_since is None for each in image.locations):
            self.counts["in a store"] += 1

    def fail(self, path: Path, reason: str) -> None:
        """Note one that was left as it was."""
        self.counts["failed"] += 1
        self.failures.append((path, reason))


def write_sidecars(assembly: Assembly, filters: Filters = NO_FILTERS) -> SidecarReport:
    """Write the tags of photos, and the concepts that their segments are examples of, beside their files.

    Parameters
    ----------
    assembly : Assembly
    filters : Filters
        Which photos.
    """
    report, confirmed = SidecarReport(), _confirmed(assembly)
    for image in _photos(assembly, filters):
        names = [*assembly.tags.of_image(image.id), *confirmed.get(image.id, ())]
        first_of_key = {key_of(name): name for name in reversed(names)}
        names = [name for name in names if first_of_key[key_of(name)] == name]
        report.note_store(image)
        for photo in _files(assembly, image):
            target = sidecar_of(photo)
            try:
                report.counts["written" if write_names(target, names) else "unchanged"] += 1
            except QueryError as error:
                report.fail(target, str(error))
            except OSError as error:
                report.fail(target, obstacle_of(error) or str(error.strerror))
    return report


def read_sidecars(assembly: Assembly, filters: Filters = NO_FILTERS) -> SidecarReport:
    """Give photos the keywords of their sidecars as tags; those that this program wrote are left out.

    Keywords that are too long for a tag, or have control characters, are failures; no tag is taken away.
    """
    report = SidecarReport()
    for image in _photos(assembly, filters):
        have = {key_of(name) for name in assembly.tags.of_image(image.id)}
        report.note_store(image)
        for photo in _files(assembly, image):
            for target in dict.fromkeys((beside(photo), sidecar_of(photo))):
                try:
                    found = _read(target)
                    if found is None:
                        continue
                    _add(assembly, image.id, have, read_keywords(found[0]).of_others, target, report)
                except QueryError as error:
                    report.fail(target, str(error))
                except OSError as error:
                    report.fail(target, obstacle_of(error) or str(error.strerror))
    return report


def _add(
    assembly: Assembly, image_id: int, have: set[str], names: Sequence[str], target: Path, report: SidecarReport
) -> None:
    fit = [name for name in names if len(name) <= MAX_NAME and name.isprintable()]
    for name in names:
        if name not in fit:
            report.fail(target, f"the keyword {name[:30]!r} … is no tag: shorten it to {MAX_NAME} printable characters")
    fresh = [name for name in fit if key_of(name) not in have]
    if fresh:
        assembly.tags.change([image_id], add=fresh)
        have.update(map(key_of, fresh))
    report.counts["read" if fresh else "unchanged"] += 1


def beside(photo: Path) -> Path:
    """The sidecar that has the photo's whole name, as darktable and digiKam call it."""
    return photo.with_name(f"{photo.name}.xmp")


def sidecar_of(photo: Path) -> Path:
    """The sidecar of a photo; ``photo.xmp``, as Lightroom calls it, if that is there and only this photo's."""
    whole, short = beside(photo), photo.with_suffix(".xmp")
    if whole.exists() or not short.exists():
        return whole
    same = [each for each in photo.parent.glob(f"{_literal(photo.stem)}.*") if each.suffix.lower() != ".xmp"]
    return short if same == [photo] and photo.suffix.lower() in PICTURE_SUFFIXES else whole


def write_names(target: Path, names: Sequence[str]) -> bool:
    """Write keywords to a sidecar; whether it changed.

    Raises
    ------
    QueryError
        What is there is no XMP, or too large, or no file, or changes all the time.
    OSError
        It cannot be read or written; what was there stays.
    """
    with _held(target.parent):
        for _ in range(ATTEMPTS):
            found = _read(target)
            content = with_keywords(None if found is None else found[0], names)
            if content is None:
                return False
            if _replace(target, content, None if found is None else found[1]):
                return True
    raise QueryError("another program changes it all the time: try again later")


def _replace(target: Path, content: bytes, before: tuple[int, ...] | None) -> bool:
    """Put a file in its place if it is what it was."""
    made = target.with_name(f".{target.name[:200]}-{secrets.token_hex(4)}.tmp")
    try:
        with made.open("xb") as file:
            if before is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(before[-1]))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if _identity(target) != before:
            return False
        made.replace(target)
        return True
    finally:
        with suppress(OSError):
            made.unlink(missing_ok=True)


def _read(target: Path) -> tuple[bytes, tuple[int, ...]] | None:
    """What is in a sidecar, and what tells whether it changed; None if there is none."""
    identity = _identity(target)
    if identity is None:
        return None
    if not stat.S_ISREG(identity[-1]):
        raise QueryError("it is no plain file: remove the link or folder")
    with open(os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise QueryError(f"it has more than {MOST_BYTES // 1024**2} MB, and is left alone")
    return content, identity


def _identity(target: Path) -> tuple[int, ...] | None:
    try:
        found = target.lstat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Lock a folder against other writers of this program; where that cannot be, go on."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some network disks have no locks
            fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _photos(assembly: Assembly, filters: Filters) -> Iterator[ImageRecord]:
    for page in Selection(filters=filters).pages(assembly.catalog):
        yield from page


def _files(assembly: Assembly, image: ImageRecord) -> list[Path]:
    """Where a photo lies; uploads have no place of their own, and nothing is written to object stores."""
    own = assembly.settings.data_dir
    there = [each.path for each in image.locations if each.missing_since is None and each.uploaded_as is None]
    return [path for path in there if path is not None and not path.is_relative_to(own) and path.is_file()]


def _confirmed(assembly: Assembly) -> dict[int, Collection[str]]:
    """Names of concepts by photo: those that one of its segments is an example of."""
    names: dict[int, dict[str, None]] = defaultdict(dict)
    for concept in sorted(assembly.concepts.all(), key=lambda each: each.name):
        for hit in assembly.catalog.segments.hits(sorted(concept.model.positive)).values():
            names[hit.image_id][concept.name] = None
    return {key: tuple(each) for key, each in names.items()}


def _literal(stem: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in stem)
