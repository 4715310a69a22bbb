"""The known words, each with its classes: from WordNet's noun hierarchy, a supplement, and what was learned.

A word stands for the classes at or below its senses in WordNet's noun hierarchy: "dog" for the 118 breeds, "animal"
for every animal. The data is ``data/imagenet_wordnet.json``, built by ``training/build_vocabulary.py``;
``training/vocabulary_supplement.py`` has everyday words that WordNet would read in another way than people mean them.

Which senses of a word are taken:

1. what the supplement says, if it says anything;
2. the classes that the word is the name of ("mouse" is the device, though WordNet's first mouse is the animal);
3. else its senses with classes below them, in WordNet's order, without the obscure ones: those under which no one
   looks for pictures, those that make up less than a tenth of the word's tagged uses (of three or more), and those
   tagged less than a third as often as the commonest one that is left.

``data/learned_words.json`` adds words that were learned from annotated objects, each a list of synonyms, and
``data/added_words.json`` words of stuff, parts and more things; their rows come after the classifier's, in this order.
A word that the classifier knows too has both.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TypedDict

from ..errors import WeightsMissingError
from .tokens import normal_form, singulars

DATA_FILE = Path(__file__).resolve().parents[1] / "data" / "imagenet_wordnet.json"
LEARNED_FILE = DATA_FILE.with_name("learned_words.json")
ADDED_FILE = DATA_FILE.with_name("added_words.json")
_Lemma = tuple[str, int, int, int]


class WordNetData(TypedDict):
    """The JSON file; documented in training/build_vocabulary.py."""

    classes: list[tuple[str, str]]
    synsets: dict[str, tuple[list[_Lemma], list[str]] | tuple[list[_Lemma], list[str], list[str]]]
    vague: list[str]
    plurals: dict[str, str]
    meanings: list[tuple[list[str], list[int]]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A known word. No rows: it is known to have no class."""

    word: str
    name: str
    rows: tuple[int, ...]
    uses: int = 0
    is_everyday: bool = False
    is_scientific: bool = False
    concept: int | None = None
    learned: int | None = None
    substitutes: tuple[tuple[str, float], ...] = ()

    @property
    def says_something(self) -> bool:
        """Whether there is anything to search by."""
        return bool(self.rows or self.substitutes) or self.concept is not None or self.learned is not None

    @property
    def meaning(self) -> tuple[object, ...]:
        """A key that entries of the same meaning share; each noun with substitutes has its own."""
        return frozenset(self.rows), self.concept, self.learned, self.name if self.substitutes else None


def entries_of(data: WordNetData, learned: Sequence[Sequence[str]]) -> dict[str, Entry]:
    """Return every known word by its normal form.

    Parameters
    ----------
    data : mapping
        The content of `DATA_FILE`.
    learned : sequence of sequence of str
        Synonyms of each learned word.
    """
    return _Reader(data, learned).entries()


def read_wordnet_data(path: Path = DATA_FILE) -> WordNetData:
    """Read the classes and their place in WordNet.

    Raises
    ------
    WeightsMissingError
        The data file is not there.
    """
    try:
        data: WordNetData = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsMissingError(
            f"the word vocabulary {path} is missing; build it with python -m training.build_vocabulary"
        ) from None
    return data


@cache
def class_labels() -> tuple[str, ...]:
    """The display name of each of the classifier's classes, in its order.

    Raises
    ------
    WeightsMissingError
        The data file is not there.
    """
    return tuple(label for _, label in read_wordnet_data()["classes"])


def read_learned_words() -> list[list[str]]:
    """Synonyms of each word that was learned with the projection, in the order of their rows.

    Raises
    ------
    WeightsMissingError
        The data file is not there.
    """
    return _read_synonyms(LEARNED_FILE)


def read_added_words() -> list[list[str]]:
    """Synonyms of each word that was learned afterwards; their rows come after those of `read_learned_words`.

    Raises
    ------
    WeightsMissingError
        The data file is not there.
    """
    return _read_synonyms(ADDED_FILE)


def _read_synonyms(path: Path) -> list[list[str]]:
    try:
        found: list[list[str]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsMissingError(f"{path} is missing: restore it with `git checkout -- {path}`") from None
    return found


@dataclass(frozen=True, slots=True)
class _Sense:
    """One sense of a word: a synset with classes at or below it."""

    synset: str
    number: int
    uses: int
    every: int
    is_name: bool


class _Reader:
    """Turns the data into entries; used once, while a vocabulary is made."""

    def __init__(self, data: WordNetData, learned: Sequence[Sequence[str]]) -> None:
        self._data, self._learned = data, learned
        self._rows = _close_downwards(data)
        self._labels = dict(data["classes"])
        self._vague = {
            *data["vague"],
            *(name for name, rows in self._rows.items() if 2 * len(rows) > len(self._labels)),
        }

    def entries(self) -> dict[str, Entry]:
        """Return every known word by its key; where sources disagree, the earlier one of these wins."""
        found: dict[str, Entry] = {}
        sources = (self._everyday, self._nouns, self._scientific, self._display_names)
        for entry in chain.from_iterable(source() for source in sources):
            found.setdefault(normal_form(entry.word), entry)
        for row, words in enumerate(self._learned, len(self._data["classes"])):
            found.update(self._with_learned(found, words, row))
        return found

    def _with_learned(self, found: Mapping[str, Entry], words: Sequence[str], row: int) -> dict[str, Entry]:
        """Synonyms with a learned row, behind the rows of the first of them that the classifier knows."""
        forms = (form for word in words for form in singulars(normal_form(word), self._data["plurals"]))
        known = next((found[form].rows for form in forms if form in found and found[form].rows), ())
        return {normal_form(word): Entry(word, words[0], known, is_everyday=True, learned=row) for word in words}

    def _everyday(self) -> Iterator[Entry]:
        for words, rows in self._data["meanings"]:
            for word in words:
                yield Entry(word, words[0], tuple(rows), is_everyday=bool(rows))

    def _nouns(self) -> Iterator[Entry]:
        for word, senses in self._senses().items():
            chosen = _choose(sorted(senses, key=lambda sense: sense.number))
            if chosen:
                rows = _unite([self._rows[sense.synset] for sense in chosen])
                name = self._name(chosen[0].synset) if len(chosen) == 1 else word
                yield Entry(word, name, rows, sum(sense.uses for sense in chosen))

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

    def _scientific(self) -> Iterator[Entry]:
        for synset, entry in self._data["synsets"].items():
            for lemma in entry[2] if len(entry) == 3 else ():
                yield Entry(lemma, self._name(synset), self._rows[synset], is_scientific=True)

    def _display_names(self) -> Iterator[Entry]:
        for row, (_, label) in enumerate(self._data["classes"]):
            yield Entry(label, label, (row,))

    def _name(self, synset: str) -> str:
        """Return the display name of a class, the first lemma of any other synset."""
        return self._labels.get(synset) or self._data["synsets"][synset][0][0][0]


def _close_downwards(data: WordNetData) -> dict[str, tuple[int, ...]]:
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


def _frequent_first(data: WordNetData) -> list[int]:
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
