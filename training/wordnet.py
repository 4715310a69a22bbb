"""The nouns of WordNet 3.0, from its database files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

PERSON = 18
"""The lexicographer file of people."""

_ABOVE = ("@", "@i")
_WHOLES_AND_PARTS = ("#p", "#m", "#s", "%p", "%m", "%s")


@dataclass
class Synset:
    """A noun synset of WordNet.

    Attributes
    ----------
    lemmas : list of str
    parents : list of str
        The synsets directly above it: hypernyms and instance hypernyms.
    wholes_and_parts : list of str
        Its holonyms and meronyms.
    topic : int
        The lexicographer file that it is from, such as `PERSON`.
    definition : str
        Without the examples.
    """

    lemmas: list[str]
    parents: list[str]
    wholes_and_parts: list[str] = field(default_factory=list)
    topic: int = 0
    definition: str = ""


@dataclass
class WordNet:
    """The nouns of WordNet.

    Attributes
    ----------
    synsets : dict
        By offset.
    senses : dict
        Offsets of a word's senses, by lemma in lower case, in the order of the sense numbers.
    uses : Counter
        How often ``(lemma, sense number)`` was tagged in WordNet's corpora.
    plurals : dict
        Singulars by irregular plural.
    other_uses : Counter
        How often a lemma was tagged as a verb, an adjective or an adverb.
    notice : list of str
        The licence notice at the head of the files.
    """

    synsets: dict[str, Synset]
    senses: dict[str, list[str]]
    uses: Counter[tuple[str, int]]
    plurals: dict[str, str]
    other_uses: Counter[str] = field(default_factory=Counter)
    notice: list[str] = field(default_factory=list)

    def offset(self, sense: str) -> str:
        """Return the synset that a sense ``lemma.number`` names."""
        lemma, _, number = sense.rpartition(".")
        try:
            return self.senses[lemma][int(number) - 1]
        except (KeyError, ValueError, IndexError):
            raise click.ClickException(f"WordNet has no noun sense {sense}") from None


def read_wordnet(directory: Path) -> WordNet:
    """Read WordNet's noun files.

    Parameters
    ----------
    directory : Path
        Where ``data.noun`` and its siblings are.

    Returns
    -------
    WordNet
    """
    text = (directory / "data.noun").read_text(encoding="ascii").splitlines()
    notice = [re.sub(r"^ +\d+ ?", "", line).rstrip() for line in text if line.startswith(" ")]
    plurals: dict[str, str] = {}
    for line in _rows_of(directory / "noun.exc"):
        plural, *singulars = line.split()
        plurals.setdefault(plural, singulars[0])
    return WordNet(
        synsets=dict(_parse_synset(line) for line in text if not line.startswith(" ")),
        senses=_read_senses(directory / "index.noun"),
        uses=_read_uses(directory / "cntlist.rev"),
        plurals=plurals,
        other_uses=_read_other_uses(directory / "cntlist.rev"),
        notice=notice,
    )


def _parse_synset(line: str) -> tuple[str, Synset]:
    """Parse one line of data.noun."""
    head, _, gloss = line.partition("|")
    words = head.split()
    count = int(words[3], 16)
    lemmas = words[4 : 4 + 2 * count : 2]
    pointers = words[5 + 2 * count :]
    targets = list(zip(pointers[::4], pointers[1::4], strict=False))
    return words[0], Synset(
        lemmas,
        parents=[target for kind, target in targets if kind in _ABOVE],
        wholes_and_parts=[target for kind, target in targets if kind in _WHOLES_AND_PARTS],
        topic=int(words[1]),
        definition=re.sub(r'"[^"]*"?', "", gloss).strip(" ;"),
    )


def _rows_of(path: Path) -> Iterator[str]:
    """Yield the lines of a database file, without the notice at its head."""
    return (line for line in path.read_text(encoding="ascii").splitlines() if not line.startswith(" "))


def _read_senses(path: Path) -> dict[str, list[str]]:
    """Read index.noun: the offsets of every lemma's senses."""
    senses = {}
    for line in _rows_of(path):
        words = line.split()
        senses[words[0]] = words[-int(words[2]) :]
    return senses


def _read_uses(path: Path) -> Counter[tuple[str, int]]:
    """Read cntlist.rev: how often every noun sense was tagged."""
    uses: Counter[tuple[str, int]] = Counter()
    for line in _rows_of(path):
        key, number, count = line.split()
        lemma, _, kind = key.partition("%")
        if kind.startswith("1:"):
            uses[lemma, int(number)] += int(count)
    return uses


def _read_other_uses(path: Path) -> Counter[str]:
    """Read cntlist.rev: how often every lemma was tagged as anything but a noun."""
    uses: Counter[str] = Counter()
    for line in _rows_of(path):
        key, _, count = line.split()
        lemma, _, kind = key.partition("%")
        if not kind.startswith("1:"):
            uses[lemma] += int(count)
    return uses
