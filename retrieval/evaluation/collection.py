"""Segmentation and retrieval measured on annotated photos, through the code that users run.

The photos are ingested into a data directory of their own and searched by `SearchEngine`; the measures are those of
`retrieval.evaluation.metrics`, put together as the project's design defines them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from ..assembly import Assembly
from ..embed.projection import unit
from ..errors import QueryError
from ..images.masks import encode_mask, mask_iou
from ..index.ranking import average_precision
from ..models.size import ModelSize
from ..processes.tables import Console
from ..query.request import Ref, SearchRequest
from ..search.engine import SearchEngine
from ..storage.locations import uri_of
from ..types import Vectors
from .average_recall import average_recall
from .calibration import area_under_roc, expected_calibration_error
from .combinations import Combination, by_combination
from .datasets import AnnotatedPhoto
from .metrics import bootstrap_interval, by_class, match_greedily, mean_over_classes
from .one_click import OneClick, by_one_click
from .segmentation import PixelClasses, milliseconds_a_photo, pixel_classes
from .word_search import LikelyPhotos, by_word

RANKED = 1000

KNOWN_NAMES = frozenset(
    name.strip()
    for name in """
    motorcycle, dog, cat, bus, elephant, zebra, bear, laptop, pizza, umbrella, bird, bicycle, car, truck, train,
    airplane, boat, clock, tv, keyboard, mouse,
    banana, orange, sheep, cow, horse, toilet, refrigerator, vase, teddy bear, tie,
    backpack, bench, traffic light, parking meter, cup, wine glass, bottle, couch, chair, dining table, microwave,
    toaster, hot dog, broccoli, sports ball, skis, spoon, bowl
    """.replace("\n", " ").split(",")
)
"""The class names of COCO that ImageNet's classes can know."""

Ingest = Callable[[Assembly, Sequence[Path]], float]
"""Ingests photos into an installation; returns the seconds it took."""

Click = tuple[str, tuple[int, int]]
"""Name of a photo's file, and the pixel x, y that was clicked in it."""

LEAST_OTHERS = 2
"""A class is measured by click if at least this many other photos hold it."""
COUNTS: dict[tuple[str, str], int | None] = {
    ("ABO@100", "recall@.5"): 100,
    ("ABO@50", "recall@.5 of 50"): 50,
    ("ABO of all segments", "recall@.5 of all segments"): None,
}
"""ABO and recall are measured of so many of the best segments of each photo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A query with its first results, for the report."""

    category: str
    image_id: int
    point_xy: tuple[int, int]
    average_precision: float
    results: tuple[tuple[int, int, bool], ...]


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """All figures; shares and precisions in [0, 1].

    Attributes
    ----------
    photos, objects, queries, failed : int
    coverage : dict of str to float
        ABO and recall at IoU .5 by the 100 and the 50 best segments of each photo, and by all.
    qualities, right : list
        Quality of every segment, and whether its IoU with some object is at least .5.
    photo_by_click, object_by_click, whole_photo : dict of class to list of float
        Average precision of each query.
    words : dict of class to float
        Of those understood.
    named : int
        Classes that were asked for by name.
    likely : LikelyPhotos
    combination : Combination
    one_click : OneClick
    recalls : dict of str to float
        `average_recall`'s.
    clicked : dict of class to list of Click
        Of which photo and point each of those precisions is.
    pixel_classes : PixelClasses or None
        Where both the recipe and the photos tell VOC's class of every pixel.
    recipe_ms : float
        Of the recipe alone, one photo at a time, the median.
    """

    recipe: str
    photos: int
    objects: int
    failed: int
    segments: int
    coverage: dict[str, float] = field(default_factory=dict)
    qualities: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    photo_by_click: dict[str, list[float]] = field(default_factory=dict)
    object_by_click: dict[str, list[float]] = field(default_factory=dict)
    whole_photo: dict[str, list[float]] = field(default_factory=dict)
    words: dict[str, float] = field(default_factory=dict)
    named: int = 0
    likely: LikelyPhotos = field(default_factory=LikelyPhotos)
    combination: Combination = field(default_factory=Combination)
    one_click: OneClick = field(default_factory=OneClick)
    recalls: dict[str, float] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)
    clicked: dict[str, list[Click]] = field(default_factory=dict)
    pixel_classes: PixelClasses | None = None
    ingest_seconds: float = 0.0
    search_ms: float = 0.0
    recipe_ms: float = 0.0
    size: ModelSize = field(default_factory=ModelSize)

    def figures(self) -> dict[str, Any]:
        """The figures as a flat table."""
        gain = mean_over_classes(self.photo_by_click) - mean_over_classes(self.whole_photo)
        known = [value for name, value in self.words.items() if name in KNOWN_NAMES]
        low, high = bootstrap_interval(self.photo_by_click, self.whole_photo) if self.photo_by_click else (0.0, 0.0)
        return {
            "recipe": self.recipe,
            "photos": self.photos,
            "photos that failed to enter": self.failed,
            "objects": self.objects,
            "segments": self.segments,
            "segments a photo": self.segments / max(self.photos - self.failed, 1),
            **self.coverage,
            **self.recalls,
            **self._calibration(),
            **self.one_click.figures(),
            "queries by click": sum(map(len, self.photo_by_click.values())),
            "classes by click": len(self.photo_by_click),
            "photo mAP by click": mean_over_classes(self.photo_by_click),
            "object mAP@.5 by click": mean_over_classes(self.object_by_click),
            "whole-photo baseline, photo mAP": mean_over_classes(self.whole_photo),
            "gain over the baseline": gain,
            "gain, 95 % interval": [low, high],
            "words: photo mAP over the classes understood": float(np.mean(list(self.words.values())))
            if self.words
            else 0.0,
            "words: classes understood": len(self.words),
            "words: photo mAP over the known names": float(np.mean(known)) if known else 0.0,
            "words: known names that occur": len(known),
            "words: photo mAP over all classes, unknown ones 0": sum(self.words.values()) / max(self.named, 1),
            "words: classes": self.named,
            **self.likely.figures(),
            **self.combination.figures(),
            **self._pixel_classes(),
            "parameters": self.size.parameters,
            "weights, MB": self.size.bytes / 1e6,
            "recipe alone, ms a photo": self.recipe_ms,
            "ingest, seconds a photo": self.ingest_seconds / max(self.photos, 1),
            "search by click, ms": self.search_ms,
        }

    def _pixel_classes(self) -> dict[str, Any]:
        if self.pixel_classes is None:
            return {}
        return {"VOC mIoU": self.pixel_classes.mean_iou, "VOC classes the recipe knows": self.pixel_classes.known}

    def _calibration(self) -> dict[str, float]:
        """How well quality tells segments that fit an object from those that do not."""
        right = np.array(self.right, bool)
        if right.all() or not right.any():
            return {}
        qualities = np.array(self.qualities, np.float32)
        return {
            "quality: expected calibration error": expected_calibration_error(qualities, right),
            "quality: area under ROC": area_under_roc(qualities, right),
        }


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """The annotated photos as they are in the catalogue, with how every segment fits every object.

    ``best`` is the best overlap with each object by the segments of each of `COUNTS`, (3, O).
    """

    photos: dict[int, AnnotatedPhoto]
    overlaps: dict[int, tuple[int, NDArray[np.float32]]]
    best: NDArray[np.float32]
    qualities: dict[int, float]

    @property
    def coverage(self) -> dict[str, float]:
        """ABO and recall by each of `COUNTS`; 0 if there is no object."""
        named: dict[str, float] = {}
        for (abo, recall), best in zip(COUNTS, self.best, strict=True):
            named |= (
                {abo: float(best.mean()), recall: float((best >= 0.5).mean())} if len(best) else {abo: 0, recall: 0}
            )
        return named

    def holding(self, category: str) -> frozenset[int]:
        """Photos that show a class."""
        return frozenset(key for key, photo in self.photos.items() if category in photo.categories)


def evaluate(assembly: Assembly, photos: Sequence[AnnotatedPhoto], ingest: Ingest) -> Evaluation:
    """Ingest annotated photos and measure everything."""
    seconds = ingest(assembly, [photo.path for photo in photos])
    engine = assembly.engine()
    truth = truth_of(assembly, photos)
    found = Evaluation(
        recipe=assembly.recipe_spec.fingerprint,
        photos=len(photos),
        objects=sum(len(photo.objects) for photo in photos),
        failed=len(photos) - len(truth.photos),
        segments=engine.segments.stats().count,
        coverage=truth.coverage,
        qualities=[truth.qualities[key] for key in truth.overlaps],
        right=[bool(row.max(initial=0) >= 0.5) for _, row in truth.overlaps.values()],
        ingest_seconds=seconds,
        recipe_ms=milliseconds_a_photo(assembly.recipe, [photo.path for photo in photos]),
        size=assembly.recipe.size,
        pixel_classes=pixel_classes(assembly.recipe, photos),
    )
    missed = found.objects - sum(len(photo.objects) for photo in truth.photos.values())
    overlaps = {key: ious for key, (_, ious) in truth.overlaps.items()}
    found.one_click = by_one_click(assembly.catalog, truth.photos, overlaps, missed)
    _by_click(engine, truth, photos, found)
    found.words, found.likely = by_word(engine, truth.photos, photos)
    found.named = len({name for photo in photos for name in photo.categories})
    found.combination = by_combination(engine, truth.photos, photos)
    entered = {photo.path for photo in truth.photos.values()}
    found.recalls = average_recall(
        assembly.catalog, truth.photos, [each for each in photos if each.path not in entered]
    )
    return found


def truth_of(assembly: Assembly, photos: Sequence[AnnotatedPhoto]) -> Truth:
    """Find the photos in the catalogue and compare their segments with their objects."""
    known = assembly.catalog.locations.known([uri_of(photo.path) for photo in photos])
    stored: dict[int, AnnotatedPhoto] = {}
    overlaps: dict[int, tuple[int, NDArray[np.float32]]] = {}
    best: list[NDArray[np.float32]] = [np.zeros((len(COUNTS), 0), np.float32)]
    qualities: dict[int, float] = {}
    for photo in track(photos, "comparing masks", console=Console(stderr=True)):
        place = known.get(uri_of(photo.path))
        if place is None or place.state not in ("indexed", "empty"):
            best.append(np.zeros((len(COUNTS), len(photo.objects)), np.float32))
            continue
        stored[place.image_id] = photo
        segments = assembly.catalog.segments.of_image(place.image_id)
        ious = np.zeros((len(segments), len(photo.objects)), np.float32)
        if segments and photo.objects:
            size = segments[0].mask_size_hw
            runs = [(size, each.mask_counts) for each in segments]
            ious = mask_iou(runs, [(size, encode_mask(each.mask(size))) for each in photo.objects])
        overlaps.update({each.id: (place.image_id, row) for each, row in zip(segments, ious, strict=True)})
        qualities.update({each.id: each.quality for each in segments})
        best.append(np.stack([ious[:count].max(axis=0, initial=0) for count in COUNTS.values()]))
    return Truth(stored, overlaps, np.concatenate(best, axis=1), qualities)


def clicks(truth: Truth, photos: Sequence[AnnotatedPhoto]) -> Iterator[tuple[int, str, tuple[int, int], int]]:
    """Photo, class, point and how many other photos hold the class, of every query."""
    counts = {name: sum(name in photo.categories for photo in photos) for photo in photos for name in photo.categories}
    for image_id, photo in truth.photos.items():
        for each in photo.objects:
            if counts[each.category] - 1 >= LEAST_OTHERS:
                yield image_id, each.category, each.pole(), counts[each.category] - 1


def _by_click(engine: SearchEngine, truth: Truth, photos: Sequence[AnnotatedPhoto], found: Evaluation) -> None:
    """Every object is a query; three measures on the same ones."""
    baseline = _Baseline(engine, truth)
    photo_ap: list[tuple[str, float]] = []
    object_ap: list[tuple[str, float]] = []
    whole_ap: list[tuple[str, float]] = []
    clicked: dict[str, list[Click]] = defaultdict(list)
    milliseconds: list[float] = []
    for image_id, category, point, others in track(list(clicks(truth, photos)), "clicks", console=Console(stderr=True)):
        clicked[category].append((truth.photos[image_id].path.name, point))
        right = truth.holding(category) - {image_id}
        ref = Ref(image=image_id, point=point)
        started = time.perf_counter()
        try:
            answer = engine.search(SearchRequest(positive=(ref,), limit=RANKED)).results
            flat = engine.search(SearchRequest(positive=(ref,), limit=RANKED, group_by="segment")).results
        except QueryError:
            answer, flat = (), ()
        milliseconds.append((time.perf_counter() - started) * 500)
        hits = np.array([match.image_id in right for match in answer], bool)
        photo_ap.append((category, average_precision(hits, others)))
        object_ap.append((category, _object_precision(truth, category, image_id, [m.segment_id or 0 for m in flat])))
        whole_ap.append((category, baseline.precision(image_id, right, others)))
        shown = tuple((m.image_id, m.segment_id or 0, bool(hit)) for m, hit in zip(answer[:8], hits, strict=False))
        found.examples.append(
            Example(
                category=category, image_id=image_id, point_xy=point, average_precision=photo_ap[-1][1], results=shown
            )
        )
    found.photo_by_click, found.object_by_click = by_class(photo_ap), by_class(object_ap)
    found.clicked = dict(clicked)
    found.whole_photo, found.search_ms = by_class(whole_ap), float(np.median(milliseconds or [0]))


def _object_precision(truth: Truth, category: str, image_id: int, ranked: Sequence[int]) -> float:
    """Average precision of ranked segments as finders of a class's objects in other photos."""
    columns = {
        key: np.array([each.category == category for each in photo.objects], bool)
        for key, photo in truth.photos.items()
        if key != image_id
    }
    total = sum(int(each.sum()) for each in columns.values())
    overlaps = [(owner, row[columns[owner]]) for owner, row in (truth.overlaps[key] for key in ranked)]
    return average_precision(match_greedily(overlaps, 0.5), total)


class _Baseline:
    """The whole-photo baseline: photos ranked by the recipe's whole-photo vectors.

    For the lite recipes these are what the design asks for: the last map of the same frozen backbone at 512 px,
    averaged and projected by a PCA fitted on whole photos of the training parts.
    """

    def __init__(self, engine: SearchEngine, truth: Truth) -> None:
        batch = engine.catalog.vectors.of_images(sorted(truth.photos))
        self._ids = batch.ids
        self._vectors: Vectors = unit(batch.vectors)
        self._rows = {int(key): row for row, key in enumerate(batch.ids)}

    def precision(self, image_id: int, right: frozenset[int], others: int) -> float:
        """Average precision of the other photos, ranked by cosine."""
        scores = self._vectors @ self._vectors[self._rows[image_id]]
        order = [int(key) for key in self._ids[np.argsort(-scores, kind="stable")] if key != image_id]
        return average_precision(np.array([key in right for key in order], bool), others)


def as_json(found: Evaluation) -> dict[str, Any]:
    """Everything but the examples, for ``figures.json``."""
    whole = asdict(found)
    for name in ("examples", "qualities", "right", "clicked", "one_click"):
        whole.pop(name)
    return {"figures": found.figures(), **whole}
