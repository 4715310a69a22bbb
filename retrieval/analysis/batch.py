"""From decoded photos to segments with vectors: the part of an ingest that needs neither files nor a database."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import OutOfDeviceMemoryError
from ..images.colors import color_shares
from ..images.decode import DecodedImage
from ..images.masks import resized_mask
from ..recipes.protocols import Recipe
from ..types import Analysis, AnalyzedImage, Embedded, ImportedMask, RgbImage, Segments

logger = logging.getLogger(__name__)

AT_ONCE = 64
"""So many masks of a photo are held at once."""

NONE_IMPORTED: Mapping[int, ImportedMask] = MappingProxyType({})


def analyze_batch(recipe: Recipe, images: Sequence[DecodedImage]) -> list[AnalyzedImage]:
    """Segment and embed decoded photos.

    Parameters
    ----------
    recipe : Recipe
    images : sequence of DecodedImage

    Returns
    -------
    list of AnalyzedImage
        In the order of `images`.

    Raises
    ------
    OutOfDeviceMemoryError
        A single photo does not fit the device's memory.

    Notes
    -----
    A pure function of its arguments. One pass of the network, then the segments of each photo in turn; the ingest
    pipeline, and the processes of a Ray cluster, overlap the two: `extract_batch` and `describe`.
    """
    features = extract_batch(recipe, [image.rgb for image in images])
    return [describe(recipe, image, each) for image, each in zip(images, features, strict=True)]


def extract_batch(recipe: Recipe, images: Sequence[RgbImage]) -> list[Any]:
    """The recipe's features of each image; a batch that does not fit the device's memory is halved.

    Raises
    ------
    OutOfDeviceMemoryError
        A single image does not fit.
    """
    try:
        return list(recipe.extract(images))
    except OutOfDeviceMemoryError:
        if len(images) == 1:
            raise
    # Behind the except clause, where the error and the memory that its traceback holds are gone
    logger.warning("a batch of %d does not fit the device's memory: halved", len(images))
    half = len(images) // 2
    return extract_batch(recipe, images[:half]) + extract_batch(recipe, images[half:])


def embed_imported(
    recipe: Recipe, image: DecodedImage, features: Any, masks: Sequence[ImportedMask]
) -> Iterator[Analysis]:
    """Imported masks as segments with vectors and colours, under their own names; so many at once that they fit.

    Parameters
    ----------
    recipe : Recipe
    image : DecodedImage
    features
        The recipe's, of the image.
    masks : sequence of ImportedMask
        They are brought to the size of the image, if they have another.

    Yields
    ------
    Analysis
        Of `AT_ONCE` masks, in their order.
    """
    size = image.rgb.shape[0], image.rgb.shape[1]
    for start in range(0, len(masks), AT_ONCE):
        block = masks[start : start + AT_ONCE]
        drawn = np.stack([resized_mask((each.size_hw, each.counts), size) for each in block])
        quality = np.array([each.quality for each in block], np.float32)
        labels = tuple(each.label for each in block)
        scores = np.array([each.label is not None for each in block], np.float32)
        found = describe_segments(recipe, image, features, Segments.from_masks(drawn, quality)).analysis
        yield replace(found, segments=replace(found.segments, labels=labels, label_scores=scores))


def describe(
    recipe: Recipe, image: DecodedImage, features: Any, imported: Mapping[int, ImportedMask] = NONE_IMPORTED
) -> AnalyzedImage:
    """Segments of a photo with their vectors and colours, from its features; runs on the CPU.

    The photo's `imported` segments, by their ids, get new vectors and colours; see `embed_imported`.
    """
    found = describe_segments(recipe, image, features, recipe.segment(image.rgb, features))
    return replace(found, imported=_imported_again(recipe, image, features, imported)) if imported else found


def _imported_again(
    recipe: Recipe, image: DecodedImage, features: Any, imported: Mapping[int, ImportedMask]
) -> dict[int, Embedded]:
    found: list[Embedded] = []
    for part in embed_imported(recipe, image, features, list(imported.values())):
        colors = [None] * len(part.vectors) if part.colors is None else list(part.colors)
        found += [Embedded(*each) for each in zip(part.vectors, colors, strict=True)]
    return dict(zip(imported, found, strict=True))


def describe_segments(recipe: Recipe, image: DecodedImage, features: Any, segments: Segments) -> AnalyzedImage:
    """Given segments of a photo with their vectors and colours."""
    analysis = recipe.embed(image.rgb, features, segments)
    return AnalyzedImage(
        size_hw=image.size_hw,
        format=image.format,
        taken_at=image.taken_at,
        analysis=replace(analysis, colors=color_shares(image.rgb, analysis.segments)),
    )
