"""Picture formats: which are read, and how they are recognised."""

from __future__ import annotations

import logging
from importlib import import_module

from PIL import Image, PpmImagePlugin
from pillow_heif import register_heif_opener

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "PPM")
"""What is read: JPEG includes MPO (its first picture); GIF, APNG, animated WebP and AVIF give their first frame,
TIFF its first page; PPM stands for PBM, PGM, PPM and PFM."""

_EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif", "HEIF": "heic"}

SNIFF_BYTES = 64
"""How many bytes of a file :func:`sniff_format` wants to see; with fewer it may not recognise the file."""

_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

for _plugin in ("Avif", "Bmp", "Gif", "Jpeg", "Mpo", "Png", "Ppm", "Tiff", "WebP"):
    import_module(f"PIL.{_plugin}ImagePlugin")  # they register themselves
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it says about broken files is said by our exceptions


def sniff_format(prefix: bytes) -> str | None:
    """Recognise the format of a file by its first bytes.

    Parameters
    ----------
    prefix : bytes
        The first :data:`SNIFF_BYTES` bytes of the file, or all of a shorter one.

    Returns
    -------
    str or None
        One of :data:`FORMATS`, or None if this is not a picture that can be read. A name does not promise that
        the file is whole.

    Notes
    -----
    The tests are those which Pillow's plug-ins register. Two of them look at two letters only, and a text may
    begin with those ("BMW", "P2P", "Python"), so BMP and PPM are looked at more closely.
    """
    for name in FORMATS:
        accept = Image.OPEN[name][1]
        if accept is not None and accept(prefix) and _is_really(name, prefix):
            return name
    return None


def extension(name: str) -> str:
    """What names of files of a format end with."""
    return _EXTENSIONS.get(name, name.lower())


def _is_really(name: str, prefix: bytes) -> bool:
    """What Pillow's own test leaves open."""
    if name == "BMP":
        return len(prefix) < 18 or int.from_bytes(prefix[14:18], "little") in _BMP_HEADER_SIZES
    if name == "PPM":
        magic = prefix.split(maxsplit=1)[0]
        return magic in PpmImagePlugin.MODES
    if name == "AVIF" and prefix[8:12] in (b"mif1", b"msf1"):  # a container for either codec: see what it lists
        brands = prefix[16 : int.from_bytes(prefix[:4], "big")]
        return b"avif" in brands or b"avis" in brands
    return True
