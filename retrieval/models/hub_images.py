"""Photos as the image processors of transformers make them, and the part of their inputs that shows the photo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ConfigurationError
from ..types import RgbImage


def prepared(processor: Any, image: RgbImage) -> dict[str, Any]:
    """One photo as a model's own processor makes it: resized, normalised, padded.

    Parameters
    ----------
    processor : BaseImageProcessor
    image : ndarray of shape (H, W, 3), uint8

    Returns
    -------
    dict
        ``pixel_values`` (1, 3, h, w), and what else the processor gives.

    Raises
    ------
    ConfigurationError
        The processor cuts photos into several inputs.
    """
    writable = np.require(image, requirements="W")  # torch shares its memory
    found = dict(processor(images=writable, return_tensors="pt", input_data_format="channels_last"))
    if len(found["pixel_values"]) != 1:
        raise ConfigurationError(
            f"the model's {type(processor).__name__} cuts a photo into {len(found['pixel_values'])} inputs, which no "
            "recipe joins again: choose a model that takes whole photos, such as one for instance or panoptic "
            "segmentation"
        )
    return found


def content_hw(processor: Any, image: RgbImage, inputs: Mapping[str, Any]) -> tuple[int, int]:
    """Rows and columns of an input that show the photo; padding is below and to the right.

    Parameters
    ----------
    processor : BaseImageProcessor
    image : ndarray of shape (H, W, 3), uint8
    inputs : mapping
        What `prepared` made of it.
    """
    height, width = inputs["pixel_values"].shape[-2:]
    if "pixel_mask" in inputs:
        mask = np.asarray(inputs["pixel_mask"])[0]
        return int(mask.any(axis=1).sum()), int(mask.any(axis=0).sum())
    if type(processor).__name__.startswith("Eomt") and processor.do_pad:  # it tells of its padding in no other way
        from transformers.image_transforms import get_size_with_aspect_ratio

        size = processor.size
        rows, columns = get_size_with_aspect_ratio(image.shape[:2], size["shortest_edge"], size["longest_edge"])
        return min(int(rows), int(height)), min(int(columns), int(width))
    return int(height), int(width)
