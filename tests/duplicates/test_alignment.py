"""Copies of a photo are recognised however they were changed, and other photos are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image, ImageDraw, ImageOps

from retrieval.duplicates.alignment import Picture, likeness
from retrieval.duplicates.detail import detail
from retrieval.duplicates.detection import MIN_LIKENESS, read_gray
from retrieval.images.local_features import GrayImage

PHOTOS = {
    name: Image.open(Path(skimage.__file__).parent / "data" / f"{name}.png").convert("L")
    for name in ("astronaut", "coffee")
}


def captioned(photo: Image.Image) -> Image.Image:
    page = ImageOps.expand(photo, 30, 255)
    ImageDraw.Draw(page).text((40, 5), "a caption", 0)
    return page


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "same": lambda photo: photo,
    "cropped": lambda photo: photo.crop((40, 60, photo.width - 60, photo.height - 40)),
    "small": lambda photo: photo.resize((photo.width // 4, photo.height // 4)),
    "large": lambda photo: photo.resize((photo.width * 2, photo.height * 2)),
    "turned": lambda photo: photo.transpose(Image.Transpose.ROTATE_90),
    "upside down": lambda photo: photo.rotate(180),
    "rotated": lambda photo: photo.rotate(8, Image.Resampling.BICUBIC, expand=True),
    "mirrored": ImageOps.mirror,
    "mirrored and cropped": lambda photo: ImageOps.mirror(photo).crop((50, 50, photo.width, photo.height)),
    "captioned": captioned,
    "darker": lambda photo: photo.point(lambda value: value * 0.6),
}


def gray(photo: Image.Image) -> GrayImage:
    return np.asarray(photo, np.uint8)


@pytest.mark.parametrize("change", list(CHANGES))
@pytest.mark.parametrize("name", list(PHOTOS))
def test_a_copy_is_alike_from_both_sides(name: str, change: str) -> None:
    photo = Picture.of(gray(PHOTOS[name]))
    copy = Picture.of(gray(CHANGES[change](PHOTOS[name])))
    assert likeness(photo, copy) > MIN_LIKENESS
    assert likeness(copy, photo) > MIN_LIKENESS


def test_other_photos_are_not_alike() -> None:
    first, second = (Picture.of(gray(photo)) for photo in PHOTOS.values())
    assert likeness(first, second) < MIN_LIKENESS
    parts = PHOTOS["astronaut"].crop((0, 0, 250, 250)), PHOTOS["astronaut"].crop((260, 260, 512, 512))
    assert likeness(*(Picture.of(gray(part)) for part in parts)) < MIN_LIKENESS


def test_few_features_are_compared_frame_by_frame() -> None:
    ramp = np.add.outer(np.linspace(0, 120, 120), np.linspace(0, 100, 160))
    ramp[30:60, 20:80] = 255
    picture = Picture.of(ramp.astype(np.uint8))
    assert len(picture.features) < 22
    assert likeness(picture, Picture.of(np.rot90(ramp).astype(np.uint8).copy())) > 0.95


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3, 2)])
def test_the_smallest_and_the_emptiest_pictures_are_like_nothing(size: tuple[int, int]) -> None:
    flat = Picture.of(np.full(size, 200, np.uint8))
    assert likeness(flat, flat) == 0.0
    assert likeness(flat, Picture.of(gray(PHOTOS["coffee"]))) == 0.0


def test_detail_counts_neither_borders_nor_enlargement() -> None:
    photo = PHOTOS["coffee"]
    whole = detail(gray(photo), *photo.size)
    framed = captioned(photo)
    assert detail(gray(framed), *framed.size) == pytest.approx(whole, rel=0.05)
    blurred = photo.resize((photo.width // 4, photo.height // 4)).resize(photo.size, Image.Resampling.BICUBIC)
    assert detail(gray(blurred), *photo.size) < whole / 2
    half = photo.crop((0, 0, photo.width // 2, photo.height))
    assert detail(gray(half), *half.size) < 0.7 * whole


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"not a picture"])
def test_a_damaged_rendition_is_none(data: bytes) -> None:
    assert read_gray(data) is None
