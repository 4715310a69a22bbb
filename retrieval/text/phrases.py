"""Words that say how things belong together: negations, relations and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from .tokens import Token

Keys = tuple[str, ...]

NEGATIONS: frozenset[Keys] = frozenset(
    tuple(phrase.split())
    for phrase in ("without", "without any", "with no", "no", "not", "except", "except for", "excluding", "minus")
)

RELATIONS: Mapping[str, str | None] = {
    "left of": "left_of",
    "to the left of": "left_of",
    "on the left of": "left_of",
    "right of": "right_of",
    "to the right of": "right_of",
    "on the right of": "right_of",
    "above": "above",
    "over": "above",
    "below": "below",
    "under": "below",
    "underneath": "below",
    "beneath": "below",
    "inside": "inside",
    "inside of": "inside",
    "around": "around",
    "on": "touching",
    "on top of": "touching",
    "onto": "touching",
    "touching": "touching",
    "next to": "touching",
    "beside": "touching",
    "wearing": "touching",
    "holding": "touching",
    "riding": "touching",
    "larger than": "larger",
    "bigger than": "larger",
    "smaller than": "smaller",
    "with": None,
    "in": None,
    "at": None,
    "near": None,
    "by": None,
}
"""Phrases between two things, and the relation that each is read as; None: both in the photo, wherever."""

ENDS = frozenset({"but"})
"""A negation holds to the end of its clause, to the next link, or to one of these."""

_RELATIONS: Mapping[Keys, str | None] = {tuple(phrase.split()): name for phrase, name in RELATIONS.items()}

UNSUPPORTED: frozenset[Keys] = frozenset(
    tuple(phrase.split())
    for phrase in (
        *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
        *("several", "many", "few", "a few", "lots of", "a lot of", "a couple of", "more than"),
        *("at least", "behind", "in front of", "in the background", "in the foreground", "between"),
    )
)
"""Numbers of things, and relations that cannot be seen from masks alone."""

_LONGEST = max(map(len, (*NEGATIONS, *_RELATIONS, *UNSUPPORTED)))


class Role(Enum):
    """What a phrase says of the things around it."""

    NEGATION = "negation"
    LINK = "link"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase at the tokens ``first`` to ``last`` (exclusive) of a clause; `relation` is that of a link."""

    first: int
    last: int
    role: Role
    relation: str | None = None


def phrase_at(tokens: Sequence[Token], first: int) -> Phrase | None:
    """The longest phrase that starts at a token."""
    for last in range(min(first + _LONGEST, len(tokens)), first, -1):
        keys = tuple(token.key for token in tokens[first:last])
        if keys in NEGATIONS:
            return Phrase(first, last, Role.NEGATION)
        if keys in _RELATIONS:
            return Phrase(first, last, Role.LINK, _RELATIONS[keys])
        if keys in UNSUPPORTED or (len(keys) == 1 and keys[0].isdecimal() and int(keys[0]) > 1):
            return Phrase(first, last, Role.UNSUPPORTED)
    return None
