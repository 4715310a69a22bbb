"""The pictures of the documents are small, and each is shown somewhere."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())


def test_they_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in PICTURES}
    assert sizes["tour.webp"] < 800_000
    assert sum(sizes.values()) < 1_500_000


def test_one_of_them_moves() -> None:
    with Image.open(ROOT / "docs" / "pictures" / "tour.webp") as tour:
        assert tour.n_frames > 5


def test_each_is_shown() -> None:
    texts = [path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))]
    for picture in PICTURES:
        assert any(f"pictures/{picture.name})" in text for text in texts), picture.name
