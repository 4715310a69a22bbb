"""Another recipe for a photo: which there are, what it would make of the photo, and taking that over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..catalog import Catalog, ImageRecord, ImportedSegments, IngestQueue
from ..catalog.records import SegmentRecord
from ..catalog.rows import segment_columns, segment_record_from
from ..errors import CatalogConflictError, QueryError
from ..processes.program import PROGRAM
from ..recipes.overview import RecipeOverview, overview
from ..recipes.specs import RecipeSpec
from ..segment.assessment import Assessment, assess
from ..types import AnalyzedImage, Embedded
from .analyzer import Analyzer


@dataclass(frozen=True, eq=False, slots=True)
class SegmentationPreview:
    """What a recipe would make of a photo.

    Attributes
    ----------
    recipe : str
    size_hw : tuple of int
        Of the upright original.
    segments : tuple of SegmentRecord
        Their ids are rows; in pixels of the upright original.
    assessment : Assessment
    """

    recipe: str
    size_hw: tuple[int, int]
    segments: tuple[SegmentRecord, ...]
    assessment: Assessment


@dataclass(frozen=True, eq=False, slots=True)
class Resegmenter:
    """Segments single photos with other recipes, whose vectors an installation's searches can compare.

    A preview writes nothing. Taking it over asks the analyzer again, which keeps its latest answers.

    Attributes
    ----------
    catalog : Catalog
    imported : ImportedSegments
    ingest_queue : IngestQueue
    analyzer : Analyzer
    current : RecipeSpec
        The recipe of the installation.
    """

    catalog: Catalog
    imported: ImportedSegments
    ingest_queue: IngestQueue
    analyzer: Analyzer
    current: RecipeSpec

    def choices(self, image: ImageRecord) -> Iterator[RecipeOverview]:
        """The recipes other than the photo's that could be used for it, those whose weights are not here included."""
        for each in overview(self.current.name):
            spec = self._spec(each)
            if spec is not None and spec.space == self.current.space and spec.fingerprint != image.recipe:
                yield replace(each, spec=spec)

    def name_of(self, image: ImageRecord) -> str | None:
        """The name of the recipe that segmented a photo; None if it is none that is known here."""
        specs = [self.current, *(each.spec for each in overview(self.current.name) if each.spec is not None)]
        return next((spec.name for spec in specs if spec.fingerprint == image.recipe), None)

    def preview(self, image: ImageRecord, file: Path, recipe: str) -> SegmentationPreview:
        """What a recipe makes of a photo.

        Parameters
        ----------
        image : ImageRecord
        file : Path
            Its file, which has its bytes.
        recipe : str

        Raises
        ------
        QueryError
            The recipe is none of `choices` or cannot be used, or the photo is not analysed.
        ImageError
            The file cannot be decoded.
        AnalyzerUnavailableError
        """
        found = self._analyzed(file, self._usable(image, recipe))
        columns = segment_columns(found.analysis, found.size_hw)
        return SegmentationPreview(
            recipe=recipe,
            size_hw=found.size_hw,
            segments=tuple(segment_record_from(each, row, image.id) for row, each in enumerate(columns)),
            assessment=assess(found.analysis.segments),
        )

    def take(self, image: ImageRecord, file: Path, recipe: str) -> None:
        """Give a photo the segments of a recipe in the place of its own; raises as `preview`.

        Imported segments stay. Examples and judgements move to the new segments that overlap the old ones.

        Raises
        ------
        CatalogConflictError
            The photo was changed meanwhile.
        """
        spec = self._usable(image, recipe)
        beside = self._beside(image)
        found = replace(self._analyzed(file, spec), imported=beside)
        if not self.ingest_queue.adopt({image.id: found}, spec.fingerprint, spec.space):
            raise CatalogConflictError(f"photo {image.id} was changed meanwhile: look at it and try again")

    def _usable(self, image: ImageRecord, recipe: str) -> RecipeSpec:
        if image.deleted_at is not None:
            raise QueryError(f"photo {image.id} is in the trash: restore it first")
        if image.state not in ("indexed", "empty"):
            raise QueryError(f"photo {image.id} is {image.state}: it can be segmented again once it was segmented")
        names = {each.name: each for each in overview(self.current.name)}
        if recipe not in names:
            raise QueryError(f"there is no recipe {recipe!r}: choose one of {', '.join(names)}")
        chosen = names[recipe]
        spec = self._spec(chosen)
        if spec is None:
            raise QueryError(f"the recipe {recipe} cannot be used here: {chosen.fault}")
        if spec.space != self.current.space:
            raise QueryError(
                f"searches with {self.current.name} would not find the photo: vectors of {recipe} cannot be compared "
                "with those of the other photos"
            )
        if chosen.weights == "to download":
            raise QueryError(
                f"the weights of {recipe} are not on this machine: have them downloaded by "
                f"`SEGSEARCH_RECIPE={recipe} {PROGRAM} ingest PHOTO`, once, and try again"
            )
        return spec

    def _spec(self, each: RecipeOverview) -> RecipeSpec | None:
        return self.current if each.name == self.current.name else each.spec if each.fault is None else None

    def _analyzed(self, file: Path, spec: RecipeSpec) -> AnalyzedImage:
        if spec.name == self.current.name:
            return self.analyzer.analyze(file)
        return self.analyzer.analyze_by(spec.name, file)

    def _beside(self, image: ImageRecord) -> dict[int, Embedded]:
        """The photo's imported segments with the vectors that they have, which are of the same space."""
        keys = sorted(self.imported.of_image(image.id))
        if keys and image.space != self.current.space:
            raise QueryError(
                f"photo {image.id} has imported segments with vectors of another recipe: run `{PROGRAM} resegment`"
            )
        vectors, colors = self.catalog.segments.vectors(keys), self.catalog.segments.colors(keys)
        return {
            key: Embedded(vectors[key][0], np.frombuffer(colors[key], np.uint8) if key in colors else None)
            for key in keys
            if key in vectors
        }
