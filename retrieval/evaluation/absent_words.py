"""Words for things that photos of everyday life hardly ever show, to be asked where nothing shows them."""

from __future__ import annotations

from collections.abc import Collection

from ..text.reading import Term
from ..text.vocabulary import Vocabulary

RARE = tuple(
    name.strip()
    for name in """
    accordion, ant, beaver, bonsai, brontosaurus, buddha, cannon, crab, crayfish, crocodile, dolphin, dragonfly,
    electric guitar, emu, euphonium, flamingo, gerenuk, gramophone, grand piano, hawksbill, headphone, hedgehog,
    helicopter, ibis, kangaroo, llama, lobster, mandolin, mayfly, nautilus, octopus, okapi, pagoda, platypus, pyramid,
    revolver, rhino, rooster, saxophone, scorpion, starfish, stegosaurus, tick, trilobite, wheelchair, minaret
    """.replace("\n", " ").split(",")
)
"""Names of kinds of Caltech-101 of which no photo of ``coco-dev`` shows one: those that these words rank first were
looked at. "panda" and "sunflower" are not here, because one does."""


def absent_words(present: Collection[str]) -> tuple[str, ...]:
    """Those of `RARE` that mean none of the classes that photos are annotated with, or a part of one."""
    vocabulary = Vocabulary.load()
    shown = [term for name in present for term in vocabulary.read(name).understood]
    asked = {word: vocabulary.read(word).understood[0] for word in RARE}
    return tuple(word for word, term in asked.items() if not any(_overlap(term, each) for each in shown))


def _overlap(word: Term, shown: Term) -> bool:
    """Whether something can be both."""
    has_rows = bool(set(word.rows) & set(shown.rows))
    return has_rows or word.name == shown.name or (word.learned is not None and word.learned == shown.learned)
