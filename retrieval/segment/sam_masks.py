"""Filters between Segment Anything's decoder and its masks in the frame, on the device.

References
----------
Kirillov et al., "Segment Anything", ICCV 2023, appendix B, automatic mask generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchvision.ops import masks_to_boxes, nms

from .sam_parameters import SamParameters

ENLARGED_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Padding:
    """The part of a padded input that shows the photo: the upper left one.

    Attributes
    ----------
    content_hw, padded_hw : tuple of int
    """

    content_hw: tuple[int, int]
    padded_hw: tuple[int, int]

    def grid(self, points: int) -> Tensor:
        """Points of a regular grid over the photo as x, y in pixels of the input, (points², 2) float32."""
        steps = (torch.arange(points, dtype=torch.float32) + 0.5) / points
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        return torch.stack([x.flatten() * self.content_hw[1], y.flatten() * self.content_hw[0]], dim=1)

    def cut(self, maps: Tensor) -> Tensor:
        """The part of (N, h, w) maps over the padded input that shows the photo, to the next whole cell."""
        rows, columns = (
            ceil(size * content / padded)
            for size, content, padded in zip(maps.shape[1:], self.content_hw, self.padded_hw, strict=True)
        )
        return maps[:, :rows, :columns]

    def in_frame(self, logits: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Logits over the padded input, (N, h, w), as masks of the photo in its frame, (N, H, W) bool."""
        large = functional.interpolate(logits[None], size=self.padded_hw, mode="bilinear", align_corners=False)
        content = large[..., : self.content_hw[0], : self.content_hw[1]]
        shrinks = size_hw[0] < self.content_hw[0] or size_hw[1] < self.content_hw[1]
        fitted = functional.interpolate(content, size=size_hw, mode="bilinear", align_corners=False, antialias=shrinks)
        return fitted[0] > 0


class MaskPool:
    """The best masks so far, in the decoder's resolution.

    Parameters
    ----------
    parameters : SamParameters
    padding : Padding
    """

    def __init__(self, parameters: SamParameters, padding: Padding) -> None:
        self._parameters = parameters
        self._padding = padding
        self._logits: Tensor | None = None
        self._predicted: Tensor | None = None

    def add(self, logits: Tensor, predicted: Tensor) -> None:
        """Add the masks that are confident and stable.

        Parameters
        ----------
        logits : Tensor of shape (N, h, w), float32
            Over the padded input.
        predicted : Tensor of shape (N,), float32
            IoU that the model predicts.
        """
        chosen = self._parameters
        stable = stability(self._padding.cut(logits), chosen.offset) >= chosen.min_stability
        kept = (predicted >= chosen.min_iou) & stable
        logits, predicted = logits[kept], predicted[kept]
        if self._logits is not None and self._predicted is not None:
            logits, predicted = torch.cat([self._logits, logits]), torch.cat([self._predicted, predicted])
        best = predicted.argsort(descending=True, stable=True)[: chosen.candidates]
        self._logits, self._predicted = logits[best], predicted[best]

    def survivors(self, size_hw: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Masks in the frame, one bit per pixel, and predicted IoUs, of the masks whose boxes repeat no better one."""
        empty = np.zeros((0, ceil(size_hw[0] * size_hw[1] / 8)), np.uint8), np.zeros(0, np.float32)
        if self._logits is None or self._predicted is None or not len(self._logits):
            return empty
        boxes = masks_to_boxes(self._padding.cut(self._logits) > 0)
        boxes[:, 2:] += 1  # torchvision's boxes include the last pixel
        kept = nms(boxes, self._predicted, self._parameters.max_box_overlap)
        parts = []
        for part in torch.split(self._logits[kept], ENLARGED_AT_ONCE):
            masks = self._padding.in_frame(part, size_hw).flatten(1)
            parts.append(np.packbits(masks.cpu().numpy(), axis=1))
        return np.concatenate(parts), self._predicted[kept].cpu().numpy()


def stability(logits: Tensor, offset: float) -> Tensor:
    """IoU of the masks cut at plus and at minus an offset, (N,) float32; zero for a mask without pixels."""
    inner = (logits > offset).sum(dim=(1, 2)).float()
    outer = (logits > -offset).sum(dim=(1, 2)).float()
    held = (logits > 0).any(dim=2).any(dim=1)
    return torch.where(held, inner / outer.clamp_min(1), torch.zeros_like(inner))
