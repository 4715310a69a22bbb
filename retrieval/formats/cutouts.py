"""Cut-out segments: PNG pictures with alpha, in a folder for each category."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from ..errors import ImageError
from ..images.masks import resized_mask
from ..types import RgbImage
from .dataset import AnnotatedImage, Annotation, Dataset, file_name
from .targets import File

LEFT_OUT = "left out.txt"


def cutout_files(dataset: Dataset, picture: Callable[[int, int], RgbImage]) -> Iterator[File]:
    """A PNG file for each segment, ``CATEGORY/PHOTO-SEGMENT.png``, the size of its box.

    Parameters
    ----------
    dataset : Dataset
    picture : callable
        The upright photo with an id, with at most a given long side.

    Notes
    -----
    Photos are decoded at full size, one at a time. One that is gone, or is not what it was, is left out, and named
    with the reason in a text file.
    """
    left_out: list[str] = []
    for entry in dataset:
        if not entry.annotations:
            continue
        try:
            pixels = picture(entry.image.id, max(entry.size_hw))
        except ImageError as error:
            left_out.append(f"{entry.stem}: {error}\n")
            continue
        for annotation in entry.annotations:
            name = f"{file_name(annotation.category)}/{entry.stem}-{annotation.segment.id}.png"
            yield name, _png(entry, annotation, pixels)
    if left_out:
        yield LEFT_OUT, "".join(left_out).encode("utf-8", "backslashreplace")


def _png(entry: AnnotatedImage, annotation: Annotation, pixels: RgbImage) -> bytes:
    segment = annotation.segment
    x0, y0, x1, y1 = segment.box_xyxy
    mask = resized_mask((segment.mask_size_hw, segment.mask_counts), entry.size_hw)[y0:y1, x0:x1]
    alpha = np.where(mask, 255, 0).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.dstack([pixels[y0:y1, x0:x1], alpha])).save(stream, "PNG")
    return stream.getvalue()
