"""The segmenter and the recipe that need no network."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.errors import ConfigurationError
from retrieval.recipes import NAMES, load, recipe_spec
from retrieval.recipes.grid import GridRecipe
from retrieval.segment.grid import grid_segments


@pytest.mark.parametrize(("size", "cells"), [((12, 12), 4), ((7, 30), 3), ((4, 4), 4), ((5, 5), 1)])
def test_cells_and_blocks(size: tuple[int, int], cells: int) -> None:
    segments = grid_segments(size, cells)
    assert len(segments) == cells**2 + (cells - 1) ** 2
    single = np.stack([segments.mask(row) for row in range(len(segments) - cells**2, len(segments))])
    assert (single.sum(axis=0) == 1).all(), "the cells are a partition"
    assert segments.areas.min() >= 1
    assert (np.diff(segments.quality) <= 0).all()


def test_a_grid_by_eye() -> None:
    segments = grid_segments((8, 12), 4)
    assert segments.boxes_xyxy[0].tolist() == [0, 0, 6, 4], "the first block of two by two cells"
    assert segments.boxes_xyxy[9].tolist() == [0, 0, 3, 2], "the first cell"
    assert segments.boxes_xyxy[-1].tolist() == [9, 6, 12, 8]


def test_no_two_segments_overlap_much() -> None:
    overlaps = grid_segments((64, 64), 4).iou()
    np.fill_diagonal(overlaps, 0)
    assert overlaps.max() < 0.5


def test_masks_are_at_most_as_large_as_the_recipe_says() -> None:
    recipe = GridRecipe(side=64)
    image = np.random.default_rng(0).integers(0, 256, (100, 200, 3), np.uint8)
    assert recipe.segment(image, None).size_hw == (32, 64)
    assert recipe.segment(image[:20, :40], None).size_hw == (20, 40)


def test_the_fingerprint_names_the_parameters() -> None:
    assert GridRecipe().fingerprint == GridRecipe(cells=4, side=128).fingerprint
    assert len({GridRecipe().fingerprint, GridRecipe(cells=5).fingerprint, GridRecipe(side=64).fingerprint}) == 3


def test_the_card_describes_what_is_built() -> None:
    recipe, image = load("grid", "cpu"), np.asarray(np.random.default_rng(1).integers(0, 256, (40, 40, 3)), np.uint8)
    found = recipe.embed(image, None, recipe.segment(image, None))
    named = recipe_spec("grid")
    assert named.fingerprint == recipe.fingerprint
    assert found.vectors.shape[1] == named.segment_dim
    assert found.photo_vector.shape == (named.photo_dim,)
    assert named.word_vectors is None


def test_an_unknown_recipe_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="'lyte' is none of " + ", ".join(NAMES)):
        recipe_spec("lyte")
