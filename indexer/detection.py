"""Asks a detector for words in photos; what it finds becomes segments beside those of their recipe.

A detector costs a pass of a large network for each photo. So it is asked first where the index expects the word, and of
the others when there is time; no photo is asked for a word twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.assembly import Assembly
from retrieval.catalog import ImageRecord
from retrieval.catalog.records import Job, SegmentRecord
from retrieval.errors import ImageError, QueryError, StoreUnavailableError
from retrieval.formats.importing import Importer, ImportReport
from retrieval.formats.labelled import LabelledObject, LabelledPhoto
from retrieval.formats.places import PhotosByPath
from retrieval.images.decoder_pool import DecoderPool
from retrieval.images.masks import encode_mask
from retrieval.query.request import SearchRequest
from retrieval.recipes.concept_detector import NO_WORD, ConceptDetector, Examples, Texts
from retrieval.search.engine import SearchEngine
from retrieval.segment.instances import ScoredMasks, instance_segments
from retrieval.storage.originals import path_of_opened
from retrieval.types import RgbImage

from .opening import open_photo, plain_reason

AT_ONCE = 8
"""Photos of one batch, which is noted as a whole."""

BY_DIGEST = PhotosByPath({}, {}, {}, {})


@dataclass(slots=True)
class DetectionReport:
    """What became of words.

    Attributes
    ----------
    asked, before : Counter of str
        How many photos were asked for each word now, and how many had been before.
    shown : Counter of str
        How many photos show it, of those that were asked now.
    added : ImportReport
        The segments.
    """

    asked: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    added: ImportReport = field(default_factory=ImportReport)


@dataclass(frozen=True, eq=False, slots=True)
class Detection:
    """Asks a detector, photo by photo.

    Attributes
    ----------
    assembly : Assembly
    detector : ConceptDetector
    name : str
        Of the detector with its weights and parameters, at most 64 characters.
    importer : Importer
        Makes segments of what is found.
    decoders : DecoderPool
    """

    assembly: Assembly
    detector: ConceptDetector
    name: str
    importer: Importer
    decoders: DecoderPool

    def ask(self, wanted: Mapping[int, Sequence[str]], report: DetectionReport) -> None:
        """Ask for words.

        Parameters
        ----------
        wanted : mapping of int to sequence of str
            Words of at most 100 characters, by the ids of photos, which are asked in this order.
        report : DetectionReport
            What happens is added to it.

        Notes
        -----
        A photo is encoded once for all its words. What is interrupted can be repeated: photos that were asked are left
        out.
        """
        words = list(dict.fromkeys(word for each in wanted.values() for word in each))
        if not words:
            return
        texts, keys = self.detector.read(words), list(wanted)
        for start in range(0, len(keys), AT_ONCE):
            some = {key: list(wanted[key]) for key in keys[start : start + AT_ONCE]}
            self._leave_out_what_was_asked(some, report)
            self._ask_some(some, words, texts, report)

    def like(self, image: ImageRecord, examples: Examples, word: str | None, category: str) -> ImportReport:
        """Find all things in a photo that are like examples in it, and add them as segments of a category.

        Raises
        ------
        QueryError
            The photo's file cannot be used.
        """
        try:
            pixels = self._decoded(image)
        except (ImageError, StoreUnavailableError) as error:
            raise QueryError(f"photo {image.id}: {error}") from error
        (found,) = self.detector.find([pixels], self.detector.read([word or NO_WORD]), examples)
        photo = LabelledPhoto(path=image.displayed, sha256=image.sha256, objects=self._objects(found, [category]))
        return self.importer.add([photo], BY_DIGEST, ())

    def _leave_out_what_was_asked(self, wanted: dict[int, list[str]], report: DetectionReport) -> None:
        for word in {word for each in wanted.values() for word in each}:
            keys = [key for key, each in wanted.items() if word in each]
            asked = self.assembly.catalog.detections.asked(self.name, word, keys)
            report.before[word] += len(asked)
            for key in asked:
                wanted[key].remove(word)

    def _ask_some(
        self, wanted: Mapping[int, Sequence[str]], words: Sequence[str], texts: Texts, report: DetectionReport
    ) -> None:
        """Ask photos, add what is found, and note that they were asked; not if something could not be added."""
        photos, found = list[LabelledPhoto](), dict[tuple[int, str], int]()
        records = self.assembly.catalog.images.find([key for key, each in wanted.items() if each])
        records = {key: each for key, each in records.items() if each.space == self.importer.recipe.space}
        for key in filter(records.__contains__, wanted):
            image = records[key]
            try:
                pixels = self._decoded(image)
            except (ImageError, StoreUnavailableError) as error:
                report.added.refuse(f"{image.displayed}: {error}")
                continue
            (masks,) = self.detector.find([pixels], texts[[words.index(word) for word in wanted[key]]])
            objects = self._objects(masks, wanted[key])
            counts = Counter(each.category for each in objects)
            found.update({(key, word): counts[word] for word in wanted[key]})
            photos.append(LabelledPhoto(path=image.displayed, sha256=image.sha256, objects=objects))
        refused = report.added.refused
        self.importer.add(photos, BY_DIGEST, (), report.added)
        if report.added.refused == refused:
            self.assembly.catalog.detections.record(self.name, found)
        for (_, word), count in found.items():
            report.asked[word] += 1
            report.shown[word] += count > 0

    def _objects(self, found: ScoredMasks, words: Sequence[str]) -> list[LabelledObject]:
        """What was found of each word, without what repeats something better of the same word."""
        objects = []
        for kind, word in enumerate(words, 1):
            segments = instance_segments(found.of_kind(kind), (None, *words), self.detector.parameters.instances)
            for row in range(len(segments)):
                run = segments.size_hw, encode_mask(segments.mask(row))
                objects.append(LabelledObject(category=word, quality=float(segments.quality[row]), run=run))
        return objects

    def _decoded(self, image: ImageRecord) -> RgbImage:
        """The pixels of a photo.

        Raises
        ------
        ImageError, StoreUnavailableError
        """
        job = Job(image.id, image.sha256, tuple(place.uri for place in image.locations))
        with open_photo(self.assembly.originals, job) as file:
            try:
                return self.decoders.submit(path_of_opened(file), long_side=ANALYSIS_SIDE).result().rgb
            except ImageError as error:
                raise type(error)(plain_reason(error)) from error


def photos_to_ask(
    assembly: Assembly, engine: SearchEngine, words: Sequence[str], first: int, *, every: bool
) -> dict[int, Sequence[str]]:
    """Which photos to ask for which words: those that the index ranks first for each, then all if `every`.

    Where the index knows no such word, the newest photos stand for those that it would rank.
    """
    ranked = {word: _ranked(engine, word, first) for word in words}
    wanted: dict[int, Sequence[str]] = {}
    for place in range(first):
        for word, keys in ranked.items():
            if place < len(keys):
                wanted[keys[place]] = [*wanted.get(keys[place], ()), word]
    unranked = [word for word, keys in ranked.items() if not keys]
    newest = assembly.catalog.detections.photos(assembly.recipe_spec.space)
    for place, key in enumerate(newest if every or unranked else ()):
        if every:
            wanted[key] = words
        elif place < first:
            wanted[key] = [*wanted.get(key, ()), *unranked]
        else:
            break
    return wanted


def _ranked(engine: SearchEngine, word: str, count: int) -> list[int]:
    found = engine.search(SearchRequest(text=word, limit=count))
    return [] if found.words is not None and found.words.unknown else [each.image_id for each in found.results]


def examples_in(image: ImageRecord, wanted: Sequence[SegmentRecord], unwanted: Sequence[SegmentRecord]) -> Examples:
    """The boxes of segments of a photo as examples."""
    boxes = np.array([each.box_xyxy for each in (*wanted, *unwanted)], np.float32)
    sides = np.array([image.width, image.height] * 2, np.float32)
    return Examples(boxes / sides, np.arange(len(boxes)) < len(wanted))
