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

from ..types import FeatureMap, Segments
from .projection import Descriptors, unit


class PooledMaps:
    """Averages of the maps of one image under masks; sums over the same atoms are taken once.

    Parameters
    ----------
    maps : sequence of ndarray of shape (h, w, C), float32
    """

    def __init__(self, maps: Sequence[FeatureMap]) -> None:
        self.maps = tuple(maps)
        self._pooled: tuple[NDArray[np.int32] | None, dict[int, NDArray[np.float32]]] = None, {}

    def means(self, segments: Segments, count: int | None = None) -> list[NDArray[np.float32]]:
        """The mean of each map, or of the first `count`, under each mask, (N, C) each.

        Notes
        -----
        C additions for each atom of each segment; a tree's nodes contain few atoms, some 3 % of all pairs.
        """
        from .pooling import pool_atoms, sparse_product  # loads numba's compiler, which searches do not need

        atoms, sums = self._pooled
        if atoms is not segments.atoms:
            atoms, sums = self._pooled = segments.atoms, {}
        areas = np.maximum(segments.areas, 1).astype(np.float32)[:, None]
        found = []
        for number, each in enumerate(self.maps[:count]):
            if number not in sums:
                sums[number] = pool_atoms(segments.atoms, segments.membership.shape[1], each)
            found.append(sparse_product(segments.membership, sums[number]) / areas)
        return found


def masked_means(segments: Segments, maps: Sequence[FeatureMap]) -> list[NDArray[np.float32]]:
    """The mean of each map under each mask: one array of shape (N, C), float32, for each (h, w, C)."""
    return PooledMaps(maps).means(segments)


def join_descriptors(means: Sequence[NDArray[np.float32]], weights: Sequence[float], power: float = 1.0) -> Descriptors:
    """Descriptors made of the means of several maps, (N, sum of C): each of unit length times its weight.

    Parameters
    ----------
    means : sequence of ndarray of shape (N, C), float32
    weights : sequence of float
        One per map.
    power : float
        Exponent for the values, which keep their signs, so that a few strong channels do not dominate.

    References
    ----------
    Perronnin, Sanchez and Mensink, "Improving the Fisher Kernel for Large-Scale Image Classification", ECCV 2010,
    section 3.2 (power normalisation).
    """
    parts = [
        weight * unit(mean if power == 1 else np.sign(mean) * np.abs(mean) ** power)
        for mean, weight in zip(means, weights, strict=True)
    ]
    return np.concatenate(parts, axis=1)
