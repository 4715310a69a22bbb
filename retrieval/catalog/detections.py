"""Which photos a detector was asked for which words, so that none is asked twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from .detection_models import Detection
from .dialects import in_chunks
from .models import IN_LIBRARY, Image, Segment
from .sessions import Repository

PAGE = 1000
LAST_ID = 2**63 - 1


class Detections(Repository):
    """The words of detectors, photo by photo. They go with their photo."""

    def asked(self, detector: str, word: str, image_ids: Collection[int]) -> set[int]:
        """Those of the photos that a detector was asked for a word."""
        known = select(Detection.image_id).where(Detection.detector == detector, Detection.word == word)
        found: set[int] = set()
        with self._reading() as session:
            for chunk in in_chunks(sorted(image_ids)):
                found.update(session.scalars(known.where(Detection.image_id.in_(chunk))))
        return found

    def photos(self, space: str) -> Iterator[int]:
        """All photos of the library with vectors of a space, frames of videos too, the newest first."""
        statement = select(Image.id).where(IN_LIBRARY, Image.state.in_(("indexed", "empty")), Image.space == space)
        statement = statement.where(Image.duration_s.is_(None))
        statement = statement.order_by(Image.id.desc()).limit(PAGE)
        page: Sequence[int] = (LAST_ID,)
        while page:
            with self._reading() as session:
                page = session.scalars(statement.where(Image.id < page[-1])).all()
            yield from page

    def segments(self, word: str, limit: int) -> list[int]:
        """Segments beside those of the recipes that a word labels, the oldest first."""
        labelled = (
            select(Segment.id).where(Segment.is_imported, Segment.label == word).order_by(Segment.id).limit(limit)
        )
        with self._reading() as session:
            return list(session.scalars(labelled.order_by(Segment.id).limit(limit)))

    def record(self, detector: str, found: Mapping[tuple[int, str], int]) -> None:
        """Note how many things were found, by photo and word; photos that are gone are left out."""
        keys = sorted({image_id for image_id, _ in found})
        with self._sessions.begin() as session:
            there: set[int] = set()
            for chunk in in_chunks(keys):
                there.update(session.scalars(select(Image.id).where(Image.id.in_(chunk))))
            for (image_id, word), count in sorted(found.items()):
                if image_id in there:
                    noted = Detection(image_id=image_id, word=word, detector=detector, found=count)
                    noted.asked_at = datetime.now(UTC)
                    session.merge(noted)
