"""Uploads, renditions and query photos in a bucket, with copies of those used last on this machine."""

from __future__ import annotations

import errno
import logging
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from ..errors import ImageTooLargeError, RetrievalError, StoreUnavailableError
from ..settings import Settings, values
from . import file_names
from .file_store import FileStore, FolderFiles, StoredFile
from .locations import uri_from, uri_of
from .opening import MOST_BYTES, Originals
from .overlay_files import OverlayFiles
from .remote import SeenObject

logger = logging.getLogger(__name__)

COLLECTIONS = "collections"
"""The folder of the files of collections, by their numbers."""

FAULT_SECONDS = 60.0
"""How long what a trial found is taken for true."""

AT_ONCE = 4
"""Files that are sent at once."""


def file_store(settings: Settings, originals: Originals) -> FileStore:
    """Where an installation keeps its files: `Settings.files`, over those of before in its data directory.

    Raises
    ------
    ConfigurationError
        The setting names no folder and no bucket.
    """
    former = FolderFiles(settings.data_dir)
    if settings.files and values.folder_of(settings.files) is None:
        return OverlayFiles(BucketFiles(uri_from(settings.files), settings, originals), former)
    folder = FolderFiles(settings.files_dir)
    return folder if _is_one(settings.files_dir, settings.data_dir) else OverlayFiles(folder, former)


def places_of(settings: Settings) -> list[str]:
    """URIs of the folders that the files of an installation or collection may be in: where new ones go comes first."""
    here = uri_of(settings.data_dir)
    return list(dict.fromkeys((uri_from(settings.files) if settings.files else here, here)))


def is_kept(settings: Settings, uri: str) -> bool:
    """Whether an object is one of the files that an installation keeps in its bucket, or one of its collections."""
    top = settings.installation or settings
    kept = (f"{places_of(top)[0]}/{folder}/" for folder in (*file_names.KINDS, COLLECTIONS))
    return bool(top.files) and uri.startswith(tuple(kept))


class BucketFiles:
    """Files as objects of a bucket. They are never changed, only replaced by the same: their names have digests.

    Parameters
    ----------
    root : str
        URI of the bucket, with a prefix or without.
    settings : Settings
    originals : Originals
        Its stores write as well, and its copies are those of these files, too.
    """

    def __init__(self, root: str, settings: Settings, originals: Originals) -> None:
        self._root, self._settings, self._originals = root, settings, originals
        self._trying, self._trial = threading.Lock(), self.uri(f".trial-{secrets.token_hex(8)}")
        self._tried: tuple[float, str | None] | None = None

    def uri(self, name: str) -> str:
        """See `FileStore`."""
        return f"{self._root}/{name}"

    def name_of(self, uri: str) -> str | None:
        """See `FileStore`."""
        name = uri.removeprefix(f"{self._root}/")
        return name if name != uri and name.partition("/")[0] in file_names.KINDS else None

    def fault(self) -> str | None:
        """See `FileStore`; by a small object that is written, read and removed, at most every `FAULT_SECONDS`."""
        with self._trying:
            now = time.monotonic()
            if self._tried is None or now - self._tried[0] >= FAULT_SECONDS:
                self._tried = now, self._try()
            return self._tried[1]

    def look(self, name: str) -> StoredFile | None:
        """See `FileStore`; by a request."""
        try:
            return _stored(name, self._originals.stores.look(self.uri(name)))
        except FileNotFoundError:
            return None

    def holds(self, name: str, written: Path, sha256: str) -> bool:  # noqa: ARG002
        """See `FileStore`. An object is there in whole or not at all, so its size is enough."""
        try:
            return self._originals.stores.look(self.uri(name)).size == written.stat().st_size
        except FileNotFoundError:
            return False

    def open(self, name: str) -> BufferedReader:
        """See `FileStore`: a copy, which is made if there is none."""
        copies, copy = self._originals.copies, _copy_name(name)
        if (stream := copies.open(copy)) is not None:
            return stream
        with copies.making() as file:
            try:
                self._originals.stores.download(self.uri(name), file, most_bytes=MOST_BYTES)
            except ImageTooLargeError as error:
                raise OSError(errno.EFBIG, str(error), self.uri(name)) from error
            return copies.keep(file, copy)

    def incoming(self, kind: str) -> Path:  # noqa: ARG002
        """See `FileStore`: where copies are."""
        return self._settings.copies_dir

    def new(self, name: str) -> Path:
        """See `FileStore`: a new path of its own each time."""
        folder = self._settings.copies_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / f".{file_names.last(name)}.{secrets.token_hex(8)}.partial"

    def keep(self, written: Mapping[str, Path]) -> None:
        """See `FileStore`: several at once; they stay here as copies."""
        try:
            with ThreadPoolExecutor(AT_ONCE) as threads:
                list(threads.map(self._keep, written, written.values()))
        finally:
            for path in written.values():
                path.unlink(missing_ok=True)

    def remove(self, names: Iterable[str]) -> None:
        """See `FileStore`."""
        for name in names:
            self._originals.copies.remove(_copy_name(name))
            try:
                self._originals.stores.remove(self.uri(name))
            except StoreUnavailableError as error:
                logger.warning("%s is no longer needed but cannot be removed: %s", self.uri(name), error)

    def below(self, kind: str) -> Iterator[StoredFile]:
        """See `FileStore`; StoreUnavailableError if the listing fails, at the beginning or on the way."""
        beginning = len(self._root) + 1
        with suppress(FileNotFoundError):
            for seen in self._originals.stores.below(self.uri(kind)):
                if not file_names.last(seen.uri).startswith("."):
                    yield _stored(seen.uri[beginning:], seen)

    def erase(self) -> None:
        """See `FileStore`. Copies are left to the data directory."""
        for kind in file_names.KINDS:
            for file in self.below(kind):
                self._originals.stores.remove(self.uri(file.name))

    def _try(self) -> str | None:
        stores, uri = self._originals.stores, self._trial
        try:
            path = self.new("trial")
            try:
                path.write_bytes(uri.encode())
                stores.upload(path, uri)
                with path.open("w+b") as file:
                    stores.download(uri, file, most_bytes=MOST_BYTES)
            finally:
                path.unlink(missing_ok=True)
                stores.remove(uri)
        except (OSError, RetrievalError) as error:
            return str(error)
        return None

    def _keep(self, name: str, path: Path) -> None:
        self._originals.stores.upload(path, self.uri(name))
        self._originals.copies.keep_file(path, _copy_name(name))


def _stored(name: str, seen: SeenObject) -> StoredFile:
    return StoredFile(name, seen.size, seen.mtime_ns, seen.version)


def _copy_name(name: str) -> str:
    """What the copy of a file is called: that of an original, as `Originals` calls it, by its digest alone."""
    last = file_names.last(name)
    return last.partition(".")[0] if name.startswith(f"{file_names.UPLOADS}/") else last


def _is_one(folder: Path, other: Path) -> bool:
    """Whether two paths are those of one folder, which may not be there yet."""
    return folder.resolve() == other.resolve() or (folder.exists() and other.exists() and folder.samefile(other))
