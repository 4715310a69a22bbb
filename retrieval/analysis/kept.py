"""The features of the last few photos, so that the next mark on one of them is answered at once."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..images.decode import DecodedImage

KEPT_BYTES = 192 * 1024**2
"""Features of some sixteen photos; those of `lite` take about 12 MiB each."""

Version = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """A decoded photo, its features, and what all prompts on it share, if the recipe takes prompts."""

    image: DecodedImage
    features: Any
    regions: Any


class KeptFeatures:
    """Least recently used first out; safe to use from several threads.

    Parameters
    ----------
    limit_bytes : int
        A photo whose features alone take more is not kept.
    """

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Version, tuple[Seen, int]] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes of the arrays that are kept."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, version: Version) -> Seen | None:
        """What is kept of this version of a file."""
        with self._lock:
            found = self._kept.get(version)
            if found is None:
                return None
            self._kept.move_to_end(version)
            return found[0]

    def put(self, version: Version, seen: Seen) -> None:
        """Keep it, in the place of those that were not used for longest."""
        size = bytes_of(seen)
        with self._lock:
            _, before = self._kept.pop(version, (None, 0))
            self._bytes -= before
            if size > self._limit:
                return
            self._kept[version] = seen, size
            self._bytes += size
            while self._bytes > self._limit:
                _, (_, gone) = self._kept.popitem(last=False)
                self._bytes -= gone


def version_of(path: Path) -> Version:
    """What changes when a file does; it stays when the file is renamed.

    Raises
    ------
    OSError
        There is no such file.
    """
    status = os.stat(path)  # noqa: PTH116  # four of its figures
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def bytes_of(value: Any) -> int:
    """Bytes of all arrays and tensors in a value made of dataclasses, lists, tuples and mappings."""
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    if isinstance(value, Mapping):
        return sum(bytes_of(each) for each in value.values())
    if isinstance(value, list | tuple):
        return sum(bytes_of(each) for each in value)
    if dataclasses.is_dataclass(value):
        cached = vars(value) if hasattr(value, "__dict__") else {}
        names = {*cached, *(each.name for each in dataclasses.fields(value))}
        return sum(bytes_of(getattr(value, name)) for name in names)
    return 0
