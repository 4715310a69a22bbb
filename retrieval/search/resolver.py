"""Resolves references and words to vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..catalog import Catalog, Concepts, QueryStore, SegmentRecord
from ..catalog.records import ConceptRecord, ImageRecord, QueryRecord
from ..embed.projection import unit
from ..embed.word_directions import word_directions
from ..embed.word_expansion import towards_words
from ..errors import QueryError
from ..processes.program import PROGRAM
from ..query.request import Ref
from ..recipes import RecipeSpec
from ..text.reading import Reading, Term
from ..text.vocabulary import Vocabulary
from ..types import Vectors
from . import picking
from .making import MadeSegment, MakerOnPhoto, SegmentMaker, pick_or_make
from .things import best_things


@dataclass(frozen=True, eq=False, slots=True)
class Example:
    """A resolved reference; its photo is None for a query photo.

    Attributes
    ----------
    levels : tuple of SegmentRecord
        All segments under a point, the likeliest first; empty for other references.
    made : MadeSegment or None
        What was made, because none of the photo's segments fits what was marked.
    photo_vector : ndarray of shape (P,), float32, or None
        Of the whole query photo; that of a stored photo is in the catalogue.
    """

    ref: Ref
    vector: Vectors
    segment: SegmentRecord | None
    image_id: int | None
    levels: tuple[SegmentRecord, ...] = ()
    made: MadeSegment | None = None
    photo_vector: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class QueryResolver:
    """Finds the vectors that references and words stand for, in the space of one recipe.

    Attributes
    ----------
    catalog : Catalog
    queries : QueryStore
    concepts : Concepts
    recipe : RecipeSpec
    vocabulary : Vocabulary
    embed_text : callable or None
        Embeds a text, (1, D), if the recipe has a text tower.
    maker : SegmentMaker or None
        Makes segments of what is marked; without it, one that was found is picked.
    """

    catalog: Catalog
    queries: QueryStore
    concepts: Concepts
    recipe: RecipeSpec
    vocabulary: Vocabulary
    embed_text: Callable[[str], Vectors] | None = None
    maker: SegmentMaker | None = None

    def example(self, ref: Ref) -> Example:
        """Resolve a reference.

        Raises
        ------
        UnknownImageError, UnknownSegmentError, UnknownQueryError
            It points at nothing.
        QueryError
            It cannot be resolved, or its vectors are of another space.
        """
        if ref.query is not None:
            return self._of_query(ref, ref.query)
        if ref.segment is not None:
            record, vector, space = self.catalog.segments.example(ref.segment)
            self._check_space(space)
            return Example(ref, vector, record, record.image_id)
        image = self._analysed(ref.image or 0)
        self._check_space(image.space)
        if ref.is_photo:
            return Example(ref, self.catalog.vectors.of_image(image.id), None, image.id)
        segments, size_hw = self.catalog.segments.of_image(image.id), (image.height or 1, image.width or 1)
        if (prompt := ref.prompt) is not None:
            row, made = pick_or_make(prompt, segments, size_hw, self._maker_on(image))
            if made is not None:
                return Example(ref, made.vector, None, image.id, made=made)
            levels: tuple[SegmentRecord, ...] = ()
        else:
            row, levels = _pick(ref, segments, size_hw)
        record, vector, _ = self.catalog.segments.example(segments[row].id)
        return Example(ref, vector, record, image.id, levels)

    def segments_of(self, photo: Ref) -> tuple[Sequence[SegmentRecord], tuple[int, int]]:
        """All segments of a photo or query photo, and its height and width.

        Raises
        ------
        UnknownImageError, UnknownQueryError
            There is no such photo.
        QueryError
            It was not analysed yet, or its vectors are of another space.
        """
        if photo.query is not None:
            query = self.queries.get(photo.query)
            self._check_space(query.recipe)
            return query.segments, query.size_hw
        image = self._analysed(photo.image or 0)
        self._check_space(image.space)
        return self.catalog.segments.of_image(image.id), (image.height or 1, image.width or 1)

    def things_of(self, photo: Ref) -> tuple[list[SegmentRecord], Vectors]:
        """The things of a photo or query photo, the best first, and their vectors, (T, D); raises as `segments_of`."""
        segments, size_hw = self.segments_of(photo)
        rows = best_things(segments, size_hw)
        if photo.query is not None:
            vectors = self.queries.get(photo.query).vectors[rows]
        else:
            batch = self.catalog.vectors.of_segments([segments[row].id for row in rows])
            held = set(batch.ids.tolist())  # another process may have deleted the photo meanwhile
            rows = [row for row in rows if segments[row].id in held]
            vectors = batch.vectors[np.searchsorted(batch.ids, [segments[row].id for row in rows])]
        return [segments[row] for row in rows], np.asarray(vectors, np.float32)

    def sought(self, examples: Sequence[Example]) -> Vectors:
        """What examples of a thing stand for, (N, D): their vectors, those of segments moved `towards_words`."""
        vectors, words = stack(examples), self.recipe.word_vectors
        if words is None or any(each.ref.is_photo for each in examples):
            return vectors
        return towards_words(vectors, words)

    def photo_vectors(self, examples: Sequence[Example]) -> Vectors:
        """Whole-photo vectors of the photos that segments are examples of, (N, P); none for whole photos."""
        if any(each.ref.is_photo for each in examples):
            return np.zeros((0, self.recipe.photo_dim), np.float32)
        stored = sorted({each.image_id for each in examples if each.image_id is not None})
        kept = [each.photo_vector for each in examples if each.photo_vector is not None]
        vectors = [*self.catalog.vectors.of_images(stored).vectors, *kept]
        return unit(np.stack(vectors)) if vectors else np.zeros((0, self.recipe.photo_dim), np.float32)

    def levels(self, ref: Ref) -> tuple[SegmentRecord, ...]:
        """All segments under a point of a photo or query photo, whatever made its vectors; the likeliest first.

        Raises
        ------
        UnknownImageError, UnknownQueryError
            There is no such photo.
        QueryError
            It has no segments, the point lies outside it, or the reference is no point.
        """
        if ref.query is not None:
            query = self.queries.get(ref.query)
            return _pick(ref, query.segments, query.size_hw)[1]
        image = self._analysed(ref.image or 0)
        return _pick(ref, self.catalog.segments.of_image(image.id), (image.height or 1, image.width or 1))[1]

    def read(self, text: str) -> Reading | None:
        """How words are understood; None without words.

        Names that people gave come first; a text tower, if there is one, reads the rest literally.
        """
        if not text.strip():
            return None
        names = self.concepts.names()
        return self.vocabulary.read(text, names) if self.embed_text is None else self.vocabulary.divide(text, names)

    def directions(self, term: Term) -> tuple[Vectors, tuple[str, ...] | None]:
        """The directions of a word, (R, D), and what each stands for.

        For a concept, its own directions; for a text-tower phrase, its embedding; for another word, those of
        `word_directions`; (0, D) if the recipe does not know the word.

        Raises
        ------
        AnalyzerUnavailableError
            The process with the text tower is not running.
        """
        if term.concept is not None:
            return self.directions_of(self.concepts.one_known(term.concept)), None
        if self.embed_text is not None:
            return self.embed_text(term.name), None
        vectors = self.recipe.word_vectors
        if vectors is None:
            return np.zeros((0, self.recipe.segment_dim), np.float32), None
        has_classes = term.rows and not term.substitutes
        return word_directions(vectors, term), term.labels if has_classes else (term.name,)

    def directions_of(self, concept: ConceptRecord) -> Vectors:
        """The directions of a concept.

        Raises
        ------
        QueryError
            It was learned in another space.
        """
        if concept.model.space != self.recipe.space:
            raise QueryError(
                f"the concept {concept.name!r} was learned with {concept.model.space}, but searches use "
                f"{self.recipe.space}: relearn it by adding an example from photos of this recipe"
            )
        return concept.model.directions

    def _of_query(self, ref: Ref, query_id: int) -> Example:
        query = self.queries.get(query_id)
        self._check_space(query.recipe)
        if ref.is_photo:
            return Example(ref, query.photo_vector, None, None)
        levels: tuple[SegmentRecord, ...] = ()
        if ref.segment is not None:
            row = ref.segment
        elif (prompt := ref.prompt) is not None:
            row, made = pick_or_make(prompt, query.segments, query.size_hw, self._maker_on(query))
            if made is not None:
                return Example(ref, made.vector, None, None, made=made, photo_vector=query.photo_vector)
        else:
            row, levels = _pick(ref, query.segments, query.size_hw)
        if not query.segments:
            raise QueryError("no segment was found in this photo: search by the whole photo instead")
        if not 0 <= row < len(query.segments):
            raise QueryError(f"query {query_id} has segments 0 to {len(query.segments) - 1}, not {row}")
        return Example(ref, query.vectors[row], query.segments[row], None, levels, photo_vector=query.photo_vector)

    def _maker_on(self, photo: ImageRecord | QueryRecord) -> MakerOnPhoto | None:
        return None if self.maker is None else MakerOnPhoto(self.maker, photo)

    def _analysed(self, image_id: int) -> ImageRecord:
        image = self.catalog.images.get(image_id)
        if image.space is None:
            raise QueryError(
                f"photo {image.id} is {image.state} and has not been analysed: {image.error or 'try again later'}"
            )
        return image

    def _check_space(self, space: str | None) -> None:
        if space != self.recipe.space:
            raise QueryError(
                f"this photo's vectors were made with {space}, but searches use {self.recipe.space}: "
                f"upload it again, or run `{PROGRAM} resegment`"
            )


def stack(examples: Sequence[Example]) -> Vectors:
    """Vectors of examples, (N, D); (0, 0) for none."""
    return np.stack([example.vector for example in examples]) if examples else np.zeros((0, 0), np.float32)


def _pick(
    ref: Ref, segments: Sequence[SegmentRecord], size_hw: tuple[int, int]
) -> tuple[int, tuple[SegmentRecord, ...]]:
    """The row of the segment that a point means, and all those under it."""
    if ref.point is None:
        raise QueryError("the reference is no point")
    rows = picking.levels(segments, size_hw, ref.point, ref.granularity)
    level = ref.level or 0
    if level >= len(rows):
        raise QueryError(f"there is no level {level} under this point: the last one is {len(rows) - 1}")
    return rows[level], tuple(segments[row] for row in rows)
