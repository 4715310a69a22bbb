"""The recipe without a network: grid cells and mean colours. It takes milliseconds, for testing the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..embed.mean_color import mean_colors
from ..models.fingerprint import fingerprint
from ..models.size import ModelSize
from ..segment.grid import grid_segments
from ..types import Analysis, RgbImage, Segments
from . import RecipeSpec


@dataclass(frozen=True, slots=True)
class GridRecipe:
    """Grid cells with mean colours.

    Attributes
    ----------
    cells : int
        Cells along each side.
    side : int
        Long side of the masks.
    """

    cells: int = 4
    side: int = 128

    @property
    def fingerprint(self) -> str:
        """Algorithm and parameters."""
        return fingerprint("grid-1", self)

    @property
    def space(self) -> str:
        """Every grid has its own."""
        return self.fingerprint

    @property
    def size(self) -> ModelSize:
        """Nothing was learned."""
        return ModelSize()

    @property
    def concurrency(self) -> int:
        """Always 1."""
        return 1

    @property
    def batch_size(self) -> int:
        """Always 1: there is no device to fill."""
        return 1

    def extract(self, images: Sequence[RgbImage]) -> Sequence[None]:
        """Return nothing: there is no network."""
        return [None] * len(images)

    def segment(self, image: RgbImage, features: None) -> Segments:
        """Grid cells; an image of a single colour holds no segment."""
        scale = min(1.0, self.side / max(image.shape[:2]))
        size = max(self.cells, round(image.shape[0] * scale)), max(self.cells, round(image.shape[1] * scale))
        segments = grid_segments(size, self.cells)
        return segments if np.ptp(image, axis=(0, 1)).max() > 0 else segments[:0]

    def embed(self, image: RgbImage, features: None, segments: Segments) -> Analysis:
        """Mean colours."""
        whole = Segments(np.zeros(segments.size_hw, np.int32), np.ones((1, 1), bool), np.ones(1, np.float32))
        color = mean_colors(image, whole)[0]
        return Analysis(segments, mean_colors(image, segments), color, fallback=color)


def recipe_spec(name: str) -> RecipeSpec:
    """The recipe's spec."""
    recipe = GridRecipe()
    return RecipeSpec(
        name=name,
        fingerprint=recipe.fingerprint,
        space=recipe.space,
        segment_dim=6,
        photo_dim=6,
        word_vectors=None,
        build=lambda _device, _threads: recipe,
    )
