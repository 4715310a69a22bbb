"""Learning words of stuff, parts and things: directions, how they are measured, and which are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.embed.projection import load_words, save_words, unit
from retrieval.errors import WeightsCorruptError, WeightsMissingError
from retrieval.evaluation.datasets import AnnotatedPhoto
from retrieval.recipes.lite import added_words_path
from retrieval.text.lexicon import read_added_words
from retrieval.types import Segments
from training.learn_words import SOURCES, DescribedPhoto, Figures, Source, direction, load_panoptic, measure, thing_of

SKY = Source("sky", "stuff", "sky,clouds")
NOTHING = np.zeros((0, 8), np.float32)


def photos(count: int = 40) -> list[DescribedPhoto]:
    """Every other photo shows the sky, a vector near the first axis, beside segments of anything else."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        others = unit(rng.normal(size=(6, 8)) * [0.2, *[1] * 7])
        sky = unit(np.eye(8)[[0]] + rng.normal(scale=0.2, size=(1, 8)))
        shows = number % 2 == 0
        found.append(
            DescribedPhoto(
                "stuff",
                np.concatenate([others, sky]) if shows else others,
                sky if shows else NOTHING,
                (("sky", "clouds")[number % 4 // 2],) if shows else (),
            )
        )
    return found


def test_a_direction_is_the_mean_of_the_regions() -> None:
    found = direction(photos(), SKY)
    assert np.linalg.norm(found) == pytest.approx(1)
    assert found.argmax() == 0
    assert not direction(photos(), Source("tree", "stuff", "tree")).any()
    assert not direction(photos(), Source("sky", "elsewhere", "sky")).any()


def test_what_can_be_learned_ranks_unseen_photos() -> None:
    found = measure(photos(), SKY, NOTHING)
    assert (found.photos, found.chance, found.before) == (20, 0.5, 0)
    assert found.precision > 0.95
    assert found.is_good


def test_labels_at_random_are_not_kept() -> None:
    rng = np.random.default_rng(1)
    mixed = [
        DescribedPhoto(
            "stuff", each.vectors, unit(rng.normal(size=(1, 8))), ("sky",) if rng.random() < 0.3 else ("dog",)
        )
        for each in photos()
    ]
    assert not measure(mixed, SKY, NOTHING).is_good


def test_classes_that_know_the_word_are_compared_and_mixed() -> None:
    found = measure(photos(), SKY, unit(np.eye(8)[[1]].astype(np.float32)))
    assert 0 < found.before < 0.8 < found.precision
    assert measure(photos(), SKY, np.eye(8, dtype=np.float32)[[0]]).before > 0.95


@pytest.mark.parametrize(
    ("figures", "good"),
    [
        (Figures(4, 0.05, 0.0, 0.31), True),
        (Figures(3, 0.05, 0.0, 0.99), False),
        (Figures(9, 0.05, 0.0, 0.29), False),
        (Figures(9, 0.7, 0.0, 0.89), False),
        (Figures(9, 0.1, 0.6, 0.59), False),
        (Figures(9, 0.1, 0.6, 0.61), True),
    ],
)
def test_which_words_are_kept(figures: Figures, good: bool) -> None:
    assert figures.is_good == good


def test_the_thing_of_a_photo_is_at_its_middle(tmp_path: Path) -> None:
    masks = np.zeros((3, 20, 20), bool)
    masks[0], masks[1, :5, :5], masks[2, 5:15, 5:15] = True, True, True
    found = Segments.from_masks(masks, np.array([0.9, 0.8, 0.7], np.float32))
    segments, names = thing_of(AnnotatedPhoto(tmp_path / "ferry" / "1.jpg", ()), found)
    assert names == ["ferry"]
    np.testing.assert_array_equal(segments.mask(0), masks[2])
    segments, _ = thing_of(AnnotatedPhoto(tmp_path / "ferry" / "1.jpg", ()), found[:2])
    np.testing.assert_array_equal(segments.mask(0), masks[0])


def test_panoptic_photos(tmp_path: Path) -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[:, :40], labels[:4, 40:] = 7, 9
    (tmp_path / "coco-panoptic" / "masks").mkdir(parents=True)
    Image.fromarray(labels).save(tmp_path / "coco-panoptic" / "masks" / "0001.png")
    segments = [{"value": 7, "category": "sky-other-merged"}, {"value": 9, "category": "tree-merged"}]
    (tmp_path / "coco-panoptic" / "labels.json").write_text(json.dumps({"segments": {"0001": segments}}))
    (photo,) = load_panoptic(tmp_path)
    assert photo.path == tmp_path / "coco-dev" / "images" / "0001.jpg"
    assert [(each.category, each.area) for each in photo.objects] == [("sky-other-merged", 2400)]


def test_every_kept_word_has_a_source_and_a_direction() -> None:
    names = [source.words.split(", ") for source in SOURCES]
    assert all(words in names for words in read_added_words())
    for recipe in ("lite", "lite-crops", "lite-unlearned"):
        vectors = load_words(added_words_path(recipe))
        assert len(vectors) == len(read_added_words())
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=5e-3)


def test_bad_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "words.safetensors"
    with pytest.raises(WeightsMissingError, match="git checkout"):
        load_words(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(WeightsCorruptError, match="git checkout"):
        load_words(path)
    save_words(np.eye(3, dtype=np.float32), path)
    np.testing.assert_array_equal(load_words(path), np.eye(3))
