"""Fine superpixels: the leaves of the region hierarchy.

References
----------
Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 2004, section 3 (algorithm 1, with
tau(C) = k / |C|) and section 5 (grid graph, final joining of small components).
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..types import RgbImage

LEVELS = 4096
"""Edge weights are sorted in this many steps of equal width, so sorting is linear in the number of edges."""


def superpixels(image: RgbImage, *, scale: float, min_size: int, sigma: float = 0.8) -> NDArray[np.int32]:
    """Felzenszwalb's graph-based segmentation on the 4-connected grid, in CIE Lab.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
    scale : float
        The constant k, in units of Lab distance times pixels; larger gives larger superpixels.
    min_size : int
        Components with fewer pixels are joined to their most similar neighbour.
    sigma : float
        Gaussian smoothing of the image, in pixels.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels ``0 … L-1``, each 4-connected.

    Notes
    -----
    O(H·W): a counting sort of the edges, then one pass of union-find.
    """
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), sigma).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    labels = _label(*_grid_edges(np.ascontiguousarray(lab)), image.shape[0] * image.shape[1], scale, min_size)
    return np.asarray(labels, dtype=np.int32).reshape(image.shape[:2])


@njit(cache=True, nogil=True)
def _grid_edges(lab):  # type: ignore[no-untyped-def]
    """Edges of the 4-connected grid with the Lab distance of their ends."""
    height, width = lab.shape[:2]
    count = height * (width - 1) + (height - 1) * width
    start, end, weight = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.float32)
    n = 0
    for y in range(height):
        for x in range(width):
            here = y * width + x
            for step in range(2):
                yy, xx = (y, x + 1) if step == 0 else (y + 1, x)
                if yy < height and xx < width:
                    distance = 0.0
                    for c in range(3):
                        distance += (lab[y, x, c] - lab[yy, xx, c]) ** 2
                    start[n], end[n], weight[n] = here, yy * width + xx, np.sqrt(distance)
                    n += 1
    return start, end, weight


@njit(cache=True, nogil=True)
def _sorted_order(weight):  # type: ignore[no-untyped-def]
    """Order of the edges by weight, to within 1/LEVELS of the largest; stable."""
    step = max(weight.max(), 1e-6) / (LEVELS - 1)
    ends = np.zeros(LEVELS + 1, np.int64)
    for w in weight:
        ends[int(w / step) + 1] += 1
    ends = np.cumsum(ends)
    order = np.empty(len(weight), np.int32)
    for edge in range(len(weight)):
        bin_ = int(weight[edge] / step)
        order[ends[bin_]] = edge
        ends[bin_] += 1
    return order


@njit(cache=True, nogil=True)
def _find(parent, node):  # type: ignore[no-untyped-def]
    """Root of a node, with path halving."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def _label(start, end, weight, pixels, scale, min_size):  # type: ignore[no-untyped-def]
    """Algorithm 1: join two components if the edge is no heavier than either allows, then join the small ones."""
    order = _sorted_order(weight)
    parent = np.arange(pixels, dtype=np.int32)
    size = np.ones(pixels, np.int32)
    allows = np.full(pixels, scale, np.float32)  # Int(C) + k / |C|
    for edge in order:
        a, b = _find(parent, start[edge]), _find(parent, end[edge])
        if a != b and weight[edge] <= allows[a] and weight[edge] <= allows[b]:
            parent[b] = a
            size[a] += size[b]
            allows[a] = weight[edge] + scale / size[a]
    for edge in order:
        a, b = _find(parent, start[edge]), _find(parent, end[edge])
        if a != b and (size[a] < min_size or size[b] < min_size):
            parent[b] = a
            size[a] += size[b]
    labels = np.full(pixels, -1, np.int32)
    result = np.empty(pixels, np.int32)
    count = 0
    for pixel in range(pixels):
        root = _find(parent, pixel)
        if labels[root] < 0:
            labels[root] = count
            count += 1
        result[pixel] = labels[root]
    return result
