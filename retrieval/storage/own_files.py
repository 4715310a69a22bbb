"""Files that belong to rows: uploads and query photos, named by the digest of their bytes, and renditions.

A file exists while a row refers to it. Several servers and commands may add and delete the same bytes at once. So a
process that adds a file holds a shared lock on its folder until the row is committed, and one that removes a file holds
an exclusive lock and first checks that no row refers to it. The kernel releases the locks of a dead process. There are
256 folders, so an upload that waits for a locked catalogue hardly blocks others.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from ..errors import RetrievalError
from ..settings import Settings
from .locations import Registered, SeenFile, is_file, path_of, uri_of

logger = logging.getLogger(__name__)

_Row = TypeVar("_Row")


class LocationRows(Protocol):
    """The catalogue's rows of photos' files."""

    def register(self, files: Sequence[SeenFile]) -> Sequence[Registered]:
        """Register files."""
        ...

    def of_digest(self, sha256: str) -> Collection[str] | None:
        """URIs at which a photo's bytes are; None if there is no such photo."""
        ...

    def known(self, uris: Sequence[str]) -> Collection[str]:
        """Those of the URIs that belong to a photo."""
        ...


class QueryRows(Protocol):
    """The catalogue's rows of kept query photos."""

    def has(self, sha256: str) -> bool:
        """Whether a row refers to these bytes."""
        ...


class OwnFiles:
    """Adds and removes such files of one data directory.

    Parameters
    ----------
    settings : Settings
    locations : LocationRows
    queries : QueryRows
    """

    def __init__(self, settings: Settings, locations: LocationRows, queries: QueryRows) -> None:
        self._settings = settings
        self._locations = locations
        self._queries = queries

    def enter_upload(self, partial: Path, sha256: str, extension: str, uploaded_as: str = "") -> Registered:
        """Move an upload to its place and register it in the catalogue, where a worker finds it.

        Parameters
        ----------
        partial : Path
            Where it was written, on the same file system; gone afterwards.
        sha256, extension : str
        uploaded_as : str
            The name that the file had, after its folder if that is known; it is shown, and no part of a path.
        """
        path = self._settings.uploads_dir / sha256[:2] / f"{sha256}.{extension}"

        def register() -> Registered:
            status = path.stat()
            seen = SeenFile(uri_of(path), sha256, status.st_size, status.st_mtime_ns, uploaded_as, restores=True)
            return self._locations.register([seen])[0]

        return _enter(partial, path, sha256, register, lambda: self.remove_photo(sha256, [uri_of(path)]))

    def enter_frame(self, jpeg: bytes, uploaded_as: str, write: Callable[[SeenFile], _Row]) -> _Row:
        """Write the picture of a video's frame, which lies where uploads do, and its row.

        Parameters
        ----------
        jpeg : bytes
        uploaded_as : str
            What the frame is called.
        write : callable
            Writes the row of the file.
        """
        sha256 = hashlib.sha256(jpeg).hexdigest()
        path = self._settings.uploads_dir / sha256[:2] / f"{sha256}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".upload-{secrets.token_hex(8)}")

        def register() -> _Row:
            status = path.stat()
            return write(SeenFile(uri_of(path), sha256, status.st_size, status.st_mtime_ns, uploaded_as))

        partial.write_bytes(jpeg)
        return _enter(partial, path, sha256, register, lambda: self.remove_photo(sha256, [uri_of(path)]))

    def enter_query(self, partial: Path, sha256: str, keep: Callable[[], _Row]) -> _Row:
        """Move a query photo to its place, and write its row.

        Parameters
        ----------
        partial, sha256
            As in `enter_upload`.
        keep : callable
            Writes the row.
        """
        return _enter(partial, self.query_path(sha256), sha256, keep, lambda: self.remove_query(sha256))

    def remove_photo(self, sha256: str, uris: Iterable[str]) -> None:
        """Remove the renditions, uploads and copies of a photo that was deleted from the catalogue.

        Parameters
        ----------
        sha256 : str
        uris : iterable of str
            Where its originals are; those outside the data directory stay.
        """
        settings, folder = self._settings, self._settings.uploads_dir.resolve()
        paths = [path_of(uri) for uri in uris if is_file(uri)]
        uploads = [path for path in paths if path.resolve().is_relative_to(folder)]
        renditions = [settings.preview(sha256), settings.thumbnail(sha256), settings.copy(sha256)]
        if not any(path.exists() for path in (*uploads, *renditions)):
            return
        with _held(settings.uploads_dir / sha256[:2], alone=True):
            places = self._locations.of_digest(sha256)
            used = {path_of(uri).resolve() for uri in places or () if is_file(uri)}
            known = self._locations.known([uri_of(path) for path in uploads])
            _remove([path for path in uploads if path.resolve() not in used and uri_of(path) not in known])
            _remove(renditions if places is None else [])

    def remove_query(self, sha256: str) -> None:
        """Remove the files of a query photo, unless a kept query refers to them."""
        path = self.query_path(sha256)
        with _held(path.parent, alone=True):
            if not self._queries.has(sha256):
                _remove([path, self.query_rendition(sha256)])

    def query_path(self, sha256: str) -> Path:
        """Path of a query photo's file."""
        return self._settings.queries_dir / sha256[:2] / sha256

    def query_rendition(self, sha256: str) -> Path:
        """Path of a query photo's JPEG, which is made on request."""
        return self.query_path(sha256).with_suffix(".jpg")


def _enter(partial: Path, path: Path, sha256: str, write: Callable[[], _Row], undo: Callable[[], None]) -> _Row:
    """Move a file to its place and write its row; neither is left without the other."""
    try:
        with _held(path.parent, alone=False):
            if not _holds(path, sha256):
                partial.replace(path)
            return write()
    except Exception:
        with contextlib.suppress(RetrievalError, OSError):  # the catalogue, or the disk, may be what failed
            undo()
        raise
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _held(folder: Path, *, alone: bool) -> Iterator[None]:
    """Lock a folder, exclusively or shared."""
    folder.mkdir(parents=True, exist_ok=True)
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(number)


def _holds(path: Path, sha256: str) -> bool:
    """Whether a file exists and has these bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _remove(paths: Iterable[Path]) -> None:
    """Remove files; failures are only logged, because the rows are gone and a retry would not help."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s is no longer needed but cannot be removed: %s", path, error.strerror)
