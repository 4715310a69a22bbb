"""Asking a detector for words: which photos, what becomes of what it finds, and what is not asked again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from toys import Ingested

from indexer.commands.detect import detect
from indexer.worker import ingest_paths
from retrieval.catalog.records import ImageRecord
from retrieval.models.weights import HubModel
from retrieval.recipes.concept_detector import NO_WORD, ConceptDetector, ConceptParameters, Examples
from retrieval.segment.instances import ScoredMasks
from retrieval.types import RgbImage

COLORS = {"zorgle": 0, "blixt": 1, "quonk": 2}
"""Words that no index knows: the newest photos are asked first."""


@dataclass
class Colors:
    """A detector that knows three colours, and takes the box of an example for what is like it."""

    parameters: ConceptParameters = field(default_factory=ConceptParameters)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    examples: list[Examples] = field(default_factory=list)

    def read(self, words: Sequence[str]) -> Any:
        return np.array(words)

    def find(
        self, images: Sequence[RgbImage], texts: Sequence[str], examples: Examples | None = None
    ) -> list[ScoredMasks]:
        self.asked.append(tuple(texts))
        if examples is not None:
            self.examples.append(examples)
        return [self._found(image, texts) for image in images]

    def _found(self, image: RgbImage, texts: Sequence[str]) -> ScoredMasks:
        parts = []
        for kind, word in enumerate(texts, 1):
            others = [channel for channel in range(3) if channel != COLORS.get(word, 0)]
            mask = (image[..., COLORS.get(word, 0)] > 200) & (image[..., others] < 60).all(axis=2)
            bits = np.packbits(mask.reshape(1, -1), axis=1)
            parts.append(ScoredMasks(bits, np.array([0.9], np.float32), np.array([kind]), mask.shape))
        return ScoredMasks.joined(parts, image.shape[:2])


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Colors:
    found = Colors()
    monkeypatch.setattr(ConceptDetector, "load", lambda *_: found)
    monkeypatch.setattr(HubModel, "identity", lambda self: [self.name])
    return found


@pytest.fixture
def colored(ingested: Ingested) -> Ingested:
    """Six photos of other things, then one of red and blue, one of red and lime."""
    from toys import Pictures

    pictures = Pictures(ingested.photos)
    for number, other in enumerate(("blue", "lime")):
        ingest_paths(ingested.assembly, [pictures.halves(f"halves{number}.png", "red", other)])
    return ingested


def run(ingested: Ingested, *arguments: str) -> Result:
    return CliRunner().invoke(detect, [*arguments], obj=ingested.assembly.settings)


def answer(ingested: Ingested, *arguments: str) -> Any:
    done = run(ingested, *arguments, "--json")
    assert done.exit_code == 0, done.output + str(done.exception)
    return json.loads(done.stdout)


def photo(ingested: Ingested, name: str) -> ImageRecord:
    (found,) = [each for each in ingested.assembly.catalog.images.page(limit=100) if each.displayed.endswith(name)]
    return found


def named(ingested: Ingested, image: ImageRecord) -> list[tuple[str | None, tuple[int, ...], float]]:
    segments = ingested.assembly.catalog.segments.of_image(image.id)
    return [(each.label, each.box_xyxy, each.quality) for each in segments if each.is_imported]


def test_words_become_segments_and_concepts(colored: Ingested, detector: Colors) -> None:
    done = answer(colored, "words", "Zorgle", "quonk", "--first", "3")
    assert done["words"]["zorgle"] == {"asked": 3, "asked_before": 0, "photos": 2, "segments": 2}
    assert done["words"]["quonk"] == {"asked": 3, "asked_before": 0, "photos": 1, "segments": 1}
    assert sorted(done["concepts"]) == ["quonk", "zorgle"]
    assert set(colored.assembly.concepts.names()) == {"zorgle", "quonk"}
    one, other = photo(colored, "halves0.png"), photo(colored, "halves1.png")
    assert named(colored, one) == [
        ("zorgle", (0, 0, 48, 72), pytest.approx(0.9)),
        ("quonk", (48, 0, 96, 72), pytest.approx(0.9)),
    ]
    assert named(colored, other) == [("zorgle", (0, 0, 48, 72), pytest.approx(0.9))]


def test_no_photo_is_asked_twice(colored: Ingested, detector: Colors) -> None:
    answer(colored, "words", "zorgle", "--first", "2")
    assert len(detector.asked) == 2
    done = answer(colored, "words", "zorgle", "blixt", "--first", "2", "--all", "--no-concepts")
    assert (done["words"]["zorgle"]["asked"], done["words"]["zorgle"]["asked_before"]) == (6, 2)
    assert (done["words"]["blixt"]["asked"], done["words"]["blixt"]["asked_before"]) == (8, 0)
    assert sorted(detector.asked[2:]) == [("blixt",)] * 2 + [("zorgle", "blixt")] * 6
    assert answer(colored, "words", "zorgle", "--all")["words"]["zorgle"]["asked_before"] == 8
    assert len(detector.asked) == 10
    assert set(colored.assembly.concepts.names()) == {"zorgle"}
    answer(colored, "words", "zorgle", "--first", "1", "--recipe", "sam3:owner/other")
    assert len(detector.asked) == 11


def test_the_photos_that_a_search_ranks_first_are_asked_first(
    colored: Ingested, detector: Colors, monkeypatch: pytest.MonkeyPatch
) -> None:
    likely = [photo(colored, "001.png").id, photo(colored, "halves1.png").id]
    monkeypatch.setattr("indexer.detection._ranked", lambda engine, word, count: likely[:count])
    answer(colored, "words", "zorgle", "--first", "1")
    assert colored.assembly.catalog.detections.asked(_only_detector(colored), "zorgle", range(100)) == {likely[0]}
    done = answer(colored, "words", "zorgle", "--first", "2")
    assert done["words"]["zorgle"] == {"asked": 1, "asked_before": 1, "photos": 1, "segments": 1}


def _only_detector(ingested: Ingested) -> str:
    from databases import fetched

    ((name,),) = fetched(ingested.assembly.settings.database_url, "SELECT DISTINCT detector FROM detection")
    return str(name)


def test_what_cannot_be_read_is_told_and_asked_again(colored: Ingested, detector: Colors) -> None:
    file = colored.photos / "halves0.png"
    content = file.read_bytes()
    file.unlink()
    done = answer(colored, "words", "zorgle", "--first", "2", "--no-concepts")
    assert done["words"]["zorgle"] == {"asked": 1, "asked_before": 0, "photos": 1, "segments": 1}
    assert any("halves0.png" in fault for fault in done["faults"])
    assert not colored.assembly.concepts.names()
    file.write_bytes(content)
    done = answer(colored, "words", "zorgle", "--first", "2")
    assert done["words"]["zorgle"] == {"asked": 1, "asked_before": 1, "photos": 1, "segments": 1}
    assert len(colored.assembly.concepts.get(colored.assembly.concepts.names()["zorgle"]).model.positive) == 2
    assert len(named(colored, photo(colored, "halves0.png"))) == 1
    assert len(named(colored, photo(colored, "halves1.png"))) == 1


def test_things_like_segments_of_a_photo(colored: Ingested, detector: Colors) -> None:
    image = photo(colored, "halves0.png")
    one, other, *_ = colored.assembly.catalog.segments.of_image(image.id)
    done = answer(colored, "like", str(one.id), "--unlike", str(other.id), "--word", "zorgle")
    assert done["photo"] == image.id
    assert len(done["segments"]) == 1
    assert named(colored, image) == [("zorgle", (0, 0, 48, 72), pytest.approx(0.9))]
    (examples,) = detector.examples
    assert examples.are_wanted.tolist() == [True, False]
    assert examples.boxes_xyxy * [96, 72, 96, 72] == pytest.approx(np.array([one.box_xyxy, other.box_xyxy]))
    assert detector.asked == [("zorgle",)]
    answer(colored, "like", str(one.id))
    assert detector.asked[1:] == [(NO_WORD,)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["words"], "Missing argument"),
        (["words", " "], "has no words"),
        (["words", "x" * 101], "more than 100 letters"),
        (["words", "zorgle", "--first", "0"], "is not in the range"),
        (["words", "zorgle", "--recipe", "lite"], "cannot be asked for words"),
        (["words", "zorgle", "--recipe", "sam3:../x"], "sam3:../x"),
        (["like"], "Missing argument"),
        (["like", "123456"], "there is no segment 123456"),
        (["like", "1", "--word", ""], "has no words"),
        (["like", "1", "30"], "are of 2 photos"),
    ],
)
def test_bad_input(ingested: Ingested, detector: Colors, arguments: list[str], told: str) -> None:
    done = run(ingested, *arguments)
    assert done.exit_code != 0
    assert told in done.output + str(done.exception)
    assert not detector.asked
