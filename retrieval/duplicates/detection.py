"""Finds the near-duplicates of photos among all others, and stores them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from ..catalog import Catalog, NearDuplicates
from ..catalog.records import Comparison, DuplicatePair, ImageRecord
from ..images.local_features import GrayImage
from ..index.following import CatalogFollower
from ..types import Ids
from .alignment import Picture, likeness
from .detail import detail

CANDIDATES: Final = 10
"""A photo is compared with so many of the nearest by whole-photo vectors."""

MIN_COSINE: Final = 0.3
"""Photos with a lower cosine are not compared."""

MIN_LIKENESS: Final = 0.87
"""Pairs are near-duplicates from this likeness on; chosen on one half of the photos (``docs/benchmarks.md``)."""

AT_ONCE: Final = 64
"""So many photos are compared and stored in one go."""

PICTURES_KEPT: Final = 2000
"""So many pictures are kept in memory, each about 100 KB."""

Reader = Callable[[ImageRecord], GrayImage | None]
"""Reads a rendition of a photo in shades of gray; None if there is none."""


@dataclass(frozen=True, slots=True)
class DetectionReport:
    """How many photos were compared, how many pairs were found, and whether more photos wait."""

    compared: int
    pairs: int
    more: bool


@dataclass(frozen=True, eq=False, slots=True)
class DuplicateDetector:
    """Compares photos that were not compared yet with the nearest ones.

    Attributes
    ----------
    catalog : Catalog
    duplicates : NearDuplicates
    photos : CatalogFollower
        The index of whole photos.
    space : str
        Of its vectors.
    thumbnail, preview : callable
        Read the renditions that are compared and judged.
    """

    catalog: Catalog
    duplicates: NearDuplicates
    photos: CatalogFollower
    space: str
    thumbnail: Reader
    preview: Reader
    _pictures: OrderedDict[int, Picture | None] = field(default_factory=OrderedDict)

    def update(self, most: int = AT_ONCE) -> DetectionReport:
        """Compare up to `most` photos and store the pairs.

        About 50 ms a photo in a small collection, and 200 ms if the pictures of all candidates have to be read.
        """
        waiting = self.duplicates.unchecked(self.space, most + 1)
        self.photos.refresh()  # afterwards: then it has them all, and of two new photos one finds the other
        now = waiting[:most]
        if not now:
            return DetectionReport(0, 0, more=False)
        pairs = self._pairs(now)
        ids = sorted({key for pair in pairs for key in (pair.first, pair.second)})
        self.duplicates.record(Comparison(tuple(now), tuple(pairs), self._details(ids)), self.space)
        return DetectionReport(len(now), len(pairs), len(waiting) > most)

    def _pairs(self, image_ids: Sequence[int]) -> list[DuplicatePair]:
        candidates = self._candidates(image_ids)
        records = self.catalog.images.find({key for pair in candidates for key in pair})
        found = []
        for first, second in candidates:
            if first in records and second in records:
                one, other = self._picture(records[first]), self._picture(records[second])
                alike = 0.0 if one is None or other is None else likeness(one, other)
                if alike >= MIN_LIKENESS:
                    found.append(DuplicatePair(first, second, round(alike, 4)))
        return found

    def _candidates(self, image_ids: Sequence[int]) -> list[tuple[int, int]]:
        """Pairs of each of the photos with the nearest ones, none twice, the smaller id first."""
        batch, pairs = self.catalog.vectors.of_images(image_ids), set[tuple[int, int]]()
        for key, vector in zip(batch.ids.tolist(), batch.vectors, strict=True):
            near = self.photos.index.search(vector[None].astype(np.float32), CANDIDATES, exclude_images=(key,))
            alike: Ids = near.ids[near.scores >= MIN_COSINE]
            pairs.update((min(key, other), max(key, other)) for other in alike.tolist())
        return sorted(pairs)

    def _picture(self, record: ImageRecord) -> Picture | None:
        """The picture of a photo, from memory if it was needed lately; None if it cannot be read."""
        if record.id not in self._pictures:
            gray = self.thumbnail(record)
            self._pictures[record.id] = None if gray is None else Picture.of(gray)
            while len(self._pictures) > PICTURES_KEPT:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(record.id)
        return self._pictures[record.id]

    def _details(self, image_ids: Sequence[int]) -> dict[int, float]:
        found: dict[int, float] = {}
        for key, record in self.catalog.images.find(image_ids).items():
            gray = self.preview(record)
            if gray is not None and record.width and record.height:
                found[key] = detail(gray, record.width, record.height)
        return found


def read_gray(data: bytes) -> GrayImage | None:
    """Decode a JPEG that SegSearch wrote; None if it is damaged. Files of others are decoded in child processes."""
    if not data:
        return None
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if found is None else found.astype(np.uint8)
