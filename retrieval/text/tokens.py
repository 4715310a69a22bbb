"""Texts as words in their normal form: lower case, without accents and signs, in the singular or the plural."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

_FILLERS = """
    a an the this that these those some any all every each of in on at to for from with by near and or plus as is are
    was were be there it its my your our their his her i me we us you they he she please can could would
    find search show see look looking get give want need display list retrieve where which what who how
    photo photos picture pictures pic pics image images snapshot snapshots shot shots photograph photographs segment
    segments object objects thing things something anything someone kind kinds type types sort containing contains
    contain having has have featuring including depicting depicts one pair pairs more most other another but
"""

FILLERS = frozenset(_FILLERS.split())
"""Words around what is searched for; they say nothing about it. What `phrases` reads goes before them."""

_TOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_BREAK = re.compile(r"[,;:/|&+!?\n]")
_ENDINGS = (
    *(("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x"), ("zes", "z"), ("ses", "s"), ("oes", "o")),
    *(("ies", "y"), ("ves", "f"), ("ves", "fe"), ("men", "man"), ("s", "")),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the query: where it starts and ends there, its normal form, and whether a minus sign excludes it."""

    start: int
    end: int
    key: str
    is_excluded: bool = False


def clauses_of(text: str) -> Iterator[list[Token]]:
    """Split a text into its words, at punctuation that separates into several lists of them."""
    start = 0
    for stop in chain((match.start() for match in _BREAK.finditer(text)), (len(text),)):
        found = (
            Token(*match.span(), _normal(match[0]), _follows_minus(text, match.start()))
            for match in _TOKEN.finditer(text, start, stop)
        )
        yield [token for token in found if token.key]
        start = stop


def normal_form(text: str) -> str:
    """Return the normal form of a phrase: in lower case, without accents and signs; empty if no letter is left."""
    return " ".join(filter(None, map(_normal, _TOKEN.findall(text))))


def singulars(phrase: str, plurals: Mapping[str, str]) -> Iterator[str]:
    """Yield the phrase, then what it may be the plural of, then what may be its plural."""
    yield phrase
    rest, space, last = phrase.rpartition(" ")
    for plural in (phrase, last):
        if plural in plurals:
            yield plurals[plural] if plural == phrase else rest + space + plurals[plural]
    if not last.endswith("ss"):
        for ending, singular in _ENDINGS:
            if last.endswith(ending) and len(last) > len(ending) + 1:
                yield phrase.removesuffix(ending) + singular
    if len(last) > 3:
        yield phrase + "s"


def _follows_minus(text: str, start: int) -> bool:
    """Whether a word that starts there has a minus sign before it, as in "dog -cat", and is not part of "hot-dog"."""
    before = text[max(start - 2, 0) : start]
    return before.endswith(("-", "\u2212")) and not before[:-1].strip().strip("(,;")


def _normal(word: str) -> str:
    """Return a word in lower case, without accents and apostrophes."""
    plain = word.lower() if word.isascii() else unicodedata.normalize("NFKD", word).casefold()
    return plain if plain.isalnum() else "".join(char for char in plain if char.isalnum())
