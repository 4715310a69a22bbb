"""Files of photos that were deleted for good: scans of their folders leave them out.

They stay on the disk, for SegSearch changes no file that it was not given as an upload. Uploads are not remembered: who
uploads a photo again wants it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ..storage.locations import SeenFile
from .dialects import in_chunks
from .models import DeletedFile
from .records import ImageRecord
from .sessions import Repository


class DeletedFiles(Repository):
    """Rows of such files, by their URIs and by the digests of their bytes."""

    def known(self, uris: Collection[str]) -> dict[str, tuple[int, int]]:
        """Size in bytes and modification time in ns of those of the files that are remembered."""
        found: dict[str, tuple[int, int]] = {}
        with self._reading() as session:
            for chunk in in_chunks(list(uris)):
                columns = DeletedFile.uri, DeletedFile.size, DeletedFile.mtime_ns
                for uri, size, mtime_ns in session.execute(select(*columns).where(DeletedFile.uri.in_(chunk))):
                    found[uri] = size, mtime_ns
        return found

    def note(self, files: Sequence[SeenFile]) -> set[str]:
        """URIs of those of the files whose bytes are remembered, wherever they are now; these places are noted, too."""
        with self._sessions.begin() as session:
            digests: set[str] = set()
            for chunk in in_chunks(sorted({file.sha256 for file in files})):
                digests.update(session.scalars(select(DeletedFile.sha256).where(DeletedFile.sha256.in_(chunk))))
            found = [file for file in files if file.sha256 in digests]
            _write(session, found)
        return {file.uri for file in found}


def remember(session: Session, photo: ImageRecord) -> None:
    """Remember the files of a photo that is being deleted, except uploads."""
    places = [place for place in photo.locations if place.uploaded_as is None]
    _write(session, [SeenFile(place.uri, photo.sha256, place.size, place.mtime_ns) for place in places])


def forget(session: Session, digests: Collection[str]) -> None:
    """Let files with these bytes be ingested again."""
    for chunk in in_chunks(sorted(digests)):
        session.execute(delete(DeletedFile).where(DeletedFile.sha256.in_(chunk)))


def _write(session: Session, files: Sequence[SeenFile]) -> None:
    for chunk in in_chunks([file.uri for file in files]):
        session.execute(delete(DeletedFile).where(DeletedFile.uri.in_(chunk)))
    session.add_all(
        DeletedFile(uri=file.uri, sha256=file.sha256, size=file.size, mtime_ns=file.mtime_ns) for file in files
    )
