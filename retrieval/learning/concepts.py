"""Trains concepts: from examples to names that can be searched, counted, exported and imported."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, TypeVar

import numpy as np

from ..catalog import Concepts
from ..catalog.records import ConceptModel, ConceptRecord, FeedbackRecord, VectorBatch, vector_bytes, vectors_from
from ..errors import CatalogConflictError, QueryError
from ..index.ranking import Scored
from ..search.engine import MAX_LABELLED, SearchEngine
from ..text.tokens import normal_form
from ..types import Vectors

FORM: Literal["segsearch-concepts-1"] = "segsearch-concepts-1"


T = TypeVar("T")

ATTEMPTS = 10
"""How often a concept is trained because other processes changed it meanwhile."""


class Portable(TypedDict):
    """An exported concept; directions are float16, little endian, concatenated, in base64."""

    name: str
    space: str
    threshold: float
    rows: int
    directions: str


def names_of(concepts: Sequence[ConceptRecord], batch: VectorBatch) -> dict[int, list[str]]:
    """Names of the concepts that label segments, by the segments' ids; the surest first.

    Parameters
    ----------
    concepts : sequence of ConceptRecord
        Of the space of the vectors.
    batch : VectorBatch
        Vectors of segments.
    """
    found: dict[int, list[tuple[float, str]]] = {}
    for concept in concepts if len(batch) else ():
        margins = (batch.vectors @ concept.model.directions.T).max(axis=1) - concept.model.threshold
        for row in np.flatnonzero(margins >= 0).tolist():
            found.setdefault(int(batch.ids[row]), []).append((-float(margins[row]), concept.name))
    return {key: [name for _, name in sorted(each)] for key, each in found.items()}


@dataclass(frozen=True, eq=False, slots=True)
class ConceptTrainer:
    """Creates and changes concepts.

    Attributes
    ----------
    concepts : Concepts
    engine : SearchEngine
    """

    concepts: Concepts
    engine: SearchEngine

    def teach(self, name: str, positive: Sequence[int], negative: Sequence[int]) -> int:
        """Create a concept from examples; returns its id.

        Raises
        ------
        QueryError
            The name is invalid or taken, or no positive example can be searched.
        UnknownSegmentError
        """
        return self.concepts.add(name, self._model(None, positive, negative))

    def teach_anew(self, concept_id: int, positive: Sequence[int], negative: Sequence[int]) -> None:
        """Retrain a concept from these examples only; it keeps its name. Raises as `change`."""
        self._change(concept_id, None, lambda _: self._model(None, positive, negative))

    def keep(self, name: str, record: FeedbackRecord) -> int:
        """Create a concept from a refined search; returns its id."""
        query = self.engine.start_of(record.request)
        own = [ref.segment for ref in record.request.positive if ref.segment is not None and ref.query is None]
        relevant = [*record.relevant, *(key for key in own if key not in record.irrelevant)]
        return self.concepts.add(name, self._model(query, relevant, record.irrelevant))

    def change(
        self,
        concept_id: int,
        *,
        name: str | None = None,
        positive: Collection[int] = (),
        negative: Collection[int] = (),
        removed: Collection[int] = (),
    ) -> None:
        """Rename a concept, or retrain it with other examples.

        Raises
        ------
        UnknownConceptError, UnknownSegmentError, QueryError
        CatalogConflictError
            Other processes changed it each of `ATTEMPTS` times.
        """

        def retrained(old: ConceptModel) -> ConceptModel:
            gone = {*removed, *positive, *negative}
            kept, refused = ([key for key in side if key not in gone] for side in (old.positive, old.negative))
            query = old.query if old.space == self.engine.recipe.space else None
            return self._model(query, [*kept, *positive], [*refused, *negative])

        if positive or negative or removed:
            self._change(concept_id, name, retrained)
        else:
            self.concepts.change(concept_id, name=name)

    def _change(self, concept_id: int, name: str | None, made: Callable[[ConceptModel], ConceptModel]) -> None:
        """Replace what was learned by what is made of it."""

        def change() -> None:
            old = self.concepts.get(concept_id).model
            self.concepts.change(concept_id, name=name, model=made(old), former=old)

        self._until_undisturbed(change)

    def _until_undisturbed(self, act: Callable[[], T]) -> T:
        """Do something again if another process changes what it began with meanwhile."""
        with self.concepts.changing:
            for _ in range(ATTEMPTS - 1):
                with suppress(CatalogConflictError):
                    return act()
            return act()

    def merge(self, concept_ids: Sequence[int], name: str) -> int:
        """Replace several concepts by one with all their examples; returns its id. Raises as `change`."""

        def merge() -> int:
            models = {key: self.concepts.get(key).model for key in concept_ids}
            return self.concepts.merge(models, name, self._merged(list(models.values())))

        return self._until_undisturbed(merge)

    def _merged(self, models: Sequence[ConceptModel]) -> ConceptModel:
        here = [each.query for each in models if each.query is not None and each.space == self.engine.recipe.space]
        positive = list(dict.fromkeys(key for each in models for key in each.positive))
        negative = [key for each in models for key in each.negative if key not in positive]
        return self._model(np.concatenate(here) if here else None, positive, list(dict.fromkeys(negative)))

    def count(self, concept: ConceptRecord) -> int | None:
        """How many stored segments it labels, up to `engine.LABELLED`; None if it is in another space."""
        return len(self.engine.labelled(concept)) if concept.model.space == self.engine.recipe.space else None

    def photos(self, concept: ConceptRecord) -> Scored:
        """The photos nearest to a concept, each by its best segment, best first; it labels those from its threshold on.

        Raises
        ------
        QueryError
            It was learned in another space.
        """
        directions = self.engine.lookup.directions_of(concept)
        return self.engine.segments.search(directions, MAX_LABELLED).best_per_image()

    def typical(self, concepts: Sequence[ConceptRecord], count: int) -> dict[int, list[int]]:
        """The positive examples of each concept that are nearest to it, at most `count`, by its id."""
        here = [each for each in concepts if each.model.space == self.engine.recipe.space]
        batch = self.engine.catalog.vectors.of_segments(sorted({key for each in here for key in each.model.positive}))
        rows = {key: row for row, key in enumerate(batch.ids.tolist())}
        found = {each.id: list(each.model.positive[:count]) for each in concepts}
        for concept in here:
            keys = [key for key in concept.model.positive if key in rows]
            if keys:
                vectors = batch.vectors[[rows[key] for key in keys]]
                order = np.argsort(-(vectors @ concept.model.directions.T).max(axis=1), kind="stable")
                found[concept.id] = [keys[place] for place in order[:count]]
        return found

    def move_threshold(self, concept_id: int, threshold: float) -> None:
        """Label segments from another score on; new examples set it anew.

        Raises
        ------
        UnknownConceptError
        """
        self._change(concept_id, None, lambda old: replace(old, threshold=threshold))

    def labels(self, image_id: int) -> dict[int, list[str]]:
        """Names of the concepts of each labelled segment of a photo, computed now; nothing is stored."""
        here = [each for each in self.concepts.known().values() if each.model.space == self.engine.recipe.space]
        ids = [segment.id for segment in self.engine.catalog.segments.of_image(image_id)] if here else []
        if not ids or self.engine.catalog.images.get(image_id).space != self.engine.recipe.space:
            return {}
        found = names_of(here, self.engine.catalog.vectors.of_segments(ids))
        return {key: sorted(names, key=normal_form) for key, names in found.items()}

    def exported(self) -> list[Portable]:
        """All concepts, without their examples, which are meaningless elsewhere."""
        return [
            Portable(
                name=each.name,
                space=each.model.space,
                threshold=each.model.threshold,
                rows=len(each.model.directions),
                directions=base64.b64encode(vector_bytes(each.model.directions)).decode(),
            )
            for each in self.concepts.known().values()
        ]

    def take_in(self, concepts: Sequence[Portable]) -> list[int]:
        """Import exported concepts of this space, all or none; returns their ids.

        Raises
        ------
        QueryError
            One is in another space or damaged, or its name is taken.
        """
        models = [(each["name"], self._imported(each)) for each in concepts]
        return self.concepts.add_all(models)

    def _imported(self, portable: Portable) -> ConceptModel:
        name, space = portable["name"], portable["space"]
        if space != self.engine.recipe.space:
            raise QueryError(
                f"the concept {name!r} was made with {space}, but this collection uses {self.engine.recipe.space}: "
                "concepts can only be moved between collections of one recipe"
            )
        return ConceptModel(
            space=space,
            directions=self._decoded(portable),
            threshold=portable["threshold"],
            query=self._decoded(portable),
            positive=(),
            negative=(),
        )

    def _decoded(self, portable: Portable) -> Vectors:
        try:
            vectors = vectors_from([base64.b64decode(portable["directions"], validate=True)])
            rows: Vectors = np.ascontiguousarray(vectors.reshape(portable["rows"], self.engine.recipe.segment_dim))
        except ValueError as error:
            raise QueryError(f"the vectors of {portable['name']!r} are damaged: export it again") from error
        if not len(rows) or not np.isfinite(rows).all() or np.abs(np.linalg.norm(rows, axis=1) - 1).max() > 0.01:
            raise QueryError(f"the vectors of {portable['name']!r} are not of unit length: export it again")
        return rows

    def _model(self, query: Vectors | None, positive: Sequence[int], negative: Sequence[int]) -> ConceptModel:
        both = set(positive) & set(negative)
        if both:
            raise QueryError(f"segment {min(both)} cannot be both a positive and a negative example")
        model = self.engine.learn(query, positive, negative)
        return ConceptModel(
            space=self.engine.recipe.space,
            directions=model.directions,
            threshold=model.threshold,
            query=query,
            positive=tuple(dict.fromkeys(positive)),
            negative=tuple(dict.fromkeys(negative)),
        )
