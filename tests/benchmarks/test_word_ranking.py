"""The benchmark of the ranking of photos by words, on made vectors."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.word_ranking import POOLED, figures_of, precisions, ranked
from retrieval.text.vocabulary import Vocabulary
from training.described_photos import Described

PHOTOS = 10
"""The even ones show a giraffe, which only photos can teach."""


@pytest.fixture
def photos() -> Described:
    rng = np.random.default_rng(0)
    thing, other = np.eye(16, dtype=np.float32)[:2]
    owners = np.repeat(np.arange(PHOTOS), 3)
    vectors = 0.3 * rng.standard_normal((len(owners), 16)).astype(np.float32)
    vectors[::3] += [other if number % 2 else thing for number in range(PHOTOS)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    first = np.arange(0, len(owners), 6)
    kinds = np.array(["" if number % 2 else "giraffe" for number in range(PHOTOS)])
    return Described(vectors, owners, vectors[first], owners[first], np.array(["giraffe"] * len(first)), kinds)


def test_a_word_is_learned_without_the_photos_that_it_ranks(photos: Described) -> None:
    words = np.zeros((1114, 16), np.float32)
    words[:, 3] = 1
    terms = {"giraffe": Vocabulary.load().read("giraffe").understood[0]}
    scores = ranked(photos, terms, words, np.arange(PHOTOS) // 2)
    assert scores.keys() == POOLED.keys()
    shows = photos.shows("giraffe")[None]
    assert precisions(scores["best segment"], shows).tolist() == [1.0]
    found = figures_of(scores["best segment"], shows, np.array([True]), np.arange(PHOTOS) // 2)
    assert found["known names"] == {"all photos": 1.0, "folds": "1.000 ± 0.000"}
    alone = np.where(np.arange(PHOTOS) == 0, 0, 1)
    kinds = np.where(np.arange(PHOTOS) == 0, "giraffe", "")
    of_one = photos.region_owners == 0
    single = Described(
        photos.vectors, photos.owners, photos.regions[of_one], photos.region_owners[of_one], photos.names[of_one], kinds
    )
    unknown = ranked(single, terms, words, alone)["best segment"]
    assert np.isneginf(unknown[0, 0]), "nothing is known of it without the photo"
    assert np.isfinite(unknown[0, 1:]).all()


def test_a_word_that_no_photo_shows_has_no_precision() -> None:
    assert np.isnan(precisions(np.zeros((1, 4)), np.zeros((1, 4), bool))).all()
