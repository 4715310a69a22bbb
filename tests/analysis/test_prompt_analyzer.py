"""Segments of what is marked on photos, made in this process or by the analyzer process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from toys import Pictures

from retrieval.analysis.doors import PrivateDoor
from retrieval.analysis.kept import KeptFeatures, bytes_of
from retrieval.analysis.local import LocalAnalyzer
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.analysis.server import MAX_QUESTION_BYTES, AnalyzerServer
from retrieval.errors import AnalyzerUnavailableError, ImageError, QueryError
from retrieval.images.decoder_pool import DecoderPool
from retrieval.images.masks import decode_mask, encode_mask
from retrieval.query.prompt import MAX_COUNTS, Prompt
from retrieval.recipes import load
from retrieval.recipes.grid import GridRecipe
from retrieval.segment.prompt_measures import region_of

BOX = Prompt(box=(20, 10, 120, 70))


class MarkedRecipe(GridRecipe):
    """The recipe `grid`, which here makes segments, too: what lies within the mark. Counts what it does."""

    passes = 0

    def extract(self, images: Any) -> Any:
        type(self).passes += 1
        return super().extract(images)

    def prompt_regions(self, image: Any, features: Any) -> NDArray[np.uint8]:
        return np.zeros(image.shape[:2], np.uint8)

    def segment_prompt(self, regions: Any, prompt: Prompt, size_hw: tuple[int, int]) -> tuple[NDArray[np.bool_], float]:
        if prompt.points:
            assert prompt.mask is not None
            return decode_mask(prompt.mask[0], prompt.mask[1].encode()), 0.5
        return region_of(prompt.scaled(size_hw, regions.shape), regions.shape), 0.5


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool(1) as pool:
        yield pool


@pytest.fixture
def plain(decoders: DecoderPool) -> LocalAnalyzer:
    return LocalAnalyzer(load("grid", "cpu"), decoders)


@pytest.fixture
def marked(plain: LocalAnalyzer, decoders: DecoderPool) -> LocalAnalyzer:
    grid = plain.recipe
    recipe = MarkedRecipe(**{name: getattr(grid, name) for name in grid.__dataclass_fields__})
    MarkedRecipe.passes = 0
    return LocalAnalyzer(recipe, decoders)


@pytest.fixture
def remote(marked: LocalAnalyzer, tmp_path: Path) -> Iterator[RemoteAnalyzer]:
    server = AnalyzerServer(marked, PrivateDoor(tmp_path / "analyzers"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield RemoteAnalyzer(tmp_path / "analyzers")
    server.close()
    thread.join(10)


def mask_prompt(size_hw: tuple[int, int]) -> Prompt:
    mask = np.zeros(size_hw, bool)
    mask[: size_hw[0] // 2] = True
    return Prompt(mask=(size_hw, encode_mask(mask).decode()))


@pytest.mark.parametrize(
    "prompt",
    [
        BOX,
        Prompt(polygon=((10, 10), (150, 20), (80, 90))),
        mask_prompt((50, 100)),
        replace(mask_prompt((50, 100)), points=((10, 10),), not_points=((150, 20),)),
    ],
    ids=["box", "lasso", "mask", "points that correct a mask"],
)
def test_it_is_the_same_here_and_there(
    marked: LocalAnalyzer, remote: RemoteAnalyzer, pictures: Pictures, prompt: Prompt
) -> None:
    path = pictures("a.jpg", size=(200, 100))
    here = marked.segment_prompt(path, prompt, marked.recipe.space)
    there = remote.segment_prompt(path, prompt, marked.recipe.space)
    assert here.size_hw == there.size_hw == (100, 200)
    assert len(here.analysis.segments) == 1
    assert (here.analysis.segments.mask(0) == there.analysis.segments.mask(0)).all()
    np.testing.assert_array_equal(here.analysis.vectors, there.analysis.vectors)


def test_a_mask_has_the_vector_of_what_is_under_it(plain: LocalAnalyzer, pictures: Pictures) -> None:
    path = pictures("a.png", size=(200, 100))
    found = plain.analyze(path)
    row = 7
    mask = found.analysis.segments.mask(row)
    prompt = Prompt(mask=((mask.shape[0], mask.shape[1]), encode_mask(mask).decode()))
    made = plain.segment_prompt(path, prompt, plain.recipe.space)
    np.testing.assert_allclose(made.analysis.vectors[0], found.analysis.vectors[row], atol=1e-5)


def test_the_longest_mask_is_sent(remote: RemoteAnalyzer, marked: LocalAnalyzer, pictures: Pictures) -> None:
    mask = np.random.default_rng(0).random((400, 800)) < 0.04
    counts = encode_mask(mask).decode()
    assert MAX_COUNTS / 2 < len(counts) <= MAX_COUNTS
    path = pictures("a.png", size=(200, 100))
    made = remote.segment_prompt(path, Prompt(mask=((400, 800), counts)), marked.recipe.space)
    assert len(made.analysis.segments) == 1
    escaped_once = json.dumps("\\" * MAX_COUNTS)
    assert len(json.dumps({"prompt": escaped_once})) + 5000 < MAX_QUESTION_BYTES


def test_a_large_mask_is_made_smaller(plain: LocalAnalyzer, pictures: Pictures) -> None:
    made = plain.segment_prompt(pictures("a.png", size=(200, 100)), mask_prompt((1000, 2000)), plain.recipe.space)
    assert made.analysis.segments.size_hw == (100, 200)
    assert made.analysis.segments.areas[0] == 100 * 200 / 2


def test_one_pass_serves_all_marks_on_a_photo(marked: LocalAnalyzer, pictures: Pictures) -> None:
    path = pictures("a.png", size=(200, 100))
    marked.analyze(path)
    renamed = path.rename(path.with_name("b.png"))
    for prompt in (BOX, BOX, mask_prompt((50, 100))):
        marked.segment_prompt(renamed, prompt, marked.recipe.space)
    assert MarkedRecipe.passes == 1
    pictures("b.png", size=(120, 100))
    assert marked.segment_prompt(renamed, BOX, marked.recipe.space).size_hw == (100, 120), "another photo by this name"
    assert MarkedRecipe.passes == 2


@pytest.mark.parametrize("where", ["marked", "remote"])
def test_bad_marks_are_the_askers_error(
    where: str, request: pytest.FixtureRequest, marked: LocalAnalyzer, pictures: Pictures
) -> None:
    analyzer, space = request.getfixturevalue(where), marked.recipe.space
    path = pictures("a.png", size=(200, 100))
    with pytest.raises(QueryError, match="lies outside the photo of 200x100"):
        analyzer.segment_prompt(path, Prompt(box=(300, 0, 400, 50)), space)
    with pytest.raises(QueryError, match="the mask is 50x50"):
        analyzer.segment_prompt(path, mask_prompt((50, 50)), space)
    with pytest.raises(AnalyzerUnavailableError, match="searches use another"):
        analyzer.segment_prompt(path, BOX, "another")
    with pytest.raises(ImageError):
        analyzer.segment_prompt(path.with_name("none.png"), BOX, space)


def test_a_recipe_without_prompts_says_so(plain: LocalAnalyzer, pictures: Pictures) -> None:
    with pytest.raises(QueryError, match="this recipe makes no segments"):
        plain.segment_prompt(pictures("a.png"), BOX, plain.recipe.space)


def test_no_more_is_kept_than_fits() -> None:
    kept = KeptFeatures(limit_bytes=1000)
    for number in range(5):
        kept.put((0, number, 0, 0), {"map": np.zeros(300, np.uint8)})  # type: ignore[arg-type]
        kept.get((0, 0, 0, 0))
    assert kept.get((0, 0, 0, 0)) is not None, "used again and again"
    assert kept.get((0, 4, 0, 0)) is not None
    assert [kept.get((0, number, 0, 0)) for number in (1, 2)] == [None, None]
    assert (len(kept), kept.bytes) == (3, 900)
    kept.put((0, 4, 0, 0), {"map": np.zeros(100, np.uint8)})  # type: ignore[arg-type]
    assert kept.bytes == 700
    kept.put((0, 9, 0, 0), {"map": np.zeros(2000, np.uint8)})  # type: ignore[arg-type]
    assert (len(kept), kept.bytes) == (3, 700)


def test_all_arrays_are_counted(plain: LocalAnalyzer, pictures: Pictures) -> None:
    assert bytes_of([np.zeros(4), (np.zeros(2),), {"a": np.zeros(1)}, "text", 7]) == 56
    plain.analyze(pictures("a.png", size=(200, 100)))
    assert plain.kept.bytes >= 200 * 100 * 3
