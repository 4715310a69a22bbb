"""Jobs of workers, and orders to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """A photo that a worker has claimed.

    Attributes
    ----------
    image_id : int
    sha256 : str
    paths : tuple of Path
    attempts : int
        How often it was claimed, this time included; more than once if a worker died over it.
    """

    image_id: int
    sha256: str
    paths: tuple[Path, ...]
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders to all workers: whether to pause, and how often pending photos were cancelled."""

    paused: bool = False
    cancellations: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """A photo that is not in the catalogue any more, and where its files are."""

    sha256: str
    paths: tuple[Path, ...]
