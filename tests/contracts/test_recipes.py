"""What every recipe promises, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import tiny_models

from retrieval.models.size import ModelSize
from retrieval.recipes import NAMES, load, recipe_spec
from retrieval.recipes.composed import PairedRecipe
from retrieval.recipes.lite import PARAMETERS, LiteRecipe, projection_path
from retrieval.recipes.protocols import Recipe, TextEmbedder
from retrieval.types import Analysis, RgbImage, Segments

# Recipes that segment with networks of others have their own tests: their weights are not in the repository.
FITTED = [name for name in NAMES if name == "grid" or (name in PARAMETERS and projection_path(name).is_file())]
PAIRED = ["lite+dinov2:tiny/dinov2", *(f"grid+{name}" for name in tiny_models.EMBEDDERS)]
RECIPES = [pytest.param(name, marks=[] if name == "grid" else [pytest.mark.slow]) for name in (*FITTED, *PAIRED)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder of weights with small models at random numbers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSEARCH_WEIGHTS", str(tiny_models.save_all(tmp_path_factory.mktemp("weights"))))
        yield


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    """Every recipe in turn; the default one is shared with the other tests."""
    if request.param == "lite":
        found: Recipe = request.getfixturevalue("lite")
        return found
    if request.param in PAIRED:
        request.getfixturevalue("weights")
    return load(request.param, "cpu")


@cache
def photos() -> dict[str, RgbImage]:
    """Photos as a camera would hardly make them."""
    rng = np.random.default_rng(0)
    return {
        "huge": rng.integers(0, 256, (1500, 2000, 3), np.uint8),
        "tiny": rng.integers(0, 256, (16, 40, 3), np.uint8),
    }


@pytest.fixture(scope="module")
def analyses(recipe: Recipe) -> dict[str, tuple[Any, Analysis]]:
    """Features and analysis of each photo, all from one batch."""
    found = {}
    for (name, image), features in zip(photos().items(), recipe.extract(list(photos().values())), strict=True):
        found[name] = features, recipe.embed(image, features, recipe.segment(image, features))
    return found


@pytest.mark.parametrize("photo", ["huge", "tiny"])
def test_segments_lie_within_the_photo(analyses: dict[str, tuple[Any, Analysis]], photo: str) -> None:
    segments = analyses[photo][1].segments
    height, width = segments.size_hw
    large_height, large_width = photos()[photo].shape[:2]
    assert len(segments) > 0
    assert height <= max(large_height, 4)
    assert width <= max(large_width, 4)
    assert height / width == pytest.approx(large_height / large_width, rel=0.05)
    assert segments.areas.min() >= 1
    boxes = segments.boxes_xyxy
    assert boxes.min() >= 0
    assert (boxes[:, 2] <= width).all()
    assert (boxes[:, 3] <= height).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()


@pytest.mark.parametrize("photo", ["huge", "tiny"])
def test_qualities_fall_and_are_shares(analyses: dict[str, tuple[Any, Analysis]], photo: str) -> None:
    quality = analyses[photo][1].segments.quality
    assert quality.dtype == np.float32
    assert (np.diff(quality) <= 0).all()
    assert quality.min() >= 0
    assert quality.max() <= 1


@pytest.mark.parametrize("photo", ["huge", "tiny"])
def test_vectors_have_unit_length(
    recipe: Recipe, analyses: dict[str, tuple[Any, Analysis]], photo: str, request: pytest.FixtureRequest
) -> None:
    found = analyses[photo][1]
    named = recipe_spec(request.node.callspec.params["recipe"])
    assert (named.fingerprint, named.space) == (recipe.fingerprint, recipe.space)
    assert found.vectors.shape == (len(found.segments), named.segment_dim)
    assert found.photo_vector.shape == (named.photo_dim,)
    assert np.isfinite(found.vectors).all()
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found.photo_vector), 1, rtol=1e-4)


def test_no_segment_no_vector(recipe: Recipe, analyses: dict[str, tuple[Any, Analysis]]) -> None:
    features, found = analyses["tiny"]
    none = recipe.embed(photos()["tiny"], features, found.segments[:0])
    assert none.vectors.shape == (0, found.vectors.shape[1])
    assert len(none.segments) == 0
    np.testing.assert_allclose(none.photo_vector, found.photo_vector, atol=1e-6)
    assert none.fallback is not None, "by this the photo is found"
    assert none.fallback.shape == found.vectors.shape[1:]
    np.testing.assert_allclose(np.linalg.norm(none.fallback), 1, rtol=1e-4)


def test_one_colour_holds_no_segment(recipe: Recipe, analyses: dict[str, tuple[Any, Analysis]]) -> None:
    plain = np.full_like(photos()["tiny"], 140)
    features = analyses["tiny"][0]  # of another picture of that size: not even they make a segment of nothing
    segments: Segments = recipe.segment(plain, features)
    assert len(segments) == 0
    assert segments.size_hw == plain.shape[:2]


def test_a_photo_does_not_depend_on_its_batch(recipe: Recipe, analyses: dict[str, tuple[Any, Analysis]]) -> None:
    image = photos()["tiny"]
    (features,) = recipe.extract([image])
    alone = recipe.embed(image, features, recipe.segment(image, features))
    together = analyses["tiny"][1]
    assert len(alone.segments) == len(together.segments)
    np.testing.assert_allclose(alone.photo_vector, together.photo_vector, atol=2e-3)
    np.testing.assert_allclose(alone.vectors, together.vectors, atol=5e-3)


def test_how_large_it_is(recipe: Recipe, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["recipe"]
    if name == "grid":
        assert recipe.size == ModelSize()
        return
    if isinstance(recipe, PairedRecipe):
        counted = sum(each.numel() for each in recipe.embedder.patches.network.parameters())
        assert counted > 0
        assert recipe.size.parameters == recipe.segmenter.size.parameters + counted
        return
    assert isinstance(recipe, LiteRecipe)
    assert projection_path(name) in recipe.files
    assert recipe.backbone.size.parameters == pytest.approx(6.1e6, rel=0.02)
    fitted = ModelSize.of_files(recipe.files)
    assert fitted.bytes == sum(path.stat().st_size for path in set(recipe.files))
    assert recipe.size == recipe.backbone.size + fitted
    assert recipe.size.parameters - recipe.backbone.size.parameters > recipe.projection.segment.components.size


def test_how_it_is_best_fed(recipe: Recipe) -> None:
    assert recipe.batch_size >= 1
    assert recipe.concurrency >= 1
    assert ":" in recipe.fingerprint
    assert list(recipe.extract([])) == []


def test_whether_it_reads_text(recipe: Recipe, request: pytest.FixtureRequest) -> None:
    named = recipe_spec(request.node.callspec.params["recipe"])
    assert isinstance(recipe, TextEmbedder) == named.reads_text
    if isinstance(recipe, TextEmbedder):
        texts = ["red car", "dog", "", "zorgle " * 500, "\x00\ud7ff \U0001f697"]
        vectors = recipe.embed_texts(texts)
        assert vectors.shape == (len(texts), named.segment_dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-4)
        for text, vector in zip(texts, vectors, strict=True):
            np.testing.assert_allclose(recipe.embed_texts([text])[0], vector, atol=1e-5)
        assert np.abs(vectors[0] - vectors[1]).max() > 0.01
        np.testing.assert_array_equal(recipe.embed_texts(["RED car"]), recipe.embed_texts(["red car"]))
        assert recipe.embed_texts([]).shape == (0, named.segment_dim)
