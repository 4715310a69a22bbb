"""Conversion from an embedded colour profile to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 4 * 1024**2
"""Larger colour profiles are ignored: those of presses have up to 3 MB, those of cameras and screens a few KB."""

_UNSEEN = 2  # levels by which a colour may be off before its profile is worth applying
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """`image` in mode RGB and in sRGB; a profile that is broken, huge or for other channels is ignored."""
    usable = isinstance(profile, bytes) and len(profile) <= MAX_PROFILE_BYTES
    transform = _transform(profile, image.mode) if usable else None
    return image.convert("RGB") if transform is None else transform.apply(image)


@lru_cache(maxsize=4)  # a folder has one or two
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion from a profile to sRGB, or None if there is none, or it would change nothing visible."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.ImageCmsTransform(source, _SRGB, mode, "RGB")
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None
    if mode == "CMYK":
        return transform
    levels = np.arange(0, 256, 17).astype(np.uint8)  # most profiles are sRGB under some name: 4096 colours tell
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(64, 64, 3)
    probe = Image.fromarray(colours).convert(mode)
    change = np.asarray(transform.apply(probe)).astype(int) - np.asarray(probe.convert("RGB"))
    return transform if np.abs(change).max() > _UNSEEN else None
