"""The steps of a search: references and words to vectors, vectors to hits, hits to photos."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..catalog import Catalog, Concepts, NearDuplicates, QueryStore, SegmentHit
from ..catalog.records import ConceptRecord
from ..errors import QueryError, RetrievalError
from ..index import ranking as rank
from ..index.following import CatalogFollower
from ..index.protocols import SegmentIndex
from ..index.ranking import Scored
from ..query.filters import Facets
from ..query.request import SearchRequest, ThingsRequest
from ..recipes import RecipeSpec
from ..text.vocabulary import Vocabulary
from ..types import Ids, Vectors
from . import faceting, feedback
from .answer import FacetAnswer, Match, SearchAnswer, ThingsAnswer, Used
from .batch import first_look, search_batch
from .combined_search import combined_search
from .distinct import distinct
from .example_ranking import filled_up, fused_with_photos, weighted_by_quality
from .explaining import explained
from .faceting import found
from .feedback import LabelledExamples, Model, RoundAnswer
from .folding import Found, folded_results
from .making import SegmentMaker
from .matches import combined, described, fallbacks_last
from .plan import QueryPlan, understand
from .presence import chances, combined_chances
from .resolver import QueryResolver
from .same_object import ObjectVerifier, verified_results
from .scope import Scope
from .set_matching import photos_sharing_things
from .thing_search import search_things
from .threshold import threshold_rule
from .unwanted import penalized
from .whole_photos import nearest_photos

CANDIDATES = 400
"""This many of the nearest segments are candidates for questions, and never weak negatives."""

MAX_LABELLED = 10_000
"""At most this many segments of a concept are listed."""

QUESTIONS = 6
"""How many segments a round asks about."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class SearchEngine:
    """Answers searches over one catalogue with one recipe. Stateless and thread-safe.

    Attributes
    ----------
    catalog : Catalog
    queries : QueryStore
    concepts : Concepts
    duplicates : NearDuplicates
    followed_segments, followed_photos : CatalogFollower
        The indexes, and what keeps them in step with the catalogue.
    recipe : RecipeSpec
    vocabulary : Vocabulary
    embed_text : callable or None
        The recipe's text tower; if given, it reads words instead of the vocabulary.
    maker : SegmentMaker or None
        Makes segments of what is marked on photos; without it, one that was found is picked.
    verifier : ObjectVerifier or None
        Compares objects by their pictures.
    """

    catalog: Catalog
    queries: QueryStore
    concepts: Concepts
    duplicates: NearDuplicates
    followed_segments: CatalogFollower
    followed_photos: CatalogFollower
    recipe: RecipeSpec
    vocabulary: Vocabulary
    embed_text: Callable[[str], Vectors] | None = None
    maker: SegmentMaker | None = None
    verifier: ObjectVerifier | None = None

    def search(self, request: SearchRequest, understood: QueryPlan | None = None) -> SearchAnswer:
        """Answer a search, which may be `understood` already, by an engine with the same recipe (`several`).

        Raises
        ------
        UnknownImageError, UnknownSegmentError, UnknownQueryError, QueryError
            A reference points at nothing or cannot be resolved, or examples cannot be combined.
        """
        with self.catalog.one_connection():
            return self._answered(request, understood or understand(self.lookup, request), time.perf_counter())

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[SearchAnswer | RetrievalError]:
        """Answer several searches over one state of the catalogue; one that cannot be answered gives its error.

        Those for a single thing without filters are answered in one pass over the index (`batch`).
        """
        with self.catalog.one_connection():
            return search_batch(self.lookup, self.segments, requests, self._answered)

    def search_things(self, request: ThingsRequest) -> ThingsAnswer:
        """Search for each thing of a photo by itself, over one state of the catalogue and in one pass over the index.

        Raises
        ------
        UnknownImageError, UnknownQueryError, QueryError
            As `thing_search.search_things`.
        """
        with self.catalog.one_connection():
            return search_things(self.lookup, request, self.search_batch)

    def _answered(
        self, request: SearchRequest, understood: QueryPlan, started: float, first: Scored | None = None
    ) -> SearchAnswer:
        """Answer a search that is understood; `first` is what its `first_look` found, if it was looked for already."""
        look = partial(
            folded_results,
            understood=understood,
            recipe=self.recipe,
            look=partial(self._matches, first=first),
            duplicates=self.duplicates,
            tracks=self.catalog.tracks,
        )
        results, counted = verified_results(request, understood, self.segments, self.verifier, look)
        return self._answer(understood, explained(results, understood, self.segments), counted, started)

    def facets(self, request: SearchRequest) -> FacetAnswer:
        """Facets of the results of a search, without the results.

        Raises
        ------
        UnknownImageError, UnknownSegmentError, UnknownQueryError, QueryError
            As `search`.
        """
        started = time.perf_counter()
        with self.catalog.one_connection():
            understood = understand(self.lookup, request)

            def look(asked: SearchRequest) -> Found:
                return found(asked, understood, self.recipe, partial(self._matches, asked, understood))

            asked = replace(request, facets=True)
            _, counted = verified_results(asked, understood, self.segments, self.verifier, look)
            facets = self._facets(counted or ())
        return FacetAnswer(facets=facets, facets_of=len(counted or ()), took_ms=(time.perf_counter() - started) * 1000)

    def refine(self, request: SearchRequest, relevant: Sequence[int], irrelevant: Sequence[int]) -> RoundAnswer:
        """Answer a search, refined by judgements of its results.

        Parameters
        ----------
        request : SearchRequest
        relevant, irrelevant : sequence of int
            Segments; those that were deleted or are of another space are ignored.

        Raises
        ------
        UnknownImageError, UnknownSegmentError, UnknownQueryError, QueryError
            As `search`; also if the search is by whole photos or for the very object, no word is known, or a
            reference cannot be resolved.
        """
        started = time.perf_counter()
        with self.catalog.one_connection():
            understood = understand(self.lookup, request)
            hidden = set(understood.hidden)
            query = understood.refinable
            judged = self._judged(query, relevant, irrelevant, hidden)
            model = feedback.fit(judged, threshold_rule(self.recipe))
            moved = replace(understood.things[0], directions=model.directions)
            refined = understood if model.kept_query else replace(understood, things=(moved,), parts=())
            look, near, tracks = partial(self._ranked, hidden=hidden), self.duplicates, self.catalog.tracks
            results, counted = folded_results(request, refined, self.recipe, look, near, tracks)
            asked = self._ask(request, model, hidden)
            answer = self._answer(understood, results, counted, started)
        return RoundAnswer(answer=answer, model=model, ask=asked)

    def start_of(self, request: SearchRequest) -> Vectors:
        """The directions of a search before any feedback, (Q, D), float32.

        Raises
        ------
        UnknownImageError, UnknownSegmentError, UnknownQueryError, QueryError
            As `refine`.
        """
        with self.catalog.one_connection():
            return understand(self.lookup, request).refinable

    def learn(self, query: Vectors | None, relevant: Sequence[int], irrelevant: Sequence[int]) -> Model:
        """A model of a concept from examples of it, and from the directions of a search if there are any.

        Parameters
        ----------
        query : ndarray of shape (Q, D), float32, or None
        relevant, irrelevant : sequence of int
            Segments; those that cannot be searched are ignored.

        Raises
        ------
        QueryError
            There is neither a query nor a relevant segment that can be searched.
        """
        start = query if query is not None else np.zeros((1, self.recipe.segment_dim), np.float32)
        with self.catalog.one_connection():
            judged = self._judged(start, relevant, irrelevant, set())
        if query is None and not len(judged.relevant):
            raise QueryError(
                f"none of the positive examples can be searched in {self.recipe.space}: give segments of photos that "
                "this recipe analysed"
            )
        return feedback.fit(judged, threshold_rule(self.recipe))

    def refresh(self) -> None:
        """Apply the catalogue's changes to the indexes."""
        self.followed_segments.refresh()
        self.followed_photos.refresh()

    @property
    def segments(self) -> SegmentIndex:
        """The index of segments."""
        return self.followed_segments.index

    @property
    def photos(self) -> SegmentIndex:
        """The index of whole photos."""
        return self.followed_photos.index

    @property
    def lag(self) -> int:
        """How many segments of the catalogue cannot be found yet."""
        return self.followed_segments.lag

    @property
    def lookup(self) -> QueryResolver:
        """The resolver of references and words."""
        return QueryResolver(
            catalog=self.catalog,
            queries=self.queries,
            concepts=self.concepts,
            recipe=self.recipe,
            vocabulary=self.vocabulary,
            embed_text=self.embed_text,
            maker=self.maker,
        )

    @property
    def likely_floor(self) -> float:
        """The lowest score of a likely result."""
        return rank.LIKELY_FLOOR if self.recipe.is_centred else 0.0

    def _answer(
        self, understood: QueryPlan, results: tuple[Match, ...], counted: Sequence[Match] | None, started: float
    ) -> SearchAnswer:
        return SearchAnswer(
            results=results,
            used=tuple(Used(each.ref, each.segment, each.levels, each.made) for each in understood.examples),
            words=understood.words,
            parts=tuple(part.name for part in understood.parts),
            facets=None if counted is None else self._facets(counted),
            facets_of=None if counted is None else len(counted),
            indexed=self.segments.stats().count,
            lag=self.lag,
            took_ms=(time.perf_counter() - started) * 1000,
            compared=understood.compared,
        )

    def _matches(
        self, request: SearchRequest, understood: QueryPlan, depth: int, *, first: Scored | None = None
    ) -> tuple[Match, ...]:
        """The best matches; for a single thing, as many as `depth` if that is more than requested."""
        if understood.means_nothing:
            return ()
        if understood.weights:
            return photos_sharing_things(self.segments, self.catalog, request, understood, self.likely_floor)
        if understood.by_photo:
            return nearest_photos(self.photos, self.catalog, request, understood, self.likely_floor)
        if understood.is_combination:
            hits = combined_search(self._scope(request), understood, request.limit)
            return combined(
                hits, self.likely_floor, combined_chances(self.recipe, understood.plain_words, hits, self.segments)
            )
        return self._ranked(request, understood, understood.hidden, depth, first=first)

    def _scope(self, request: SearchRequest) -> Scope:
        """The segments that meet the request's conditions."""
        filters = request.conditions
        labelled = None if filters.concept is None else self.labelled(self.concepts.one_known(filters.concept))
        return Scope.of(self.segments, self.catalog, filters, labelled)

    def labelled(self, concept: ConceptRecord) -> Ids:
        """The segments that a concept labels, ascending; the nearest `MAX_LABELLED` if there are more.

        Raises
        ------
        QueryError
            It was learned in another space.
        """
        scored = self.segments.search(self.lookup.directions_of(concept), MAX_LABELLED)
        return np.unique(scored.ids[scored.scores >= concept.model.threshold])

    def _facets(self, counted: Sequence[Match]) -> Facets:
        """Facets of the likely matches."""
        here = [each for each in self.concepts.known().values() if each.model.space == self.recipe.space]
        return faceting.count(counted, self.catalog, self.segments, here)

    def _ranked(
        self,
        request: SearchRequest,
        understood: QueryPlan,
        hidden: Collection[int],
        depth: int,
        *,
        first: Scored | None = None,
    ) -> tuple[Match, ...]:
        """Segments by their best inner product with the directions; photos that are `hidden` are left out.

        With examples, colours or unwanted words only as many hits are considered as the results need, whatever the
        depth, because they are all reordered, and the best segment of its photo need not be the nearest.
        """
        thing, scope, by_photo = understood.things[0], self._scope(request), request.group_by == "image"
        unwanted = [each.directions for each in understood.unwanted]
        enough, k, grouped = first_look(request, understood, depth)
        search = partial(scope.search, thing.directions, exclude_images=hidden)
        while True:
            found, first = first or search(k, group_by_image=grouped), None
            is_all, wanted = len(found) < k, depth if by_photo else k
            if understood.examples:
                if by_photo and not (is_all or thing.colors):
                    found, is_all = filled_up(found, enough, partial(search, group_by_image=True))
                wanted = wanted if by_photo or is_all else k // 2
                found = weighted_by_quality(found, self.catalog.segments.qualities(found.ids))
            scored = penalized(scope.colored(found, thing.colors), self.segments, unwanted)
            if by_photo and not grouped:
                scored = fused_with_photos(scored.best_per_image(), self.photos, understood.photo_vectors)
            chosen, known = self._known(scored, wanted)
            if not by_photo:
                chosen = distinct(chosen, known, self.catalog.segments)
            if len(chosen) >= enough or is_all:
                best, words = chosen[:depth], understood.plain_words
                likelihood = chances(self.recipe, words, [best.ids], best.scores, self.segments) if words else None
                return described(chosen, known, depth, self.likely_floor, likelihood)
            k *= 4

    def _known(self, scored: Scored, wanted: int) -> tuple[Scored, dict[int, SegmentHit]]:
        """The first `wanted` hits and their catalogue rows; deleted ones are left out."""
        first = scored[:wanted]
        known = self.catalog.segments.hits(first.ids.tolist())
        if len(known) < len(first):  # some were deleted and the index has not noticed: others take their places
            known = self.catalog.segments.hits(scored.ids.tolist())
            first = scored[[row for row, key in enumerate(scored.ids.tolist()) if key in known]][:wanted]
        return first, known

    def _judged(
        self, query: Vectors, relevant: Sequence[int], irrelevant: Sequence[int], hidden: set[int]
    ) -> LabelledExamples:
        """The judged vectors and a background; photos of judged segments are added to `hidden`."""
        sides: list[Vectors] = []
        for keys in (relevant, irrelevant):
            ids = np.unique(np.asarray(keys, np.int64))
            image_ids = self.segments.image_ids_of(ids)
            hidden.update(image_ids[image_ids >= 0].tolist())
            batch = self.catalog.vectors.of_segments(ids[image_ids >= 0].tolist())
            sides.append(batch.vectors.reshape(-1, query.shape[1]))
        return LabelledExamples(
            query=query, relevant=sides[0], irrelevant=sides[1], background=self._background(query, hidden)
        )

    def _background(self, query: Vectors, hidden: set[int]) -> Vectors:
        """A fixed sample of segments that the query ranks low, without photos that are `hidden`."""
        drawn = self.segments.sample(4 * feedback.BACKGROUND + len(hidden))
        near = self.segments.search(query, min(CANDIDATES, self.segments.stats().count // 4 + 1)).ids
        shown = np.isin(self.segments.image_ids_of(drawn), list(hidden))
        low = drawn[~shown & ~np.isin(drawn, near)]
        vectors = self.catalog.vectors.of_segments(low[: feedback.BACKGROUND].tolist()).vectors
        return vectors.reshape(-1, query.shape[1])

    def _ask(self, request: SearchRequest, model: Model, hidden: set[int]) -> tuple[Match, ...]:
        """The segments, one per photo, whose judgement would be most informative."""
        scored = self._scope(request).search(model.directions, CANDIDATES, exclude_images=hidden).best_per_image()
        known = self.catalog.segments.hits(scored.ids.tolist())
        scored = scored[[row for row, key in enumerate(scored.ids.tolist()) if key in known]]
        if not len(scored):
            return ()
        batch = self.catalog.vectors.of_segments(scored.ids.tolist())
        vectors = batch.vectors[np.searchsorted(batch.ids, scored.ids)]
        rows = feedback.ask(scored.scores.astype(np.float64), vectors, model.threshold, count=QUESTIONS)
        return fallbacks_last(described(scored[rows], known, QUESTIONS, self.likely_floor))
