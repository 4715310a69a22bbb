"""Files of two stores as one: those of now over those of before, which stay where they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path

from .file_names import UPLOADS
from .file_store import FileStore, StoredFile


class OverlayFiles:
    """Two stores as one.

    Parameters
    ----------
    upper : FileStore
        Where new files go.
    lower : FileStore
        Where files were kept before. They are read and removed; none is added. It is quick to ask, so files that are
        there are read from there, also while `upper` is out of reach.
    """

    def __init__(self, upper: FileStore, lower: FileStore) -> None:
        self._upper, self._lower = upper, lower

    def uri(self, name: str) -> str:
        """See `FileStore`: where a new file would be."""
        return self._upper.uri(name)

    def name_of(self, uri: str) -> str | None:
        """See `FileStore`."""
        return self._upper.name_of(uri) or self._lower.name_of(uri)

    def fault(self) -> str | None:
        """See `FileStore`."""
        return self._upper.fault()

    def look(self, name: str) -> StoredFile | None:
        """See `FileStore`; of a file that both have, the new one, of which a row is written."""
        return self._upper.look(name) or self._lower.look(name)

    def holds(self, name: str, written: Path, sha256: str) -> bool:
        """See `FileStore`: whether it is at `uri`."""
        return self._upper.holds(name, written, sha256)

    def open(self, name: str) -> BufferedReader:
        """See `FileStore`."""
        try:
            return self._lower.open(name)
        except FileNotFoundError:
            return self._upper.open(name)

    def incoming(self, kind: str) -> Path:
        """See `FileStore`."""
        return self._upper.incoming(kind)

    def new(self, name: str) -> Path:
        """See `FileStore`."""
        return self._upper.new(name)

    def keep(self, written: Mapping[str, Path]) -> None:
        """See `FileStore`; what is made anew replaces what was made before. Uploads of before stay: rows name them."""
        self._upper.keep(written)
        self._lower.remove(name for name in written if not name.startswith(f"{UPLOADS}/"))

    def remove(self, names: Iterable[str]) -> None:
        """See `FileStore`."""
        gone = list(names)
        self._upper.remove(gone)
        self._lower.remove(gone)

    def below(self, kind: str) -> Iterator[StoredFile]:
        """See `FileStore`; a file that both have is told once."""
        yield from self._lower.below(kind)
        for file in self._upper.below(kind):
            if self._lower.look(file.name) is None:
                yield file

    def erase(self) -> None:
        """See `FileStore`."""
        self._upper.erase()
        self._lower.erase()
