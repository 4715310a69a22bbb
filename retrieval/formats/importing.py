"""Takes annotated photos in: their masks become segments beside those of the photos' recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..analysis.batch import embed_imported, extract_batch
from ..analysis.local import ANALYSIS_SIDE
from ..catalog import Catalog, ImageRecord, ImportedSegments
from ..errors import CatalogError, ImageError, UnreadableImageError
from ..images.decode import DecodedImage
from ..images.decoder_pool import DecoderPool
from ..images.masks import encode_mask
from ..recipes.protocols import Recipe
from ..storage.opening import Originals
from ..storage.originals import digest_of, path_of_opened
from ..types import ImportedMask
from .dataset import UNNAMED
from .labelled import LabelledPhoto
from .places import PhotosByPath

T = TypeVar("T")

SHOWN_FAULTS = 1000
"""At most so many objects and photos that could not be imported are listed; all are counted."""


@dataclass(slots=True)
class ImportReport:
    """What became of the objects of a file of annotations.

    Attributes
    ----------
    photos : int
        Photos with objects that were found in the catalogue.
    added, known : int
        Objects that became segments, and those that had been imported before.
    refused : int
        Objects that could not be imported.
    unknown : list of str
        Paths that match no photo.
    faults : list of str
        Why objects were refused, at most `SHOWN_FAULTS`.
    segments : dict of str to list of int
        Segments of each category, those imported before included.
    """

    photos: int = 0
    added: int = 0
    known: int = 0
    refused: int = 0
    unknown: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    segments: dict[str, list[int]] = field(default_factory=dict)

    def refuse(self, fault: str, objects: int = 1) -> None:
        """Count objects that could not be imported, and keep the reason."""
        self.refused += objects
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append(fault)


@dataclass(frozen=True, eq=False, slots=True)
class Importer:
    """Makes segments of annotated objects.

    An object that was imported before, with the same mask and name, is not imported again. So an import that was
    interrupted can be repeated.

    Attributes
    ----------
    catalog : Catalog
    imported : ImportedSegments
    recipe : Recipe
        What gives them vectors; photos of its space are taken.
    decoders : DecoderPool
    originals : Originals
    on_photo : callable
        Called after each photo.
    """

    catalog: Catalog
    imported: ImportedSegments
    recipe: Recipe
    decoders: DecoderPool
    originals: Originals
    on_photo: Callable[[], None] = lambda: None

    def add(
        self,
        photos: Iterable[LabelledPhoto],
        places: PhotosByPath,
        roots: Sequence[Path],
        report: ImportReport | None = None,
    ) -> ImportReport:
        """Import the objects of photos that are in the catalogue.

        Parameters
        ----------
        photos : iterable of LabelledPhoto
        places : PhotosByPath
        roots : sequence of Path
            Folders that paths are relative to.
        report : ImportReport, optional
            What happens is added to it, and it is returned.

        Notes
        -----
        Holds the photos of one batch of the recipe; a photo is one transaction. The cost is that of decoding and one
        pass of the embedder for each photo with new objects.
        """
        report = report or ImportReport()
        for batch in _batches(photos, self.recipe.batch_size):
            with ExitStack() as files:
                opened = [self._opened(photo, places, roots, report, files) for photo in batch]
                drawn = [self._drawn(each, report) for each in opened if each is not None]
            new = [each for each in drawn if each is not None]
            features = extract_batch(self.recipe, [each.image.rgb for each in new]) if new else []
            for each, found in zip(new, features, strict=True):
                self._write(each, found, report)
            for _ in batch:
                self.on_photo()
        return report

    def _opened(
        self,
        photo: LabelledPhoto,
        places: PhotosByPath,
        roots: Sequence[Path],
        report: ImportReport,
        files: ExitStack,
    ) -> _Opened | None:
        """The photo in the catalogue, its decoding begun; None if its objects cannot be imported."""
        for fault in photo.faults:
            report.refuse(f"{photo.path}: {fault}")
        record = self._record(photo, places, roots)
        if record is None:
            report.unknown.append(photo.path)
            return None
        if (told := self._fault(photo, record)) is not None:
            report.refuse(f"{photo.path}: {told}", len(photo.objects))
            return None
        return _Opened(photo, record, self._decoding(record, files)) if photo.objects else None

    def _record(self, photo: LabelledPhoto, places: PhotosByPath, roots: Sequence[Path]) -> ImageRecord | None:
        """The photo in the library that is meant: by its path, then its name, then its digest."""
        key = places.photo_of_stem(photo.path, roots) if photo.is_stem else places.photo(photo.path, roots)
        if key is None and not photo.is_stem:
            key = places.photo(photo.path.replace("\\", "/").rpartition("/")[2], ())
        found = self.catalog.images.find([key]).get(key) if key is not None else None
        if found is None and photo.sha256 is not None:
            found = self.catalog.images.of_digest(photo.sha256)
        return found if found is not None and found.deleted_at is None else None

    def _fault(self, photo: LabelledPhoto, record: ImageRecord) -> str | None:
        """Why a photo's objects cannot be imported."""
        if record.height is None or record.width is None or record.space is None:
            return f"photo {record.id} has not been analysed: {record.error or 'ingest it first'}"
        if record.space != self.recipe.space:
            return f"photo {record.id} was analysed by another recipe: run `resegment`, or set SEGSEARCH_RECIPE"
        return photo.fault_of_size((record.height, record.width))

    def _decoding(self, record: ImageRecord, files: ExitStack) -> Callable[[], DecodedImage]:
        """The photo of an open file that has its bytes; decoding has begun."""
        for place in record.locations:
            try:
                stream = self.originals.open(place.uri, record.sha256)
            except OSError:
                continue
            if stream is not None and digest_of(files.enter_context(stream)) == record.sha256:
                return self.decoders.submit(path_of_opened(stream), long_side=ANALYSIS_SIDE).result
        return lambda: _gone(record)

    def _drawn(self, opened: _Opened, report: ImportReport) -> _Drawn | None:
        """The objects' masks at the size of the analysed copy, without those that are there already; None for none."""
        photo, record = opened.photo, opened.record
        try:
            image = opened.image()
        except ImageError as error:
            report.refuse(f"{photo.path}: {error}", len(photo.objects))
            return None
        report.photos += 1
        size = image.rgb.shape[0], image.rgb.shape[1]
        there = {(each.counts, each.label): key for key, each in self.imported.of_image(record.id).items()}
        found: list[ImportedMask] = []
        for number, each in enumerate(photo.objects, 1):
            label = None if each.category == UNNAMED else each.category
            try:
                counts = encode_mask(each.mask(size))
            except ValueError as error:
                report.refuse(f"{photo.path}: object {number} ({each.category}): {error}")
                continue
            if (counts, label) in there:
                report.known += 1
                report.segments.setdefault(each.category, []).append(there[counts, label])
            else:
                found.append(ImportedMask(size, counts, label, each.quality))
        return _Drawn(photo, record, image, found) if found else None

    def _write(self, drawn: _Drawn, features: object, report: ImportReport) -> None:
        """Add the segments of a photo to the catalogue."""
        for part in embed_imported(self.recipe, drawn.image, features, drawn.masks):
            try:
                keys = self.imported.add(drawn.record.id, part, drawn.image.size_hw, self.recipe.space)
            except CatalogError as error:
                report.refuse(f"{drawn.photo.path}: {error}", len(part.segments))
                continue
            report.added += len(keys)
            for key, label in zip(keys, part.segments.labels, strict=True):
                report.segments.setdefault(label or UNNAMED, []).append(key)


@dataclass(frozen=True, eq=False, slots=True)
class _Opened:
    """A photo with objects, its record, and what gives the decoded copy."""

    photo: LabelledPhoto
    record: ImageRecord
    image: Callable[[], DecodedImage]


@dataclass(frozen=True, eq=False, slots=True)
class _Drawn:
    """A decoded photo with the masks to be added."""

    photo: LabelledPhoto
    record: ImageRecord
    image: DecodedImage
    masks: Sequence[ImportedMask]


def _gone(record: ImageRecord) -> DecodedImage:
    raise UnreadableImageError(
        f"the file of photo {record.id} was changed or moved ({record.displayed}): ingest its folder again"
    )


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, max(1, size))):
        yield batch


def examples_of(segments: Sequence[int], most: int) -> list[int]:
    """At most so many of some segments, evenly spread, as examples of a concept."""
    if len(segments) <= most:
        return list(segments)
    return [segments[row] for row in np.linspace(0, len(segments) - 1, most).round().astype(int).tolist()]
