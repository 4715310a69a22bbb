"""Colour names of pixels, segments and words."""

from __future__ import annotations

import numpy as np
import pytest
from toys import ToyLibrary, analysis

from retrieval.images.colors import COLORS, LEAST_FACTOR, WORDS, agreement, color_shares
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search.engine import SearchEngine
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import Segments

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        *(((0, 0, 0), "black"), ((255, 255, 255), "white"), ((128, 128, 128), "grey"), ((60, 62, 61), "black")),
        *(((220, 20, 20), "red"), ((255, 140, 0), "orange"), ((250, 230, 40), "yellow"), ((20, 140, 50), "green")),
        *(((20, 60, 200), "blue"), ((135, 190, 240), "blue"), ((110, 40, 140), "purple"), ((250, 150, 190), "pink")),
        *(((100, 60, 30), "brown"), ((60, 110, 40), "green"), ((15, 20, 80), "blue")),
    ],
)
def test_plain_colors_have_their_names(rgb: tuple[int, int, int], name: str) -> None:
    image = np.full((4, 4, 3), rgb, np.uint8)
    segments = Segments.from_masks(np.ones((1, 4, 4), bool), np.ones(1, np.float32))
    (shares,) = color_shares(image, segments)
    if rgb == (60, 62, 61):
        assert COLORS[int(shares.argmax())] in {"black", "grey"}
    else:
        assert {each: int(share) for each, share in zip(COLORS, shares, strict=True) if share} == {name: 255}


def test_shares_are_of_the_pixels_at_any_scale() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :10], image[:, 10:] = (220, 20, 20), (20, 60, 200)
    masks = np.zeros((3, 20, 20), bool)
    masks[0], masks[1, :, :5] = True, True
    shares = color_shares(image, Segments.from_masks(masks, np.ones(3, np.float32)))
    red, blue = COLORS.index("red"), COLORS.index("blue")
    assert shares[0, [red, blue]].tolist() == [64, 191]
    assert shares[1, red] == 255
    assert not shares[2].any()


def test_agreement_grows_with_the_share_until_it_is_enough() -> None:
    shares = np.zeros((4, len(COLORS)), np.uint8)
    shares[1, 3], shares[2, 3], shares[3, 3] = 40, 100, 255
    found = agreement(shares, ["red"]).tolist()
    assert found[0] == LEAST_FACTOR
    assert LEAST_FACTOR < found[1] < found[2] == found[3] == 1
    assert agreement(shares[:0], ["red"]).shape == (0,)


def test_words_are_of_the_eleven() -> None:
    assert set(WORDS.values()) == set(COLORS)


@pytest.mark.parametrize(
    ("text", "name", "colors"),
    [
        ("red cars", "car", ("red",)),
        ("find all black and white cats", "cat", ("black", "white")),
        ("orange", "orange", ()),
        ("orange umbrella", "umbrella", ("orange",)),
        ("golden retriever", "golden retriever", ()),
        ("brown bear", "brown bear", ()),
        ("silver bicycle", "bicycle", ("grey",)),
    ],
)
def test_colors_belong_to_what_they_stand_before(text: str, name: str, colors: tuple[str, ...]) -> None:
    (term,) = Vocabulary.load().read(text).understood
    assert (term.name, term.colors) == (name, colors)
    assert Vocabulary.load().read(text).unknown == ()


def test_each_thing_has_its_own_colors() -> None:
    reading = Vocabulary.load().read("red car, black dog")
    assert [(term.text, term.colors) for term in reading.understood] == [
        ("red car", ("red",)),
        ("black dog", ("black",)),
    ]
    assert Vocabulary.load().read("car red").unknown == ("red",), "it stands before nothing"


class TestSearches:
    @pytest.fixture
    def engine(self, toys: ToyLibrary) -> SearchEngine:
        """Cars are X: a blue one that is nearest, a red one, one whose colour is not known, and a red sky."""
        toys.words = np.zeros((1000, 4), np.float32)
        toys.words[[511, 817, 436, 656, 627, 609, 468, 751, 661, 407]] = X
        toys.words[281:286] = Y
        for vectors, color in (
            ([X, Y], "blue"),
            ([(0.9, 0.43, 0, 0), Y], "red"),
            ([(0.95, 0.3, 0, 0), Y], None),
            ([Z, W], "red"),
        ):
            shares = np.zeros((2, len(COLORS)), np.uint8)
            if color:
                shares[:, COLORS.index(color)] = 255
            toys.add(analysis(vectors, colors=shares if color else None))
        return toys.engine()

    def test_what_has_the_color_comes_first(self, engine: SearchEngine) -> None:
        plain = [match.image_id for match in engine.search(SearchRequest(text="car")).results]
        red = engine.search(SearchRequest(text="red car"))
        assert plain[:3] == [1, 3, 2]
        assert [match.image_id for match in red.results][:3] == [2, 3, 1]
        assert red.parts == ("red car",)
        assert [match.score for match in red.results][:3] == pytest.approx([0.9, 0.95 * 0.75, 0.5], abs=1e-2)

    def test_in_one_photo_with_something_else(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="red car, cat"))
        assert answer.parts == ("red car", "cat")
        assert answer.results[0].image_id == 2

    def test_beside_an_example(self, engine: SearchEngine, toys: ToyLibrary) -> None:
        example = Ref(segment=toys.segment_ids(toys.add(analysis([X])))[0])
        engine.refresh()
        assert engine.search(SearchRequest(positive=(example,), text="red car")).results[0].image_id == 2
        also = SearchRequest(positive=(example,), also=(Clause(text="blue cat"),))
        assert engine.search(also).results[0].image_id == 1
