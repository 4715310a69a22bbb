"""Words to rows: what a person types, as classes of the ImageNet-1k classifier.

A word stands for the classes at or below its senses in WordNet's noun hierarchy: "dog" for the 118 breeds, "animal"
for every animal. The data is ``data/imagenet_wordnet.json``, built by ``training/build_vocabulary.py``, which also
documents the supplement of everyday words that WordNet would read in another way than people mean them.

Which senses of a word are taken:

1. what the supplement says, if it says anything;
2. the classes that the word is the name of ("mouse" is the device, though WordNet's first mouse is the animal);
3. else its senses with classes below them, in WordNet's order, without the obscure ones: those under which no one
   looks for pictures, those that make up less than a tenth of the word's tagged uses (of three or more), and those
   tagged less than a third as often as the commonest one that is left.

``data/learned_words.json`` adds words that were learned from annotated objects, each a list of synonyms; their rows
come after the classifier's. A word that the classifier knows too has both.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import TypedDict

from ..errors import WeightsMissingError
from ..images.colors import WORDS

DATA_FILE = Path(__file__).resolve().parents[1] / "data" / "imagenet_wordnet.json"
LEARNED_FILE = DATA_FILE.with_name("learned_words.json")

_FILLERS = """
    a an the this that these those some any all every each of in on at to for from with by near and or plus as is are
    was were be there it its my your our their his her i me we us you they he she please can could would
    find search show see look looking get give want need display list retrieve where which what who how
    photo photos picture pictures pic pics image images snapshot snapshots shot shots photograph photographs segment
    segments object objects thing things something anything someone kind kinds type types sort containing contains
    contain having has have featuring including depicting depicts one two three four five six seven eight nine ten
    several few many lots lot couple pair pairs more most other another
"""
FILLERS = frozenset(_FILLERS.split())
"""Words around what is searched for; they say nothing about it. Negations are not among them."""

SUGGESTIONS = 5
"""At most so many suggestions."""

_NEARNESS = 0.75
"""How alike (`difflib.SequenceMatcher.ratio`) a suggestion is at the least."""

_LONGEST_SUGGESTED = 40
"""No suggestions are looked up for longer words."""

_TOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_BREAK = re.compile(r"[,;:/|&+!?\n]")

_ENDINGS = (
    *(("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x"), ("zes", "z"), ("ses", "s"), ("oes", "o")),
    *(("ies", "y"), ("ves", "f"), ("ves", "fe"), ("men", "man"), ("s", "")),
)

_Lemma = tuple[str, int, int, int]


class _Data(TypedDict):
    """The JSON file; documented in training/build_vocabulary.py."""

    classes: list[tuple[str, str]]
    synsets: dict[str, tuple[list[_Lemma], list[str]] | tuple[list[_Lemma], list[str], list[str]]]
    vague: list[str]
    plurals: dict[str, str]
    meanings: list[tuple[list[str], list[int]]]


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
class _Sense:
    """One sense of a word: a synset with classes at or below it."""

    synset: str
    number: int
    uses: int
    every: int
    is_name: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """A known word. No rows: it is known to have no class."""

    word: str
    name: str
    rows: tuple[int, ...]
    uses: int = 0
    is_everyday: bool = False
    is_scientific: bool = False
    concept: int | None = None
    learned: int | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is anything to search by."""
        return bool(self.rows) or self.concept is not None or self.learned is not None

    @property
    def meaning(self) -> tuple[frozenset[int], int | None, int | None]:
        """What two entries that mean the same have in common."""
        return frozenset(self.rows), self.concept, self.learned


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the query: where it starts and ends there, and its normal form."""

    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class _Match:
    """An entry found at the tokens ``first`` to ``last`` (exclusive) of a clause; None: not known."""

    first: int
    last: int
    entry: _Entry | None
    colors: tuple[str, ...] = ()


def _normal(word: str) -> str:
    """Return a word in lower case, without accents and apostrophes."""
    plain = word.lower() if word.isascii() else unicodedata.normalize("NFKD", word).casefold()
    return plain if plain.isalnum() else "".join(char for char in plain if char.isalnum())


def _clauses(text: str) -> Iterator[list[_Token]]:
    """Split a text into its words, at punctuation that separates into several lists of them."""
    start = 0
    for stop in chain((match.start() for match in _BREAK.finditer(text)), (len(text),)):
        found = (_Token(*match.span(), _normal(match[0])) for match in _TOKEN.finditer(text, start, stop))
        yield [token for token in found if token.key]
        start = stop


def normal_form(text: str) -> str:
    """Return the normal form of a phrase: in lower case, without accents and signs; empty if no letter is left."""
    return " ".join(filter(None, map(_normal, _TOKEN.findall(text))))


def _singulars(phrase: str, plurals: Mapping[str, str]) -> Iterator[str]:
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


def _close_downwards(data: _Data) -> dict[str, tuple[int, ...]]:
    """Return the rows at or below every synset, those first whose names are in most frequent use."""
    below: dict[str, list[int]] = {synset: [] for synset in data["synsets"]}
    for row in _frequent_first(data):
        above = {data["classes"][row][0]}
        waiting = list(above)
        while waiting:
            current = waiting.pop()
            below[current].append(row)
            parents = set(data["synsets"][current][1]) - above
            above |= parents
            waiting.extend(parents)
    return {synset: tuple(rows) for synset, rows in below.items()}


def _frequent_first(data: _Data) -> list[int]:
    """Return all rows, those first whose names are in most frequent use."""
    uses = [max(lemma[2] for lemma in data["synsets"][synset][0]) for synset, _ in data["classes"]]
    return sorted(range(len(uses)), key=lambda row: -uses[row])


def _choose(senses: Sequence[_Sense]) -> list[_Sense]:
    """Choose the senses that a person means by a word, as the module describes."""
    names = [sense for sense in senses if sense.is_name]
    if names:
        return names
    known = [sense for sense in senses if sense.every < 3 or 10 * sense.uses >= sense.every]
    most = max((sense.uses for sense in known), default=0)
    return [sense for sense in known if 3 * sense.uses >= most]


def _unite(lists: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Join tuples of rows, every row once."""
    return tuple(dict.fromkeys(chain.from_iterable(lists)))


class _Reader:
    """Turns the data into entries; used once, while a vocabulary is made."""

    def __init__(self, data: _Data, learned: Sequence[Sequence[str]]) -> None:
        self._data, self._learned = data, learned
        self._rows = _close_downwards(data)
        self._labels = dict(data["classes"])
        self._vague = {
            *data["vague"],
            *(name for name, rows in self._rows.items() if 2 * len(rows) > len(self._labels)),
        }

    def entries(self) -> dict[str, _Entry]:
        """Return every known word by its key; where sources disagree, the earlier one of these wins."""
        found: dict[str, _Entry] = {}
        sources = (self._everyday, self._nouns, self._scientific, self._display_names)
        for entry in chain.from_iterable(source() for source in sources):
            found.setdefault(normal_form(entry.word), entry)
        for row, words in enumerate(self._learned, len(self._data["classes"])):
            found.update(self._with_learned(found, words, row))
        return found

    def _with_learned(self, found: Mapping[str, _Entry], words: Sequence[str], row: int) -> dict[str, _Entry]:
        """Synonyms with a learned row, behind the rows of the first of them that the classifier knows."""
        forms = (form for word in words for form in _singulars(normal_form(word), self._data["plurals"]))
        known = next((found[form].rows for form in forms if form in found and found[form].rows), ())
        return {normal_form(word): _Entry(word, words[0], known, is_everyday=True, learned=row) for word in words}

    def _everyday(self) -> Iterator[_Entry]:
        for words, rows in self._data["meanings"]:
            for word in words:
                yield _Entry(word, words[0], tuple(rows), is_everyday=bool(rows))

    def _nouns(self) -> Iterator[_Entry]:
        for word, senses in self._senses().items():
            chosen = _choose(sorted(senses, key=lambda sense: sense.number))
            if chosen:
                rows = _unite([self._rows[sense.synset] for sense in chosen])
                name = self._name(chosen[0].synset) if len(chosen) == 1 else word
                yield _Entry(word, name, rows, sum(sense.uses for sense in chosen))

    def _senses(self) -> dict[str, list[_Sense]]:
        """Return the senses of every word that are not vague."""
        senses: dict[str, list[_Sense]] = defaultdict(list)
        spelling: dict[str, str] = {}
        for synset, entry in self._data["synsets"].items():
            if synset in self._vague:
                continue
            for place, (lemma, number, uses, every) in enumerate(entry[0]):
                word = spelling.setdefault(normal_form(lemma), lemma)
                is_name = place == 0 and synset in self._labels
                senses[word].append(_Sense(synset, number, uses, every, is_name))
        return senses

    def _scientific(self) -> Iterator[_Entry]:
        for synset, entry in self._data["synsets"].items():
            for lemma in entry[2] if len(entry) == 3 else ():
                yield _Entry(lemma, self._name(synset), self._rows[synset], is_scientific=True)

    def _display_names(self) -> Iterator[_Entry]:
        for row, (_, label) in enumerate(self._data["classes"]):
            yield _Entry(label, label, (row,))

    def _name(self, synset: str) -> str:
        """Return the display name of a class, the first lemma of any other synset."""
        return self._labels.get(synset) or self._data["synsets"][synset][0][0][0]


class Vocabulary:
    """The words that stand for classes of the classifier.

    Parameters
    ----------
    data : mapping
        The content of the JSON file; `load` reads the one that comes with SegSearch.
    learned : sequence of sequence of str
        Synonyms of each learned word.
    """

    def __init__(self, data: _Data, learned: Sequence[Sequence[str]] = ()) -> None:
        self._labels = tuple(label for _, label in data["classes"])
        self._plurals = data["plurals"]
        self._entries = _Reader(data, learned).entries()
        self._joined: dict[str, _Entry] = {}
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
        named = {normal_form(name): _Entry(name, name, (), concept=key) for name, key in (names or {}).items()}
        clauses = list(_clauses(text))
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
        named = {normal_form(name): _Entry(name, name, (), concept=key) for name, key in names.items()}
        found = [term for tokens in _clauses(text) for term in self._divided(text, tokens, named)]
        whole = " ".join(text.split())
        return Reading(tuple(dict.fromkeys(found)) or (Term(whole, whole, (), ()),), (), ())

    def _divided(self, text: str, tokens: Sequence[_Token], named: Mapping[str, _Entry]) -> Iterator[Term]:
        """The names and phrases of a clause, in order."""
        phrase: list[_Token] = []
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
        self, text: str, clauses: Sequence[Sequence[_Token]], fillers: frozenset[str], named: Mapping[str, _Entry]
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

    def _term(self, words: str, entry: _Entry) -> Term:
        labels = tuple(self._labels[row] for row in entry.rows)
        return Term(words, entry.name, entry.rows, labels, entry.concept, entry.learned)

    def _matches(self, tokens: Sequence[_Token], fillers: frozenset[str], named: Mapping[str, _Entry]) -> list[_Match]:
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

    def _named_at(self, tokens: Sequence[_Token], first: int, named: Mapping[str, _Entry]) -> _Match | None:
        """The longest name at a place that people gave, in the singular or the plural."""
        longest = max((key.count(" ") + 1 for key in named), default=0)
        for last in range(min(first + longest + 1, len(tokens)), first, -1):
            phrase = " ".join(token.key for token in tokens[first:last])
            entry = next((named[form] for form in _singulars(phrase, self._plurals) if form in named), None)
            if entry is not None:
                return _Match(first, last, entry)
        return None

    def _match_at(self, tokens: Sequence[_Token], first: int, fillers: frozenset[str]) -> _Match:
        for last in range(min(first + self._longest, len(tokens)), first, -1):
            keys = [token.key for token in tokens[first:last]]
            if len(keys) == 1 and keys[0] in fillers:
                break
            entry = self._find(keys, may_join=not fillers.intersection(keys))
            if entry is not None:
                return _Match(first, last, entry)
        return _Match(first, first + 1, None)

    def _find(self, keys: Sequence[str], *, may_join: bool) -> _Entry | None:
        """Find a phrase as it is, in the singular, or with its words joined or apart."""
        phrase = " ".join(keys)
        tried = (self._entries.get(form) for form in _singulars(phrase, self._plurals))
        entry = next((entry for entry in tried if entry is not None), None)
        if entry is None and may_join and min(map(len, keys)) > 1:
            tried = (self._joined.get(form) for form in _singulars(phrase.replace(" ", ""), self._plurals))
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


def _phrase(text: str, tokens: Sequence[_Token]) -> Iterator[Term]:
    """The term of a phrase without the fillers at its ends, if anything is left."""
    kept = [row for row, token in enumerate(tokens) if token.key not in FILLERS]
    if kept:
        words = " ".join(text[tokens[kept[0]].start : tokens[kept[-1]].end].split())
        yield Term(words, words, (), ())


def _colored(tokens: Sequence[_Token], matches: Sequence[_Match]) -> list[_Match]:
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


def _prominence(item: tuple[str, _Entry]) -> tuple[bool, bool, int, int, str]:
    """Order completions: everyday words, canonical ones first, then frequent ones, then short ones."""
    key, entry = item
    return (not entry.is_everyday, entry.is_everyday and entry.word != entry.name, -entry.uses, len(key), key)


@cache
def _load(path: Path) -> Vocabulary:
    try:
        data: _Data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsMissingError(
            f"the word vocabulary {path} is not there; build it with python -m training.build_vocabulary"
        ) from None
    return Vocabulary(data, read_learned_words())


def read_learned_words() -> list[list[str]]:
    """Synonyms of each learned word, in the order of their rows.

    Raises
    ------
    WeightsMissingError
        The data file is not there.
    """
    try:
        found: list[list[str]] = json.loads(LEARNED_FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsMissingError(f"{LEARNED_FILE} is missing: restore it with `git checkout`") from None
    return found
