"""The index on disk: immutable shards and a manifest that names them.

Both are written beside and renamed, so that a kill at any moment leaves an index that can be opened. Who has mapped the
old shards keeps them until it lets go; they have no name any more.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from filelock import FileLock, Timeout
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import IndexDamagedError, IndexFileError, IndexLockedError, IndexMismatchError, IndexMissingError
from ..processes.program import PROGRAM
from ..types import Ids
from .faiss_index import NO_IDS, FaissIndex
from .inverted import InvertedIndex, Tuning
from .shards import Shard

VERSION = 2
CURE = f"run `{PROGRAM} rebuild-index`"
CHECKED_UP_TO = 1 << 26
"""Bytes of a shard that are compared with what was written whenever it is opened; `verify` compares all."""

_STRICT = ConfigDict(extra="forbid", strict=True)
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

RECALL = 0.95
"""Of the 50 nearest, which a shard that is not searched exactly is built to find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEntry:
    """One shard, as the manifest has it.

    Attributes
    ----------
    name : str
        Of the file with the vectors; ``NAME.ids.npy`` beside it has ids and image_ids.
    count : int
        Vectors in it, those that were deleted since included.
    newest_id : int
    gone : str
        Name of the file with the ids that were deleted since; empty for none.
    bytes, sha256
        Of the file with the vectors.
    ids_bytes, ids_sha256
        Of the file with ids and image_ids.
    tuning : Tuning or None
        None for a shard that is searched exactly.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: Annotated[str, Field(pattern=r"^part-\w+\.faiss$")]
    count: Annotated[int, Field(gt=0)]
    newest_id: Annotated[int, Field(gt=0)]
    gone: Annotated[str, Field(pattern=r"^(gone-[\w-]+\.npy)?$")]
    bytes: Annotated[int, Field(gt=0)]
    sha256: Digest
    ids_bytes: Annotated[int, Field(gt=0)]
    ids_sha256: Digest
    tuning: Tuning | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the files hold.

    Attributes
    ----------
    fingerprint : str
        Of the space whose vectors these are.
    dim, count : int
        Of what is there and was not deleted.
    recall : float
        What shards are built to reach.
    parts : tuple of ShardEntry
        Oldest first.
    written_at : str
        ISO 8601, UTC.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    fingerprint: str
    dim: Annotated[int, Field(gt=0)]
    count: Annotated[int, Field(ge=0)]
    recall: Annotated[float, Field(ge=0, le=1)]
    parts: tuple[ShardEntry, ...]
    written_at: str
    version: int = VERSION

    @property
    def bytes(self) -> int:
        """Of all shards."""
        return sum(shard.bytes + shard.ids_bytes for shard in self.parts)


_MANIFEST = TypeAdapter(Manifest)
_VERSION = TypeAdapter(dict[str, Any])


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
        """Lock the index for writing; the lock ends with the process.

        Raises
        ------
        IndexLockedError
            Another process is writing.
        IndexFileError
            The folder cannot be written.
        """
        lock = FileLock(self.folder / "writer.lock", timeout=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise IndexLockedError(f"another process is writing {self.folder}: wait for it or stop it") from error
        except OSError as error:
            raise IndexFileError(
                f"the index in {self.folder} cannot be written ({error.strerror}); the old one stays: give this "
                "account "
                "write access to the folder, and check that the disk is not mounted read-only"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def stamp(self) -> tuple[int, int] | None:
        """Changes whenever the manifest is replaced; None where there is none. Cheap."""
        try:
            found = self._manifest.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def manifest(self) -> Manifest:
        """What is there.

        Raises
        ------
        IndexMissingError
            Nothing is.
        IndexMismatchError
            It was written by another version.
        IndexDamagedError
            It is not whole.
        """
        try:
            text = self._manifest.read_bytes()
        except FileNotFoundError as error:
            raise IndexMissingError(f"there is no index in {self.folder}: {CURE}") from error
        except OSError as error:
            raise IndexDamagedError(f"{self._manifest} cannot be read ({error.strerror}): {CURE}") from error
        try:
            version = _VERSION.validate_json(text).get("version")
        except ValidationError as error:
            raise IndexDamagedError(f"{self._manifest} is not an index manifest: {CURE}") from error
        if version != VERSION:
            raise IndexMismatchError(f"{self._manifest} was written by another version of SegSearch: {CURE}")
        try:
            return _MANIFEST.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise IndexDamagedError(f"{self._manifest} is incomplete ({where}: {first['msg']}): {CURE}") from error

    def load(self, fingerprint: str, known: Sequence[Shard] = ()) -> tuple[Manifest, tuple[Shard, ...]]:
        """Open the index for reading, mapped into memory.

        Parameters
        ----------
        fingerprint : str
        known : sequence of Shard
            Parts that are open already and need not be opened again.

        Raises
        ------
        IndexMissingError, IndexMismatchError
        """
        manifest = self.manifest()
        if manifest.fingerprint != fingerprint:
            raise IndexMismatchError(
                f"the index in {self.folder} was made by recipe {manifest.fingerprint}, but the setting is "
                f"{fingerprint}: "
                f"set SEGSEARCH_RECIPE back, or run `{PROGRAM} resegment`"
            )
        there = {shard.name: shard for shard in known}
        try:
            return manifest, tuple(self._open(entry, manifest, there.get(entry.name)) for entry in manifest.parts)
        except IndexMismatchError:
            if self.manifest() != manifest:  # it was replaced between the two looks
                return self.load(fingerprint, known)
            raise

    def _open(self, entry: ShardEntry, manifest: Manifest, known: Shard | None) -> Shard:
        gone = self._gone(entry)
        if known is not None:
            return known.with_tombstones(gone)
        path, beside = self.folder / entry.name, self.folder / _ids_name(entry.name)
        for each, expected in ((path, entry.bytes), (beside, entry.ids_bytes)):
            size = each.stat().st_size if each.is_file() else None
            if size != expected:
                what = "is missing" if size is None else f"has {size} bytes instead of {expected}"
                raise IndexDamagedError(f"{each} {what}: {CURE}")
        for each, digest in ((beside, entry.ids_sha256), (path, entry.sha256)):
            if (each is beside or entry.bytes <= CHECKED_UP_TO) and self._digest(each) != digest:
                raise IndexDamagedError(f"{each} is not as it was written: {CURE}")
        tuning = entry.tuning
        index = FaissIndex.load(path) if tuning is None else InvertedIndex.load(path, tuning)
        rows = self._array(beside.name, mapped=tuning is not None)
        if len(index) != entry.count or index.dim != manifest.dim or rows.shape != (2, entry.count):
            raise IndexDamagedError(f"{path} does not hold the {entry.count} vectors of its manifest: {CURE}")
        if isinstance(index, FaissIndex) and not np.array_equal(index.ids(), rows[0]):
            raise IndexDamagedError(f"{path} and {beside.name} have different ids: {CURE}")
        return Shard(entry.name, index, rows[0], rows[1], gone, tuning.spare if tuning else 0)

    def _gone(self, entry: ShardEntry) -> Ids:
        """The ids that were deleted from a shard since it was written."""
        if not entry.gone:
            return NO_IDS
        gone = self._array(entry.gone)
        if gone.ndim != 1 or gone.dtype != np.int64 or not len(gone) or gone[0] < 1 or (np.diff(gone) < 1).any():
            raise IndexDamagedError(f"{self.folder / entry.gone} does not hold ascending ids: {CURE}")
        return gone

    def _array(self, name: str, *, mapped: bool = False) -> Ids:
        """Read an array, or map a large one: every mapped array holds a file handle."""
        try:
            found: Ids = np.load(self.folder / name, mmap_mode="r" if mapped else None, allow_pickle=False)
        except Exception as error:  # NumPy parses a spoilt head as Python, which can end in anything
            raise IndexDamagedError(f"{self.folder / name} cannot be read: {CURE}") from error
        return found

    def write_shard(
        self, index: FaissIndex | InvertedIndex, ids: Ids, image_ids: Ids, tuning: Tuning | None
    ) -> ShardEntry:
        """Write a shard, which counts once `commit` names it; call it inside `writing`.

        Raises
        ------
        IndexFileError
            The disk is full or read-only.
        """
        name = f"part-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.faiss"
        try:
            size, digest = self._put(name, index.save)
            ids_size, ids_digest = self._put(
                _ids_name(name), lambda path: _save_array(path, np.stack([ids, image_ids]))
            )
        except (OSError, RuntimeError) as error:
            raise IndexFileError(f"the index in {self.folder} cannot be written; the old one stays: {error}") from error
        return ShardEntry(
            name=name, count=len(ids), newest_id=int(ids.max(initial=0)), gone="", bytes=size, sha256=digest,
            ids_bytes=ids_size, ids_sha256=ids_digest, tuning=tuning,
        )  # fmt: skip

    def commit(
        self, shards: Sequence[tuple[ShardEntry, Ids]], *, fingerprint: str, dim: int, recall: float
    ) -> Manifest:
        """Replace what is there by shards, each with the ids that were deleted from it; call it inside `writing`.

        Raises
        ------
        IndexFileError
            The disk is full or read-only; what was there stays.
        """
        now = datetime.now(UTC)
        try:
            entries = tuple(self._with_gone(entry, gone, f"{now:%Y%m%dT%H%M%S%f}") for entry, gone in shards)
            count = sum(entry.count - len(gone) for entry, gone in shards)
            manifest = Manifest(
                fingerprint=fingerprint, dim=dim, count=count, recall=recall, parts=entries,
                written_at=now.isoformat(timespec="seconds"),
            )  # fmt: skip
            _replace(self._manifest, json.dumps(asdict(manifest), indent=1).encode())
        except OSError as error:
            raise IndexFileError(f"the index in {self.folder} cannot be written; the old one stays: {error}") from error
        for other in _unnamed(self.folder, manifest):
            other.unlink(missing_ok=True)
        return manifest

    def unnamed(self) -> list[Path]:
        """Shards and unfinished shards that the manifest does not name; call it inside `writing` to remove them.

        Raises
        ------
        IndexMissingError, IndexMismatchError
            There is no manifest that could name them.
        """
        return _unnamed(self.folder, self.manifest())

    def _with_gone(self, entry: ShardEntry, gone: Ids, stamp: str) -> ShardEntry:
        if not len(gone):
            return _entry({**asdict(entry), "gone": ""})
        name = f"gone-{stamp}-{entry.name.removesuffix('.faiss')}.npy"
        self._put(name, lambda path: _save_array(path, gone))
        return _entry({**asdict(entry), "gone": name})

    def check(self) -> str | None:
        """What is wrong with the files' bytes, None if nothing; reads all of them.

        Raises
        ------
        IndexMissingError, IndexMismatchError
            There is no file to read.
        """
        for entry in self.manifest().parts:
            for name, expected in ((entry.name, entry.sha256), (_ids_name(entry.name), entry.ids_sha256)):
                path = self.folder / name
                if self._digest(path) != expected:
                    return f"{path} is not as it was written: {CURE}"
        return None

    def _digest(self, path: Path) -> str:
        try:
            return _digest(path)
        except OSError as error:
            raise IndexDamagedError(f"{path} cannot be read ({error.strerror}): {CURE}") from error

    def _put(self, name: str, write: Callable[[Path], None]) -> tuple[int, str]:
        """Write a temporary file, sync it and rename it; returns size and digest."""
        beside = self.folder / f"{name}.tmp"
        write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        size, digest = beside.stat().st_size, _digest(beside)
        beside.replace(self.folder / name)
        return size, digest


def _unnamed(folder: Path, manifest: Manifest) -> list[Path]:
    named = {name for entry in manifest.parts for name in (entry.name, _ids_name(entry.name), entry.gone)}
    found = (other for pattern in ("part-*", "gone-*", "manifest.tmp") for other in folder.glob(pattern))
    return sorted(other for other in found if other.name not in named)


def _entry(stored: dict[str, Any]) -> ShardEntry:
    tuning = stored["tuning"]
    return ShardEntry(**{**stored, "tuning": None if tuning is None else Tuning(**tuning)})


def _ids_name(shard: str) -> str:
    return f"{shard.removesuffix('.faiss')}.ids.npy"


def _save_array(path: Path, values: Ids) -> None:
    with path.open("wb") as file:
        np.save(file, values, allow_pickle=False)


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
