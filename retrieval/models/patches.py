"""Vectors of segments from the patches of one pass of a vision network: the network's part.

A photo is brought to whole patches at its own proportions, goes through once, and comes back as a map of cells and one
vector of the whole; `retrieval.embed.masked_pooling` averages the map under each mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import WeightsCorruptError
from ..types import FeatureMap, RgbImage
from .passes import Device
from .scaling import resized

Tower = Callable[[Any, Tensor], tuple[Tensor, Tensor]]
"""From a network and its (N, 3, H, W) input to cells (N, h, w, D) and wholes (N, D)."""


@dataclass(frozen=True, eq=False, slots=True)
class PatchFeatures:
    """The result of one pass over one image.

    Attributes
    ----------
    cells : FeatureMap
        (h, w, D).
    whole : ndarray of shape (D,), float32
        The network's own vector of the whole photo.
    """

    cells: FeatureMap
    whole: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchInput:
    """How a photo is resized and normalised for a network.

    Attributes
    ----------
    mean, std : tuple of float
        Of the network's normalisation, of values in [0, 1].
    step : int
        Both sides are multiples of it, in pixels.
    long_side : int
        What the long side is brought to, but for rounding to `step`.
    fixed_hw : tuple of int or None
        The only size the network takes, to which a photo is then stretched.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    step: int
    long_side: int
    fixed_hw: tuple[int, int] | None = None

    def size_of(self, size_hw: Sequence[int]) -> tuple[int, int]:
        """Height and width at which an image enters."""
        if self.fixed_hw is not None:
            return self.fixed_hw
        scale = self.long_side / max(size_hw[:2]) / self.step
        height, width = (max(1, round(side * scale)) * self.step for side in size_hw[:2])
        return height, width


@dataclass(frozen=True, eq=False, slots=True)
class PatchNetwork:
    """A vision network on a device.

    Attributes
    ----------
    name : str
        For messages.
    network : Any
        The module of torch.
    tower : Tower
        Runs it.
    entry : PatchInput
    device : Device
    dim : int
        Length of its vectors.
    """

    name: str
    network: Any
    tower: Tower
    entry: PatchInput
    device: Device
    dim: int

    def extract(self, images: Sequence[RgbImage]) -> list[PatchFeatures]:
        """Run one pass over each image, those of one size together; no result depends on the rest of the batch.

        Raises
        ------
        WeightsCorruptError
            The vectors are not of the length that the model's description says.
        OutOfDeviceMemoryError
        """
        sizes = [self.entry.size_of(image.shape) for image in images]
        found: dict[int, PatchFeatures] = {}
        for rows in self.device.groups(sizes):
            batch = [resized(images[row], sizes[row]) for row in rows]
            found.update(zip(rows, self._pass(batch), strict=True))
        return [found[row] for row in range(len(images))]

    def _pass(self, images: Sequence[RgbImage]) -> list[PatchFeatures]:
        with self.device.running(f"a pass of {self.name} over {len(images)} images of {images[0].shape[:2]}"):
            cells, wholes = self.tower(self.network, self.device.pixels(images, self.entry.mean, self.entry.std))
            pairs = zip(cells.float().cpu().numpy(), wholes.float().cpu().numpy(), strict=True)
        found = [PatchFeatures(np.ascontiguousarray(each), whole) for each, whole in pairs]
        if found[0].cells.shape[2] != self.dim:
            raise WeightsCorruptError(
                f"{self.name} gives vectors of {found[0].cells.shape[2]} numbers, its config.json says {self.dim}"
            )
        return found
