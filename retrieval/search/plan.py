"""How a search request is understood: which things to find, by which directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import cast

import numpy as np

from ..errors import QueryError
from ..index import ranking as rank
from ..query.relations import MAX_PARTS, Relation, RelationName
from ..query.request import Clause, Ref, SearchRequest
from ..text.reading import Link, Reading, Term
from ..types import Vectors
from .answer import Compared
from .resolver import Example, QueryResolver, stack


@dataclass(frozen=True, eq=False, slots=True)
class QueryTerm:
    """A thing to find, with the directions to search by.

    Attributes
    ----------
    name : str
        "motorcycle", "segment 12".
    directions : ndarray of shape (R, D), float32
    labels : tuple of str or None
        For a word, what each direction stands for.
    colors : tuple of str
        Colours that it should have, from `colors.COLORS`.
    is_substituted : bool
        Whether it is a word that others stand for.
    """

    name: str
    directions: Vectors
    labels: tuple[str, ...] | None = None
    colors: tuple[str, ...] = ()
    is_substituted: bool = False

    def nearest(self, vector: Vectors) -> str | None:
        """The word's class that is nearest to a vector, (D,); None without a word."""
        return self.labels[int((self.directions @ vector).argmax())] if self.labels else None


@dataclass(frozen=True, eq=False)
class QueryPlan:
    """A request with everything looked up.

    Attributes
    ----------
    examples : tuple of Example
        In the order of the references: positives first, further things after.
    words : Reading or None
    things : tuple of QueryTerm
        What must be in a photo, each in a segment.
    parts : tuple of QueryTerm
        What explains the results: the things or, for a single thing, its examples and words. Empty for a single
        example, which needs no explanation, and for whole photos.
    unwanted : tuple of QueryTerm
        What must not be in a photo: "people" of "without people".
    relations : tuple of Relation
        Those of the request, then those that its words tell.
    weights : tuple of float
        How much each of the things counts, of sum 1, where photos are compared by the things of a photo; else empty.
    photo_vectors : ndarray of shape (N, P), float32
        Whole-photo vectors of the photos of positive examples; none, (0, 0), for several things or whole photos.
    is_same_object : bool
        Whether the very object of the examples is looked for, not its kind.
    """

    examples: tuple[Example, ...]
    words: Reading | None
    things: tuple[QueryTerm, ...]
    parts: tuple[QueryTerm, ...]
    is_combination: bool
    unwanted: tuple[QueryTerm, ...] = ()
    relations: tuple[Relation, ...] = ()
    weights: tuple[float, ...] = ()
    photo_vectors: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    is_same_object: bool = False

    @property
    def means_nothing(self) -> bool:
        """Whether a thing has only unknown words, and nothing else to search by."""
        return not all(len(thing.directions) for thing in self.things)

    @property
    def by_photo(self) -> bool:
        """Whether whole photos are compared."""
        return any(example.ref.is_photo for example in self.examples)

    @property
    def compared(self) -> Compared:
        """What is compared."""
        return "things" if self.weights else "whole" if self.by_photo else "segments"

    @property
    def plain_words(self) -> tuple[QueryTerm, ...]:
        """The words that are looked for, each by itself; none beside an example or a concept, nor of a blend."""
        named = self.things if self.is_combination else self.parts
        is_plain = not self.examples and len(named) == len(self.things)
        return named if is_plain and all(each.labels is not None for each in named) else ()

    @property
    def has_one_depth(self) -> bool:
        """Whether looking deeper than the results need would find others: hits are reordered, or several compared."""
        is_reordered = bool(self.examples or self.unwanted or self.things[0].colors)
        return self.is_combination or is_reordered

    @property
    def refinable(self) -> Vectors:
        """The initial directions of a search that can be refined by judgements, (R, D).

        Raises
        ------
        QueryError
            It cannot.
        """
        if self.by_photo:
            raise QueryError("a search by a whole photo cannot be refined by judgements: pick a segment of it instead")
        if self.is_same_object:
            raise QueryError("a search for the very object cannot be refined by judgements: search for its kind")
        if self.is_combination:
            raise QueryError("a query of several parts cannot be refined by judgements: search for one of them")
        if self.means_nothing:
            raise QueryError("none of the words are known, so there are no results to judge: use other words")
        return self.things[0].directions

    @cached_property
    def hidden(self) -> frozenset[int]:
        """Photos of the examples; they are not among the results."""
        return frozenset(each.image_id for each in self.examples if each.image_id is not None)


def understand(lookup: QueryResolver, request: SearchRequest) -> QueryPlan:
    """Resolve all references and words of a request.

    Raises
    ------
    UnknownImageError, UnknownSegmentError, UnknownQueryError
        A reference points at nothing.
    QueryError
        A reference cannot be resolved, examples cannot be combined, or a relation names a missing thing.
    """
    if request.compare == "things" and (by_things := _by_things(lookup, request.positive[0])) is not None:
        return by_things
    clauses = [_ResolvedClause.of(lookup, request, words_are_things=request.group_by == "image")]
    clauses += [_ResolvedClause.of(lookup, clause, words_are_things=True) for clause in request.also]
    things_of_each = [each.things() for each in clauses]
    things = tuple(chain.from_iterable(things_of_each))
    is_combination = len(things) > 1
    examples = tuple(example for each in clauses for example in (*each.positive, *each.negative))
    _check(request, things, examples, clauses[0].terms)
    parts = things if is_combination else tuple(clauses[0].components())
    if len(parts) == 1 and parts[0].labels is None:
        parts = ()
    relations = list(request.relations)
    first = 0
    for each, own in zip(clauses, things_of_each, strict=True):
        relations += each.relations(first)
        first += len(own)
    compares_photos = not is_combination and request.group_by == "image"
    return QueryPlan(
        examples=examples,
        words=_joined([reading for each in clauses if (reading := each.reading()) is not None]),
        things=things,
        parts=() if any(example.ref.is_photo for example in examples) else parts,
        is_combination=is_combination,
        unwanted=tuple(term for each in clauses for term in each.unwanted),
        relations=tuple(dict.fromkeys(relations)),
        photo_vectors=lookup.photo_vectors(clauses[0].positive if compares_photos else ()),
        is_same_object=request.match == "same",
    )


def _by_things(lookup: QueryResolver, photo: Ref) -> QueryPlan | None:
    """The things of a photo, weighted by their quality; None if it has none, so that it is compared as a whole."""
    records, vectors = lookup.things_of(photo)
    if not records:
        return None
    things = tuple(QueryTerm(each.name, row[None]) for each, row in zip(records, vectors, strict=True))
    total = sum(each.quality for each in records)
    return QueryPlan(
        examples=(lookup.example(photo),),
        words=None,
        things=things,
        parts=things,
        is_combination=False,
        weights=tuple(each.quality / total for each in records),
    )


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _ResolvedClause:
    """A clause of a request with its references and words resolved."""

    positive: Sequence[Example]
    sought: Vectors
    negative: Sequence[Example]
    words: Reading | None
    terms: Sequence[QueryTerm]
    unwanted: Sequence[QueryTerm]
    words_are_things: bool
    rows: Mapping[int, int]

    @classmethod
    def of(cls, lookup: QueryResolver, part: Clause | SearchRequest, *, words_are_things: bool) -> _ResolvedClause:
        """Resolve it; several words without examples become as many things if `words_are_things`."""
        words = lookup.read(part.text)
        terms = [_query_term(lookup, term) for term in (words.understood if words else ())]
        unwanted = (_query_term(lookup, term) for term in (words.unwanted if words else ()))
        known = [row for row, term in enumerate(terms) if len(term.directions)]
        positive = [lookup.example(ref) for ref in part.positive]
        return cls(
            positive=positive,
            sought=lookup.sought(positive),
            negative=[lookup.example(ref) for ref in part.negative],
            words=words,
            terms=[terms[row] for row in known],
            unwanted=[term for term in unwanted if len(term.directions)],
            words_are_things=words_are_things and not part.positive and len(known) > 1,
            rows={row: place for place, row in enumerate(known)},
        )

    def relations(self, first: int) -> list[Relation]:
        """The relations that the words name, if they are things; `first` is the number of this clause's first thing."""
        if self.words is None or not self.words_are_things:
            return []
        return [
            Relation(
                first + self.rows[link.subject], cast("RelationName", link.relation), first + self.rows[link.object]
            )
            for link in self.words.links
            if link.relation is not None and link.subject in self.rows and link.object in self.rows
        ]

    def reading(self) -> Reading | None:
        """How the words were read; relations between words that are not separate things are not supported."""
        if self.words is None or self.words_are_things:
            return self.words
        unsupported = (*self.words.unsupported, *(link.text for link in self.words.links if link.relation is not None))
        return replace(self.words, links=(), unsupported=unsupported)

    def things(self) -> list[QueryTerm]:
        """The things that a photo must contain; one without directions if no word is known."""
        negatives = stack(self.negative)
        if self.words_are_things:
            return [
                replace(term, directions=rank.combine(stack(()), [term.directions], negatives)) for term in self.terms
            ]
        parts = self.components()
        if not parts:
            return [QueryTerm("", np.zeros((0, 0), np.float32))]
        queries = rank.combine(self.sought, [term.directions for term in self.terms], negatives)
        if len(parts) == 1:
            return [replace(parts[0], directions=queries)]
        colors = tuple(dict.fromkeys(color for part in parts for color in part.colors))
        return [QueryTerm(" + ".join(part.name for part in parts), queries, colors=colors)]

    def components(self) -> list[QueryTerm]:
        """Its examples and words, one by one."""
        return [*(QueryTerm(_name(each), each.vector[None]) for each in self.positive), *self.terms]


def _check(
    request: SearchRequest, things: Sequence[QueryTerm], examples: Sequence[Example], terms: Sequence[QueryTerm]
) -> None:
    """Check what can only be checked after everything is resolved."""
    whole = [example.ref.is_photo for example in examples]
    if any(whole) and (not all(whole) or len(things) > 1 or terms):
        raise QueryError("a whole photo cannot be combined with segments or words: pick a segment of it instead")
    if len(things) > MAX_PARTS:
        raise QueryError(f"the query has {len(things)} parts; it can have at most {MAX_PARTS}")
    for relation in request.relations:
        if max(relation.subject, relation.object) >= len(things):
            raise QueryError(
                f"a relation names part {max(relation.subject, relation.object)} of the query, which has {len(things)} "
                f"({', '.join(thing.name for thing in things)}), numbered from 0"
            )


def _query_term(lookup: QueryResolver, term: Term) -> QueryTerm:
    directions, labels = lookup.directions(term)
    name = " ".join((*term.colors, term.name))
    return QueryTerm(name, directions, labels, term.colors, is_substituted=bool(term.substitutes))


def _name(example: Example) -> str:
    """The name of an example in explanations."""
    ref = example.ref
    if example.made is not None:
        return example.made.label or "made segment"
    if example.segment is None:
        return f"photo {ref.image}" if ref.image is not None else f"query {ref.query}"
    return example.segment.name


def _joined(readings: Sequence[Reading]) -> Reading | None:
    """One reading of all."""
    if not readings:
        return None
    understood: list[Term] = []
    links: list[Link] = []
    unknown: dict[str, tuple[str, ...]] = {}
    for reading in readings:
        unknown.update(zip(reading.unknown, reading.suggested, strict=True))
        first = len(understood)
        links += [replace(each, subject=first + each.subject, object=first + each.object) for each in reading.links]
        understood += reading.understood
    return Reading(
        understood=tuple(understood),
        unknown=tuple(unknown),
        suggested=tuple(unknown.values()),
        unwanted=tuple(dict.fromkeys(term for reading in readings for term in reading.unwanted)),
        links=tuple(links),
        unsupported=tuple(dict.fromkeys(text for reading in readings for text in reading.unsupported)),
    )
