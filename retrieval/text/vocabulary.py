"""Words to rows: what a person types, as classes of the ImageNet-1k classifier.

Which words are known, and for which classes each stands, is in :mod:`~retrieval.text.lexicon`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path

from ..images.colors import WORDS
from .lexicon import (
    DATA_FILE,
    Entry,
    WordNetData,
    entries_of,
    read_added_words,
    read_learned_words,
    read_wordnet_data,
)
from .tokens import FILLERS, Token, clauses_of, normal_form, singulars

SUGGESTIONS = 5
"""At most so many suggestions."""

_NEARNESS = 0.75
"""How alike (`difflib.SequenceMatcher.ratio`) a suggestion is at the least."""

_LONGEST_SUGGESTED = 40
"""No suggestions are looked up for longer words."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a query that the classifier knows.

    Attributes
    ----------
    text : str
        The words of the query that it stands for.
    name : str
        Canonical name, such as "motorcycle" for "motorbikes".
    rows : tuple of int
        Rows of the classifier, most typical first; empty for a concept and for what was learned alone.
    labels : tuple of str
        Display names of those rows.
    concept : int or None
        Id of the concept that people gave this name to.
    learned : int or None
        Row, beyond the classifier's, of what was learned of the word from annotated objects.
    colors : tuple of str
        Of `retrieval.images.colors.COLORS`: those that stand before it, "red" of "red cars".
    """

    text: str
    name: str
    rows: tuple[int, ...]
    labels: tuple[str, ...]
    concept: int | None = None
    learned: int | None = None
    colors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query was understood as.

    Attributes
    ----------
    understood : tuple of Term
        In the order of the query, no two with the same rows.
    unknown : tuple of str
        Words that say something for which there is no class, as typed.
    suggestions : tuple of str
        Known words spelled like the unknown ones, nearest first, at most `SUGGESTIONS`.
    """

    understood: tuple[Term, ...]
    unknown: tuple[str, ...]
    suggestions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Match:
    """An entry found at the tokens ``first`` to ``last`` (exclusive) of a clause; None: not known."""

    first: int
    last: int
    entry: Entry | None
    colors: tuple[str, ...] = ()


class Vocabulary:
    """The words that stand for classes of the classifier.

    Parameters
    ----------
    data : mapping
        The content of the JSON file; `load` reads the one that comes with SegSearch.
    learned : sequence of sequence of str
        Synonyms of each learned word.
    """

    def __init__(self, data: WordNetData, learned: Sequence[Sequence[str]] = ()) -> None:
        self._labels = tuple(label for _, label in data["classes"])
        self._plurals = data["plurals"]
        self._entries = entries_of(data, learned)
        self._joined: dict[str, Entry] = {}
        for key, entry in sorted(self._entries.items(), key=lambda item: " " in item[0]):
            self._joined.setdefault(key.replace(" ", ""), entry)
        self._longest = max(key.count(" ") + 1 for key in self._entries)
        told = {key: entry for key, entry in self._entries.items() if entry.says_something and not entry.is_scientific}
        self._told = dict(sorted(told.items()))
        self._words = tuple(sorted((entry.word for entry in told.values()), key=str.casefold))

    @staticmethod
    def load() -> Vocabulary:
        """Return the vocabulary that comes with SegSearch; it is read once.

        Raises
        ------
        WeightsMissingError
            If the data file is not there.
        """
        return _load(DATA_FILE)

    def label(self, row: int) -> str:
        """Return the display name of a row.

        Raises
        ------
        IndexError
            If there is no such row.
        """
        if row < 0:
            raise IndexError(f"no row {row}")
        return self._labels[row]

    def words(self) -> Sequence[str]:
        """Return all known words in alphabetical order, without scientific names."""
        return self._words

    def complete(self, prefix: str, limit: int = 10) -> list[str]:
        """Return known words that begin as typed, everyday ones first, then those of which a later word does.

        Parameters
        ----------
        prefix : str
            Start of a word or phrase; empty ones are not completed.
        limit : int
            At most so many.
        """
        start = normal_form(prefix)
        if not start or limit <= 0:
            return []
        told = self._told.items()
        same = [(key, entry) for key, entry in told if key == start]
        leading = [(key, entry) for key, entry in told if key.startswith(start) and key != start]
        inner = [(key, entry) for key, entry in told if " " + start in key and not key.startswith(start)]
        return [entry.word for found in (same, leading, inner) for _, entry in sorted(found, key=_prominence)][:limit]

    def read(self, text: str, names: Mapping[str, int] | None = None) -> Reading:
        """Read what a person typed.

        Parameters
        ----------
        text : str
            Any text: one word, a list of things, or "find all photos of motorcycles".
        names : mapping of str to int, optional
            Concepts that people named, with their ids; they go before everything else that a word may mean.

        Returns
        -------
        Reading
            Phrases are matched longest first. A term beside one that it specifies swallows it: "poodle dog" is
            poodles only.
        """
        named = {normal_form(name): Entry(name, name, (), concept=key) for name, key in (names or {}).items()}
        clauses = list(clauses_of(text))
        found = self._read_clauses(text, clauses, FILLERS, named)
        if not found.understood and not found.unknown:
            found = self._read_clauses(text, clauses, frozenset(), named)
            return Reading(found.understood, (), ())
        return found

    def divide(self, text: str, names: Mapping[str, int]) -> Reading:
        """Divide what a person typed into names that people gave and phrases, for a reader that knows any phrase.

        Parameters
        ----------
        text : str
        names : mapping of str to int
            Concepts, with their ids.

        Returns
        -------
        Reading
            Everything is understood. Phrases end at commas and other signs that separate, and at names; `FILLERS` at
            their ends go, unless nothing else was typed.
        """
        named = {normal_form(name): Entry(name, name, (), concept=key) for name, key in names.items()}
        found = [term for tokens in clauses_of(text) for term in self._divided(text, tokens, named)]
        whole = " ".join(text.split())
        return Reading(tuple(dict.fromkeys(found)) or (Term(whole, whole, (), ()),), (), ())

    def _divided(self, text: str, tokens: Sequence[Token], named: Mapping[str, Entry]) -> Iterator[Term]:
        """The names and phrases of a clause, in order."""
        phrase: list[Token] = []
        place = 0
        while place < len(tokens):
            match = self._named_at(tokens, place, named)
            if match is None or match.entry is None:
                phrase.append(tokens[place])
                place += 1
                continue
            yield from _phrase(text, phrase)
            yield self._term(text[tokens[match.first].start : tokens[match.last - 1].end], match.entry)
            phrase, place = [], match.last
        yield from _phrase(text, phrase)

    def _read_clauses(
        self, text: str, clauses: Sequence[Sequence[Token]], fillers: frozenset[str], named: Mapping[str, Entry]
    ) -> Reading:
        terms: dict[object, Term] = {}
        unknown: dict[str, str] = {}
        for tokens in clauses:
            for match in self._specify(_colored(tokens, self._matches(tokens, fillers, named))):
                words = text[tokens[match.first].start : tokens[match.last - 1].end]
                if match.entry is None or not match.entry.says_something:
                    unknown.setdefault(normal_form(words), words)
                else:
                    term = replace(self._term(words, match.entry), colors=match.colors)
                    terms.setdefault((match.entry.meaning, match.colors), term)
        return Reading(tuple(terms.values()), tuple(unknown.values()), self._suggest(list(unknown)))

    def _term(self, words: str, entry: Entry) -> Term:
        labels = tuple(self._labels[row] for row in entry.rows)
        return Term(words, entry.name, entry.rows, labels, entry.concept, entry.learned)

    def _matches(self, tokens: Sequence[Token], fillers: frozenset[str], named: Mapping[str, Entry]) -> list[_Match]:
        """Find the longest known phrase at every place, left to right, passing over fillers."""
        found: list[_Match] = []
        place = 0
        while place < len(tokens):
            match = self._named_at(tokens, place, named) or self._match_at(tokens, place, fillers)
            says_nothing = tokens[place].key in fillers or tokens[place].key.isdecimal()
            if match.entry is not None or not says_nothing:
                found.append(match)
            place = match.last
        return found

    def _named_at(self, tokens: Sequence[Token], first: int, named: Mapping[str, Entry]) -> _Match | None:
        """The longest name at a place that people gave, in the singular or the plural."""
        longest = max((key.count(" ") + 1 for key in named), default=0)
        for last in range(min(first + longest + 1, len(tokens)), first, -1):
            phrase = " ".join(token.key for token in tokens[first:last])
            entry = next((named[form] for form in singulars(phrase, self._plurals) if form in named), None)
            if entry is not None:
                return _Match(first, last, entry)
        return None

    def _match_at(self, tokens: Sequence[Token], first: int, fillers: frozenset[str]) -> _Match:
        for last in range(min(first + self._longest, len(tokens)), first, -1):
            keys = [token.key for token in tokens[first:last]]
            if len(keys) == 1 and keys[0] in fillers:
                break
            entry = self._find(keys, may_join=not fillers.intersection(keys))
            if entry is not None:
                return _Match(first, last, entry)
        return _Match(first, first + 1, None)

    def _find(self, keys: Sequence[str], *, may_join: bool) -> Entry | None:
        """Find a phrase as it is, in the singular, or with its words joined or apart."""
        phrase = " ".join(keys)
        tried = (self._entries.get(form) for form in singulars(phrase, self._plurals))
        entry = next((entry for entry in tried if entry is not None), None)
        if entry is None and may_join and min(map(len, keys)) > 1:
            tried = (self._joined.get(form) for form in singulars(phrase.replace(" ", ""), self._plurals))
            entry = next((entry for entry in tried if entry is not None), None)
        return entry

    @staticmethod
    def _specify(matches: Sequence[_Match]) -> list[_Match]:
        """Merge neighbours of which one's rows are among the other's into the narrower one."""
        merged: list[_Match] = []
        for match in matches:
            before = merged[-1] if merged else None
            if before and before.entry and match.entry and before.last == match.first:
                narrow, wide = sorted((before.entry, match.entry), key=lambda entry: len(entry.rows))
                if narrow.rows and set(narrow.rows) <= set(wide.rows):
                    merged[-1] = _Match(before.first, match.last, narrow, before.colors + match.colors)
                    continue
            merged.append(match)
        return merged

    def _suggest(self, unknown: Sequence[str]) -> tuple[str, ...]:
        """Return known words spelled like the unknown ones: the nearest to each, then the second nearest, and so on."""
        asked = [key for key in unknown if len(key) <= _LONGEST_SUGGESTED][:SUGGESTIONS]
        near = [difflib.get_close_matches(key, self._told, SUGGESTIONS, _NEARNESS) for key in asked]
        turns = (keys[turn] for turn in range(SUGGESTIONS) for keys in near if turn < len(keys))
        words = dict.fromkeys(self._told[key].word for key in turns)
        return tuple(islice(words, SUGGESTIONS))


def _phrase(text: str, tokens: Sequence[Token]) -> Iterator[Term]:
    """The term of a phrase without the fillers at its ends, if anything is left."""
    kept = [row for row, token in enumerate(tokens) if token.key not in FILLERS]
    if kept:
        words = " ".join(text[tokens[kept[0]].start : tokens[kept[-1]].end].split())
        yield Term(words, words, (), ())


def _colored(tokens: Sequence[Token], matches: Sequence[_Match]) -> list[_Match]:
    """Give colours to what they stand before: "red car", "a black and white cat", but "orange" alone is the fruit."""
    found: list[_Match] = []
    for match in reversed(matches):
        word = WORDS.get(tokens[match.first].key) if match.last == match.first + 1 else None
        after = found[-1] if found else None
        if word and after and after.entry and after.entry.says_something and after.first - match.last <= 1:
            found[-1] = _Match(match.first, after.last, after.entry, tuple(dict.fromkeys((word, *after.colors))))
        else:
            found.append(match)
    return found[::-1]


def _prominence(item: tuple[str, Entry]) -> tuple[bool, bool, int, int, str]:
    """Order completions: everyday words, canonical ones first, then frequent ones, then short ones."""
    key, entry = item
    return (not entry.is_everyday, entry.is_everyday and entry.word != entry.name, -entry.uses, len(key), key)


@cache
def _load(path: Path) -> Vocabulary:
    return Vocabulary(read_wordnet_data(path), [*read_learned_words(), *read_added_words()])
