"""How well substitutes stand for a word: known words are left out, and searched by what is nearest to them.

::

    python -m benchmarks.left_out_words --data FOLDER --wordnet DIR --encoder DIR [--every N] [--out FILE]

The photos are training photos of ``caltech-dev``, whose folders say what they show: four of each, every N-th. Two
options are those of :mod:`training.build_substitutes`. A known word that means the same, or a part of it, is left out,
too, and so are its classes in words that mean more.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from indexer.bench.results import OUT, report
from retrieval.embed.projection import unit
from retrieval.images.decode import decode
from retrieval.index.ranking import average_precision
from retrieval.recipes import recipe_spec
from retrieval.text.lexicon import read_added_words, read_learned_words, read_wordnet_data
from retrieval.text.reading import Term
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import Vectors
from training.build_substitutes import Nearness, chosen, known_words
from training.build_vocabulary import reparent
from training.photos import training_photos
from training.sentence_encoder import SentenceEncoder
from training.wordnet import read_wordnet

NAMES = {"Motorbikes": "motorcycle", "Leopards": "leopard", "car_side": "car", "binocular": "binoculars"}
"""Folders with another name than the word."""
PER_FOLDER = 4
SIDE = 768
"""Long side of the photos, in pixels."""
BINS = (0.0, 0.43, 0.5, 0.6, 1.01)
"""Bounds of the nearness of the best substitute, by which figures are also given."""


def described(data: Path, device: str, every: int) -> dict[str, list[Vectors]]:
    """Vectors of the segments of photos, by what they show."""
    recipe = recipe_spec("lite").build(device, None)
    found: dict[str, list[Vectors]] = {}
    for path in track(training_photos(data, {"caltech-dev": every}), description="describing"):
        photos = found.setdefault(NAMES.get(path.parent.name, path.parent.name).replace("_", " "), [])
        if len(photos) < PER_FOLDER:
            image = decode(path, long_side=SIDE).rgb
            features = recipe.extract([image])[0]
            photos.append(recipe.embed(image, features, recipe.segment(image, features)).vectors)
    return found


def directions(words: Vectors, term: Term, without: frozenset[int] = frozenset()) -> Vectors:
    """The directions of a known word, (R, D), without some classes."""
    rows = [row for row in term.rows if row not in without]
    if term.learned is None:
        return words[rows]
    return unit(words[rows] + words[term.learned]) if rows else words[term.learned][None]


def precision(photos: Sequence[Vectors], shows: NDArray[np.bool_], queries: Vectors) -> float:
    """Average precision of photos, each by its best segment."""
    scores = np.array([(vectors @ queries.T).max(initial=-1) for vectors in photos])
    return average_precision(shows[np.argsort(-scores, kind="stable")], int(shows.sum()))


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--wordnet", "directory", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--encoder", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--every", default=1, show_default=True, type=click.IntRange(1, 2), help="1 or 2: other photos.")
@click.option("--device", default="auto", show_default=True)
@OUT
def main(data: Path, directory: Path, encoder: Path, every: int, device: str, out: Path | None) -> None:
    """Measure substitutes of words that are known."""
    wordnet = read_wordnet(directory)
    reparent(wordnet)
    known = known_words(wordnet)
    vocabulary = Vocabulary(read_wordnet_data(), [*read_learned_words(), *read_added_words()])
    terms = [vocabulary.read(each.text).understood[0] for each in known]
    words = recipe_spec("lite").word_vectors
    if words is None:
        raise click.ClickException("the recipe lite has no words")
    by_folder = described(data, device, every)
    photos = [vectors for each in by_folder.values() for vectors in each]
    folders = np.array([name for name, each in by_folder.items() for _ in each])
    rows = {each.text: row for row, each in enumerate(known)}
    first_added = 1000 + len(read_learned_words())  # some of the added words were learned from these photos
    asked = [name for name in by_folder if name in rows and (terms[rows[name]].learned or 0) < first_added]
    figures: dict[str, Any] = {}
    nearness = Nearness(wordnet, SentenceEncoder.load(encoder), known).of([known[rows[name]] for name in asked])
    for name, near in zip(asked, nearness, strict=True):
        own = terms[rows[name]]
        same = [_is_same(own, term) or known[row].synset == known[rows[name]].synset for row, term in enumerate(terms)]
        left = np.where(same, -1.0, near)
        means = [
            (unit(found.mean(axis=0)), share)
            for row, share in chosen(left, 0)
            if len(found := directions(words, terms[row], frozenset(own.rows)))
        ]
        mixed = unit(np.stack([mean * share for mean, share in means]).sum(axis=0, keepdims=True))
        shows = folders == name
        figures[name] = {
            "nearness": round(float(left.max()), 2),
            "itself": round(precision(photos, shows, directions(words, own)), 3),
            "substitutes": round(precision(photos, shows, mixed), 3),
            "nearest alone": round(precision(photos, shows, means[0][0][None]), 3),
            "chance": round(float(shows.mean()), 3),
        }
    report({"words": figures, "means": _means(list(figures.values()))}, out)


def _is_same(own: Term, other: Term) -> bool:
    """Whether a word means nothing that another does not mean."""
    if other.learned is not None:
        return other.learned == own.learned
    return set(other.rows) <= set(own.rows)


def _means(figures: Sequence[dict[str, float]]) -> dict[str, Any]:
    found = {"all": figures}
    for low, high in pairwise(BINS):
        found[f"nearness from {low}"] = [each for each in figures if low <= each["nearness"] < high]
    return {
        name: {"words": len(each), **{key: round(float(np.mean([row[key] for row in each])), 3) for key in each[0]}}
        for name, each in found.items()
        if each
    }


if __name__ == "__main__":
    main()
