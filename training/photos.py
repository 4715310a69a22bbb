"""The training photos: the training parts in ``splits.json``, or four folds of five."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

FOLDS = 5
"""Photos are divided into so many for cross-validation."""

SHARE = click.option(
    "--share",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of the training photos to learn from, of each set.",
)
"""The option of every command that can learn from a part."""


def share_of(items: Sequence[T], share: float) -> list[T]:
    """A fixed part of the items in their order, at least one; a smaller share is contained in every larger one.

    Parameters
    ----------
    items : sequence
    share : float
        Above 0, at most 1.
    """
    order = np.random.default_rng(0).permutation(len(items))
    return [items[row] for row in sorted(order[: max(1, round(share * len(items)))].tolist())]


def fold_numbers(count: int, seed: int = 0) -> NDArray[np.int64]:
    """The fold of each of `count` photos, drawn at random, (count,); of the sizes no two differ by more than one."""
    return np.random.default_rng(seed).permutation(count) % FOLDS


def training_photos(data: Path, every: dict[str, int]) -> list[Path]:
    """Paths of the training photos, in a fixed order.

    Parameters
    ----------
    data : Path
        A folder with ``splits.json`` and one folder per set.
    every : dict of str to int
        Take every n-th photo of each named set.
    """
    splits = json.loads((data / "splits.json").read_text())
    found: list[Path] = []
    for name, step in every.items():
        found += _photos_of(data / name, splits.get(name))[::step]
    return found


def _photos_of(folder: Path, split: dict[str, list[str | int]] | None) -> list[Path]:
    if folder.name == "caltech-dev":
        return [path for kind in sorted(folder.iterdir()) for path in sorted(kind.glob("*.jpg"))[:8]]
    if split is None:
        return sorted((folder / "train").glob("*.jpg"))
    if folder.name == "coco-dev":
        return [folder / "images" / f"{int(number):012d}.jpg" for number in split["train"]]
    return [folder / "JPEGImages" / f"{name}.jpg" for name in split["train"]]
