"""Where the files are that SegSearch itself writes: uploads, renditions and query photos.

`FolderFiles` has them in a folder, and `bucket_files.BucketFiles` in a bucket. Names are those of `file_names`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, Protocol

from .file_names import KINDS
from .locations import is_file, path_of, uri_of
from .originals import open_regular

logger = logging.getLogger(__name__)


class StoredFile(NamedTuple):
    """A file as it is now.

    Attributes
    ----------
    name : str
    size : int
        In bytes.
    mtime_ns : int
        Time of change.
    version : str or None
        Entity tag (RFC 9110) of an object; None for files.
    """

    name: str
    size: int
    mtime_ns: int
    version: str | None = None


class FileStore(Protocol):
    """Keeps files under names; safe among threads and processes. A reader sees the old file or the new one.

    What cannot be read or written raises OSError; StoreUnavailableError, which is one, if that may pass.
    """

    def uri(self, name: str) -> str:
        """Where a file is or would be."""
        ...

    def name_of(self, uri: str) -> str | None:
        """The name of the file that is there; None if it is not one of this store."""
        ...

    def fault(self) -> str | None:
        """Why files cannot be written, read or removed, and what to do; None if they can, or if others look for it."""
        ...

    def look(self, name: str) -> StoredFile | None:
        """A file as it is now; None if there is none."""
        ...

    def holds(self, name: str, written: Path, sha256: str) -> bool:
        """Whether a file is there that has the bytes of another, which has this digest."""
        ...

    def open(self, name: str) -> BufferedReader:
        """Open a file; FileNotFoundError if there is none."""
        ...

    def incoming(self, kind: str) -> Path:
        """The folder in which files are written that `keep` is to move, of one of `file_names.KINDS`."""
        ...

    def new(self, name: str) -> Path:
        """Where a file can be written, of which `keep` is told afterwards."""
        ...

    def keep(self, written: Mapping[str, Path]) -> None:
        """Keep files that were written, by their names; afterwards they are nowhere else."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; what cannot be removed is logged, because its row is gone and `clean` finds it."""
        ...

    def below(self, kind: str) -> Iterator[StoredFile]:
        """All files of one of `file_names.KINDS`, hidden ones left out."""
        ...

    def erase(self) -> None:
        """Remove all files."""
        ...


class FolderFiles:
    """Files in a folder.

    Parameters
    ----------
    root : Path
        It is made when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def uri(self, name: str) -> str:
        """See `FileStore`."""
        return uri_of(self.root / name)

    def name_of(self, uri: str) -> str | None:
        """See `FileStore`; what a link leads to counts."""
        if not is_file(uri):
            return None
        root, path = self.root.resolve(), path_of(uri).resolve()
        name = path.relative_to(root) if path.is_relative_to(root) else Path()
        return name.as_posix() if name.parts and name.parts[0] in KINDS else None

    def fault(self) -> str | None:
        """See `FileStore`: `disk.Storage` looks after folders."""
        return None

    def look(self, name: str) -> StoredFile | None:
        """See `FileStore`."""
        try:
            status = (self.root / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return StoredFile(name, status.st_size, status.st_mtime_ns)

    def holds(self, name: str, written: Path, sha256: str) -> bool:  # noqa: ARG002
        """See `FileStore`; the file is read, because a disk may have lost a part of it."""
        try:
            with (self.root / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return False

    def open(self, name: str) -> BufferedReader:
        """See `FileStore`."""
        file = open_regular(self.root / name)
        if file is None:
            raise FileNotFoundError(2, "not a regular file", str(self.root / name))
        return file

    def incoming(self, kind: str) -> Path:
        """See `FileStore`; on the file system of the files."""
        return self.root / kind

    def new(self, name: str) -> Path:
        """See `FileStore`: the file itself, whose folder is made."""
        path = self.root / name
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def keep(self, written: Mapping[str, Path]) -> None:
        """See `FileStore`."""
        for name, path in written.items():
            if path != self.root / name:
                path.replace(self.new(name))

    def remove(self, names: Iterable[str]) -> None:
        """See `FileStore`."""
        for name in names:
            path = self.root / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("%s is no longer needed but cannot be removed: %s", path, error.strerror)

    def below(self, kind: str) -> Iterator[StoredFile]:
        """See `FileStore`; links are left out."""
        for path in files_in(self.root / kind):
            if not path.name.startswith(".") and (found := self.look(path.relative_to(self.root).as_posix())):
                yield found

    def erase(self) -> None:
        """See `FileStore`."""
        for kind in KINDS:
            if (self.root / kind).exists():
                shutil.rmtree(self.root / kind)


def files_in(folder: Path) -> Iterator[Path]:
    """Files in a folder and its subfolders, without links; none if there is no such folder."""
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        yield Path(entry.path)
        except FileNotFoundError:
            continue
