"""Workers, their jobs, and orders to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ...types import ImportedMask
from .images import ImageRecord


@dataclass(frozen=True, slots=True)
class Job:
    """A photo that a worker has claimed.

    Attributes
    ----------
    image_id : int
    sha256 : str
    uris : tuple of str
        Where its bytes are.
    attempts : int
        How often it was claimed, this time included; more than once if a worker died over it.
    imported : mapping of int to ImportedMask
        The photo's imported segments, which need new vectors.
    """

    image_id: int
    sha256: str
    uris: tuple[str, ...]
    attempts: int = 1
    imported: Mapping[int, ImportedMask] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders to all workers: whether to pause, and how often pending photos were cancelled."""

    paused: bool = False
    cancellations: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """A photo that is not in the catalogue any more, and where its files are."""

    sha256: str
    uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker that holds photos.

    Attributes
    ----------
    owner : str
        Its name, which no other worker ever has.
    host : str
        Name of its machine; empty if that is not known.
    pid : int or None
        Number of its process there.
    photos : tuple of ImageRecord
        What it is working on.
    lease_until : datetime
        When others may take these photos, unless it renews the lease.
    is_gone : bool
        Whether the process has ended or its lease has run out; another worker then takes the photos.
    """

    owner: str
    host: str
    pid: int | None
    photos: tuple[ImageRecord, ...]
    lease_until: datetime
    is_gone: bool
