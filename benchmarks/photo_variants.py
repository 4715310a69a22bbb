"""Variants of photos as they go round: cropped, scaled, compressed anew, rotated, captioned or mirrored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from retrieval.images.decode import decode

FOLDERS = {"coco-dev": 300, "voc-dev": 300, "caltech-dev": 250, "bsds500": 150}
"""How many photos of each folder of the development data are drawn."""

WORDS = ("when", "the", "weather", "finally", "turns", "nobody", "expected", "this", "from", "our", "last", "holiday")


def originals(data: Path, seed: int) -> list[Path]:
    """The drawn photos, 1,000 of them, sorted within their folders."""
    rng, drawn = np.random.default_rng(seed), list[Path]()
    for name, count in FOLDERS.items():
        photos = sorted((data / name).rglob("*.jpg"))
        drawn += [photos[row] for row in sorted(rng.choice(len(photos), count, replace=False).tolist())]
    return drawn


def varied(photo: Image.Image, kind: str, rng: np.random.Generator) -> tuple[Image.Image, int]:
    """A variant of a photo, and the JPEG quality to save it in."""
    return _KINDS[kind](photo, rng), int(rng.integers(10, 41) if kind == "compressed" else rng.integers(70, 96))


def opened(path: Path) -> Image.Image:
    """A photo, upright."""
    return Image.fromarray(decode(path, long_side=10_000).rgb)


def _cropped(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A box of 40 to 90 % of the area, anywhere, with nearly the sides' ratio."""
    share, stretch = rng.uniform(0.4, 0.9), rng.uniform(-0.1, 0.1)
    width, height = (min(1.0, share**0.5 * np.exp(sign * stretch)) for sign in (1, -1))
    x0, y0 = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    box = np.array([x0, y0, x0 + width, y0 + height]) * np.tile(photo.size, 2)
    return photo.crop(tuple(box.round().astype(int).tolist()))


def _scaled(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A quarter to twice the sides, on a scale of ratios."""
    ratio = float(np.exp(rng.uniform(np.log(0.25), np.log(2.0))))
    return photo.resize([max(1, round(side * ratio)) for side in photo.size], Image.Resampling.BICUBIC)


def _compressed(photo: Image.Image, rng: np.random.Generator) -> Image.Image:  # noqa: ARG001
    return photo


def _turned(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """By 90, 180 or 270 degrees."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return photo.transpose(turns[rng.integers(3)])


def _rotated(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """By 2 to 15 degrees to either side, with black or white corners."""
    angle, fill = rng.uniform(2, 15) * rng.choice([-1, 1]), (0, 0, 0) if rng.random() < 0.5 else (255, 255, 255)
    return photo.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=fill)


def _captioned(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A border, a bar with words above or below, or words over the photo; the first two in black or white."""
    dark, style = bool(rng.random() < 0.5), rng.integers(3)
    paper, ink = ((0, 0, 0), (255, 255, 255))[:: 1 if dark else -1]
    text = " ".join(rng.choice(WORDS, rng.integers(2, 6)).tolist())
    side = min(photo.size)
    size = max(10, round(side * rng.uniform(0.06, 0.12)))
    font = ImageFont.load_default(size)
    if style == 0:
        return ImageOps.expand(photo, round(side * rng.uniform(0.03, 0.1)), paper)
    if style == 1:
        above, bar = bool(rng.random() < 0.5), round(size * 1.6)
        page = Image.new("RGB", (photo.width, photo.height + bar), paper)
        page.paste(photo, (0, bar if above else 0))
        ImageDraw.Draw(page).text((size // 2, size // 5 + (0 if above else photo.height)), text, ink, font)
        return page
    page = photo.copy()
    where = size // 2, round(rng.uniform(0.05, 0.8) * photo.height)
    ImageDraw.Draw(page).text(where, text, ink, font, stroke_width=max(1, size // 12), stroke_fill=paper)
    return page


def _mirrored(photo: Image.Image, rng: np.random.Generator) -> Image.Image:  # noqa: ARG001
    return ImageOps.mirror(photo)


_KINDS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "cropped": _cropped,
    "scaled": _scaled,
    "compressed": _compressed,
    "turned": _turned,
    "rotated": _rotated,
    "captioned": _captioned,
    "mirrored": _mirrored,
}
KINDS = tuple(_KINDS)


def write_collection(data: Path, folder: Path, count: int, seed: int) -> dict[str, tuple[str, str]]:
    """Copy the drawn photos to a folder, with variants of `count` of them.

    Returns
    -------
    dict of str to tuple of str and str
        Of each variant's file name, the name of its photo and its kind.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    photos, made = originals(data, seed), dict[str, tuple[str, str]]()
    names = [f"{path.relative_to(data).as_posix().replace('/', '-')}" for path in photos]
    for path, name in zip(photos, names, strict=True):
        (folder / name).write_bytes(path.read_bytes())
    for row in sorted(rng.choice(len(photos), count, replace=False).tolist()):
        kind = KINDS[rng.integers(len(KINDS))]
        picture, quality = varied(opened(photos[row]), kind, rng)
        name = f"{Path(names[row]).stem}-{kind}.jpg"
        picture.save(folder / name, quality=quality)
        made[name] = names[row], kind
    return made
