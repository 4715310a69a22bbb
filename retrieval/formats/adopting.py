"""Takes over analyses that were made elsewhere, for photos with the same bytes; no network runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..catalog import Catalog, ImageRecord, ImportedSegments, IngestQueue
from ..processes.program import PROGRAM
from .analyses import AnalysesFile, StoredPhoto

COMMITTED = 16
"""Photos of a transaction, at most."""


@dataclass(slots=True)
class AdoptionReport:
    """What became of the analyses of a file.

    Attributes
    ----------
    photos, segments : int
        Photos whose analysis was taken over, and their segments.
    known : int
        Photos that the same recipe had analysed here.
    unknown : list of str
        Photos that are not in the catalogue, by their paths in the file.
    faults : list of str
        Why other photos were left as they are.
    """

    photos: int = 0
    segments: int = 0
    known: int = 0
    unknown: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False, slots=True)
class Adopter:
    """Gives photos of the catalogue the analyses of a file.

    Photos that the same recipe has analysed already are left alone. So an import that was interrupted can be repeated.

    Attributes
    ----------
    catalog : Catalog
    imported : ImportedSegments
    ingest_queue : IngestQueue
    on_photo : callable
        Called after each photo.
    """

    catalog: Catalog
    imported: ImportedSegments
    ingest_queue: IngestQueue
    on_photo: Callable[[], None] = lambda: None

    def adopt(self, file: AnalysesFile) -> AdoptionReport:
        """Take over the analyses of a file that was checked.

        Notes
        -----
        `COMMITTED` photos are one transaction; masks are decoded and compared before it begins. Holds these photos'
        analyses, and all masks of one photo.
        """
        report, waiting = AdoptionReport(), dict[int, StoredPhoto]()
        for photo in file:
            if (key := self._wanting(photo, report)) is not None:
                waiting[key] = photo
            if len(waiting) == COMMITTED:
                self._commit(waiting, report)
                waiting = {}
            self.on_photo()
        self._commit(waiting, report)
        return report

    def _wanting(self, photo: StoredPhoto, report: AdoptionReport) -> int | None:
        """The id of the photo that shall have the analysis; None if none shall."""
        record = self.catalog.images.of_digest(photo.sha256)
        if record is None:
            report.unknown.append(photo.path)
        elif record.state == "indexed" and record.recipe == photo.recipe:
            report.known += 1
        elif (fault := self._fault(record)) is not None:
            report.faults.append(f"{photo.path}: photo {record.id} {fault}")
        else:
            return record.id
        return None

    def _fault(self, record: ImageRecord) -> str | None:
        if record.deleted_at is not None:
            return f"is in the trash: restore it with `{PROGRAM} restore {record.id}`, and import again"
        if record.state == "working":
            return "is being analysed: import again if that fails"
        if self.imported.of_image(record.id):
            return f"has imported segments, which need vectors of this recipe: run `{PROGRAM} resegment`"
        return None

    def _commit(self, photos: dict[int, StoredPhoto], report: AdoptionReport) -> None:
        by_recipe: dict[tuple[str, str], dict[int, StoredPhoto]] = {}
        for key, photo in photos.items():
            by_recipe.setdefault((photo.recipe, photo.space), {})[key] = photo
        for (recipe, space), some in by_recipe.items():
            taken = self.ingest_queue.adopt({key: photo.analyzed() for key, photo in some.items()}, recipe, space)
            report.photos += len(taken)
            report.segments += sum(len(some[key].rows) for key in taken)
            report.faults += [
                f"{photo.path}: photo {key} was changed meanwhile: import again"
                for key, photo in some.items()
                if key not in taken
            ]
