"""Build the table of substitutes: for nouns that are not known, the known words that come nearest.

::

    python -m training.build_substitutes --wordnet DIR --encoder DIR --out retrieval/data/substitutes.json

The first ``DIR`` is that of :mod:`training.build_vocabulary`, the second that of :mod:`training.sentence_encoder`.
No step is random.

How near a known word is to a noun is the greater of two figures:

- *taxonomy*: Lin's similarity of the two synsets in WordNet's hierarchy, together with the cosines of their
  definitions and of the two words by the sentence encoder;
- *association*: the cosines alone, less `ASSOCIATION`, so that a kind of thing goes before what is only found with it.
  If the two words share letters ("grass", "grasshopper"), the definitions decide alone, since encoders take words that
  are spelled alike for words of a like meaning.

A part is also near to its whole, everybody is a person, and a palm tree is a tree (`KINDS`). From `ANSWERED` on, known
words stand for the noun, weighted by a softmax; from `SUGGESTED` on, they are only suggested.

The file is one object: ``known``, the known words; ``words``, ``{noun: [[row of known, percent], …]}``; ``near``,
``{noun: [row of known, …]}``; ``source`` and ``license``.

References
----------
Lin, "An Information-Theoretic Definition of Similarity", ICML 1998, section 5.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from retrieval.images.colors import WORDS
from retrieval.text.lexicon import Entry, entries_of, read_added_words, read_learned_words, read_wordnet_data
from retrieval.text.phrases import phrase_at
from retrieval.text.tokens import FILLERS, Token, normal_form, singulars
from retrieval.types import Vectors

from .build_vocabulary import is_scientific, reparent
from .sentence_encoder import SentenceEncoder
from .substitutes_supplement import GIVEN, KNOWN_SENSES, MEANT
from .wordnet import PERSON, WordNet, read_wordnet

SOURCE = "WordNet 3.0 (https://wordnet.princeton.edu) and the sentence encoder all-MiniLM-L6-v2; see training/"

ANSWERED = 0.43
SUGGESTED = 0.33
ASSOCIATION = 0.07
MARGIN = 0.15
"""Known words that are less near than the nearest by more than this are left out."""
SUBSTITUTES = 4
"""At most so many stand for a noun."""
TEMPERATURE = 0.08
WHOLE = 0.6
"""The least taxonomic similarity of a part and its whole."""
PERSON_NEARNESS = 0.45
"""The least nearness of everybody to a person, who comes at most `PERSON_MARGIN` behind what is nearest."""
PERSON_MARGIN = 0.03
BROADEST = 60
"""Words for more classes than this stand for nothing else: "animal" is no answer to "deer"."""

TOPICS = {5, 6, 8, 13, 15, 17, PERSON, 19, 20, 27}
"""Lexicographer files of what can be seen: animals, artefacts, bodies, food, places, objects, people, phenomena …"""
LOOSE_TOPICS = {10, 11, 14, 21, 25, 28}
"""Those of which some single words can be seen: signs, events, groups, possessions, shapes, times of day."""
COMPOUND_TOPICS = {6, 13, 15, 17}
"""Those of which compounds are taken, too: few people ask for the 13,000 species and roles of several words."""

PLANTS = 20
KINDS = ("tree", "plant", "grass", "flower", "fruit")
"""Compounds of plants that end in one of these are kinds of it: "tree" stands for "palm tree"."""

MODIFIED = 0.1
"""Subtracted from a compound that the noun modifies and that is no kind of it: "snowplow" is no answer to "snow"."""

_NOUN = re.compile(r"[a-z'-]+(?:_[a-z'-]+){0,2}")


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun with the sense that it is taken in, a synset's offset."""

    text: str
    synset: str


class Taxonomy:
    """Lin's similarity of synsets, by how often each and what is below it was tagged in WordNet's corpora."""

    def __init__(self, wordnet: WordNet) -> None:
        self._wordnet = wordnet
        counts: dict[str, float] = dict.fromkeys(wordnet.synsets, 1.0)
        for lemma, senses in wordnet.senses.items():
            for number, offset in enumerate(senses, 1):
                counts[offset] += wordnet.uses[lemma, number]
        below: dict[str, float] = defaultdict(float)
        for offset, count in counts.items():
            for above in self.ancestors(offset):
                below[above] += count
        total = sum(counts.values())
        self._information = {offset: -math.log(count / total) for offset, count in below.items()}

    def ancestors(self, offset: str) -> set[str]:
        """A synset and all that are above it."""
        found, waiting = {offset}, [offset]
        while waiting:
            parents = set(self._wordnet.synsets[waiting.pop()].parents) - found
            found |= parents
            waiting.extend(parents)
        return found

    def similarities(self, offset: str, others: Sequence[str], below: Mapping[str, list[int]]) -> NDArray[np.float64]:
        """Lin's similarity to each of `others`, (N,); `below` has the rows of those at or below each synset."""
        shared = np.zeros(len(others))
        for above in self.ancestors(offset):
            rows = below.get(above, [])
            shared[rows] = np.maximum(shared[rows], self._information[above])
        own = self._information[offset]
        return np.minimum(2 * shared / (own + np.array([self._information[other] for other in others])), 1)


class Nearness:
    """How near known words are to nouns.

    Parameters
    ----------
    wordnet : WordNet
    encoder : SentenceEncoder
    known : sequence of Noun
        The known words.
    """

    def __init__(self, wordnet: WordNet, encoder: SentenceEncoder, known: Sequence[Noun]) -> None:
        self.known = known
        self._wordnet, self._encoder, self._taxonomy = wordnet, encoder, Taxonomy(wordnet)
        self._synsets = [each.synset for each in known]
        self._names = encoder.embed([each.text for each in known])
        self._definitions = encoder.embed([self.definition(synset) for synset in self._synsets])
        self._said = [plain(each.text).lower().split() for each in known]
        self._rows: dict[str, list[int]] = defaultdict(list)
        self._below: dict[str, list[int]] = defaultdict(list)
        for row, offset in enumerate(self._synsets):
            self._rows[offset].append(row)
            for above in self._taxonomy.ancestors(offset):
                self._below[above].append(row)
        self._wholes: dict[str, set[str]] = defaultdict(set)
        for offset, synset in wordnet.synsets.items():
            for other in synset.wholes_and_parts:
                self._wholes[offset].add(other)
                self._wholes[other].add(offset)

    def definition(self, offset: str) -> str:
        """The synonyms of a synset with its definition, as the encoder reads it."""
        synset = self._wordnet.synsets[offset]
        return f"{', '.join(plain(lemma) for lemma in synset.lemmas[:3])}: {synset.definition}"

    def of(self, nouns: Sequence[Noun]) -> Iterator[NDArray[np.float64]]:
        """How near every known word is to each noun, (K,) for each."""
        names = self._encoder.embed([plain(noun.text) for noun in nouns])
        definitions = self._encoder.embed([self.definition(noun.synset) for noun in nouns])
        for noun, name, definition in zip(nouns, names, definitions, strict=True):
            yield self._of(noun, self._names @ name, self._definitions @ definition)

    def _of(self, noun: Noun, names: Vectors, definitions: Vectors) -> NDArray[np.float64]:
        taxonomic = self._taxonomy.similarities(noun.synset, self._synsets, self._below)
        for whole in self._wholes[noun.synset]:
            rows = self._rows.get(whole, [])
            taxonomic[rows] = np.maximum(taxonomic[rows], WHOLE)
        others = taxonomic < WHOLE
        said = plain(noun.text).split()
        alike = np.array([spelled_alike(said, words) for words in self._said]) & others
        names = np.where(alike, np.minimum(names, definitions), names)
        kinds = 0.4 * definitions + 0.25 * names + 0.35 * taxonomic
        modified = np.array([words[: len(said)] == said for words in self._said]) & others
        near = np.maximum(kinds, (definitions + names) / 2 - ASSOCIATION) - MODIFIED * modified
        if self._wordnet.synsets[noun.synset].topic == PERSON:
            person = [each.text == "person" for each in self.known]
            near = np.where(person, np.maximum(near.max() - PERSON_MARGIN, PERSON_NEARNESS), near)
        return np.asarray(near, dtype=np.float64)


def plain(text: str) -> str:
    """A lemma or a display name as it is said: "plate" of "plate (main course)"."""
    return re.sub(r" \(.*", "", text.replace("_", " "))


def spelled_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a word of one begins like a word of the other, by four letters or all of a shorter word, or holds it."""
    return any(a[:4] == b[:4] or (min(len(a), len(b)) > 2 and (a in b or b in a)) for a in one for b in other)


def known_words(wordnet: WordNet) -> list[Noun]:
    """The known words that may stand for others, each in the sense with most of its classes."""
    data = read_wordnet_data()
    classes = [synset.removeprefix("n") for synset, _ in data["classes"]]
    labels = {label: classes[row] for row, (_, label) in enumerate(data["classes"])}
    taxonomy = Taxonomy(wordnet)
    above = [taxonomy.ancestors(synset) for synset in classes]
    found: dict[str, Noun] = {}
    for entry in entries_of(data, [*read_learned_words(), *read_added_words()]).values():
        if entry.name not in found and _may_stand_in(entry, is_class=entry.name in labels):
            synset = labels.get(entry.name) or _sense_of(wordnet, entry, above)
            if synset is not None:
                found[entry.name] = Noun(entry.name, synset)
    return list(found.values())


def _may_stand_in(entry: Entry, *, is_class: bool) -> bool:
    """Whether a known word is one that people use, and not too broad."""
    is_plain = entry.says_something and not entry.is_scientific
    is_used = is_class or entry.is_everyday or entry.uses > 0
    return is_plain and is_used and (entry.learned is not None or len(entry.rows) <= BROADEST)


def _sense_of(wordnet: WordNet, entry: Entry, above: Sequence[set[str]]) -> str | None:
    if entry.name in KNOWN_SENSES:
        return wordnet.offset(KNOWN_SENSES[entry.name])
    senses = wordnet.senses.get(entry.name.lower().replace(" ", "_"), [])
    covered = [sum(sense in above[row] for row in entry.rows) for sense in senses]
    if any(covered):
        return senses[int(np.argmax(covered))]
    seen = [sense for sense in senses if wordnet.synsets[sense].topic in TOPICS]
    return seen[0] if seen and entry.learned is not None else None


def unknown_nouns(wordnet: WordNet, encoder: SentenceEncoder) -> list[Noun]:
    """The nouns of WordNet for what can be seen that are not known, each in the sense that is most likely meant.

    Words that are mostly used as verbs, adjectives or adverbs are left out, and so are proper names.
    """
    data = read_wordnet_data()
    told = {
        key
        for key, entry in entries_of(data, [*read_learned_words(), *read_added_words()]).items()
        if entry.says_something
    }
    choices: dict[str, list[tuple[int, str]]] = {}
    for lemma, senses in wordnet.senses.items():
        form = normal_form(lemma)
        if not _NOUN.fullmatch(lemma) or _means_something_else(wordnet, lemma, form):
            continue
        if any(each in told for each in singulars(form, data["plurals"])):
            continue
        topics = COMPOUND_TOPICS if "_" in lemma else TOPICS | LOOSE_TOPICS
        seen = [(number, sense) for number, sense in enumerate(senses, 1) if wordnet.synsets[sense].topic in topics]
        seen = [(number, sense) for number, sense in seen if not _is_proper(wordnet, lemma, sense)]
        if seen:
            choices[lemma] = seen
    return list(_likeliest_senses(wordnet, encoder, choices))


def kinds_of_plants(wordnet: WordNet) -> Iterator[tuple[str, str]]:
    """Compounds such as "palm tree", and the known word that they are a kind of."""
    for lemma, senses in wordnet.senses.items():
        form = normal_form(lemma)
        head = form.rpartition(" ")[2]
        is_plant = any(wordnet.synsets[sense].topic == PLANTS for sense in senses)
        if head in KINDS and head != form and is_plant and not _means_something_else(wordnet, lemma, form):
            yield form, head


def _is_proper(wordnet: WordNet, lemma: str, sense: str) -> bool:
    """Whether a lemma is a name in a sense: of one thing, or of a genus or a family."""
    spelled = next(each for each in wordnet.synsets[sense].lemmas if each.lower().split("(")[0] == lemma)
    return spelled != lemma and ("_" not in spelled or is_scientific(wordnet, spelled) or spelled[-1].isupper())


def _means_something_else(wordnet: WordNet, lemma: str, form: str) -> bool:
    """Whether a word says nothing by itself, is a colour or begins with one, or is mostly no noun."""
    words = form.split()
    tokens = [Token(0, 0, word) for word in words]
    if words[0] in WORDS or words[0] in FILLERS or words[-1] in FILLERS or phrase_at(tokens, 0):
        return True
    uses = sum(wordnet.uses[lemma, number] for number in range(1, len(wordnet.senses[lemma]) + 1))
    return wordnet.other_uses[lemma] > 2 * uses + 30


def _likeliest_senses(
    wordnet: WordNet, encoder: SentenceEncoder, choices: Mapping[str, Sequence[tuple[int, str]]]
) -> Iterator[Noun]:
    """Of several senses the one that is used most, comes first, and is defined like the word by itself."""
    several = {lemma: seen for lemma, seen in choices.items() if len(seen) > 1}
    synsets = sorted({sense for seen in several.values() for _, sense in seen})
    definitions = dict(zip(synsets, encoder.embed([wordnet.synsets[each].definition for each in synsets]), strict=True))
    names = dict(zip(several, encoder.embed([plain(lemma) for lemma in several]), strict=True))
    for lemma, seen in choices.items():
        if len(seen) == 1:
            yield Noun(lemma, seen[0][1])
            continue
        if lemma in MEANT:
            yield Noun(lemma, wordnet.offset(MEANT[lemma]))
            continue
        loose = np.array([wordnet.synsets[sense].topic in LOOSE_TOPICS for _, sense in seen])
        uses = np.array([wordnet.uses[lemma, number] for number, _ in seen], float)
        first = 1 / np.array([number for number, _ in seen])
        alike = np.array([definitions[sense] @ names[lemma] for _, sense in seen])
        scores = alike + 0.4 * uses / (uses.sum() + 1) + 0.3 * first - 0.3 * loose
        yield Noun(lemma, seen[int(scores.argmax())][1])


def chosen(near: NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """The rows of the nearest known words with their weights in percent, which sum to 100; none below `least`."""
    order = np.argsort(-near, kind="stable")[:SUBSTITUTES]
    rows = order[near[order] >= max(least, near[order[0]] - MARGIN)]
    if not len(rows):
        return []
    weights = np.exp((near[rows] - near[rows[0]]) / TEMPERATURE)
    percent = np.floor(100 * weights / weights.sum()).astype(int)
    percent[0] += 100 - percent.sum()
    return [(int(row), int(share)) for row, share in zip(rows, percent, strict=True) if share > 0]


def build(wordnet: WordNet, encoder: SentenceEncoder) -> dict[str, object]:
    """Assemble the table, as the module describes it."""
    reparent(wordnet)
    known = known_words(wordnet)
    nouns = unknown_nouns(wordnet, encoder)
    words: dict[str, list[tuple[int, int]]] = {}
    near: dict[str, list[int]] = {}
    for noun, found in zip(nouns, Nearness(wordnet, encoder, known).of(nouns), strict=True):
        form = normal_form(noun.text)
        if pairs := chosen(found, ANSWERED):
            words.setdefault(form, pairs)
        elif suggested := chosen(found, SUGGESTED):
            near.setdefault(form, [row for row, _ in suggested])
    row_of = {each.text: row for row, each in enumerate(known)}
    told = {normal_form(each.text) for each in known}
    for form, head in kinds_of_plants(wordnet):
        if form not in told:
            words.setdefault(form, [(row_of[head], 100)])
    for given, name in GIVEN.items():
        words.pop(given, None)
        near.pop(given, None)
        if name:
            words[given] = [(row_of[name], 100)]
    return {
        "source": SOURCE,
        "license": wordnet.notice,
        "known": [each.text for each in known],
        "words": dict(sorted(words.items())),
        "near": {noun: rows for noun, rows in sorted(near.items()) if noun not in words},
    }


def render(table: Mapping[str, object]) -> str:
    """Write the table as JSON with one noun a line."""
    lines = []
    for key, value in table.items():
        text = json.dumps(value, separators=(",", ":"))
        if isinstance(value, dict):
            rows = (f"{json.dumps(word)}:{json.dumps(row, separators=(',', ':'))}" for word, row in value.items())
            text = "{\n" + ",\n".join(rows) + "\n}"
        lines.append(f"{json.dumps(key)}:{text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


@click.command()
@click.option("--wordnet", "directory", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--encoder", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="JSON file to write.")
def main(directory: Path, encoder: Path, out: Path) -> None:
    """Write the table of substitutes."""
    table = build(read_wordnet(directory), SentenceEncoder.load(encoder))
    text = render(table)
    out.write_text(text, encoding="ascii")
    click.echo(f"{out}: {len(text) // 1000} kB")


if __name__ == "__main__":
    main()
