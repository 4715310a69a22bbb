"""Smaller copies of pictures."""

from __future__ import annotations

from PIL import Image


def bounded_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """`size` scaled down, its aspect kept, so that neither number exceeds `side`."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shrunk(image: Image.Image, side: int, resampling: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    """`image` with a long side of at most `side`."""
    size = bounded_size(image.size, side)
    return image if size == image.size else image.resize(size, resampling)
