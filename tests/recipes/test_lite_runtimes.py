"""OpenVINO and torch give the same segments and vectors, and so the recipes have one fingerprint on both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from retrieval.images.decode import decode
from retrieval.models.backbone import Backbone
from retrieval.models.openvino_runtime import OpenVinoRuntime
from retrieval.models.runtimes import find_device
from retrieval.models.torch_runtime import TorchRuntime
from retrieval.recipes import load
from retrieval.recipes.lite import LiteRecipe
from retrieval.types import Analysis, RgbImage

pytestmark = pytest.mark.slow

SAME_MASK = 0.98
SAME_VECTOR = 0.9995
UNLIKELY = 0.05
"""Probability that a segment is an object."""

COCO = Path(__file__).parents[3] / "shared/data/coco-dev"
"""Photos with masks, beside a checkout."""
EVERY = 130

Pair = tuple[LiteRecipe, LiteRecipe]


def pair_of(name: str) -> Pair:
    """A recipe by each runtime of the processor."""
    built = load(name, "cpu")
    assert isinstance(built, LiteRecipe)
    runtimes = OpenVinoRuntime(), TorchRuntime(find_device("cpu"))
    one, other = (replace(built, backbone=Backbone(runtime=each)) for each in runtimes)
    return one, other


@pytest.fixture(scope="module", params=["lite", "lite-unlearned"])
def pair(request: pytest.FixtureRequest) -> Pair:
    return pair_of(request.param)


@pytest.fixture(scope="module")
def with_crops() -> Pair:
    return pair_of("lite-crops")


def analysed(recipe: LiteRecipe, image: RgbImage) -> Analysis:
    (features,) = recipe.extract([image])
    return recipe.embed(image, features, recipe.segment(image, features))


def assert_same(pair: Pair, image: RgbImage, most_unlike: int = 0) -> None:
    """Each segment of one has its like in the other, with its vector; so has the photo.

    Parameters
    ----------
    most_unlike : int
        So many segments, none of which is likely to be an object, may have none.

    Notes
    -----
    A region that two neighbours cost nearly the same to merge with may go to either, by the last digits of a float32.
    What a segment adds depends on the ones that are chosen before it, so qualities differ a little more.
    """
    one, other = (analysed(recipe, image) for recipe in pair)
    assert len(one.segments) == len(other.segments) > 0
    masks = np.stack([other.segments.mask(row) for row in range(len(other.segments))])
    overlaps = one.segments.iou_with(masks)
    likest, alike = overlaps.argmax(axis=1), overlaps.max(axis=1) >= SAME_MASK
    assert np.count_nonzero(~alike) <= most_unlike
    assert one.segments.quality[~alike].max(initial=0) < UNLIKELY
    assert len(set(likest[alike])) == np.count_nonzero(alike)
    assert (one.vectors * other.vectors[likest]).sum(axis=1)[alike].min() >= SAME_VECTOR
    np.testing.assert_allclose(one.segments.quality[alike], other.segments.quality[likest][alike], atol=1e-2)
    assert one.photo_vector @ other.photo_vector >= SAME_VECTOR


@pytest.mark.parametrize("name", ["chelsea", "coffee", "astronaut", "rocket"])
def test_photos(pair: Pair, name: str) -> None:
    assert_same(pair, getattr(data, name)())


def test_crops(with_crops: Pair) -> None:
    assert_same(with_crops, data.chelsea())


@pytest.mark.skipif(not COCO.is_dir(), reason="the development photos are not there: ../shared/data/coco-dev")
@pytest.mark.parametrize("path", sorted(COCO.rglob("*.jpg"))[::EVERY])
def test_annotated_photos(pair: Pair, path: Path) -> None:
    assert_same(pair, decode(path, long_side=1024).rgb, most_unlike=2)


def test_what_differs_would_be_seen(pair: Pair) -> None:
    chelsea = data.chelsea()
    one, other = (analysed(recipe, image) for recipe, image in zip(pair, (chelsea, chelsea[:, ::-1]), strict=True))
    assert one.photo_vector @ other.photo_vector < SAME_VECTOR
