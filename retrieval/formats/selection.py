"""Which photos and segments are exported."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from ..catalog import Catalog, ImageRecord
from ..catalog.records import ConceptRecord
from ..errors import QueryError, UnknownImageError, UnknownSegmentError
from ..processes.program import PROGRAM
from ..query.filters import NO_FILTERS, Filters
from ..query.request import SearchRequest
from ..search.engine import SearchEngine

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Photos, with all their segments or with some.

    Attributes
    ----------
    photos : tuple of int or None
        Ids, rising; None for the whole library.
    segments : frozenset of int or None
        Ids of the segments to export of these photos; None for all.
    filters : Filters
        Conditions on the photos.
    """

    photos: tuple[int, ...] | None = None
    segments: frozenset[int] | None = None
    filters: Filters = NO_FILTERS

    @classmethod
    def of_photos(cls, catalog: Catalog, image_ids: Sequence[int], filters: Filters = NO_FILTERS) -> Self:
        """Some photos.

        Raises
        ------
        UnknownImageError
            One does not exist, or is in the trash.
        """
        found = catalog.images.find(image_ids)
        for key in image_ids:
            if key not in found:
                raise UnknownImageError(f"there is no photo {key}: it never was, or it was deleted")
            if found[key].deleted_at is not None:
                raise UnknownImageError(f"photo {key} is in the trash: restore it with `{PROGRAM} restore {key}`")
        return cls(photos=tuple(sorted(found)), filters=filters)

    @classmethod
    def of_segments(cls, catalog: Catalog, segment_ids: Sequence[int], filters: Filters = NO_FILTERS) -> Self:
        """Some segments.

        Raises
        ------
        UnknownSegmentError
            One does not exist, or its photo is in the trash.
        """
        found = catalog.segments.hits(segment_ids)
        for key in segment_ids:
            if key not in found:
                raise UnknownSegmentError(
                    f"there is no segment {key} in the library: it never was, or its photo was deleted"
                )
        owners = {hit.image_id for hit in found.values()}
        return cls(photos=tuple(sorted(owners)), segments=frozenset(found), filters=filters)

    @classmethod
    def found(cls, engine: SearchEngine, request: SearchRequest) -> Self:
        """The likely results of a search for segments.

        Raises
        ------
        QueryError
            The request cannot be answered, or no result is likely.
        UnknownSegmentError
        """
        likely = [each for each in engine.search(request).results if each.likely and each.segment_id is not None]
        if not likely:
            raise QueryError("the search has no likely result: there is nothing to export; try other words")
        keys = frozenset(each.segment_id for each in likely if each.segment_id is not None)
        return cls(photos=tuple(sorted({each.image_id for each in likely})), segments=keys)

    @classmethod
    def labelled(cls, engine: SearchEngine, concept: ConceptRecord, filters: Filters = NO_FILTERS) -> Self:
        """The segments that a concept labels, and its positive examples.

        Raises
        ------
        QueryError
            The concept was learned in another space, or labels nothing.
        """
        ids = {*engine.labelled(concept).tolist(), *concept.model.positive} - {*concept.model.negative}
        hits = engine.catalog.segments.hits(sorted(ids))
        if not hits:
            raise QueryError(f"the concept {concept.name!r} labels no segment: give it more examples")
        owners = {hit.image_id for hit in hits.values()}
        return cls(photos=tuple(sorted(owners)), segments=frozenset(hits), filters=filters)

    def to_json(self) -> str:
        """The ids of a selection without filters, to be kept."""
        segments = None if self.segments is None else sorted(self.segments)
        return json.dumps({"photos": self.photos, "segments": segments})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The selection that `to_json` wrote; what was deleted since is left out of `pages`."""
        kept = json.loads(text)
        photos, segments = kept["photos"], kept["segments"]
        return cls(
            photos=None if photos is None else tuple(photos),
            segments=None if segments is None else frozenset(segments),
        )

    def pages(self, catalog: Catalog) -> Iterator[list[ImageRecord]]:
        """The photos that were analysed, by rising id, in pages; those in the trash are left out."""
        for page in self._listed(catalog):
            known = [image for image in page if image.recipe is not None and image.deleted_at is None]
            if not self.filters.is_empty:
                passing = catalog.images.passing_of([image.id for image in known], self.filters)
                known = [image for image in known if image.id in passing]
            yield known

    def videos(self, catalog: Catalog) -> Iterator[ImageRecord]:
        """The videos that are selected, or whose frames are; those in the trash are left out."""
        seen = set[int]()
        for page in self._listed(catalog):
            keys = dict.fromkeys(each.id if each.video_id is None else each.video_id for each in page)
            found = catalog.images.find([key for key in keys if key not in seen])
            seen.update(found)
            known = [each for each in found.values() if each.is_video and each.deleted_at is None]
            if not self.filters.is_empty:
                passing = catalog.images.passing_of([each.id for each in known], self.filters)
                known = [each for each in known if each.id in passing]
            yield from sorted(known, key=lambda each: each.id)

    def total(self, catalog: Catalog) -> int:
        """How many photos there are at most."""
        if self.photos is not None:
            return len(self.photos)
        counts = catalog.images.counts()
        return sum(counts.values()) - counts["failed"]

    def _listed(self, catalog: Catalog) -> Iterator[list[ImageRecord]]:
        if self.photos is None:
            after = 0
            while page := catalog.images.page(after=after, limit=PAGE):
                yield page
                after = page[-1].id
            return
        for start in range(0, len(self.photos), PAGE):
            found = catalog.images.find(self.photos[start : start + PAGE])
            yield [found[key] for key in sorted(found)]
