"""A grid of cells and their unions: a segmenter that ignores the image, as a baseline."""

from __future__ import annotations

import numpy as np

from ..types import Segments


def grid_segments(size_hw: tuple[int, int], cells: int) -> Segments:
    """Cells of a regular grid, its quadrants' blocks, and the whole.

    Parameters
    ----------
    size_hw : tuple of int
        Size of the image; masks are at this size.
    cells : int
        Cells along each side.

    Returns
    -------
    Segments
        ``cells² + (cells - 1)²`` segments: each cell, and each block of two by two cells.
    """
    height, width = size_hw
    row = np.minimum(np.arange(height) * cells // height, cells - 1)
    column = np.minimum(np.arange(width) * cells // width, cells - 1)
    atoms = (row[:, None] * cells + column[None]).astype(np.int32)
    single = np.eye(cells * cells, dtype=bool)
    corners = [y * cells + x for y in range(cells - 1) for x in range(cells - 1)]
    blocks = [single[c] | single[c + 1] | single[c + cells] | single[c + cells + 1] for c in corners]
    members = np.concatenate([np.array(blocks, bool).reshape(-1, cells * cells), single])
    return Segments(atoms, members, np.linspace(0.5, 0.1, len(members), dtype=np.float32))
