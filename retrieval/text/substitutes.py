"""Known words that stand for nouns that are not known: "canoe" and "boat" for "kayak".

The table is ``data/substitutes.json``, made by :mod:`training.build_substitutes` from WordNet and from how near the
meanings of words and definitions are to a sentence encoder. A search by such a word goes by a convex combination of the
substitutes' directions, as in Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR
2014, section 3; the answer says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import WeightsMissingError
from .lexicon import DATA_FILE, Entry

SUBSTITUTES_FILE: Path = DATA_FILE.with_name("substitutes.json")

Weighted = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Substitutes:
    """The table.

    Attributes
    ----------
    words : dict of str to tuple
        By the normal form of a noun: known words with their weights, which sum to 1, the nearest first.
    near : dict of str to tuple of str
        By the normal form of a noun that nothing known can stand for: the nearest known words, to be suggested.
    """

    words: dict[str, Weighted] = field(default_factory=dict)
    near: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def entry(self, forms: Iterable[str]) -> Entry | None:
        """The entry of the first form of a noun that is in the table; it says nothing if there are no substitutes."""
        form = next((form for form in forms if form in self.words or form in self.near), None)
        return None if form is None else Entry(form, form, (), substitutes=self.words.get(form, ()))

    def suggested(self, forms: Iterable[str]) -> list[str]:
        """Known words that are near to the first form of a word that has any."""
        return list(next((self.near[form] for form in forms if form in self.near), ()))


def read_substitutes(path: Path = SUBSTITUTES_FILE) -> Substitutes:
    """Read the table.

    Raises
    ------
    WeightsMissingError
        The data file is not there.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsMissingError(f"{path} is missing: restore it with `git checkout -- {path}`") from None
    known: list[str] = data["known"]
    words = {word: tuple((known[row], share / 100) for row, share in pairs) for word, pairs in data["words"].items()}
    return Substitutes(words, {word: tuple(known[row] for row in rows) for word, rows in data["near"].items()})
