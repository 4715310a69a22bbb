"""Composes scenes from things in the photos that ship with scikit-image and scikit-learn.

GrabCut cuts things out of a rough box; they are mirrored, scaled and pasted on backgrounds, so the contents of each
scene are known. Nothing is downloaded, and no photo is kept in this repository.

References
----------
Rother, Kolmogorov and Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts", SIGGRAPH 2004.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.processes.extras import required
from retrieval.types import RgbImage

SCENES = 60
SIZE_HW = (480, 640)


@dataclass(frozen=True, slots=True)
class Source:
    """A thing in a shipped photo: where the photo is, and a box around the thing, x0 y0 x1 y1."""

    package: str
    file: str
    box_xyxy: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """A thing in a scene, with a point on it."""

    name: str
    point_xy: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scene:
    """A composed photo and what it shows."""

    path: Path
    things: tuple[Placed, ...]

    def shows(self, name: str) -> bool:
        """Whether a thing of this name is in it."""
        return any(thing.name == name for thing in self.things)


THINGS = {
    "motorcycle": Source("skimage.data", "motorcycle_left.png", (90, 45, 700, 465)),
    "cat": Source("skimage.data", "chelsea.png", (10, 2, 400, 298)),
    "cup": Source("skimage.data", "coffee.png", (75, 10, 490, 390)),
    "flower": Source("sklearn.datasets.images", "flower.jpg", (165, 75, 450, 370)),
    "pagoda": Source("sklearn.datasets.images", "china.jpg", (70, 15, 430, 330)),
}
BACKGROUNDS = (
    ("skimage.data", "grass.png", (0.75, 1.05, 0.55)),
    ("skimage.data", "gravel.png", (1.0, 0.95, 0.88)),
    ("skimage.data", "brick.png", (1.15, 0.8, 0.68)),
    ("skimage.data", "moon.png", (1.0, 1.0, 1.05)),
    ("skimage.data", "hubble_deep_field.jpg", (1.0, 1.0, 1.0)),
)
WHOLE = (
    ("skimage.data", "motorcycle_left.png", ("motorcycle",)),
    ("skimage.data", "chelsea.png", ("cat",)),
    ("skimage.data", "coffee.png", ("cup",)),
    ("skimage.data", "astronaut.png", ()),
    ("skimage.data", "rocket.jpg", ()),
    ("sklearn.datasets.images", "flower.jpg", ("flower",)),
    ("sklearn.datasets.images", "china.jpg", ("pagoda",)),
)


def compose(folder: Path, *, seed: int = 7) -> list[Scene]:
    """Write the scenes as JPEGs, the same ones for the same seed.

    Parameters
    ----------
    folder : Path
    seed : int

    Returns
    -------
    list of Scene
        `SCENES` of them, the shipped photos themselves first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    cutouts = {name: _cut_out(source) for name, source in THINGS.items()}
    scenes = [_whole(folder, package, file, names) for package, file, names in WHOLE]
    names = list(cutouts)
    while len(scenes) < SCENES:
        number = len(scenes)
        chosen = [names[number % len(names)]]
        if number % 3 == 0:
            chosen.append(names[(number // 3 + 1) % len(names)])
        scenes.append(_scene(folder / f"scene-{number:02d}.jpg", dict.fromkeys(chosen), cutouts, rng))
    return scenes


def _whole(folder: Path, package: str, file: str, names: tuple[str, ...]) -> Scene:
    path = folder / f"{Path(file).stem}.jpg"
    Image.fromarray(_shipped(package, file)).save(path, quality=92)
    boxes = [THINGS[name].box_xyxy for name in names]
    return Scene(
        path, tuple(Placed(n, ((b[0] + b[2]) // 2, (b[1] + b[3]) // 2)) for n, b in zip(names, boxes, strict=True))
    )


def _scene(
    path: Path, names: dict[str, None], cutouts: dict[str, NDArray[np.uint8]], rng: np.random.Generator
) -> Scene:
    """One to two things side by side on a background."""
    canvas = _background(rng)
    placed: list[Placed] = []
    width = SIZE_HW[1] // len(names)
    for slot, name in enumerate(names):
        thing = cutouts[name][:, ::-1] if rng.random() < 0.5 else cutouts[name]
        room = min(0.95 * width / thing.shape[1], 0.9 * SIZE_HW[0] / thing.shape[0])
        scale = room * rng.uniform(0.7, 1.0)
        size = int(thing.shape[1] * scale), int(thing.shape[0] * scale)
        thing = np.asarray(cv2.resize(thing, size, interpolation=cv2.INTER_AREA), np.uint8)
        x = slot * width + int(rng.integers(0, max(1, width - size[0])))
        y = int(rng.integers(0, max(1, SIZE_HW[0] - size[1])))
        alpha = thing[..., 3:].astype(np.float32) / 255
        patch = canvas[y : y + size[1], x : x + size[0]]
        patch[:] = (alpha * thing[..., :3] + (1 - alpha) * patch).astype(np.uint8)
        inside = cv2.distanceTransform((thing[..., 3] > 127).astype(np.uint8), cv2.DIST_L2, 5)
        v, u = np.unravel_index(int(inside.argmax()), inside.shape)
        placed.append(Placed(name, (x + int(u), y + int(v))))
    Image.fromarray(canvas).save(path, quality=92)
    return Scene(path, tuple(placed))


def _background(rng: np.random.Generator) -> RgbImage:
    """A part of a texture, tinted, brighter or darker."""
    package, file, tint = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
    photo = cv2.resize(_shipped(package, file), (SIZE_HW[1] + 160, SIZE_HW[0] + 120), interpolation=cv2.INTER_AREA)
    y, x = int(rng.integers(0, 120)), int(rng.integers(0, 160))
    part = photo[y : y + SIZE_HW[0], x : x + SIZE_HW[1]].astype(np.float32)
    return np.asarray(np.clip(part * np.array(tint) * rng.uniform(0.7, 1.1), 0, 255), np.uint8)


def _cut_out(source: Source) -> NDArray[np.uint8]:
    """The thing with its background transparent, (h, w, 4)."""
    photo = _shipped(source.package, source.file)
    x0, y0, x1, y1 = source.box_xyxy
    half = cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    mask = np.zeros(half.shape[:2], np.uint8)
    rectangle = (x0 // 2, y0 // 2, (x1 - x0) // 2, (y1 - y0) // 2)
    cv2.setRNGSeed(0)
    cv2.grabCut(half, mask, rectangle, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_RECT)
    solid = cv2.resize(np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8), photo.shape[1::-1])
    solid = np.asarray(cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), np.uint8)
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(solid)
    largest = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    alpha = cv2.GaussianBlur((parts == largest).astype(np.uint8) * 255, (0, 0), 1.2)
    return np.dstack([photo, alpha])[y0:y1, x0:x1].astype(np.uint8)


def _shipped(package: str, file: str) -> RgbImage:
    """A photo of an installed package, RGB."""
    root, _, below = package.partition(".")
    with as_file(files(required(root)).joinpath(*below.split("."), file)) as path:
        return np.asarray(Image.open(path).convert("RGB"))
