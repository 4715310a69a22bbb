"""From a network's class scores to the most likely class of every pixel of the frame, on the device."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..types import RgbImage
from .class_map import ClassMap
from .dense_crf import refine
from .dense_crf_parameters import CrfParameters


def chances_in_frame(scores: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Probabilities in a frame, (C, H, W) float32, from scores (C, h, w) that cover the same photo."""
    return enlarged(scores, size_hw).softmax(0)


def enlarged(maps: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Maps (C, h, w) resized to a frame bilinearly, with antialiasing if they shrink, as float32."""
    shrinks = maps.shape[-2] > size_hw[0] or maps.shape[-1] > size_hw[1]
    return functional.interpolate(
        maps[None].float(), size=size_hw, mode="bilinear", align_corners=False, antialias=shrinks
    )[0]


def refined(chances: Tensor, image: RgbImage, parameters: CrfParameters) -> Tensor:
    """Probabilities after `dense_crf.refine` with the image in their frame; on CUDA in float32 throughout."""
    size = chances.shape[2], chances.shape[1]
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    pixels = torch.from_numpy(small).to(chances.device).permute(2, 0, 1).float()
    with torch.autocast(chances.device.type, enabled=False):
        return refine(chances.float(), pixels, parameters)


def class_map(chances: Tensor) -> ClassMap:
    """The most likely class of each pixel, in main memory."""
    best = chances.max(dim=0)
    return ClassMap(best.indices.cpu().numpy().astype(np.uint16), best.values.float().cpu().numpy())
