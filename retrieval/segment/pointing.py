"""A segment that is corrected by points on and beside the thing.

A small network tells how likely each superpixel belongs to the thing, by the segment and the points, and the union with
the highest expected IoU is taken. ``python -m training.fit_points`` fits it to simulated corrections of objects.

References
----------
Those of `point_measures` and `prompting`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..images.masks import decode_mask
from ..query.prompt import Point, Prompt
from .point_measures import Correction, pixel, point_measures, superpixels
from .prompt_measures import PromptRegions
from .prompting import Mask, SuperpixelClassifier, best_union, cleared


def segment_points(found: PromptRegions, prompt: Prompt, classifier: SuperpixelClassifier) -> tuple[Mask, float]:
    """What points mean.

    Parameters
    ----------
    found : PromptRegions
    prompt : Prompt
        Points, in the frame of `found`, (H, W), with the mask that they correct; without one, they correct the best
        candidate under them.
    classifier : SuperpixelClassifier
        Of `POINT_MEASURES` measures.

    Returns
    -------
    ndarray of shape (H, W), bool
        With all positive points and no negative one; where two lie on the same pixel, the positive one counts.
    float
        The expected IoU with the thing, 0 to 1.
    """
    leaves = found.leaves
    positive, negative = (superpixels(leaves, each) for each in (prompt.points, prompt.not_points))
    if not found.hierarchies.trees or not len(found.quality):
        return _parted(np.ones(leaves.shape, bool), leaves, prompt), 0.0
    begun = _given(prompt, leaves.shape) if prompt.mask is not None else _best(found, positive, negative)
    chances = classifier(point_measures(Correction(found, begun, prompt.points, prompt.not_points)))
    chances[negative], chances[positive] = 0.0, 1.0
    chosen, expected = best_union(chances, found.areas)
    return _parted(cleared(chosen[leaves]), leaves, prompt), expected


def _given(prompt: Prompt, shape: tuple[int, ...]) -> Mask:
    """The mask of a prompt in the frame of the superpixels, not empty."""
    size_hw, counts = prompt.mask or ((1, 1), "")
    mask = decode_mask(size_hw, counts.encode("ascii"))
    if mask.shape != shape:
        small = cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
        mask = np.asarray(small >= min(0.5, float(small.max())), bool)
    return mask


def _best(found: PromptRegions, positive: NDArray[np.int64], negative: NDArray[np.int64]) -> Mask:
    """The best of the candidates that agree with most of the points; the clicked superpixels where none has any."""
    members = found.hierarchies.candidates.segments.membership
    has = members[:, positive].sum(axis=1)
    if not has.any():
        return np.isin(found.leaves, positive)
    agreed = has - members[:, negative].sum(axis=1) - 2.0 * len(negative) * (has == 0)
    best = np.lexsort((found.quality, agreed))[-1]
    return np.asarray(members[best][found.leaves], bool)


def _parted(mask: Mask, leaves: NDArray[np.int32], prompt: Prompt) -> Mask:
    """Superpixels with positive and negative points are parted by which of them are nearer; the points always count."""
    shared = np.intersect1d(superpixels(leaves, prompt.points), superpixels(leaves, prompt.not_points))
    result = mask.copy()
    if len(shared):
        place = np.isin(leaves, shared)
        near, far = (_distance(leaves.shape, each) for each in (prompt.points, prompt.not_points))
        result[place] = (near < far)[place]
    for points, value in ((prompt.not_points, False), (prompt.points, True)):
        for point in points:
            result[pixel(point, leaves.shape)] = value
    return result


def _distance(shape: tuple[int, ...], points: tuple[Point, ...]) -> NDArray[np.float32]:
    """The distance of every pixel to the nearest point."""
    away = np.ones(shape, np.uint8)
    for point in points:
        away[pixel(point, shape)] = 0
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, 5), np.float32)
