"""Draws scenes of a few things in landscapes, for the tutorial and its pictures: ``python -m demo.drawings FOLDER``.

Nothing in them is taken from a photo.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SCENES = 48
SIZE = (800, 600)
OVERSAMPLING = 2

Color = tuple[int, int, int]


class Place(NamedTuple):
    """Where a thing is drawn: the middle of its foot, and its height, in pixels of the canvas."""

    x: float
    y: float
    height: float


COLORS: tuple[Color, ...] = ((206, 44, 44), (33, 98, 181), (235, 178, 35), (120, 60, 150), (28, 140, 110))
WHITE: Color = (245, 243, 236)
WOOD: Color = (112, 74, 44)

SKIES: tuple[tuple[Color, Color], ...] = (
    ((92, 158, 222), (214, 232, 244)),
    ((66, 92, 158), (240, 176, 130)),
    ((150, 170, 188), (222, 226, 228)),
)
GROUNDS: tuple[tuple[str, Color, Color], ...] = (
    ("meadow", (112, 158, 74), (62, 104, 44)),
    ("sea", (64, 128, 158), (22, 62, 96)),
    ("desert", (222, 186, 128), (180, 134, 84)),
    ("snow", (238, 242, 246), (196, 208, 222)),
)


def balloon(pen: ImageDraw.ImageDraw, place: Place, color: Color) -> None:
    """A hot-air balloon with stripes and a basket."""
    x, y, h = place
    radius, top = 0.36 * h, y - h
    basket = 0.07 * h
    neck = top + 0.82 * h
    for share, tone in ((1.0, color), (0.62, WHITE), (0.26, color)):
        width = radius * share
        pen.polygon(
            [
                (x - width * 0.97, top + radius * 1.1),
                (x + width * 0.97, top + radius * 1.1),
                (x + basket * share, neck),
                (x - basket * share, neck),
            ],
            fill=tone,
        )
        pen.ellipse((x - width, top, x + width, top + 2 * radius), fill=tone)
    for side in (-1, 1):
        pen.line((x + side * basket, neck, x + side * basket, y - basket), fill=WOOD, width=max(1, int(h / 120)))
    pen.rectangle((x - basket, y - 1.6 * basket, x + basket, y), fill=WOOD)


def house(pen: ImageDraw.ImageDraw, place: Place, color: Color) -> None:
    """A house with a coloured roof, a door and two windows."""
    x, y, h = place
    half, eaves = 0.6 * h, y - 0.55 * h
    pen.rectangle((x + 0.25 * h, y - h, x + 0.38 * h, eaves), fill=(120, 70, 60))
    pen.rectangle((x - half, eaves, x + half, y), fill=WHITE)
    pen.polygon([(x - 1.15 * half, eaves), (x, y - h), (x + 1.15 * half, eaves)], fill=color)
    pen.rectangle((x - 0.1 * h, y - 0.34 * h, x + 0.1 * h, y), fill=WOOD)
    for middle in (-0.36, 0.36):
        box = (x + (middle - 0.1) * h, y - 0.42 * h, x + (middle + 0.1) * h, y - 0.22 * h)
        pen.rectangle(box, fill=(96, 140, 176), outline=WOOD, width=max(1, int(h / 60)))


def tree(pen: ImageDraw.ImageDraw, place: Place, color: Color) -> None:  # noqa: ARG001  # trees are green
    """A tree with a round crown."""
    x, y, h = place
    pen.polygon(
        [(x - 0.07 * h, y), (x + 0.07 * h, y), (x + 0.03 * h, y - 0.5 * h), (x - 0.03 * h, y - 0.5 * h)], fill=WOOD
    )
    crown = ((0, 0.7, 0.27), (-0.2, 0.56, 0.19), (0.2, 0.56, 0.19), (-0.1, 0.83, 0.16), (0.13, 0.82, 0.17))
    for number, (dx, dy, r) in enumerate(crown):
        green = (34 + 8 * number, 92 + 9 * number, 44 + 4 * number)
        pen.ellipse((x + (dx - r) * h, y - (dy + r) * h, x + (dx + r) * h, y - (dy - r) * h), fill=green)


def sailboat(pen: ImageDraw.ImageDraw, place: Place, color: Color) -> None:
    """A boat with a coloured sail and a white one."""
    x, y, h = place
    deck = y - 0.16 * h
    pen.line((x, deck, x, y - h), fill=WOOD, width=max(2, int(h / 50)))
    pen.polygon(
        [(x + 0.02 * h, y - 0.97 * h), (x + 0.02 * h, deck - 0.05 * h), (x + 0.42 * h, deck - 0.05 * h)], fill=color
    )
    pen.polygon(
        [(x - 0.03 * h, y - 0.85 * h), (x - 0.03 * h, deck - 0.05 * h), (x - 0.32 * h, deck - 0.05 * h)], fill=WHITE
    )
    pen.polygon([(x - 0.48 * h, deck), (x + 0.5 * h, deck), (x + 0.34 * h, y), (x - 0.34 * h, y)], fill=(150, 62, 40))


def car(pen: ImageDraw.ImageDraw, place: Place, color: Color) -> None:
    """A car from the side."""
    x, y, h = place
    wheel = 0.2 * h
    pen.polygon(
        [(x - 0.62 * h, y - 0.6 * h), (x - 0.4 * h, y - h), (x + 0.3 * h, y - h), (x + 0.62 * h, y - 0.6 * h)],
        fill=color,
    )
    pen.polygon(
        [
            (x - 0.47 * h, y - 0.62 * h),
            (x - 0.33 * h, y - 0.92 * h),
            (x - 0.06 * h, y - 0.92 * h),
            (x - 0.06 * h, y - 0.62 * h),
        ],
        fill=(190, 218, 230),
    )
    pen.polygon(
        [
            (x + 0.02 * h, y - 0.62 * h),
            (x + 0.02 * h, y - 0.92 * h),
            (x + 0.26 * h, y - 0.92 * h),
            (x + 0.47 * h, y - 0.62 * h),
        ],
        fill=(190, 218, 230),
    )
    pen.rounded_rectangle((x - 1.05 * h, y - 0.62 * h, x + 1.05 * h, y - 0.16 * h), radius=0.14 * h, fill=color)
    for side in (-0.6, 0.6):
        for radius, tone in ((wheel, (30, 30, 32)), (0.5 * wheel, (176, 178, 182))):
            pen.ellipse(
                (x + side * h - radius, y - wheel - radius, x + side * h + radius, y - wheel + radius), fill=tone
            )


def umbrella(pen: ImageDraw.ImageDraw, place: Place, color: Color) -> None:
    """A sunshade with stripes."""
    x, y, h = place
    pen.line((x, y, x, y - 0.95 * h), fill=WOOD, width=max(2, int(h / 30)))
    radius, middle = 0.62 * h, y - 0.42 * h
    for number in range(6):
        start = 180 + 30 * number
        pen.pieslice(
            (x - radius, middle - 0.9 * radius, x + radius, middle + 0.9 * radius),
            start,
            start + 30,
            fill=(color, WHITE)[number % 2],
        )


class Kind(NamedTuple):
    """How a thing is drawn, its height as a share of the picture, its middle as a share of it, and where it may be."""

    draw: Callable[[ImageDraw.ImageDraw, Place, Color], None]
    height: tuple[float, float]
    middle: float
    grounds: tuple[str, ...]


THINGS = {
    "balloon": Kind(balloon, (0.32, 0.5), 0.64, ("meadow", "sea", "desert", "snow")),
    "house": Kind(house, (0.26, 0.36), 0.45, ("meadow", "snow")),
    "tree": Kind(tree, (0.34, 0.5), 0.65, ("meadow", "snow")),
    "sailboat": Kind(sailboat, (0.34, 0.5), 0.4, ("sea",)),
    "car": Kind(car, (0.16, 0.22), 0.4, ("meadow", "desert", "snow")),
    "umbrella": Kind(umbrella, (0.3, 0.4), 0.62, ("desert", "meadow")),
}


def draw_scenes(folder: Path, *, seed: int = 4) -> dict[Path, dict[str, tuple[int, int]]]:
    """Write the scenes as JPEGs, the same ones for the same seed.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    seed : int

    Returns
    -------
    dict of Path to dict of str to (int, int)
        The things in each scene, by name, each with a point on it, x and y in pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    scenes = {}
    for number in range(SCENES):
        first = list(THINGS)[number % len(THINGS)]
        grounds = [each for each in GROUNDS if each[0] in THINGS[first].grounds]
        ground = grounds[int(rng.integers(len(grounds)))]
        others = [name for name, kind in THINGS.items() if ground[0] in kind.grounds and name != first]
        names = [first, others[int(rng.integers(len(others)))]] if rng.random() < 0.75 else [first]
        path = folder / f"scene-{number:02d}.jpg"
        picture, scenes[path] = _scene(names, ground, rng)
        picture.save(path, quality=90)
    return scenes


def _scene(
    names: list[str], ground: tuple[str, Color, Color], rng: np.random.Generator
) -> tuple[Image.Image, dict[str, tuple[int, int]]]:
    """A picture of these things, and a point on each."""
    width, height = (OVERSAMPLING * side for side in SIZE)
    horizon = rng.uniform(0.45, 0.6)
    canvas = _landscape(ground, SKIES[int(rng.integers(len(SKIES)))], horizon, rng)
    pen = ImageDraw.Draw(canvas)
    points = {}
    slots = rng.permutation(len(names))
    for name, slot in zip(names, slots, strict=True):
        kind = THINGS[name]
        size = height * rng.uniform(*kind.height)
        x = width * (slot + rng.uniform(0.35, 0.65)) / len(names)
        foot = rng.uniform(0.6, 0.66) if name == "balloon" else rng.uniform(max(0.76, horizon + 0.2), 0.92)
        if name == "balloon":
            foot -= 0.12
        else:
            _shadow(canvas, x, foot * height, size)
        kind.draw(pen, Place(x, foot * height, size), COLORS[int(rng.integers(len(COLORS)))])
        points[name] = int(x / OVERSAMPLING), int((foot * height - kind.middle * size) / OVERSAMPLING)
    grain = rng.normal(0, 4, (SIZE[1], SIZE[0], 1))
    pixels = np.asarray(canvas.resize(SIZE, Image.Resampling.LANCZOS), np.float32) + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), points


def _landscape(
    ground: tuple[str, Color, Color], sky: tuple[Color, Color], horizon: float, rng: np.random.Generator
) -> Image.Image:
    """A sky with clouds above the ground, with hills between them."""
    width, height = (OVERSAMPLING * side for side in SIZE)
    split = int(horizon * height)
    rows = [np.linspace(*pair, count) for pair, count in ((sky, split), (ground[1:], height - split))]
    canvas = Image.fromarray(np.repeat(np.concatenate(rows)[:, None], width, axis=1).astype(np.uint8))
    clouds = Image.new("L", canvas.size)
    pen = ImageDraw.Draw(clouds)
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.uniform(0, width), rng.uniform(0.05, 0.6) * split
        for _ in range(6):
            dx, dy, r = (
                rng.uniform(-0.1, 0.1) * width,
                rng.uniform(-0.02, 0.02) * height,
                rng.uniform(0.02, 0.05) * width,
            )
            pen.ellipse((x + dx - r, y + dy - 0.6 * r, x + dx + r, y + dy + 0.6 * r), fill=190)
    canvas.paste((250, 250, 250), mask=clouds.filter(ImageFilter.GaussianBlur(width / 90)))
    if ground[0] != "sea":
        phase = rng.uniform(0, 6, 2)
        ridge = [
            (
                x,
                split
                - height
                * (0.05 + 0.03 * math.sin(x / width * 7 + phase[0]) + 0.02 * math.sin(x / width * 17 + phase[1])),
            )
            for x in range(0, width + 20, 20)
        ]
        far = tuple(int(0.55 * a + 0.45 * b) for a, b in zip(ground[2], sky[1], strict=True))
        ImageDraw.Draw(canvas).polygon([(0, split), *ridge, (width, split)], fill=far)
    pen = ImageDraw.Draw(canvas)
    for _ in range(260):  # waves, tufts, stones
        depth = rng.uniform(0.02, 1) ** 1.3
        x, y = rng.uniform(0, width), split + depth * (height - split)
        length = (0.012 + 0.03 * depth) * width * rng.uniform(0.5, 1)
        tone = tuple(int(c + rng.uniform(-18, 18)) for c in (ground[1] if rng.random() < 0.5 else ground[2]))
        pen.line((x, y, x + length, y), fill=tone, width=max(1, int(4 * depth)))
    return canvas


def _shadow(canvas: Image.Image, x: float, y: float, size: float) -> None:
    """A soft shadow at the foot of a thing."""
    mask = Image.new("L", canvas.size)
    ImageDraw.Draw(mask).ellipse((x - 0.5 * size, y - 0.05 * size, x + 0.6 * size, y + 0.06 * size), fill=90)
    canvas.paste((20, 24, 28), mask=mask.filter(ImageFilter.GaussianBlur(size / 40)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give the folder to draw into: python -m demo.drawings FOLDER")
    draw_scenes(Path(sys.argv[1]))
