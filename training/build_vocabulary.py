"""Build the word vocabulary: ImageNet's thousand classes in WordNet's noun hierarchy, as one small JSON file.

::

    python -m training.build_vocabulary --wordnet DIR --out retrieval/data/imagenet_wordnet.json

``DIR`` holds WordNet 3.0's database files (``data.noun``, ``index.noun``, ``noun.exc``, ``cntlist.rev``; Debian's
``wordnet-base`` puts them into ``/usr/share/wordnet``). The order of the classes is read from the installed timm.
The same inputs give the same bytes. :mod:`retrieval.text.lexicon` reads the file.

The file is one object, written with one entry a line:

``source``, ``license``
    Where the data comes from, and the notice that WordNet asks every copy to carry.
``classes``
    ``[synset, display name]`` of every row of the classifier, in row order; the lemmas are in ``synsets``.
``synsets``
    ``synset: [lemmas, parents]`` or ``[lemmas, parents, scientific names]`` of every noun synset with a class at or
    below it. A lemma is ``[text, sense number, uses of that sense, uses of all its noun senses]`` as tagged in
    WordNet's corpora; parents are hypernyms and instance hypernyms.
``vague``
    Synsets under which no one would look for pictures.
``plurals``
    Irregular plurals of the words kept.
``meanings``
    ``[[words], [rows]]``: the supplement (:mod:`training.vocabulary_supplement`), which overrules WordNet. No rows:
    the words are known to have no class, whatever WordNet says.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from .vocabulary_supplement import GENERA, LABELS, MEANINGS, PLURALS, REPARENTED, VAGUE
from .wordnet import WordNet, read_wordnet

SOURCE = (
    "WordNet 3.0 (https://wordnet.princeton.edu), reduced to the nouns above the classes of ImageNet-1k and changed"
    " as documented in training/build_vocabulary.py; class order: timm, imagenet_synsets.txt"
)
CLASSES_FILE = Path("data", "_info", "imagenet_synsets.txt")


def read_classes() -> list[str]:
    """Return the offsets of the classifier's classes in row order, from the installed timm (not imported)."""
    spec = find_spec("timm")
    if spec is None or not spec.submodule_search_locations:
        raise click.ClickException("timm is not installed: the order of the classes is read from it")
    path = Path(spec.submodule_search_locations[0]) / CLASSES_FILE
    return [line.strip().removeprefix("n") for line in path.read_text(encoding="ascii").split()]


def reparent(wordnet: WordNet) -> None:
    """Move the synsets of `REPARENTED` to their new places."""
    for sense, parent, _ in REPARENTED:
        wordnet.synsets[wordnet.offset(sense)].parents = [wordnet.offset(parent)] if parent else []


def close_upwards(wordnet: WordNet, classes: Sequence[str]) -> dict[str, set[int]]:
    """Return, for every synset above a class or being one, the rows of those classes."""
    below: dict[str, set[int]] = defaultdict(set)
    for row, offset in enumerate(classes):
        waiting = [offset]
        while waiting:
            current = waiting.pop()
            if row not in below[current]:
                below[current].add(row)
                waiting.extend(wordnet.synsets[current].parents)
    return dict(below)


def _frequent_first(wordnet: WordNet, below: dict[str, set[int]], classes: Sequence[str], offset: str) -> list[int]:
    """Return the rows below a synset, those first whose names are in most frequent use."""

    def uses(row: int) -> int:
        return max(_uses(wordnet, lemma, classes[row])[1] for lemma in wordnet.synsets[classes[row]].lemmas)

    return sorted(below.get(offset, ()), key=lambda row: (-uses(row), row))


def resolve_meanings(
    wordnet: WordNet, below: dict[str, set[int]], classes: Sequence[str]
) -> list[tuple[list[str], list[int]]]:
    """Turn the supplement's senses into rows, refusing senses without classes and words given twice."""
    meanings, seen = [], set[str]()
    for words, senses, _ in MEANINGS:
        rows: list[int] = []
        for sense in senses.split():
            found = _frequent_first(wordnet, below, classes, wordnet.offset(sense))
            if not found:
                raise click.ClickException(f"the supplement's {sense} has no class below it")
            rows += [row for row in found if row not in rows]
        names = [word.strip() for word in words.split(",")]
        if seen & set(names):
            raise click.ClickException(f"the supplement has these twice: {sorted(seen & set(names))}")
        seen.update(names)
        meanings.append((names, rows))
    return meanings


def is_scientific(wordnet: WordNet, lemma: str) -> bool:
    """Tell whether a lemma is a Latin binomial: its first word is a genus."""
    first, _, rest = lemma.partition("_")
    genus = first.lower()
    return bool(rest) and first[0].isupper() and (f"genus_{genus}" in wordnet.senses or genus in GENERA)


def _uses(wordnet: WordNet, lemma: str, offset: str) -> tuple[int, int, int]:
    """Return the sense number that a lemma has in a synset, the uses of that sense, and those of all its senses."""
    key = lemma.lower()
    number = wordnet.senses[key].index(offset) + 1
    every = sum(wordnet.uses[key, sense + 1] for sense in range(len(wordnet.senses[key])))
    return number, wordnet.uses[key, number], every


def _synset_entry(wordnet: WordNet, offset: str) -> list[list[object]]:
    """Return a synset as it is written: lemmas, parents and, where there are any, scientific names."""
    synset = wordnet.synsets[offset]
    scientific = [lemma for lemma in synset.lemmas if is_scientific(wordnet, lemma)]
    entry: list[list[object]] = [
        [
            [lemma.replace("_", " "), *_uses(wordnet, lemma, offset)]
            for lemma in synset.lemmas
            if lemma not in scientific
        ],
        [f"n{parent}" for parent in synset.parents],
    ]
    return [*entry, [lemma.replace("_", " ") for lemma in scientific]] if scientific else entry


def _kept_plurals(wordnet: WordNet, words: Iterable[str]) -> dict[str, str]:
    """Return the irregular plurals of the given words, and of the last words of the given phrases."""
    kept = {part for word in words for part in (word.lower(), word.lower().rpartition(" ")[2])}
    spelled = {plural.replace("_", " "): one.replace("_", " ") for plural, one in wordnet.plurals.items()}
    return {plural: one for plural, one in sorted({**spelled, **PLURALS}.items()) if one in kept and plural != one}


def _class_labels(wordnet: WordNet, classes: Sequence[str]) -> list[list[str]]:
    """Return ``[synset, display name]`` of every class."""
    given = {wordnet.offset(sense): label for sense, label in LABELS.items()}
    strangers = [sense for sense in LABELS if wordnet.offset(sense) not in set(classes)]
    if strangers:
        raise click.ClickException(f"display names for what is no class: {', '.join(strangers)}")
    names = [given.get(offset, wordnet.synsets[offset].lemmas[0].replace("_", " ")) for offset in classes]
    return [[f"n{offset}", name] for offset, name in zip(classes, names, strict=True)]


def build(wordnet: WordNet, classes: Sequence[str]) -> dict[str, object]:
    """Assemble the vocabulary.

    Parameters
    ----------
    wordnet : WordNet
        As `read_wordnet` gives it; the places of some synsets are changed.
    classes : sequence of str
        Offsets of the classes in row order.

    Returns
    -------
    dict
        The object of the file, in the order of its keys.
    """
    reparent(wordnet)
    below = close_upwards(wordnet, classes)
    meanings = resolve_meanings(wordnet, below, classes)
    words = [lemma.replace("_", " ") for offset in below for lemma in wordnet.synsets[offset].lemmas]
    words += [word for names, _ in meanings for word in names]
    return {
        "source": SOURCE,
        "license": wordnet.notice,
        "classes": _class_labels(wordnet, classes),
        "synsets": {f"n{offset}": _synset_entry(wordnet, offset) for offset in sorted(below)},
        "vague": sorted(f"n{offset}" for offset in {wordnet.offset(sense) for sense in VAGUE} & below.keys()),
        "plurals": _kept_plurals(wordnet, words),
        "meanings": meanings,
    }


def _one_a_line(value: object) -> str:
    """Write a list or an object with one entry a line, anything else on one line."""
    if isinstance(value, dict):
        lines = [f"{_compact(key)}: {_compact(entry)}" for key, entry in value.items()]
        return "{\n" + ",\n".join(lines) + "\n}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(_compact(entry) for entry in value) + "\n]"
    return _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def render(vocabulary: dict[str, object]) -> str:
    """Write the vocabulary as JSON of which every line is one entry."""
    body = ",\n".join(f"{_compact(key)}: {_one_a_line(value)}" for key, value in vocabulary.items())
    return "{\n" + body + "\n}\n"


@click.command()
@click.option(
    "--wordnet",
    "directory",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of WordNet 3.0's database files.",
)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="JSON file to write.")
def main(directory: Path, out: Path) -> None:
    """Write the word vocabulary of the ImageNet-1k classifier."""
    classes = read_classes()
    text = render(build(read_wordnet(directory), classes))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="ascii")
    click.echo(f"{out}: {len(classes)} classes, {len(text) // 1000} kB")


if __name__ == "__main__":
    main()
