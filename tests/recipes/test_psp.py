"""The recipe that knows things and stuff."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from retrieval.evaluation.semantic import voc_numbers
from retrieval.recipes import load, recipe_spec
from retrieval.recipes.network import NetworkRecipe
from retrieval.recipes.psp import CLASS_NAMES, THINGS, WEIGHTS
from retrieval.types import Analysis, RgbImage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def recipe() -> NetworkRecipe:
    built = load("psp", "cpu")
    assert isinstance(built, NetworkRecipe)
    return built


def analysed(recipe: NetworkRecipe, image: RgbImage) -> Analysis:
    [features] = recipe.extract([image])
    return recipe.embed(image, features, recipe.segment(image, features))


def test_a_cat_is_one_segment_with_its_name(recipe: NetworkRecipe) -> None:
    found = analysed(recipe, data.chelsea())
    best = found.segments.labels.index("cat")
    mask = found.segments.mask(best)
    assert mask.mean() > 0.4
    assert found.segments.quality[best] > 0.9
    assert "dog" not in found.segments.labels


def test_people_are_found_and_lite_names_the_rest(recipe: NetworkRecipe) -> None:
    assert "person" in analysed(recipe, data.astronaut()).segments.labels
    cup = analysed(recipe, data.coffee()).segments
    own = [label for label in cup.labels if label is not None and label not in CLASS_NAMES]
    assert own, "lite names a segment that is of none of the classes"


def test_segments_are_the_parts_of_the_class_map(recipe: NetworkRecipe) -> None:
    [features] = recipe.extract([data.astronaut()])
    classes = recipe.class_map(data.astronaut(), features)
    assert classes.shape == (512, 512)
    segments = recipe.segment(data.astronaut(), features)
    masks = np.stack([segments.mask(row) for row in range(len(segments))])
    assert masks.sum(axis=0).max() == 1
    for mask in masks:
        assert len(np.unique(classes[mask])) == 1


def test_photos_of_many_sizes_come_back_in_their_order(recipe: NetworkRecipe) -> None:
    images = [data.chelsea(), data.coffee()[:200, :90], data.chelsea(), np.zeros((1, 1, 3), np.uint8)]
    alone = [recipe.extract([each])[0].own.classes for each in images]
    for one, other in zip(recipe.extract(images), alone, strict=True):
        np.testing.assert_array_equal(one.own.classes, other)
    assert alone[-1].shape == (1, 1)


def test_an_image_of_one_colour_has_no_segments(recipe: NetworkRecipe) -> None:
    assert len(analysed(recipe, np.full((120, 160, 3), 90, np.uint8)).segments) == 0


def test_what_is_known_without_loading_it(recipe: NetworkRecipe) -> None:
    spec = recipe_spec("psp")
    assert (spec.fingerprint, spec.space) == (recipe.fingerprint, recipe.space)
    assert spec.space == recipe_spec("lite").space, "photos cut by either are found by segments of the other"
    assert recipe.size.bytes > WEIGHTS.stat().st_size


def test_the_things_are_vocs_in_their_order() -> None:
    assert voc_numbers(THINGS).tolist() == list(range(1, 21))
    assert CLASS_NAMES[1:21] == THINGS
    assert len(CLASS_NAMES) == len(set(CLASS_NAMES)) == 44
