"""The default recipe with its true weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from toys import drawing

from retrieval.models.fingerprint import fingerprint
from retrieval.recipes import recipe_spec
from retrieval.recipes.lite import LEARNED, MIN_LABEL_SCORE, PARAMETERS
from retrieval.recipes.protocols import Recipe
from retrieval.text.lexicon import class_labels, read_added_words, read_learned_words
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import Analysis, RgbImage

pytestmark = pytest.mark.slow

DIM = 256


class Analysed(NamedTuple):
    """A photo with all that the recipe made of it."""

    image: RgbImage
    features: Any
    found: Analysis


@pytest.fixture(scope="module")
def analysed(lite: Recipe) -> dict[str, Analysed]:
    """A photo of a cat's face and a drawing of its proportions, from one batch."""
    from skimage import data

    images = {"cat": data.chelsea(), "drawn": np.asarray(drawing(0, (150, 100)))}
    return {
        name: Analysed(image, features, lite.embed(image, features, lite.segment(image, features)))
        for (name, image), features in zip(images.items(), lite.extract(list(images.values())), strict=True)
    }


@pytest.fixture
def cat(analysed: dict[str, Analysed]) -> Analysed:
    """The photo of a cat."""
    return analysed["cat"]


@pytest.fixture
def drawn(analysed: dict[str, Analysed]) -> Analysed:
    """The drawing."""
    return analysed["drawn"]


@pytest.fixture(params=["cat", "drawn"])
def photo(analysed: dict[str, Analysed], request: pytest.FixtureRequest) -> Analysed:
    """One, then the other."""
    return analysed[request.param]


def test_limited_segments_best_first(photo: Analysed) -> None:
    segments = photo.found.segments
    assert 3 < len(segments) <= LEARNED.limit
    assert (np.diff(segments.quality) <= 0).all()
    assert segments.quality.min() >= 0
    assert segments.quality.max() <= 1
    height, width = photo.image.shape[:2]
    assert segments.size_hw[0] / segments.size_hw[1] == pytest.approx(height / width, rel=0.01)


def test_no_two_segments_are_the_same_thing(photo: Analysed) -> None:
    overlaps = photo.found.segments.iou()
    np.fill_diagonal(overlaps, 0)
    assert overlaps.max() <= LEARNED.max_overlap + 1e-6


def test_vectors_have_unit_length(photo: Analysed) -> None:
    found = photo.found
    assert found.vectors.shape == (len(found.segments), DIM)
    assert found.photo_vector.shape == (recipe_spec("lite").photo_dim,)
    assert found.vectors.dtype == found.photo_vector.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found.photo_vector), 1, rtol=1e-4)


def test_the_same_photo_gives_the_same_analysis(lite: Recipe, photo: Analysed) -> None:
    segments = lite.segment(photo.image, photo.features)
    again = lite.embed(photo.image, photo.features, segments)
    np.testing.assert_array_equal(segments.atoms, photo.found.segments.atoms)
    np.testing.assert_array_equal(segments.membership, photo.found.segments.membership)
    np.testing.assert_array_equal(again.vectors, photo.found.vectors)
    np.testing.assert_array_equal(again.photo_vector, photo.found.photo_vector)
    assert again.segments.labels == photo.found.segments.labels


def test_features_of_a_batch_are_those_of_single_photos(lite: Recipe, drawn: Analysed) -> None:
    (alone,) = lite.extract([drawn.image])
    np.testing.assert_allclose(drawn.features.small.head, alone.small.head, atol=2e-3)
    np.testing.assert_allclose(drawn.features.large.head, alone.large.head, atol=2e-3)
    for stride, cells in alone.large.strides.items():
        np.testing.assert_allclose(drawn.features.large.strides[stride], cells, atol=5e-3)


def test_labels_are_words_of_the_vocabulary_and_sure_enough(photo: Analysed) -> None:
    segments = photo.found.segments
    known = set(class_labels())
    assert len(segments.labels) == len(segments.label_scores) == len(segments)
    for label, score in zip(segments.labels, segments.label_scores, strict=True):
        assert (label is not None) == (score >= MIN_LABEL_SCORE)
        assert label is None or label in known


def test_a_cat_is_called_one(cat: Analysed) -> None:
    assert any(label and "cat" in label for label in cat.found.segments.labels)


def test_the_word_finds_the_cat(cat: Analysed, drawn: Analysed) -> None:
    words = recipe_spec("lite").word_vectors
    assert words is not None
    (term,) = Vocabulary.load().read("cat").understood
    best = [(each.found.vectors @ words[list(term.rows)].T).max() for each in (cat, drawn)]
    assert best[0] > best[1] + 0.1


def test_no_segment_no_vector(lite: Recipe, drawn: Analysed) -> None:
    found = lite.embed(drawn.image, drawn.features, drawn.found.segments[:0])
    assert found.vectors.shape == (0, DIM)
    assert found.segments.labels == ()
    np.testing.assert_array_equal(found.photo_vector, drawn.found.photo_vector)


class TestCard:
    def test_it_describes_what_is_built(self, lite: Recipe) -> None:
        named = recipe_spec("lite")
        assert named.fingerprint == lite.fingerprint
        assert named.segment_dim == DIM
        assert named.word_vectors is not None
        assert named.word_vectors.shape == (1000 + len(read_learned_words()) + len(read_added_words()), DIM)
        np.testing.assert_allclose(np.linalg.norm(named.word_vectors, axis=1), 1, atol=5e-3)

    @pytest.mark.parametrize(
        ("changed", "of_the_space"),
        [
            ({"small_side": 480}, True),
            ({"large_side": 800}, True),
            ({"mid_weight": 0.4}, True),
            ({"power": 1.0}, True),
            ({"crop_side": 96}, True),
            ({"hierarchy": replace(LEARNED, limit=50)}, False),
            ({"hierarchy": replace(LEARNED, trees=LEARNED.trees[:1])}, False),
        ],
    )
    def test_its_fingerprint_changes_with_every_parameter(
        self, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], of_the_space: bool
    ) -> None:
        before = recipe_spec("lite")
        monkeypatch.setitem(PARAMETERS, "lite", replace(PARAMETERS["lite"], **changed))
        after = recipe_spec.__wrapped__("lite")
        assert after.fingerprint != before.fingerprint
        assert (after.space != before.space) == of_the_space
        monkeypatch.undo()
        assert recipe_spec.__wrapped__("lite").fingerprint == before.fingerprint

    def test_vectors_of_both_hierarchies_are_compared(self) -> None:
        assert recipe_spec("lite").space == recipe_spec("lite-unlearned").space
        assert recipe_spec("lite").fingerprint != recipe_spec("lite-unlearned").fingerprint

    def test_and_with_every_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from retrieval.recipes import lite as module

        before = recipe_spec("lite").fingerprint
        monkeypatch.setattr(module, "digest_of", lambda path: f"other {path.name}")
        assert recipe_spec.__wrapped__("lite").fingerprint != before
        assert before.startswith("lite-")
        assert len(before) <= len(fingerprint("lite-crops-1"))
