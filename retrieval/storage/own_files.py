"""Files that belong to rows: uploads and query photos, named by the digest of their bytes, and renditions.

A file exists while a row refers to it. Several servers and commands may add and delete the same bytes at once. So a
process that adds a file holds a shared lock on its folder until the row is committed, and one that removes a file holds
an exclusive lock and first checks that no row refers to it. The locks of a dead process are released. There are
256 folders, so an upload that waits for a locked catalogue hardly blocks others.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Protocol, TypeVar

from ..errors import CatalogUnavailableError, RetrievalError, StoreUnavailableError, UnreadableImageError
from . import file_names
from .copies import Copies
from .file_locks import FileLocks
from .file_store import FileStore
from .locations import Registered, SeenFile

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
    """Adds, opens and removes such files of one data directory.

    Parameters
    ----------
    files : FileStore
        Where they are.
    locks : FileLocks
    copies : Copies
        Copies of photos from object stores, which go with their photos.
    locations : LocationRows
    queries : QueryRows

    Attributes
    ----------
    files : FileStore
    """

    def __init__(
        self, files: FileStore, locks: FileLocks, copies: Copies, locations: LocationRows, queries: QueryRows
    ) -> None:
        self.files = files
        self._locks = locks
        self._copies = copies
        self._locations = locations
        self._queries = queries

    def enter_upload(self, partial: Path, sha256: str, extension: str, uploaded_as: str = "") -> Registered:
        """Move an upload to its place and register it in the catalogue, where a worker finds it.

        Parameters
        ----------
        partial : Path
            Where it was written, in the folder `incoming`; gone afterwards.
        sha256, extension : str
        uploaded_as : str
            The name that the file had, after its folder if that is known; it is shown, and no part of a path.

        Raises
        ------
        StoreUnavailableError
            It cannot be written now; nothing is left of it.
        """
        name = file_names.upload(sha256, extension)

        def register() -> Registered:
            return self._locations.register([self._seen(name, sha256, uploaded_as, restores=True)])[0]

        return self._enter(partial, name, sha256, register, lambda: self.remove_photo(sha256, [self.files.uri(name)]))

    def enter_frame(self, jpeg: bytes, uploaded_as: str, write: Callable[[SeenFile], _Row]) -> _Row:
        """Write the picture of a video's frame, which lies where uploads do, and its row; raises as `enter_upload`.

        Parameters
        ----------
        jpeg : bytes
        uploaded_as : str
            What the frame is called.
        write : callable
            Writes the row of the file.
        """
        sha256 = hashlib.sha256(jpeg).hexdigest()
        name, folder = file_names.upload(sha256, "jpg"), self.files.incoming(file_names.UPLOADS)
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".upload-{secrets.token_hex(8)}"

        def register() -> _Row:
            return write(self._seen(name, sha256, uploaded_as))

        partial.write_bytes(jpeg)
        return self._enter(partial, name, sha256, register, lambda: self.remove_photo(sha256, [self.files.uri(name)]))

    def enter_query(self, partial: Path, sha256: str, keep: Callable[[], _Row]) -> _Row:
        """Move a query photo to its place, and write its row; raises as `enter_upload`.

        Parameters
        ----------
        partial, sha256
            As in `enter_upload`.
        keep : callable
            Writes the row.
        """
        return self._enter(partial, file_names.query(sha256), sha256, keep, lambda: self.remove_query(sha256))

    def remove_photo(self, sha256: str, uris: Iterable[str]) -> None:
        """Remove the renditions, uploads and copies of a photo that was deleted from the catalogue.

        What cannot be removed now is logged; `clean` finds it later.

        Parameters
        ----------
        sha256 : str
        uris : iterable of str
            Where its originals are; those that are not this program's own stay.
        """
        uploads = [name for uri in uris if (name := self.files.name_of(uri)) is not None]
        renditions = [file_names.preview(sha256), file_names.thumbnail(sha256)]
        self._copies.remove(sha256)
        with _later(sha256):
            if not any(map(self.files.look, (*uploads, *renditions))):
                return
            with self._locks.held(file_names.folder(file_names.UPLOADS, sha256), alone=True):
                places = self._locations.of_digest(sha256)
                known = self._locations.known([self.files.uri(name) for name in uploads])
                used = {self.files.name_of(uri) for uri in (*(places or ()), *known)}
                self.files.remove([name for name in uploads if name not in used])
                self.files.remove(renditions if places is None else [])

    def remove_query(self, sha256: str) -> None:
        """Remove the files of a query photo, unless a kept query refers to them; failures as in `remove_photo`."""
        with _later(sha256), self._locks.held(file_names.folder(file_names.QUERIES, sha256), alone=True):
            if not self._queries.has(sha256):
                self.files.remove([file_names.query(sha256), file_names.query_picture(sha256)])

    def preview(self, sha256: str) -> BufferedReader:
        """Open the preview of a stored photo; FileNotFoundError if there is none."""
        return self.files.open(file_names.preview(sha256))

    def query(self, sha256: str) -> BufferedReader:
        """Open a query photo, as it was uploaded; UnreadableImageError if it is gone."""
        try:
            return self.files.open(file_names.query(sha256))
        except FileNotFoundError as error:
            raise UnreadableImageError("the query photo's file is gone: upload it again") from error

    def _seen(self, name: str, sha256: str, uploaded_as: str, *, restores: bool = False) -> SeenFile:
        found = self.files.look(name)
        if found is None:
            raise FileNotFoundError(2, "it was removed meanwhile", self.files.uri(name))
        return SeenFile(
            self.files.uri(name), sha256, found.size, found.mtime_ns, uploaded_as, restores, version=found.version
        )

    def _enter(
        self, partial: Path, name: str, sha256: str, write: Callable[[], _Row], undo: Callable[[], None]
    ) -> _Row:
        """Move a file to its place and write its row; neither is left without the other."""
        try:
            with self._locks.held(str(Path(name).parent), alone=False):
                if not self.files.holds(name, partial, sha256):
                    self.files.keep({name: partial})
                return write()
        except Exception:
            with contextlib.suppress(RetrievalError, OSError):  # the catalogue, or the disk, may be what failed
                undo()
            raise
        finally:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _later(sha256: str) -> Iterator[None]:
    """Leave to `clean` what cannot be removed because its store does not answer, or its lock is held for too long."""
    try:
        yield
    except (StoreUnavailableError, CatalogUnavailableError) as error:
        logger.warning("files of %s are no longer needed but cannot be removed now: %s", sha256, error)
