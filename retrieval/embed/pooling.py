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
    A coarse map is interpolated bilinearly: four additions per pixel for the weights of cells, then C additions for
    each cell of each atom. A fine map, with cells of a few pixels, is read at the nearest cell: C additions per pixel.
    The map is never enlarged.
    """
    if features.shape[0] * features.shape[1] > FINE_CELLS:
        return _nearest_sums(atoms, count, features)  # type: ignore[no-any-return]
    return _bilinear_sums(atoms, count, np.ascontiguousarray(features))  # type: ignore[no-any-return]


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
def _bilinear_sums(atoms, count, features):  # type: ignore[no-untyped-def]
    """Sums of the map's bilinear interpolation over the pixels of each atom, (A, C).

    An atom's weights are held for the cells around its box only; of a whole matrix, (A, h·w), most would be zero.
    """
    rows, columns = atoms.shape
    height, width, channels = features.shape
    top, below, down = _between(rows, height)
    left, beside, right = _between(columns, width)
    start, boxes = _cell_boxes(atoms, count, top, below, left, beside)
    weights = np.zeros(start[count], np.float32)
    for y in range(rows):
        for x in range(columns):
            atom = atoms[y, x]
            across = boxes[atom, 3] - boxes[atom, 2] + 1
            origin = start[atom] - boxes[atom, 2] - boxes[atom, 0] * across
            upper, lower = origin + top[y] * across, origin + below[y] * across
            weights[upper + left[x]] += (1 - down[y]) * (1 - right[x])
            weights[upper + beside[x]] += (1 - down[y]) * right[x]
            weights[lower + left[x]] += down[y] * (1 - right[x])
            weights[lower + beside[x]] += down[y] * right[x]
    sums = np.zeros((count, channels), np.float32)
    for atom in range(count):
        total = sums[atom]
        across = boxes[atom, 3] - boxes[atom, 2] + 1
        for at in range(start[atom], start[atom + 1]):
            weight, cell = weights[at], at - start[atom]
            if weight:
                values = features[boxes[atom, 0] + cell // across, boxes[atom, 2] + cell % across]
                for c in range(channels):
                    total[c] += weight * values[c]
    return sums


@njit(cache=True, nogil=True)
def _cell_boxes(atoms, count, top, below, left, beside):  # type: ignore[no-untyped-def]
    """First and last row, first and last column of the cells around each atom, and where its weights start."""
    rows, columns = atoms.shape
    boxes = np.zeros((count, 4), np.int64)
    boxes[:, 0], boxes[:, 2] = rows, columns
    for y in range(rows):
        for x in range(columns):
            box = boxes[atoms[y, x]]
            box[0], box[1] = min(box[0], y), y
            box[2], box[3] = min(box[2], x), max(box[3], x)
    start = np.zeros(count + 1, np.int64)
    for atom in range(count):
        box = boxes[atom]
        size = 0
        if box[0] < rows:  # it has pixels
            box[0], box[1], box[2], box[3] = top[box[0]], below[box[1]], left[box[2]], beside[box[3]]
            size = (box[1] - box[0] + 1) * (box[3] - box[2] + 1)
        start[atom + 1] = start[atom] + size
    return start, boxes


@njit(cache=True, nogil=True)
def _between(pixels, cells):  # type: ignore[no-untyped-def]
    """Of each pixel along a side the two cells whose centres it lies between, and its distance from the first."""
    first, second = np.empty(pixels, np.int64), np.empty(pixels, np.int64)
    share = np.empty(pixels, np.float64)
    for pixel in range(pixels):
        at = min(max((pixel + 0.5) * cells / pixels - 0.5, 0.0), cells - 1.0)
        first[pixel] = min(int(at), max(cells - 2, 0))
        second[pixel] = min(first[pixel] + 1, cells - 1)
        share[pixel] = at - first[pixel]
    return first, second, share
