"""Which known words stand for a noun: by a small WordNet and an encoder that compares words letter by letter."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from retrieval.embed.projection import unit
from retrieval.types import Vectors
from training.build_substitutes import (
    ANSWERED,
    SUBSTITUTES,
    Nearness,
    Noun,
    Taxonomy,
    chosen,
    plain,
    render,
    spelled_alike,
    unknown_nouns,
)
from training.sentence_encoder import SentenceEncoder
from training.wordnet import PERSON, Synset, WordNet, read_wordnet


class Encoder(SentenceEncoder):
    """Texts are near if they share words."""

    def __init__(self) -> None:
        super().__init__(None, None)

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, 256), np.float32)
        words = [[word.strip(":,.") for word in text.lower().split()] for text in texts]
        return unit(np.stack([np.sum([self._of(word) for word in each], axis=0) for each in words]))

    @staticmethod
    def _of(word: str) -> np.ndarray:
        return np.random.default_rng(zlib.crc32(word.encode())).normal(size=256)


TREE = {
    "thing": ("", 3, "something"),
    "boat": ("thing", 6, "small vessel for travel on water"),
    "canoe": ("boat", 6, "small and light vessel pointed at both ends"),
    "kayak": ("canoe", 6, "small light vessel pointed at both ends like a canoe"),
    "animal": ("thing", 5, "living creature"),
    "grasshopper": ("animal", 5, "insect that leaps"),
    "plant": ("thing", 20, "living organism without locomotion"),
    "grass": ("plant", 20, "green herbage of lawns"),
    "person": ("thing", PERSON, "human being"),
    "soldier": ("person", PERSON, "somebody who serves in an army"),
    "face": ("thing", 8, "front of the head"),
    "nose": ("thing", 8, "organ of smell"),
}


@pytest.fixture
def wordnet() -> WordNet:
    """A synset for every word, of the same name."""
    synsets = {
        word: Synset([word], [parent] if parent else [], topic=topic, definition=definition)
        for word, (parent, topic, definition) in TREE.items()
    }
    synsets["nose"].wholes_and_parts = ["face"]
    return WordNet(synsets, {word: [word] for word in synsets}, Counter(), {})


def near(wordnet: WordNet, noun: str, *known: str) -> dict[str, float]:
    words = [Noun(word, word) for word in known]
    (found,) = Nearness(wordnet, Encoder(), words).of([Noun(noun, noun)])
    return dict(zip(known, found.tolist(), strict=True))


def test_kinds_are_near_by_what_they_share(wordnet: WordNet) -> None:
    taxonomy = Taxonomy(wordnet)
    below = {"thing": [0, 1, 2], "boat": [0, 1], "canoe": [0], "animal": [2], "grasshopper": [2]}
    canoe, boat, grasshopper = taxonomy.similarities("kayak", ["canoe", "boat", "grasshopper"], below)
    assert 1 > canoe > boat > grasshopper == 0
    assert taxonomy.similarities("canoe", ["canoe"], {"canoe": [0]})[0] == pytest.approx(1)


def test_the_nearest_kind_comes_first(wordnet: WordNet) -> None:
    found = near(wordnet, "kayak", "canoe", "boat", "grasshopper", "plant")
    assert found["canoe"] > found["boat"] > max(found["grasshopper"], found["plant"])
    assert found["canoe"] > ANSWERED > found["grasshopper"]


def test_what_is_only_spelled_alike_is_not_near(wordnet: WordNet) -> None:
    found = near(wordnet, "grass", "grasshopper", "plant")
    assert found["plant"] > found["grasshopper"] < ANSWERED


def test_everybody_is_a_person(wordnet: WordNet) -> None:
    found = near(wordnet, "soldier", "person", "boat")
    assert found["person"] >= ANSWERED > found["boat"]


def test_a_part_is_near_to_its_whole(wordnet: WordNet) -> None:
    with_parts = near(wordnet, "nose", "face")["face"]
    wordnet.synsets["nose"].wholes_and_parts = []
    assert with_parts > near(wordnet, "nose", "face")["face"] + 0.1


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("grass", "grasshopper", True),
        ("sand", "sandal", True),
        ("tulip", "cauliflower", False),
        ("flower", "cauliflower", True),
        ("license_plate", "plate (main course)", True),
        ("kayak", "canoe", False),
        ("ox", "box", False),
    ],
)
def test_spelled_alike(one: str, other: str, alike: bool) -> None:
    first, second = plain(one).split(), plain(other).split()
    assert spelled_alike(first, second) == spelled_alike(second, first) == alike


def test_weights_fall_and_sum_to_a_hundred() -> None:
    found = chosen(np.array([0.5, 0.7, 0.1, 0.62, 0.69, 0.61, 0.6]), 0.43)
    assert [row for row, _ in found] == [1, 4, 3, 5]
    assert len(found) == SUBSTITUTES
    assert [weight for _, weight in found] == sorted((weight for _, weight in found), reverse=True)
    assert sum(weight for _, weight in found) == 100
    assert chosen(np.array([0.9, 0.5]), 0.43) == [(0, 100)]
    assert chosen(np.array([0.4, 0.42]), 0.43) == []


def test_adjectives_names_and_known_words_are_left_out(wordnet: WordNet) -> None:
    for word, other in (("young", 100), ("dog", 0), ("red_kayak", 0), ("two", 0)):
        wordnet.synsets[word] = Synset([word], ["thing"], topic=6, definition="anything")
        wordnet.senses[word], wordnet.other_uses[word] = [word], other
    wordnet.synsets["rosaceae"] = Synset(["Rosaceae"], ["plant"], topic=20)
    wordnet.senses["rosaceae"] = ["rosaceae"]
    found = {noun.text for noun in unknown_nouns(wordnet, Encoder())}
    assert {"kayak", "soldier", "nose"} <= found
    assert found.isdisjoint({"young", "dog", "red_kayak", "two", "rosaceae", "person"})


def test_the_sense_that_is_used_most_is_taken(wordnet: WordNet) -> None:
    wordnet.synsets["bark"] = Synset(["bark"], ["plant"], topic=20, definition="cover of trunks")
    wordnet.synsets["ship"] = Synset(["bark"], ["boat"], topic=6, definition="vessel with masts")
    wordnet.senses["bark"] = ["ship", "bark"]
    wordnet.uses["bark", 2] = 9
    (found,) = (noun for noun in unknown_nouns(wordnet, Encoder()) if noun.text == "bark")
    assert found.synset == "bark"


def test_one_noun_a_line() -> None:
    table = {"known": ["canoe"], "words": {"kayak": [(0, 100)]}, "near": {}}
    assert '"kayak":[[0,100]]\n' in render(table)


def test_definitions_and_parts_are_read(tmp_path: Path) -> None:
    line = '00001740 08 n 02 nose 0 olfactory_organ 0 002 @ 00000001 n 0000 #p 00000002 n 0000 | organ of smell; "a big nose"'
    (tmp_path / "data.noun").write_text(f"  1 notice\n{line}\n")
    (tmp_path / "index.noun").write_text("nose n 1 1 @ 1 1 00001740\n")
    (tmp_path / "noun.exc").write_text("")
    (tmp_path / "cntlist.rev").write_text("nose%1:08:00:: 1 5\nnose%2:30:00:: 1 3\n")
    found = read_wordnet(tmp_path)
    assert found.synsets["00001740"] == Synset(
        ["nose", "olfactory_organ"], ["00000001"], ["00000002"], 8, "organ of smell"
    )
    assert (found.uses["nose", 1], found.other_uses["nose"]) == (5, 3)
