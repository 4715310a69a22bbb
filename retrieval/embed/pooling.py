"""Averages of feature maps under atoms and segments.

References
----------
Dai, He and Sun, "Convolutional Feature Masking for Joint Object and Stuff Segmentation", CVPR 2015, section 3.1.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Pooled = NDArray[np.float32]
"""(N, C), one averaged feature per row."""

FINE_CELLS = 2048
"""Maps with more cells than this count as fine."""


def pool_atoms(atoms: NDArray[np.int32], count: int, features: NDArray[np.float32]) -> Pooled:
    """Sum a feature map over the pixels of every atom.

    Parameters
    ----------
    atoms : ndarray of shape (H, W), int32
        ``0 <= atoms < count``.
    count : int
        Number of atoms, A.
    features : ndarray of shape (h, w, C), float32
        Covers the same image as `atoms`.

    Returns
    -------
    ndarray of shape (A, C), float32
        Sums, to be divided by areas; the sum of a union is the sum over its atoms.

    Notes
    -----
    A coarse map is interpolated bilinearly: four additions per pixel for the weights, then the sparse product of
    (A, h·w) and (h·w, C). A fine map, with cells of a few pixels, is read at the nearest cell: C additions per pixel.
    The map is never enlarged.
    """
    height, width, channels = features.shape
    if height * width > FINE_CELLS:
        return _nearest_sums(atoms, count, features)  # type: ignore[no-any-return]
    weights = _bilinear_weights(atoms, count, height, width)
    return sparse_product(weights, features.reshape(height * width, channels))


def sparse_product(
    weights: NDArray[np.float32] | NDArray[np.bool_], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The product of a sparse matrix, (N, A), with another, (A, C): C additions per non-zero entry."""
    return _sparse_product(weights, np.ascontiguousarray(values, np.float32))  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _sparse_product(weights, values):  # type: ignore[no-untyped-def]
    count, width = weights.shape
    channels = values.shape[1]
    product = np.zeros((count, channels), np.float32)
    for row in range(count):
        total = product[row]
        for column in range(width):
            weight = np.float32(weights[row, column])
            if weight:
                value = values[column]
                for c in range(channels):
                    total[c] += weight * value[c]
    return product


@njit(cache=True, nogil=True)
def _nearest_sums(atoms, count, features):  # type: ignore[no-untyped-def]
    """Sums over pixels of the cell that contains each pixel's centre, (A, C)."""
    rows, columns = atoms.shape
    height, width, channels = features.shape
    sums = np.zeros((count, channels), np.float32)
    for y in range(rows):
        line = features[int((y + 0.5) * height / rows)]
        for x in range(columns):
            cell = line[int((x + 0.5) * width / columns)]
            total = sums[atoms[y, x]]
            for c in range(channels):
                total[c] += cell[c]
    return sums


@njit(cache=True, nogil=True)
def _bilinear_weights(atoms, count, height, width):  # type: ignore[no-untyped-def]
    """How much of every cell is in every atom, (A, h·w); a row adds up to the atom's area in pixels."""
    rows, columns = atoms.shape
    weights = np.zeros((count, height * width), np.float32)
    for y in range(rows):
        v = min(max((y + 0.5) * height / rows - 0.5, 0.0), height - 1.0)
        top = min(int(v), max(height - 2, 0))
        down, below = v - top, min(top + 1, height - 1) * width
        for x in range(columns):
            u = min(max((x + 0.5) * width / columns - 0.5, 0.0), width - 1.0)
            left = min(int(u), max(width - 2, 0))
            right, beside = u - left, min(left + 1, width - 1)
            row = weights[atoms[y, x]]
            row[top * width + left] += (1 - down) * (1 - right)
            row[top * width + beside] += (1 - down) * right
            row[below + left] += down * (1 - right)
            row[below + beside] += down * right
    return weights
