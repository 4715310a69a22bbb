"""Packages with plug-ins, as pip installs them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retrieval import plugins
from retrieval.recipes import recipe_spec

Install = Callable[..., None]

GOOD = """
import numpy as np
from retrieval.models.fingerprint import fingerprint
from retrieval.models.size import ModelSize
from retrieval.recipes.specs import EmbedderSpec, RecipeSpec, SegmenterSpec
from retrieval.types import Analysis, Segments

class Part:
    fingerprint = space = fingerprint("part-1")
    size, batch_size, concurrency = ModelSize(), 1, 1
    def extract(self, images):
        return [None] * len(images)
    def segment(self, image, features):
        return Segments.from_masks(np.ones((1, *image.shape[:2]), bool), np.ones(1, np.float32))
    def embed(self, image, features, segments):
        return Analysis(segments, np.eye(len(segments), 3, dtype=np.float32), np.eye(3, dtype=np.float32)[0],
                        np.eye(3, dtype=np.float32)[0])
    def embed_texts(self, texts):
        return np.eye(len(texts), 3, dtype=np.float32)

TEXT = False
def recipe(name):
    return RecipeSpec(name=name, fingerprint=Part.fingerprint, space=Part.space, segment_dim=3, photo_dim=3,
                      word_vectors=None, reads_text=TEXT, build=lambda *_: Part())
def segmenter(name):
    return SegmenterSpec(fingerprint=Part.fingerprint, build=lambda *_: Part())
def embedder(name):
    return EmbedderSpec(family=name, space=Part.space, dim=3, reads_text=TEXT, build=lambda *_: Part())
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package of one module, as its files lie when pip has put them there."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def install(package: str, code: str = "", **groups: dict[str, str]) -> None:
        module = package.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(GOOD + code)
        info = tmp_path / f"{module}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.0\n")
        lines = [
            line
            for group, entries in groups.items()
            for line in (f"[segsearch.{group}]", *(f"{name} = {module}:{what}" for name, what in entries.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))
        forget()

    yield install
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").is_file():
            del sys.modules[name]
    forget()


def forget() -> None:
    plugins.plugins.cache_clear()
    recipe_spec.cache_clear()
