"""What may be meant by a word that is not known: a word of near meaning, or a corrected spelling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from .lexicon import Entry

SUGGESTIONS = 5
"""At most so many suggestions."""

_SHORTEST = 4
"""Spellings are corrected to words of so many letters at the least."""

_LONG = 7
"""From so many letters on a word may have two typing errors, below one."""

_LONGEST = 40
"""No suggestions are looked up for longer words."""


def suggest(
    unknown: Sequence[str], told: Mapping[str, Entry], near: Callable[[str], Iterable[str]]
) -> tuple[tuple[str, ...], ...]:
    """Suggest known words for each unknown one, the best first; at most `SUGGESTIONS`.

    Parameters
    ----------
    unknown : sequence of str
        In normal form.
    told : mapping of str to Entry
        The words that may be suggested, by normal form.
    near : callable
        Known words of a near meaning; they go before corrected spellings.

    Notes
    -----
    Looked up for the first `SUGGESTIONS` words alone that are not too long; the others get none.
    """
    asked = [key for key in unknown if len(key) <= _LONGEST][:SUGGESTIONS]
    found = {key: tuple(islice(dict.fromkeys((*near(key), *_corrected(key, told))), SUGGESTIONS)) for key in asked}
    return tuple(found.get(key, ()) for key in unknown)


def in_turns(suggested: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Join the suggestions for several words: the best for each, then the second best; at most `SUGGESTIONS`."""
    turns = (words[turn] for turn in range(SUGGESTIONS) for words in suggested if turn < len(words))
    return tuple(islice(dict.fromkeys(turns), SUGGESTIONS))


def _corrected(key: str, told: Mapping[str, Entry]) -> list[str]:
    """Words of different meanings within a few typing errors, fewest errors first.

    Errors in the first letter are few (Pollock and Zamora, "Automatic spelling correction in scientific and scholarly
    text", CACM 1984), and words that differ in it are mostly other words: "night", "light".
    """
    close: list[tuple[int, bool, int, str]] = []
    for other, entry in told.items():
        most = 2 if min(len(other), len(key)) >= _LONG else 1
        if len(other) >= _SHORTEST and other[0] == key[0] and abs(len(other) - len(key)) <= most:
            errors = edit_distance(key, other, most)
            if errors <= most:
                close.append((errors, not entry.is_everyday, -entry.uses, other))
    best: dict[object, str] = {}
    for *_, key in sorted(close):
        best.setdefault(told[key].meaning, told[key].word)
    return list(best.values())


def edit_distance(one: str, other: str, most: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.

    Parameters
    ----------
    one, other : str
    most : int
        If it takes more, `most` + 1 is returned, often early.

    Notes
    -----
    The optimal string alignment distance, by dynamic programming: O(len(one) · len(other)).

    References
    ----------
    Damerau, "A technique for computer detection and correction of spelling errors", CACM 1964.

    Examples
    --------
    >>> edit_distance("motorcylce", "motorcycle", 2)
    1
    >>> edit_distance("tree", "entree", 1)
    2
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, wanted in enumerate(other, 1):
            best = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                best = min(best, before[column - 2] + 1)
            now.append(best)
        if min(now) > most:
            return most + 1
        before, last = last, now
    return min(last[-1], most + 1)
