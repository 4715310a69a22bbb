"""Analysing a photo with another recipe, in a process of its own."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from toys import Pictures

from retrieval.analysis.doors import PrivateDoor
from retrieval.analysis.local import LocalAnalyzer
from retrieval.analysis.nearest import NearestAnalyzer
from retrieval.analysis.other_recipes import KEPT_ANALYSES, OtherRecipes
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.analysis.server import AnalyzerServer
from retrieval.errors import AnalyzerBusyError, QueryError, UnreadableImageError
from retrieval.images.decode import DecodedImage, decode
from retrieval.images.decoder_pool import DecoderPool
from retrieval.recipes import load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    """Processes that decode, for all tests here."""
    with DecoderPool(1) as pool:
        yield pool


@pytest.fixture
def image(pictures: Pictures) -> DecodedImage:
    return decode(pictures("a.png", size=(200, 100)), long_side=1024)


def version(number: int) -> tuple[int, int, int, int]:
    return (1, number, 1, 1)


def test_it_is_the_recipe_s_own_analysis(pictures: Pictures, decoders: DecoderPool) -> None:
    """In a process that has ended by then, and by the analyzer process, too."""
    path = pictures("a.png")
    local = LocalAnalyzer(load("grid", "cpu"), decoders, others=OtherRecipes("cpu"))
    here = local.analyze(path)
    before = {each.pid for each in multiprocessing.active_children()}
    there = local.analyze_by("grid", path)
    np.testing.assert_array_equal(there.analysis.vectors, here.analysis.vectors)
    np.testing.assert_array_equal(there.analysis.segments.atoms, here.analysis.segments.atoms)
    assert {each.pid for each in multiprocessing.active_children()} <= before
    folder = pictures.folder / "analyzers"
    server = AnalyzerServer(local, PrivateDoor(folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for client in (
        RemoteAnalyzer(folder),
        NearestAnalyzer(RemoteAnalyzer(folder), lambda: pytest.fail("not here"), decoders),
    ):
        np.testing.assert_array_equal(client.analyze_by("grid", path).analysis.vectors, here.analysis.vectors)
    with pytest.raises(QueryError, match="the recipe unheard cannot be used here"):
        RemoteAnalyzer(folder).analyze_by("unheard", path)
    (pictures.folder / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(UnreadableImageError, match=r"bad\.jpg"):
        RemoteAnalyzer(folder).analyze_by("grid", pictures.folder / "bad.jpg")
    server.close()
    thread.join(10)


def test_the_latest_ones_are_kept(image: DecodedImage) -> None:
    """The ninth takes the place of the first."""
    others, decoded = OtherRecipes("cpu"), list[int]()

    def ask(number: int) -> None:
        others.analyze("grid", version(number), lambda: (decoded.append(number), image)[1])

    ask(0)
    ask(0)
    assert decoded == [0]
    for number in range(1, KEPT_ANALYSES + 1):
        ask(number)
    ask(KEPT_ANALYSES)
    assert decoded == [*range(KEPT_ANALYSES + 1)]
    ask(0)
    assert decoded[-1] == 0


def test_what_goes_wrong_says_what_to_do(image: DecodedImage) -> None:
    with pytest.raises(QueryError, match="took longer than 0.01 s for this photo: choose a faster one"):
        OtherRecipes("cpu", seconds=0.01).analyze("grid", version(1), lambda: image)
    with pytest.raises(QueryError, match="the recipe grids cannot be used here: .* is none of"):
        OtherRecipes("cpu").analyze("grids", version(1), lambda: image)


def test_one_at_a_time(image: DecodedImage) -> None:
    others, inside, refused = OtherRecipes("cpu"), threading.Event(), threading.Event()

    def slow() -> DecodedImage:
        inside.set()
        assert refused.wait(30)
        return image

    thread = threading.Thread(target=others.analyze, args=("grid", version(1), slow))
    thread.start()
    assert inside.wait(30)
    with pytest.raises(AnalyzerBusyError, match="try again"):
        others.analyze("grid", version(2), lambda: image)
    refused.set()
    thread.join(60)
    assert len(others.analyze("grid", version(1), lambda: pytest.fail("it is kept")).analysis.segments) == 25
