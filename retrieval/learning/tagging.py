"""Learns many concepts at once, from tags of whole photos or from drawn boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..errors import QueryError
from ..text.tokens import normal_form
from ..types import Bags
from .concepts import ConceptTrainer
from .weak_labels import MOST_PHOTOS, PER_PHOTO, REFERENCES, Explained, WeakLearner, drawn, unexplained

MOST_EXAMPLES = 40
"""The most positive examples of a concept; the most typical ones are kept."""

MOST_AGAINST = 10
"""The most negative examples: the most similar segments of photos without the tag."""

TAKEN = "there is already a concept of this name: set `replace` to relearn it, or use another name"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """The outcome for a tag.

    Attributes
    ----------
    name : str
    photos : int
        How many have the tag.
    concept_id : int or None
        None if no concept was learned.
    explained : tuple of int
        Segments that explain the tag, the most typical first; the concept's examples are the first of them.
    segments : int or None
        How many stored segments the concept labels.
    agreement : float or None
        Probability that a left-out photo with the tag outranks one without it; None if not measured.
    reason : str or None
        Why no concept was learned.
    """

    name: str
    photos: int
    concept_id: int | None = None
    explained: tuple[int, ...] = ()
    segments: int | None = None
    agreement: float | None = None
    reason: str | None = None


def learn_from_photos(
    trainer: ConceptTrainer, tags: Mapping[str, Collection[int]], *, replace: bool = False
) -> list[Learnt]:
    """Learn a concept of each tag from the photos that have it; other photos are assumed not to show it.

    Parameters
    ----------
    trainer : ConceptTrainer
    tags : mapping of str to collection of int
        Photos by tag; photos that are not analysed in the searched space are ignored. Names that differ only in case
        and punctuation are the same.
    replace : bool
        Whether to relearn a concept of the same name; otherwise it is left alone and reported.

    Notes
    -----
    See `weak_labels.WeakLearner` for the method and its cost.
    """
    photos, taken = _joined(tags), {} if replace else _taken(trainer)
    found = explained_tags(trainer, {name: each for name, each in photos.items() if normal_form(name) not in taken})
    return _learn(trainer, photos, found.__getitem__, replace=replace)


def explained_tags(trainer: ConceptTrainer, tags: Mapping[str, Collection[int]]) -> dict[str, Explained]:
    """The segments that explain each tag; no concept is learned."""
    learner = WeakLearner(_bags(trainer, list(tags.values())))
    return {name: learner.explain(photos) for name, photos in tags.items()}


def learn_from_segments(
    trainer: ConceptTrainer, tags: Mapping[str, Sequence[tuple[int, int]]], *, replace: bool = False
) -> list[Learnt]:
    """Learn a concept of each tag from segments that are known to show it.

    Parameters
    ----------
    trainer : ConceptTrainer
    tags : mapping of str to sequence of (int, int)
        Photo and segment, the most certain first.
    replace : bool
        As in `learn_from_photos`.
    """
    pairs = _joined(tags)
    photos = {name: [photo for photo, _ in each] for name, each in pairs.items()}

    def known(name: str) -> Explained:
        if not pairs[name]:
            return unexplained("no segment matches any of its boxes")
        segments = np.array([segment for _, segment in pairs[name]], np.int64)
        return Explained(segments=segments, against=segments[:0], agreement=math.nan, reason=None)

    return _learn(trainer, photos, known, replace=replace)


def _learn(
    trainer: ConceptTrainer, photos: Mapping[str, Sequence[int]], explain: Callable[[str], Explained], *, replace: bool
) -> list[Learnt]:
    """The outcome for each tag, one after another."""
    taken, outcomes = _taken(trainer), list[Learnt]()
    for name, each in photos.items():
        concept_id, count = taken.get(normal_form(name)), len(set(each))
        if concept_id is not None and not replace:
            outcomes.append(Learnt(name=name, photos=count, reason=TAKEN))
        else:
            outcomes.append(_kept(trainer, name, count, explain(name), concept_id))
    return outcomes


def _kept(trainer: ConceptTrainer, name: str, photos: int, found: Explained, concept_id: int | None) -> Learnt:
    """Create the concept, or retrain an existing one; an invalid name is reported as a reason."""
    agreement = None if math.isnan(found.agreement) else found.agreement
    if found.reason is not None:
        return Learnt(name=name, photos=photos, agreement=agreement, reason=found.reason)
    positive, negative = found.segments[:MOST_EXAMPLES].tolist(), found.against[:MOST_AGAINST].tolist()
    try:
        if concept_id is None:
            concept_id = trainer.teach(name, positive, negative)
        else:
            trainer.teach_anew(concept_id, positive, negative)
    except QueryError as error:
        return Learnt(name=name, photos=photos, agreement=agreement, reason=str(error))
    return Learnt(
        name=name,
        photos=photos,
        concept_id=concept_id,
        explained=tuple(found.segments.tolist()),
        segments=trainer.count(trainer.concepts.get(concept_id)),
        agreement=agreement,
    )


def _joined(tags: Mapping[str, Collection[T]]) -> dict[str, list[T]]:
    """The items of each tag, each once; names with the same normal form are merged under the first."""
    names: dict[str, str] = {}
    joined: dict[str, dict[T, None]] = {}
    for name, each in tags.items():
        first = names.setdefault(normal_form(name) or name, name)
        joined.setdefault(first, {}).update(dict.fromkeys(each))
    return {name: list(each) for name, each in joined.items()}


def _taken(trainer: ConceptTrainer) -> dict[str, int]:
    """The concept of each normal form of a name."""
    return {normal_form(name): key for name, key in trainer.concepts.names().items()}


def _bags(trainer: ConceptTrainer, tags: Sequence[Collection[int]]) -> Bags:
    """The photos of the tags, a sample for large tags, and enough photos without each tag."""
    space, catalog = trainer.engine.recipe.space, trainer.engine.catalog
    stored = set(catalog.vectors.photo_image_ids(space)[0].tolist())
    wanted: set[int] = set()
    for photos in tags:
        wanted.update(drawn(stored & set(photos), MOST_PHOTOS).tolist())
    for photos in tags:
        if len(wanted - set(photos)) < REFERENCES:
            wanted.update(drawn(stored - set(photos), REFERENCES).tolist())
    return catalog.vectors.bags(wanted, space, per_photo=PER_PHOTO)
