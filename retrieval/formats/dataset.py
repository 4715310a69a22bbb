"""The photos of a selection with their annotations, one photo at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from ..catalog import Catalog, Concepts, ImageRecord, SegmentRecord
from ..learning.concepts import names_of
from .selection import Selection

UNNAMED = "segment"
"""The category of segments that have no name."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
"""What file names cannot have on some system."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A segment and what it is called.

    Attributes
    ----------
    segment : SegmentRecord
    category : str
        The concept that it is an example of; else, if it was imported, its name there; else the concept that labels it
        most surely, else its label, else `UNNAMED`.
    concepts : tuple of str
        All concepts that label it, the surest first.
    """

    segment: SegmentRecord
    category: str
    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnnotatedImage:
    """A photo with its annotations.

    Attributes
    ----------
    image : ImageRecord
    stem : str
        A name for files about the photo, without an extension; no other photo of the export has it, in any case.
    annotations : tuple of Annotation
        By rising id of their segments.
    """

    image: ImageRecord
    stem: str
    annotations: tuple[Annotation, ...]

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the upright original."""
        return self.image.height or 1, self.image.width or 1


class Dataset:
    """The photos of a selection; can be iterated several times, and holds the annotations of one photo at a time.

    Parameters
    ----------
    catalog : Catalog
    concepts : Concepts
    space : str
        Concepts and vectors of this space are used.
    selection : Selection
    on_image : callable, optional
        Called for each photo that was handed out.
    """

    def __init__(
        self,
        catalog: Catalog,
        concepts: Concepts,
        space: str,
        selection: Selection,
        on_image: Callable[[], None] = lambda: None,
    ) -> None:
        self.catalog, self.space, self.selection = catalog, space, selection
        everything = concepts.all()
        self._concepts = [each for each in everything if each.model.space == space]
        self._examples = {key: each.name for each in everything for key in each.model.positive}
        self._refused = {(key, each.name) for each in everything for key in each.model.negative}
        self._on_image = on_image

    def images(self) -> Iterator[ImageRecord]:
        """The photos alone, by rising id."""
        for page in self.selection.pages(self.catalog):
            yield from page

    def __iter__(self) -> Iterator[AnnotatedImage]:
        """Photos with their annotations, by rising id."""
        taken: set[str] = set()
        for image in self.images():
            yield AnnotatedImage(image, _stem(image, taken), self._annotations(image, self.selection.segments))
            self._on_image()

    def videos(self) -> Iterator[ImageRecord]:
        """The videos that are selected, or whose frames are."""
        return self.selection.videos(self.catalog)

    def frames_of(self, video: ImageRecord) -> list[ImageRecord]:
        """The frames of a video that were analysed, by time."""
        keys = [each.image_id for each in self.catalog.videos.moments(video.id)]
        found = self.catalog.images.find(keys)
        return [found[key] for key in keys if key in found and found[key].recipe is not None]

    def all_annotations(self, image: ImageRecord) -> tuple[Annotation, ...]:
        """The annotations of all segments of a photo, also of those that are not selected."""
        return self._annotations(image, None)

    def _annotations(self, image: ImageRecord, chosen: frozenset[int] | None) -> tuple[Annotation, ...]:
        found = self.catalog.segments.of_image(image.id)
        segments = [each for each in found if chosen is None or each.id in chosen]
        names: dict[int, list[str]] = {}
        if self._concepts and image.space == self.space:
            names = names_of(self._concepts, self.catalog.vectors.of_segments([each.id for each in segments]))
        return tuple(self._annotation(each, names.get(each.id, [])) for each in segments)

    def _annotation(self, segment: SegmentRecord, labelled: list[str]) -> Annotation:
        concepts = tuple(name for name in labelled if (segment.id, name) not in self._refused)
        given = self._examples.get(segment.id) or (segment.label if segment.is_imported else None)
        return Annotation(segment, given or next(iter(concepts), None) or segment.label or UNNAMED, concepts)


def file_name(name: str) -> str:
    """A name as part of the name of a file, on every system."""
    printable = os.fsencode(name).decode("utf-8", "backslashreplace")
    return _UNSAFE.sub("_", printable).strip(" .")[:100] or "_"


def _stem(image: ImageRecord, taken: set[str]) -> str:
    """The name of the photo's file without its extension, with the photo's id if it is taken."""
    stem = PurePath(image.place.name).stem if image.place is not None else ""
    found = file_name(stem) if stem else f"photo {image.id}"
    while found.casefold() in taken:
        found = f"{found} ({image.id})"
    taken.add(found.casefold())
    return found
