"""Words to rows: what a person types, as classes of the ImageNet-1k classifier.

Which words are known, and for which classes each stands, is in :mod:`~retrieval.text.lexicon`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..images.colors import WORDS
from .lexicon import DATA_FILE, Entry, WordNetData, entries_of, read_added_words, read_learned_words, read_wordnet_data
from .phrases import ENDS, Phrase, Role, phrase_at
from .reading import Link, Reading, Substitute, Term
from .substitutes import Substitutes, read_substitutes
from .suggestions import suggest
from .tokens import FILLERS, Token, clauses_of, normal_form, singulars


@dataclass(frozen=True, slots=True)
class _Match:
    """An entry found at the tokens ``first`` to ``last`` (exclusive) of a clause; None: not known."""

    first: int
    last: int
    entry: Entry | None
    colors: tuple[str, ...] = ()
    is_unwanted: bool = False

    @property
    def is_thing(self) -> bool:
        """Whether there is anything to search by."""
        return self.entry is not None and self.entry.says_something


class Vocabulary:
    """The words that stand for classes of the classifier.

    Parameters
    ----------
    data : mapping
        The content of the JSON file; `load` reads the one that comes with SegSearch.
    learned : sequence of sequence of str
        Synonyms of each learned word.
    substitutes : Substitutes, optional
        Known words near to ones that are not known.
    """

    def __init__(
        self, data: WordNetData, learned: Sequence[Sequence[str]] = (), substitutes: Substitutes | None = None
    ) -> None:
        self._substitutes = substitutes or Substitutes()
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
            poodles only. What follows "without", "no" or a minus sign is unwanted, to the end of its clause or to
            the next link; a minus sign applies to one term.
        """
        named = {normal_form(name): Entry(name, name, (), concept=key) for name, key in (names or {}).items()}
        clauses = list(clauses_of(text))
        found = self._read_clauses(text, clauses, FILLERS, named)
        if found == Reading(()):
            found = self._read_clauses(text, clauses, frozenset(), named)
            return Reading(found.understood)
        return found

    def divide(self, text: str, names: Mapping[str, int]) -> Reading:
        """Split what a person typed into names of concepts and phrases, for text towers, which take any phrase.

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
        return Reading(tuple(dict.fromkeys(found)) or (Term(whole, whole, (), ()),))

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
        unwanted: dict[object, Term] = {}
        links: list[Link] = []
        unknown: dict[str, str] = {}
        unsupported: list[str] = []
        for tokens in clauses:
            matches, phrases = self._parse(tokens, fillers, named)
            things: list[tuple[_Match, int]] = []
            for match in self._specify(_colored(tokens, matches)):
                words = _typed(text, tokens, match)
                if match.entry is None or not match.entry.says_something:
                    unknown.setdefault(normal_form(words), words)
                    continue
                term = replace(self._term(words, match.entry), colors=match.colors)
                key = (match.entry.meaning, match.colors)
                (unwanted if match.is_unwanted else terms).setdefault(key, term)
                if not match.is_unwanted:
                    things.append((match, list(terms).index(key)))
            links += _links(text, tokens, things, phrases)
            unsupported += _unused(text, tokens, matches, phrases)
        return Reading(
            understood=tuple(terms.values()),
            unknown=tuple(unknown.values()),
            suggested=suggest(list(unknown), self._told, self._near),
            unwanted=tuple(term for key, term in unwanted.items() if key not in terms),
            links=tuple(dict.fromkeys(links)),
            unsupported=tuple(dict.fromkeys(unsupported)),
        )

    def _term(self, words: str, entry: Entry) -> Term:
        labels = tuple(self._labels[row] for row in entry.rows)
        stand_ins = tuple(
            Substitute(self._term(name, self._entries[normal_form(name)]), weight) for name, weight in entry.substitutes
        )
        return Term(words, entry.name, entry.rows, labels, entry.concept, entry.learned, substitutes=stand_ins)

    def _near(self, key: str) -> list[str]:
        """Known words of a meaning near to that of a word, the nearest first."""
        return self._substitutes.suggested(singulars(key, self._plurals))

    def _parse(
        self, tokens: Sequence[Token], fillers: frozenset[str], named: Mapping[str, Entry]
    ) -> tuple[list[_Match], list[Phrase]]:
        """Find the longest known phrase at every place, left to right, and what is said between them."""
        found: list[_Match] = []
        phrases: list[Phrase] = []
        place, is_negated = 0, False
        while place < len(tokens):
            given = self._named_at(tokens, place, named)
            match = given or self._match_at(tokens, place, fillers)
            phrase = phrase_at(tokens, place) if fillers and given is None else None
            if phrase is not None and (match.entry is None or match.last <= phrase.last):
                phrases.append(phrase)
                is_negated = phrase.role is Role.NEGATION or (is_negated and phrase.role is not Role.LINK)
                place = phrase.last
                continue
            is_negated = is_negated and tokens[place].key not in ENDS
            says_nothing = tokens[place].key in fillers or tokens[place].key.isdecimal()
            if match.entry is not None or not says_nothing:
                found.append(replace(match, is_unwanted=is_negated or tokens[place].is_excluded))
            place = match.last
        return found, phrases

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
        """Find a phrase as it is, in the singular, with its words joined or apart, or else by its substitutes."""
        phrase = " ".join(keys)
        tried = (self._entries.get(form) for form in singulars(phrase, self._plurals))
        entry = next((entry for entry in tried if entry is not None), None)
        if entry is None and may_join and min(map(len, keys)) > 1:
            tried = (self._joined.get(form) for form in singulars(phrase.replace(" ", ""), self._plurals))
            entry = next((entry for entry in tried if entry is not None), None)
        if entry is None or not entry.says_something:
            entry = self._substitutes.entry(singulars(phrase, self._plurals)) or entry
        return entry

    @staticmethod
    def _specify(matches: Sequence[_Match]) -> list[_Match]:
        """Merge neighbours of which one's rows are among the other's into the narrower one."""
        merged: list[_Match] = []
        for match in matches:
            before = merged[-1] if merged else None
            if before and before.entry and match.entry and before.last == match.first:
                narrow, wide = sorted((before.entry, match.entry), key=lambda entry: len(entry.rows))
                if narrow.rows and set(narrow.rows) <= set(wide.rows) and before.is_unwanted == match.is_unwanted:
                    colors = before.colors + match.colors
                    merged[-1] = _Match(before.first, match.last, narrow, colors, match.is_unwanted)
                    continue
            merged.append(match)
        return merged


def _phrase(text: str, tokens: Sequence[Token]) -> Iterator[Term]:
    """The term of a phrase without the fillers at its ends, if anything is left."""
    kept = [row for row, token in enumerate(tokens) if token.key not in FILLERS]
    if kept:
        words = " ".join(text[tokens[kept[0]].start : tokens[kept[-1]].end].split())
        yield Term(words, words, (), ())


def _typed(text: str, tokens: Sequence[Token], part: _Match | Phrase) -> str:
    """The words of a match or a phrase as they were typed."""
    return text[tokens[part.first].start : tokens[part.last - 1].end]


def _links(
    text: str, tokens: Sequence[Token], things: Sequence[tuple[_Match, int]], phrases: Sequence[Phrase]
) -> Iterator[Link]:
    """The links between two wanted things of a clause.

    In "a man with a hat on a horse", it is the man who is on the horse: what follows "with" belongs to what is before
    it, and so does what is said next.
    """
    links = [phrase for phrase in phrases if phrase.role is Role.LINK]
    head: int | None = None
    for number, phrase in enumerate(links):
        start = links[number - 1].last if number else 0
        stop = links[number + 1].first if number + 1 < len(links) else len(tokens)
        before = [row for match, row in things if start <= match.first < phrase.first]
        after = [row for match, row in things if phrase.last <= match.first < stop]
        subject = head if head is not None else (before[-1] if before else None)
        if subject is None or not after or subject == after[0]:
            head = None
            continue
        yield Link(subject, after[0], _typed(text, tokens, phrase), phrase.relation)
        head = subject if phrase.relation is None and len(after) == 1 else None


def _unused(text: str, tokens: Sequence[Token], matches: Sequence[_Match], phrases: Sequence[Phrase]) -> Iterator[str]:
    """Numbers, relations that cannot be seen, and negations of nothing, as typed."""
    for phrase in phrases:
        negates_nothing = phrase.role is Role.NEGATION and not any(
            match.is_unwanted and match.first >= phrase.last for match in matches
        )
        if phrase.role is Role.UNSUPPORTED or negates_nothing:
            yield _typed(text, tokens, phrase)


def _colored(tokens: Sequence[Token], matches: Sequence[_Match]) -> list[_Match]:
    """Attach colours to the words after them: "red car", "a black and white cat", but "orange" alone is the fruit."""
    found: list[_Match] = []
    for match in reversed(matches):
        word = WORDS.get(tokens[match.first].key) if match.last == match.first + 1 else None
        after = found[-1] if found else None
        is_before = after is not None and after.first - match.last <= 1 and after.is_unwanted == match.is_unwanted
        if word and after and after.is_thing and is_before:
            found[-1] = replace(after, first=match.first, colors=tuple(dict.fromkeys((word, *after.colors))))
        else:
            found.append(match)
    return found[::-1]


def _prominence(item: tuple[str, Entry]) -> tuple[bool, bool, int, int, str]:
    """Order completions: everyday words, canonical ones first, then frequent ones, then short ones."""
    key, entry = item
    return (not entry.is_everyday, entry.is_everyday and entry.word != entry.name, -entry.uses, len(key), key)


@cache
def _load(path: Path) -> Vocabulary:
    return Vocabulary(read_wordnet_data(path), [*read_learned_words(), *read_added_words()], read_substitutes())
