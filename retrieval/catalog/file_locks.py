"""Locks of folders of files among the processes of all machines, by the server of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..storage.file_locks import FileLocks, FolderLocks
from .dialects import AdvisoryLocks, advisory_locks


def file_locks(database_url: str, collection: int, data_dir: Path) -> FileLocks:
    """Locks that hold wherever the catalogue can be reached from.

    Parameters
    ----------
    database_url : str
    collection : int
        Number of the collection whose files they are; 0 for those of the installation itself.
    data_dir : Path
        Where folders are locked if the catalogue is an SQLite file: then all processes are on one machine.
    """
    locks = advisory_locks(database_url)
    return FolderLocks(data_dir) if locks is None else ServerLocks(locks, collection)


class ServerLocks:
    """Advisory locks of the PostgreSQL server of a catalogue, which releases those of a process that died.

    Parameters
    ----------
    locks : AdvisoryLocks
    collection : int
    """

    def __init__(self, locks: AdvisoryLocks, collection: int) -> None:
        self._locks, self._collection = locks, collection

    @contextmanager
    def held(self, folder: str, *, alone: bool) -> Iterator[None]:
        """See `FileLocks`."""
        with self._locks.held(f"files/{self._collection}/{folder}", alone=alone):
            yield

    def close(self) -> None:
        """Close the connections, of which none may be in use."""
        self._locks.close()
