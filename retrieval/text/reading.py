"""How a text was understood."""

from __future__ import annotations

from dataclasses import dataclass

from .suggestions import in_turns


@dataclass(frozen=True, slots=True)
class Substitute:
    """A known word that stands for one that is not known, with its weight; weights of one word sum to 1."""

    term: Term
    weight: float


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a query that is understood.

    Attributes
    ----------
    text : str
        The words of the query that it stands for.
    name : str
        Canonical name, such as "motorcycle" for "motorbikes".
    rows : tuple of int
        Rows of the classifier, most typical first; empty for a concept, a substituted word and for what was learned
        alone.
    labels : tuple of str
        Display names of those rows.
    concept : int or None
        Id of the concept that people gave this name to.
    learned : int or None
        Row, beyond the classifier's, of what was learned of the word from annotated photos.
    colors : tuple of str
        Of `retrieval.images.colors.COLORS`: those that stand before it, "red" of "red cars".
    substitutes : tuple of Substitute
        If the word is not known: the nearest known words, the nearest first.
    """

    text: str
    name: str
    rows: tuple[int, ...]
    labels: tuple[str, ...]
    concept: int | None = None
    learned: int | None = None
    colors: tuple[str, ...] = ()
    substitutes: tuple[Substitute, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """What was said between two things: "left of", "on", "with".

    Attributes
    ----------
    subject, object : int
        Numbers of the two in `Reading.understood`.
    text : str
        As typed.
    relation : str or None
        Of `retrieval.query.relations.RELATIONS`; None: both must be in the photo, wherever.
    """

    subject: int
    object: int
    text: str
    relation: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query was understood as.

    Attributes
    ----------
    understood : tuple of Term
        In the order of the query, no two with the same meaning.
    unknown : tuple of str
        Words that say something that is not known, as typed.
    suggested : tuple of tuple of str
        For each of the unknown ones, known words that may be meant instead: of near meaning, and corrected spellings.
    unwanted : tuple of Term
        What must not be in the photo: "people" of "without people".
    links : tuple of Link
        What was said between things.
    unsupported : tuple of str
        Words that are understood, but that a search cannot go by, as typed: "two" of "two dogs".
    """

    understood: tuple[Term, ...]
    unknown: tuple[str, ...] = ()
    suggested: tuple[tuple[str, ...], ...] = ()
    unwanted: tuple[Term, ...] = ()
    links: tuple[Link, ...] = ()
    unsupported: tuple[str, ...] = ()

    @property
    def suggestions(self) -> tuple[str, ...]:
        """Those for all unknown words, the best for each first."""
        return in_turns(self.suggested)
