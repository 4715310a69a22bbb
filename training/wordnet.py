"""The nouns of WordNet 3.0, from its database files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click


@dataclass
class Synset:
    """A noun synset of WordNet, with the synsets directly above it."""

    lemmas: list[str]
    parents: list[str]


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
    notice : list of str
        The licence notice at the head of the files.
    """

    synsets: dict[str, Synset]
    senses: dict[str, list[str]]
    uses: Counter[tuple[str, int]]
    plurals: dict[str, str]
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
        notice=notice,
    )


def _parse_synset(line: str) -> tuple[str, Synset]:
    """Parse one line of data.noun."""
    words = line.split("|", 1)[0].split()
    count = int(words[3], 16)
    lemmas = words[4 : 4 + 2 * count : 2]
    pointers = words[5 + 2 * count :]
    parents = [target for kind, target in zip(pointers[::4], pointers[1::4], strict=False) if kind in ("@", "@i")]
    return words[0], Synset(lemmas, parents)


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
