"""Uploads of folders: what is to be sent, what the server has already, and how far it is."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .calls import Call, StrPath
from .errors import InvalidRequestError
from .photos import PAGE, Photos
from .values import Entered, Photo

ENDINGS = frozenset(
    "jpg jpeg jpe png webp tif tiff bmp gif avif heif heic hif ppm pgm pbm pnm".split()  # noqa: SIM905  # it is shorter
)
"""Of the formats that a server takes; it looks at the content, too."""

_UPLOAD = re.compile(r"(?:^|[\\/])uploads[\\/]([0-9a-f]{2})[\\/](\1[0-9a-f]{62})\.[a-z0-9]+$")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is.

    Attributes
    ----------
    path : Path
        The photo that was done last.
    outcome : {"sent", "known", "restored", "refused"}
    done, total : int
        Photos.
    done_bytes, total_bytes : int
    """

    path: Path
    outcome: str
    done: int
    total: int
    done_bytes: int
    total_bytes: int


@dataclass(slots=True)
class UploadReport:
    """What became of a folder's photos.

    Attributes
    ----------
    sent, known, restored : int
        New photos; photos that the library had already; photos that were in the trash.
    refused : dict of Path to str
        Photos that the server cannot use or that cannot be read, and why.
    left_out : list of Path
        Files that are no pictures by their names.
    """

    sent: int = 0
    known: int = 0
    restored: int = 0
    refused: dict[Path, str] = field(default_factory=dict)
    left_out: list[Path] = field(default_factory=list)


class FolderUpload:
    """What is to be sent of a folder; several threads or tasks take from it.

    Parameters
    ----------
    folder : path
    progress : callable, optional
        Called with a `Progress` after each photo, by one thread at a time.

    Raises
    ------
    NotADirectoryError
    """

    def __init__(self, folder: StrPath, progress: Callable[[Progress], None] | None) -> None:
        self._root = Path(folder).resolve()
        if not self._root.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder: give the folder that contains the photos")
        self.report = UploadReport()
        self._photos: list[tuple[Path, int]] = []
        for path in sorted(path for path in self._root.rglob("*") if path.is_file()):
            if path.suffix.lower().removeprefix(".") in ENDINGS and not path.name.startswith("."):
                self._photos.append((path, path.stat().st_size))
            else:
                self.report.left_out.append(path)
        self._total_bytes = sum(size for _, size in self._photos)
        self._known: set[str] = set()
        self._waiting = iter(self._photos)
        self._lock = threading.Lock()
        self._progress = progress
        self._done = self._done_bytes = 0

    def is_worth_a_list(self, photos: int) -> bool:
        """Whether asking for the list of the library's photos takes fewer calls than sending all."""
        return photos / PAGE < len(self._photos)

    def know(self, photo: Photo) -> None:
        """Note a photo of the library: uploads are stored under the digest of their bytes."""
        found = _UPLOAD.search(photo.path or "")
        if found is not None and not photo.missing:
            self._known.add(found[2])

    def __iter__(self) -> Iterator[tuple[Path, int]]:
        """The photos that wait, each for one who takes it."""
        while True:
            with self._lock:
                photo = next(self._waiting, None)
            if photo is None:
                return
            yield photo

    def stop(self) -> None:
        """Have nobody take another photo."""
        with self._lock:
            self._waiting = iter(())

    def is_known(self, path: Path) -> bool:
        """Whether the library has a photo's bytes; it reads the file.

        Raises
        ------
        OSError
        """
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with self._lock:
            return digest in self._known

    def call(self, path: Path) -> Call[Entered]:
        """The call that sends a photo."""
        inside = path.parent.relative_to(self._root.parent).as_posix() if self._root.name else ""
        return Photos.upload.call(path, folder=inside)

    @contextmanager
    def handling(self, path: Path, size: int) -> Iterator[Callable[[Entered], None]]:
        """Handle one photo: the block calls what it is given with the server's answer, if it sends the photo.

        A photo that cannot be used or read is noted, and the others go on.
        """
        answers = list[Entered]()
        try:
            yield answers.append
        except (InvalidRequestError, OSError) as error:
            self._note(path, size, "refused", str(error))
        else:
            self._note(path, size, _outcome(*answers))

    def _note(self, path: Path, size: int, outcome: str, reason: str = "") -> None:
        with self._lock:
            if outcome == "refused":
                self.report.refused[path] = reason
            else:
                setattr(self.report, outcome, getattr(self.report, outcome) + 1)
            self._done += 1
            self._done_bytes += size
            if self._progress is not None:
                self._progress(
                    Progress(path, outcome, self._done, len(self._photos), self._done_bytes, self._total_bytes)
                )


def _outcome(answer: Entered | None = None) -> str:
    if answer is None:
        return "known"
    return "restored" if answer.restored else "sent" if answer.is_new else "known"
