"""Index files: one immutable part and a manifest that names it, each written beside and renamed.

A reader that has the old part mapped keeps it until it lets go; a crash leaves the old manifest with its part.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import IndexFileError, IndexLockedError, IndexMismatchError, IndexMissingError
from .faiss_index import FaissIndex

VERSION = 1
CURE = "run `python manage.py rebuild-index`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the files hold.

    Attributes
    ----------
    fingerprint : str
        Of the recipe whose vectors these are.
    dim, count : int
    newest_id : int
        Greatest id, 0 for none.
    part : str
        Name of the file with the vectors; empty for none.
    bytes, sha256
        Of that file.
    written_at : str
        ISO 8601, UTC.
    """

    fingerprint: str
    dim: int
    count: int
    newest_id: int
    part: str
    bytes: int
    sha256: str
    written_at: str
    version: int = VERSION


class IndexFiles:
    """The files of one index in one folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def _manifest(self) -> Path:
        return self.folder / "manifest.json"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer; the lock dies with the process.

        Raises
        ------
        IndexLockedError
            Another process is writing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "writer.lock", timeout=0):
                yield
        except Timeout as error:
            raise IndexLockedError(f"another process is writing {self.folder}: wait for it or stop it") from error

    def manifest(self) -> Manifest:
        """What is there.

        Raises
        ------
        IndexMissingError
            Nothing is.
        IndexMismatchError
            It was written by another version, or is not whole.
        """
        try:
            stored = json.loads(self._manifest.read_text())
        except FileNotFoundError as error:
            raise IndexMissingError(f"there is no index in {self.folder}: {CURE}") from error
        except (OSError, ValueError) as error:
            raise IndexMismatchError(f"{self._manifest} cannot be read: {CURE}") from error
        if not isinstance(stored, dict) or stored.get("version") != VERSION:
            raise IndexMismatchError(f"{self._manifest} was written by another version of SegSearch: {CURE}")
        try:
            return Manifest(**stored)
        except TypeError as error:
            raise IndexMismatchError(f"{self._manifest} is not whole: {CURE}") from error

    def load(self, fingerprint: str) -> tuple[Manifest, FaissIndex | None]:
        """Open the index for reading, mapped into memory; None where it is empty.

        Raises
        ------
        IndexMissingError, IndexMismatchError
        """
        manifest = self.manifest()
        if manifest.fingerprint != fingerprint:
            raise IndexMismatchError(
                f"the index in {self.folder} was made by recipe {manifest.fingerprint}, the setting is {fingerprint}: "
                "set SEGSEARCH_RECIPE back, or run `python manage.py resegment`"
            )
        if not manifest.part:
            return manifest, None
        path = self.folder / manifest.part
        size = path.stat().st_size if path.is_file() else None
        if size is None and self.manifest() != manifest:  # it was replaced between the two looks
            return self.load(fingerprint)
        if size != manifest.bytes:
            what = "is missing" if size is None else f"has {size} bytes instead of {manifest.bytes}"
            raise IndexMismatchError(f"{path} {what}: {CURE}")
        index = FaissIndex.load(path)
        if len(index) != manifest.count or index.dim != manifest.dim:
            raise IndexMismatchError(f"{path} does not hold the {manifest.count} vectors of its manifest: {CURE}")
        return manifest, index

    def save(self, index: FaissIndex, fingerprint: str) -> Manifest:
        """Replace what is there; call it inside `writing`.

        Raises
        ------
        IndexFileError
            The disk is full or read-only; what was there stays.
        """
        ids = index.ids()
        newest = int(ids[-1]) if len(ids) else 0
        now = datetime.now(UTC)
        part = f"part-{now:%Y%m%dT%H%M%S%f}.faiss" if len(ids) else ""
        try:
            size, digest = self._write_part(index, part) if part else (0, "")
            manifest = Manifest(
                fingerprint=fingerprint, dim=index.dim, count=len(ids), newest_id=newest, part=part, bytes=size,
                sha256=digest, written_at=now.isoformat(timespec="seconds"),
            )  # fmt: skip
            _replace(self._manifest, json.dumps(asdict(manifest), indent=1).encode())
        except (OSError, RuntimeError) as error:
            raise IndexFileError(f"the index in {self.folder} cannot be written, the old one stays: {error}") from error
        for other in self.folder.glob("part-*"):
            if other.name != part:
                other.unlink(missing_ok=True)
        return manifest

    def check(self) -> str | None:
        """What is wrong with the file's bytes, None if nothing; reads all of it.

        Raises
        ------
        IndexMissingError, IndexMismatchError
            There is no file to read.
        """
        manifest = self.manifest()
        path = self.folder / manifest.part
        try:
            same = not manifest.part or _digest(path) == manifest.sha256
        except OSError as error:
            raise IndexMismatchError(f"{path} cannot be read ({error.strerror}): {CURE}") from error
        return None if same else f"{path} has other bytes than were written: {CURE}"

    def _write_part(self, index: FaissIndex, name: str) -> tuple[int, str]:
        beside = self.folder / f"{name}.tmp"
        index.save(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        size, digest = beside.stat().st_size, _digest(beside)
        beside.replace(self.folder / name)
        return size, digest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
