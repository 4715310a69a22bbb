"""Photos with the vectors of their segments and annotated objects, kept in a file from one run to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from retrieval.evaluation.datasets import AnnotatedPhoto
from retrieval.images.decode import decode
from retrieval.recipes.lite import LiteRecipe
from retrieval.types import Vectors

from .fit_projection import objects_of

Flags = NDArray[np.bool_]
NAMES = {"Motorbikes": "motorcycle", "Leopards": "leopard", "crocodile_head": "crocodile", "flamingo_head": "flamingo"}
"""Folders of ``caltech-dev`` with another name than the word."""


@dataclass(frozen=True, eq=False, slots=True)
class Described:
    """Photos with their segments, all in one array.

    Attributes
    ----------
    vectors : ndarray of shape (N, D), float32
        Of segments.
    owners : ndarray of shape (N,), int64
        The photo of each.
    regions : ndarray of shape (R, D), float32
        Of annotated objects, and of the segments that overlap one by half.
    region_owners : ndarray of shape (R,), int64
    names : ndarray of shape (R,), str
        Classes of the regions.
    kinds : ndarray of shape (P,), str
        The classes that each photo shows, separated by commas.
    """

    vectors: Vectors
    owners: NDArray[np.int64]
    regions: Vectors
    region_owners: NDArray[np.int64]
    names: NDArray[np.str_]
    kinds: NDArray[np.str_]

    def shows(self, name: str) -> Flags:
        """Which photos show a class, (P,)."""
        return np.array([name in each.split(",") for each in self.kinds], bool)

    def save(self, path: Path) -> None:
        """Write them as npz."""
        np.savez(path, **{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def load(cls, path: Path) -> Described:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            return cls(**{name: stored[name] for name in cls.__slots__})


def kept(folder: Path | None, name: str, recipe: LiteRecipe, photos: Sequence[AnnotatedPhoto]) -> Described:
    """Photos as they were described before, read from `folder`; otherwise described now, and kept there."""
    path = None if folder is None else folder / f"{name}.npz"
    if path is not None and path.is_file():
        return Described.load(path)
    found = describe(recipe, photos)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        found.save(path)
    return found


def describe(recipe: LiteRecipe, photos: Sequence[AnnotatedPhoto]) -> Described:
    """Segment photos; those without objects show what their folder is called."""
    vectors: list[Vectors] = []
    regions: list[Vectors] = [np.zeros((0, recipe.projection.segment.components.shape[1]), np.float32)]
    owners: list[int] = []
    region_owners: list[int] = []
    names: list[str] = []
    kinds: list[str] = []
    for number, photo in enumerate(track(photos, description="describing")):
        image = decode(photo.path, long_side=recipe.parameters.large_side).rgb
        maps = recipe.extract([image])[0]
        found = recipe.segment(image, maps)
        vectors.append(recipe.projection.segment.apply(recipe.describe(image, maps, found)))
        owners += [number] * len(found)
        if photo.objects:
            masks, own = objects_of(photo, found)
            regions.append(recipe.projection.segment.apply(recipe.describe(image, maps, masks)))
            region_owners += [number] * len(own)
            names += own
        folder = photo.path.parent.name
        kinds.append(",".join(sorted(photo.categories)) or NAMES.get(folder, folder.replace("_", " ").lower()))
    return Described(
        np.concatenate(vectors),
        np.array(owners, np.int64),
        np.concatenate(regions),
        np.array(region_owners, np.int64),
        np.array(names, np.str_),
        np.array(kinds, np.str_),
    )
