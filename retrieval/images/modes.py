"""Pictures of every mode in L, CMYK or RGB: transparency over white, and more than eight bits by their range."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

_STRIP_PIXELS = 1 << 21  # how many source pixels are converted at a time
_TIFF_PHOTOMETRIC, _TIFF_WHITE_IS_ZERO = 262, 0
_INTEGER_TOPS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)


def averaged(image: Image.Image, name: str, factor: int) -> Image.Image:
    """Average blocks of `factor` x `factor` pixels, in mode L, CMYK or RGB.

    Other modes are converted in strips, so that besides the picture itself only a few megapixels are held.
    """
    convert = _converter(image, name)
    if convert is None:
        return image.reduce(factor) if factor > 1 else image
    rows = max(1, _STRIP_PIXELS // (image.width * factor)) * factor
    strips: list[Image.Image] = []
    for top in range(0, image.height, rows):
        strip = convert(image.crop((0, top, image.width, min(top + rows, image.height))))
        strips.append(strip.reduce(factor) if factor > 1 else strip)
    canvas = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for number, strip in enumerate(strips):
        canvas.paste(strip, (0, number * (rows // factor)))
    return canvas


def _converter(image: Image.Image, name: str) -> Callable[[Image.Image], Image.Image] | None:
    """How to bring strips of `image` to L, CMYK or RGB; None if it is in one of these."""
    if image.mode[0] in "IF":
        low, high = _value_range(image, name)
        return lambda strip: _grey(strip, low, high)
    if image.has_transparency_data:
        return _over_white
    if image.mode in ("L", "RGB", "CMYK"):
        return None
    mode = "L" if image.mode == "1" else "RGB"
    return lambda strip: strip.convert(mode)


def _over_white(strip: Image.Image) -> Image.Image:
    rgba = (strip.convert("LA") if strip.mode == "La" else strip).convert("RGBA")
    paper = Image.new("RGB", rgba.size, "white")
    paper.paste(rgba, mask=rgba.getchannel("A"))
    return paper


def _grey(strip: Image.Image, low: float, high: float) -> Image.Image:
    """Map values from `low` (black) and `high` (white) to 0-255; `low` may be the greater."""
    values = np.asarray(strip).astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        values = (values - np.float32(low)) * np.float32(255 / (high - low))
    levels = np.rint(np.clip(np.nan_to_num(values, nan=0.0), 0, 255))
    return Image.fromarray(levels.astype(np.uint8))


def _value_range(image: Image.Image, name: str) -> tuple[float, float]:
    """Which values of an integer or float picture are black and white.

    A PGM says what white is. Other integers are taken to have the least customary depth that holds them: sensors
    of 10 to 14 bits are often stored in 16, and would be near black if those were taken at their word. Fractions
    of 1 are taken as that. What is left goes from its least to its greatest value.
    """
    low, high = (0.0, 65535.0) if name == "PPM" and image.mode == "I" else _data_range(image)
    tops = (1.0,) if image.mode == "F" else _INTEGER_TOPS
    fitting = [top for top in tops if low >= 0 and high <= top]
    if fitting:
        low, high = 0.0, fitting[0]
    elif high <= low:
        high = low + 1.0
    tags = getattr(image, "tag_v2", {})
    if tags.get(_TIFF_PHOTOMETRIC) == _TIFF_WHITE_IS_ZERO:
        low, high = high, low
    return low, high


def _data_range(image: Image.Image) -> tuple[float, float]:
    """Least and greatest finite value of a picture of numbers; 0 and 1 if there is no such value."""
    rows = max(1, _STRIP_PIXELS // image.width)
    low, high = math.inf, -math.inf
    for top in range(0, image.height, rows):
        values = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 1.0)
