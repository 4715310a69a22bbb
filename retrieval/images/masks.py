"""Masks as COCO run lengths, and the change between frames: the analysed copy and the upright original.

A mask is kept at the size the photo was analysed at. Its frame is the whole photo, so going to the original is one
scaling by the ratio of the two sizes; only boxes, areas and points are handed out in pixels of the original.

References
----------
Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; the compressed form is pycocotools'.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from ..types import Segments

Box = tuple[int, int, int, int]

MaskRun = tuple[tuple[int, int], bytes]
"""A mask: its height and width, and its compressed run lengths."""


def encode_segments(segments: Segments) -> list[bytes]:
    """Compressed RLE of every segment's mask, at the segments' own size.

    Notes
    -----
    No mask is ever made: the atoms are cut into runs down the columns once, and a segment's runs are those of its
    atoms, joined where they touch.
    """
    height, width = segments.size_hw
    pixels = segments.atoms.T.ravel()
    starts = np.flatnonzero(np.diff(pixels, prepend=-1))
    inside = segments.membership[:, pixels[starts]]
    changes = inside.copy()  # the first run is one where it is inside: what is outside comes first
    changes[:, 1:] = inside[:, 1:] != inside[:, :-1]
    rows, runs = np.nonzero(changes)
    ends = np.searchsorted(rows, np.arange(len(segments) + 1))
    every = starts[runs]
    return [counts_of_changes(every[first:end], height, width) for first, end in pairwise(ends)]


def counts_of_changes(changes: NDArray[np.intp], height: int, width: int) -> bytes:
    """Compressed counts of a mask whose pixels, down the columns, change at some places; outside comes first."""
    counts = np.empty(len(changes) + 1, np.intp)
    counts[:-1], counts[-1] = changes, height * width
    counts[1:] -= changes
    run = coco.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return bytes(run["counts"])


def decode_mask(size_hw: tuple[int, int], counts: bytes) -> NDArray[np.bool_]:
    """One mask, (H, W) bool, from its compressed RLE."""
    return np.asarray(coco.decode(_run(size_hw, counts)), dtype=bool)


def resized_mask(mask: MaskRun, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask at another size of the same frame, (H, W) bool, by the nearest pixel; not empty if it was not.

    What was enlarged and is brought back to its former size is as it was.
    """
    own = decode_mask(*mask)
    if own.shape == size_hw:
        return own
    resized = cv2.resize(own.astype(np.uint8), size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    if not resized.any() and own.any():
        shares = cv2.resize(own.astype(np.float32), size_hw[::-1], interpolation=cv2.INTER_AREA)
        resized = shares == shares.max()
    return np.asarray(resized, dtype=bool)


def same_sized(masks: Sequence[MaskRun]) -> list[MaskRun]:
    """The masks of a photo at one size, so that they can be compared: that of the smallest, if they differ.

    Masks of imported segments may have another size than those of the photo's recipe.
    """
    sizes = {size for size, _ in masks}
    if len(sizes) <= 1:
        return list(masks)
    size = min(sizes)
    return [mask if mask[0] == size else (size, encode_mask(resized_mask(mask, size))) for mask in masks]


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """Compressed RLE of one mask, (H, W) bool."""
    return bytes(coco.encode(np.asfortranarray(mask, np.uint8))["counts"])


def checked_mask(size_hw: tuple[int, int], counts: str) -> MaskRun:
    """A mask whose run lengths come from outside.

    Raises
    ------
    ValueError
        They are malformed, do not add up to the size, or leave the mask empty.
    """
    pixels, run, at = 0, 0, 0
    runs: list[int] = []
    while at < len(counts):
        value, shift, code = 0, 0, 0x20
        while code & 0x20:
            if at == len(counts) or shift > 30 or not 0 <= (code := ord(counts[at]) - 48) < 64:
                raise ValueError("its counts are no compressed run lengths of COCO")
            value |= (code & 0x1F) << shift
            at, shift = at + 1, shift + 5
        value -= (1 << shift) if code & 0x10 else 0
        run = value + (runs[-2] if len(runs) > 2 else 0)
        if run < 0:
            raise ValueError("its counts have a negative run length")
        runs.append(run)
        pixels += run
    if pixels != size_hw[0] * size_hw[1]:
        raise ValueError(f"its counts add up to {pixels} pixels, not to {size_hw[0]} x {size_hw[1]}")
    if not sum(runs[1::2]):
        raise ValueError("it is empty")
    return size_hw, counts.encode("ascii")


def mask_iou(first: Sequence[MaskRun], second: Sequence[MaskRun]) -> Any:
    """Intersection over union of two lists of (size_hw, counts), (N, M) float64, without decoding them.

    Raises
    ------
    ValueError
        The masks are not all of one size.
    """
    if len({size for size, _ in (*first, *second)}) > 1:
        raise ValueError("masks of different sizes cannot be compared")
    runs = [_run(*mask) for mask in first], [_run(*mask) for mask in second]
    return coco.iou(*runs, [0] * len(runs[1]))


def mask_containment(masks: Sequence[MaskRun]) -> NDArray[np.float64]:
    """Share of each row's mask that is inside each column's, (N, N), without decoding them.

    Raises
    ------
    ValueError
        The masks are not all of one size.
    """
    if len({size for size, _ in masks}) > 1:
        raise ValueError("masks of different sizes cannot be compared")
    runs = [_run(*mask) for mask in masks]
    return np.asarray(coco.iou(runs, runs, [1] * len(runs)), dtype=np.float64).reshape(len(runs), len(runs))


def mask_areas(masks: Sequence[MaskRun]) -> NDArray[np.int64]:
    """Pixels of each mask, (N,), without decoding them."""
    return np.array([coco.area(_run(*mask)) for mask in masks], np.int64)


def mask_gaps(masks: Sequence[MaskRun]) -> NDArray[np.float64]:
    """Least distance between masks as a share of the diagonal, (N, N); 0 where they touch or overlap.

    Measured on a grid of at most 128 cells a side, so to about a hundredth; O(N²) on such grids.

    Raises
    ------
    ValueError
        The masks are not all of one size.
    """
    if len({size for size, _ in masks}) > 1:
        raise ValueError("masks of different sizes cannot be compared")
    if not masks:
        return np.zeros((0, 0))
    height, width = masks[0][0]
    scale = min(1.0, 128 / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    cells = [
        cv2.resize(decode_mask(*mask).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0 for mask in masks
    ]
    away = [
        cv2.distanceTransform(np.where(cell, 0, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for cell in cells
    ]
    gaps = [[float(distance[cell].min()) if cell.any() else np.inf for distance in away] for cell in cells]
    # neighbours are one cell apart
    return np.asarray(np.clip(np.array(gaps) - 1, 0, None) / np.hypot(*size), dtype=np.float64)


def _run(size_hw: tuple[int, int], counts: bytes) -> dict[str, Any]:
    return {"size": list(size_hw), "counts": counts}


def scale_box(box_xyxy: Sequence[float], from_hw: tuple[int, int], to_hw: tuple[int, int]) -> Box:
    """A box in another frame: the smallest whole-pixel box that holds it."""
    fy, fx = to_hw[0] / from_hw[0], to_hw[1] / from_hw[1]
    x0, y0, x1, y1 = box_xyxy
    low = int(np.floor(x0 * fx + 1e-6)), int(np.floor(y0 * fy + 1e-6))
    high = min(to_hw[1], int(np.ceil(x1 * fx - 1e-6))), min(to_hw[0], int(np.ceil(y1 * fy - 1e-6)))
    return low[0], low[1], high[0], high[1]


def box_iou(box_xyxy: Sequence[float], boxes_xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of one box with (N, 4) others, (N,)."""
    box = np.asarray(box_xyxy, float)
    low, high = np.maximum(box[:2], boxes_xyxy[:, :2]), np.minimum(box[2:], boxes_xyxy[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return np.asarray(common / np.maximum(areas - common, 1e-9), dtype=np.float64)
