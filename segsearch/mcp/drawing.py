"""Outlines of segments on a photo."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from segsearch.client import Segment

COLORS = ((230, 60, 40), (40, 120, 240), (30, 170, 80), (240, 170, 20), (160, 60, 200), (20, 180, 190))
_QUALITY = 88


def outlined(jpeg: bytes, segments: Sequence[Segment]) -> bytes:
    """Draw the outlines of segments on a photo, each with its id.

    Parameters
    ----------
    jpeg : bytes
        The photo, at any size.
    segments : sequence of Segment
        Of this photo; those without a mask are left out.

    Returns
    -------
    bytes
        A JPEG of the same size.
    """
    import cv2
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as picture:
        rgb: Any = np.array(picture.convert("RGB"))
    height, width = rgb.shape[:2]
    wide = max(2, round(max(height, width) / 300))
    for number, segment in enumerate(segments):
        if segment.mask is None:
            continue
        mask = cv2.resize(segment.mask.array().astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        lines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(rgb, lines, -1, (255, 255, 255), wide + 2, cv2.LINE_AA)
        cv2.drawContours(rgb, lines, -1, COLORS[number % len(COLORS)], wide, cv2.LINE_AA)
    for number, segment in enumerate(segments):
        if segment.mask is not None:
            _write(rgb, str(segment.id), segment.mask.array(), COLORS[number % len(COLORS)])
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _write(rgb: Any, text: str, mask: Any, color: tuple[int, int, int]) -> None:
    """Write an id on the thickest part of a segment."""
    import cv2
    import numpy as np

    inside = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    scale = max(0.5, max(rgb.shape[:2]) / 1300)
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    x = int((column + 0.5) * rgb.shape[1] / mask.shape[1] - wide / 2)
    y = int((row + 0.5) * rgb.shape[0] / mask.shape[0] + high / 2)
    place = min(max(x, 1), max(1, rgb.shape[1] - wide - 1)), min(max(y, high + 1), rgb.shape[0] - 2)
    cv2.putText(rgb, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 5, cv2.LINE_AA)
    cv2.putText(rgb, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, color, 2, cv2.LINE_AA)
