"""What ``lite`` finds in photos before anything is applied that is fitted to annotated photos, kept in a folder.

Candidates are not ranked and descriptors not projected, so that ranking, projection, words and the ranking of clicks
can all be fitted to some of the photos and measured on others. The boundary decoder alone is the shipped one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from retrieval.embed.projection import Descriptors
from retrieval.evaluation.datasets import AnnotatedObject, AnnotatedPhoto, load_photos
from retrieval.images.decode import decode
from retrieval.recipes.lite import LiteRecipe
from retrieval.search.click_ranking import shape_features
from retrieval.text.lexicon import read_added_words
from retrieval.types import Segments, Vectors
from training.fit_objectness import Nodes
from training.fit_projection import objects_of
from training.learn_words import SOURCES, Source, load_panoptic

BEST = 30
"""Segments of a photo that the projection is fitted to, the best without ranking."""


@dataclass(frozen=True, eq=False, slots=True)
class UnfittedPhoto:
    """One photo with N candidates, O objects and C numbers a descriptor.

    Attributes
    ----------
    measures : ndarray of shape (N, M), float32
    vectors : ndarray of shape (N, D), float32
        What the ranking sees.
    fits : ndarray of shape (N, O), float32
        IoU with each object.
    overlaps : ndarray of shape (N, N), float16
    descriptors : ndarray of shape (N, C), float16
        Of the candidates.
    best : ndarray of shape (S, C), float16
        Of the best segments.
    objects : ndarray of shape (R, C), float16
        Of the objects, then of the segments that overlap one most.
    names : ndarray of shape (R,), str
        Their classes; the first O are the objects'.
    regions : ndarray of shape (Q, C), float16
        Of what words are learned from by `training.learn_words`.
    region_names : ndarray of shape (Q,), str
    photo : ndarray of shape (1, C'), float32
        Of the whole photo.
    shapes : ndarray of shape (K, 3), float32
        `shape_features` of the pairs of a click and a candidate under it.
    clicks, under : ndarray of shape (K,), int64
        Those pairs; an object is clicked in its middle.
    distances : ndarray of shape (O, N), float32
        From each object's middle to each candidate, in pixels of the masks.
    """

    measures: Vectors
    vectors: Vectors
    fits: NDArray[np.float32]
    overlaps: NDArray[np.float16]
    descriptors: NDArray[np.float16]
    best: NDArray[np.float16]
    objects: NDArray[np.float16]
    names: NDArray[np.str_]
    regions: NDArray[np.float16]
    region_names: NDArray[np.str_]
    photo: Descriptors
    shapes: NDArray[np.float32]
    clicks: NDArray[np.int64]
    under: NDArray[np.int64]
    distances: NDArray[np.float32]

    @property
    def nodes(self) -> Nodes:
        """The candidates, as the ranking is fitted to them."""
        return Nodes(self.measures, self.vectors, self.fits, self.overlaps)

    def save(self, path: Path) -> None:
        """Write it as npz."""
        np.savez(path, **{each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def load(cls, path: Path) -> UnfittedPhoto:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            return cls(**{name: stored[name] for name in stored.files})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A photo to describe.

    Attributes
    ----------
    photo : AnnotatedPhoto
    regions : tuple of AnnotatedObject
        What words of ``added_words.json`` are learned from.
    """

    photo: AnnotatedPhoto
    regions: tuple[AnnotatedObject, ...] = ()


def added_sources() -> list[Source]:
    """Where the words of ``added_words.json`` that ``coco-dev`` teaches come from, in their order."""
    by_name = {source.words.split(", ")[0]: source for source in SOURCES if source.folder == "coco-panoptic"}
    return [by_name[words[0]] for words in read_added_words() if words[0] in by_name]


def wanted_photos(data: Path) -> dict[str, list[Wanted]]:
    """All photos of ``coco-dev`` and ``davis-dev``."""
    names = {name for each in added_sources() for name in each.categories.split(",")}
    regions = {
        photo.path.name: tuple(each for each in photo.objects if each.category in names)
        for photo in load_panoptic(data)
    }
    return {
        "coco-dev": [Wanted(photo, regions.get(photo.path.name, ())) for photo in load_photos(data / "coco-dev")],
        "davis-dev": [Wanted(photo) for photo in load_photos(data / "davis-dev", min_area=1)],
    }


def described(recipe: LiteRecipe, photos: dict[str, list[Wanted]], folder: Path) -> dict[str, list[Path]]:
    """Describe the photos that `folder` does not hold; the file of each."""
    found: dict[str, list[Path]] = {}
    for name, every in photos.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, each in enumerate(track(every, name, console=Console(stderr=True))):
            path = folder / name / f"{number:04d}.npz"
            if not path.is_file():
                partial = path.with_suffix(".partial.npz")
                describe(recipe, each).save(partial)
                partial.rename(path)
            found.setdefault(name, []).append(path)
    return found


def read(paths: Sequence[Path]) -> Iterator[UnfittedPhoto]:
    """Read photos, one after the other; 6 MB each."""
    yield from map(UnfittedPhoto.load, paths)


def describe(recipe: LiteRecipe, wanted: Wanted) -> UnfittedPhoto:
    """Describe one photo by a recipe that is not fitted."""
    photo = wanted.photo
    decoded = decode(photo.path, long_side=recipe.parameters.large_side)
    image, features = decoded.rgb, recipe.extract([decoded.rgb])[0]
    candidates = recipe.segmenter.candidates(image, features.large)
    nodes = candidates.segments.coarsened()
    best = recipe.segmenter.select(candidates)
    nothing = np.zeros((0, sum(each.shape[2] for each in features.maps)), np.float16)
    objects, names = nothing, list[str]()
    fits = np.zeros((len(nodes), 0), np.float32)
    if photo.objects:
        masks, names = objects_of(photo, best)
        objects = recipe.describe(image, features, masks).astype(np.float16)
        fits = nodes.iou_with(np.stack([each.mask(nodes.size_hw) for each in photo.objects]))
    regions, region_names = nothing, list[str]()
    if wanted.regions:
        masks, region_names = objects_of(AnnotatedPhoto(photo.path, wanted.regions), best)
        regions = recipe.describe(image, features, masks).astype(np.float16)
    return UnfittedPhoto(
        measures=candidates.measures,
        vectors=recipe.ranked_by(features, nodes),
        fits=fits,
        overlaps=nodes.iou().astype(np.float16),
        descriptors=recipe.describe(image, features, nodes).astype(np.float16),
        best=recipe.describe(image, features, best[:BEST]).astype(np.float16),
        objects=objects,
        names=np.array(names, np.str_),
        regions=regions,
        region_names=np.array(region_names, np.str_),
        photo=recipe.describe_photo(features),
        **_clicked(photo, nodes, decoded.size_hw),
    )


def _clicked(photo: AnnotatedPhoto, nodes: Segments, size_hw: tuple[int, int]) -> dict[str, NDArray[np.generic]]:
    """The candidates under a click in the middle of each object, and how far all are from it."""
    points = list[tuple[int, int]]()
    height, width = nodes.size_hw
    for each in photo.objects:
        x, y = each.pole()
        points.append((int(x * width / size_hw[1]), int(y * height / size_hw[0])))
    shapes, clicks, under = [np.zeros((0, 3), np.float32)], list[int](), list[int]()
    x, y = np.array(points, np.int64).reshape(-1, 2).T
    for row, covers in enumerate(nodes.membership[:, nodes.atoms[y, x]]):
        hit = np.flatnonzero(covers)
        if len(hit):
            shapes.append(shape_features(nodes.mask(row), [points[each] for each in hit]).astype(np.float32))
            clicks += hit.tolist()
            under += [row] * len(hit)
    distances = [np.zeros((0, len(nodes)), np.float32), *(_distances(nodes, point)[None] for point in points)]
    return {
        "shapes": np.concatenate(shapes),
        "clicks": np.array(clicks, np.int64),
        "under": np.array(under, np.int64),
        "distances": np.concatenate(distances),
    }


def _distances(nodes: Segments, point: tuple[int, int]) -> NDArray[np.float32]:
    """From a pixel to the nearest pixel of each candidate, (N,)."""
    away = np.ones(nodes.size_hw, np.uint8)
    away[point[1], point[0]] = 0
    distance = cv2.distanceTransform(away, cv2.DIST_L2, 5)
    of_atoms = np.full(nodes.membership.shape[1], np.inf, np.float32)
    np.minimum.at(of_atoms, nodes.atoms.ravel(), distance.ravel())
    return np.asarray(np.where(nodes.membership, of_atoms, np.inf).min(axis=1), np.float32)
