"""Descriptors of segments from shared passes: every map averaged under the mask, normalised, weighted, concatenated.

References
----------
Dai, He and Sun, "Convolutional Feature Masking for Joint Object and Stuff Segmentation", CVPR 2015, section 3.1;
Hariharan et al., "Hypercolumns for Object Segmentation and Fine-grained Localization", CVPR 2015, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..pooling import pool_atoms, sparse_product
from ..types import FeatureMap, Segments
from .projection import Descriptors, unit


def masked_means(segments: Segments, maps: Sequence[FeatureMap]) -> list[NDArray[np.float32]]:
    """The mean of each map under each mask.

    Parameters
    ----------
    segments : Segments
    maps : sequence of ndarray of shape (h, w, C), float32

    Returns
    -------
    list of ndarray of shape (N, C), float32
        One a map.

    Notes
    -----
    C additions for each atom of each segment; a tree's nodes hold few, some 3 % of all pairs.
    """
    count = segments.membership.shape[1]
    areas = np.maximum(segments.areas, 1).astype(np.float32)[:, None]
    return [sparse_product(segments.membership, pool_atoms(segments.atoms, count, each)) / areas for each in maps]


def join_descriptors(means: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> Descriptors:
    """Descriptors made of the means of several maps, (N, sum of C): each of unit length times its weight."""
    return np.concatenate([weight * unit(mean) for mean, weight in zip(means, weights, strict=True)], axis=1)
