"""Annotated photos with the segments of a recipe, both described before projection, kept in one file between runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from retrieval.catalog.rows import segment_columns, segment_record_from
from retrieval.evaluation.datasets import AnnotatedPhoto
from retrieval.images.decode import decode
from retrieval.recipes.lite import LiteRecipe
from retrieval.search import picking
from retrieval.types import Segments


@dataclass(frozen=True, eq=False, slots=True)
class Regions:
    """Segments, or annotated objects, of P photos; those of a photo lie together.

    Attributes
    ----------
    photos : ndarray of shape (N,), int64
        The photo of each, rising.
    descriptors : ndarray of shape (N, C), float16
        Before projection.
    quality, areas : ndarray of shape (N,), float32
        Of objects the quality is 1. Areas are shares of the photo.
    fits : ndarray of shape (N, O), float16
        IoU with each annotated object of the photo; 0 where there are fewer.
    overlaps, inside : ndarray of shape (N, K), float16
        IoU with each of the photo's regions, and which share of this region lies in them; 0 where there are fewer.
    """

    photos: NDArray[np.int64]
    descriptors: NDArray[np.float16]
    quality: NDArray[np.float32]
    areas: NDArray[np.float32]
    fits: NDArray[np.float16]
    overlaps: NDArray[np.float16]
    inside: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.photos)


@dataclass(frozen=True, eq=False, slots=True)
class AnnotatedCollection:
    """What a search has to do with, and what it should find.

    Attributes
    ----------
    segments, objects : Regions
        The recipe's, and the annotated ones.
    names : ndarray of shape (O,), str
        Classes of the objects.
    picked : ndarray of shape (O,), int64
        The segment that a click in the middle of each object picks; -1 in a photo without segments.
    photo_descriptors : ndarray of shape (P, C'), float32
    files : ndarray of shape (P,), str
        Names of the photos.
    """

    segments: Regions
    objects: Regions
    names: NDArray[np.str_]
    picked: NDArray[np.int64]
    photo_descriptors: NDArray[np.float32]
    files: NDArray[np.str_]

    @property
    def best(self) -> NDArray[np.int64]:
        """The segment with the highest IoU with each object, (O,); -1 in a photo without segments."""
        columns = np.arange(len(self.objects)) - np.searchsorted(self.objects.photos, self.objects.photos)
        found = np.full(len(self.objects), -1)
        for row, (photo, column) in enumerate(zip(self.objects.photos, columns, strict=True)):
            start, end = np.searchsorted(self.segments.photos, [photo, photo + 1])
            if end > start:
                found[row] = start + int(self.segments.fits[start:end, column].argmax())
        return found

    def save(self, path: Path) -> None:
        """Write it as npz."""
        arrays = {name: getattr(self, name) for name in ("names", "picked", "photo_descriptors", "files")}
        for kind in ("segments", "objects"):
            regions = getattr(self, kind)
            arrays.update({f"{kind}_{each.name}": getattr(regions, each.name) for each in fields(Regions)})
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> AnnotatedCollection:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            kinds = [Regions(*(stored[f"{kind}_{each.name}"] for each in fields(Regions))) for kind in _KINDS]
            return cls(*kinds, stored["names"], stored["picked"], stored["photo_descriptors"], stored["files"])


_KINDS = "segments", "objects"


def kept(path: Path | None, recipe: LiteRecipe, photos: Sequence[AnnotatedPhoto]) -> AnnotatedCollection:
    """The collection that `path` holds; otherwise photos described now, and kept there."""
    if path is not None and path.is_file():
        return AnnotatedCollection.load(path)
    found = describe(recipe, photos)
    if path is not None:
        found.save(path)
    return found


def describe(recipe: LiteRecipe, photos: Sequence[AnnotatedPhoto]) -> AnnotatedCollection:
    """Segment photos, describe their segments and objects, and click every object in its middle."""
    segments, objects, photo_descriptors = list[dict[str, Any]](), list[dict[str, Any]](), []
    picked, first = list[int](), 0
    for number, photo in enumerate(track(photos, "describing", console=Console(stderr=True))):
        decoded = decode(photo.path, long_side=recipe.parameters.large_side)
        features = recipe.extract([decoded.rgb])[0]
        analysis = recipe.embed(decoded.rgb, features, recipe.segment(decoded.rgb, features))
        found = analysis.segments
        masks = np.zeros((len(photo.objects), *found.size_hw), bool)
        for row, each in enumerate(photo.objects):
            masks[row] = each.mask(found.size_hw)
        drawn = Segments.from_masks(masks, np.ones(len(masks), np.float32))
        for kind, every in ((found, segments), (drawn, objects)):
            descriptors = recipe.describe(decoded.rgb, features, kind) if len(kind) else None
            every.append(_columns(number, kind, masks, descriptors))
        photo_descriptors.append(recipe.describe_photo(features)[0])
        records = [
            segment_record_from(each, row, number)
            for row, each in enumerate(segment_columns(analysis, decoded.size_hw))
        ]
        for each in photo.objects:
            picked.append(first + picking.levels(records, decoded.size_hw, each.pole())[0] if records else -1)
        first += len(found)
    return AnnotatedCollection(
        _joined(segments),
        _joined(objects),
        np.array([each.category for photo in photos for each in photo.objects], np.str_),
        np.array(picked, np.int64),
        np.stack(photo_descriptors),
        np.array([photo.path.name for photo in photos], np.str_),
    )


def _columns(number: int, found: Segments, masks: NDArray[np.bool_], descriptors: Any) -> dict[str, Any]:
    """Of the segments of one photo, what `Regions` has."""
    common = (found.membership * found.atom_areas) @ found.membership.T.astype(np.float32)
    return {
        "photos": np.full(len(found), number, np.int64),
        "descriptors": descriptors,
        "quality": found.quality,
        "areas": found.areas / (found.size_hw[0] * found.size_hw[1]),
        "fits": found.iou_with(masks),
        "overlaps": found.iou(),
        "inside": common / np.maximum(found.areas[:, None], 1),
    }


def _joined(parts: Sequence[dict[str, Any]]) -> Regions:
    """The regions of all photos."""
    columns = {}
    for name in ("photos", "descriptors", "quality", "areas"):
        columns[name] = np.concatenate([each[name] for each in parts if each[name] is not None])
    columns["descriptors"] = columns["descriptors"].astype(np.float16)
    for name in ("fits", "overlaps", "inside"):
        width = max(each[name].shape[1] for each in parts)
        padded = [np.pad(each[name], ((0, 0), (0, width - each[name].shape[1]))) for each in parts]
        columns[name] = np.concatenate(padded).astype(np.float16)
    return Regions(**columns)
