"""What may be marked on a photo, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retrieval.errors import QueryError
from retrieval.images.masks import decode_mask, encode_mask
from retrieval.query.prompt import MAX_CORNERS, MAX_POINTS, Prompt

BOX = (2.0, 3.0, 20.0, 30.0)
TRIANGLE = ((2.0, 2.0), (20.0, 4.0), (9.0, 28.0))
BOW_TIE = ((0.0, 0.0), (20.0, 20.0), (20.0, 0.0), (0.0, 20.0))
NAN, INF = float("nan"), float("inf")
MASK = ((4, 6), encode_mask(np.eye(4, 6, dtype=bool)).decode())
WIDE = ((20, 60), encode_mask(np.eye(20, 60, dtype=bool)).decode())

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "exactly one of"),
    "two kinds": ({"box": BOX, "polygon": TRIANGLE}, "exactly one of"),
    "a mask and a box": ({"box": BOX, "mask": MASK}, "exactly one of"),
    "a mask and negative points": ({"mask": MASK, "not_points": ((1.0, 1.0),)}, "exactly one of"),
    "a mask that is empty, with points": (
        {"mask": ((4, 6), encode_mask(np.zeros((4, 6), bool)).decode()), "points": ((1.0, 1.0),)},
        "it is empty",
    ),
    "NaN in a box": ({"box": (NAN, 0, 4, 4)}, "not a finite number"),
    "infinite box": ({"box": (0, 0, INF, 4)}, "not a finite number"),
    "empty box": ({"box": (4, 4, 4, 8)}, "is empty"),
    "box the wrong way round": ({"box": (9, 9, 2, 2)}, "is empty"),
    "two corners": ({"polygon": TRIANGLE[:2]}, "at least three"),
    "corners in a row": ({"polygon": ((0, 0), (4, 4), (9, 9))}, "is empty"),
    "one place thrice": ({"polygon": ((4, 4),) * 3}, "is empty"),
    "crossing": ({"polygon": BOW_TIE}, "crosses itself"),
    "crossing, closed": ({"polygon": (*BOW_TIE, BOW_TIE[0])}, "crosses itself|is empty"),
    "NaN corner": ({"polygon": (*TRIANGLE, (NAN, 1.0))}, "not a finite number"),
    "too many corners": ({"polygon": ((0.0, 0.0),) * 100_000}, f"at most {MAX_CORNERS}"),
    "too many points": ({"points": ((0.0, 0.0),) * 100_000}, f"at most {MAX_POINTS}"),
    "all negative": ({"not_points": ((1.0, 1.0),)}, "at least one point on the thing"),
    "infinite point": ({"points": ((1.0, -INF),)}, "not a finite number"),
    "empty mask": ({"mask": ((4, 6), encode_mask(np.zeros((4, 6), bool)).decode())}, "it is empty"),
    "mask of another size": ({"mask": ((5, 6), MASK[1])}, "add up to 24 pixels, not to 5 x 6"),
    "no counts": ({"mask": ((4, 6), "")}, "add up to 0"),
    "cut off": ({"mask": ((4, 6), "P")}, "no compressed run lengths"),
    "no RLE": ({"mask": ((4, 6), "é")}, "no compressed run lengths"),
    "negative run": ({"mask": ((4, 6), "O")}, "negative run length"),
    "endless number": ({"mask": ((4, 6), "o" * 20)}, "no compressed run lengths"),
    "huge mask": ({"mask": ((4097, 6), MASK[1])}, "too large"),
    "mask without a size": ({"mask": ((0, 6), MASK[1])}, "too large"),
    "long counts": ({"mask": ((4, 6), "1" * 100_000)}, "too large"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_mark_is_refused(name: str) -> None:
    given, message = BAD[name]
    with pytest.raises(QueryError, match=message):
        Prompt(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"box": (200, 0, 240, 40)}, "the box .* outside the photo of 100x80"),
        ({"box": (-40, 0, 0, 40)}, "outside"),
        ({"polygon": ((0, 90), (50, 90), (30, 120))}, "the polygon .* outside"),
        ({"points": ((100, 4),)}, "the point 100,4 lies outside"),
        ({"points": ((1, 4),), "not_points": ((-1, 4),)}, "outside"),
        ({"mask": WIDE}, "the mask is 60x20, but the photo 100x80"),
        ({"mask": WIDE, "points": ((1, 4),)}, "the mask is 60x20, but the photo 100x80"),
        (
            {"mask": ((8, 10), encode_mask(np.eye(8, 10, dtype=bool)).decode()), "points": ((100, 4),)},
            "the point 100,4",
        ),
    ],
)
def test_a_mark_has_to_lie_on_the_photo(given: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        Prompt(**given).check_on((80, 100))


@pytest.mark.parametrize(
    "given", [{"box": (-4, -4, 300, 20)}, {"polygon": ((-5, 2), (50, 2), (30, 60))}, {"points": ((0, 0), (99.9, 79.9))}]
)
def test_a_mark_may_reach_beyond_the_photo(given: dict[str, Any]) -> None:
    Prompt(**given).check_on((80, 100))


def test_masks_of_the_photos_proportions_fit() -> None:
    Prompt(mask=MASK).check_on((400, 600))
    Prompt(mask=MASK).check_on((427, 640))


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(box=BOX),
        Prompt(polygon=TRIANGLE),
        Prompt(points=((1.0, 2.0),), not_points=((3.5, 4.0), (5.0, 6.0))),
        Prompt(mask=MASK),
        Prompt(mask=MASK, points=((1.0, 2.0),), not_points=((3.5, 4.0),)),
    ],
)
def test_json_and_back(prompt: Prompt) -> None:
    assert Prompt.from_json(prompt.to_json()) == prompt


@pytest.mark.parametrize("text", ["", "[]", "null", "1", '{"box": [1, 2]}', '{"box": 3}', '{"points": [[1]]}', '{"mask": [1]}', "{}", '{"box": ["a", 1, 2, 3]}', '{"polygon": {"a": 1}}'])  # fmt: skip
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        Prompt.from_json(text)


def test_a_small_mark_survives_in_a_smaller_frame() -> None:
    small = Prompt(box=(40, 40, 42, 42)).scaled((4000, 4000), (400, 400))
    assert small.box == (4, 4, 5, 5)
    Prompt(polygon=((40, 40), (42, 40), (41, 43))).scaled((4000, 4000), (40, 40))


def test_points_that_correct_a_mask_are_scaled_and_the_mask_stays() -> None:
    prompt = Prompt(mask=MASK, points=((10.0, 20.0),), not_points=((30.0, 40.0),))
    assert prompt.scaled((80, 100), (8, 20)) == Prompt(mask=MASK, points=((2.0, 2.0),), not_points=((6.0, 4.0),))
    assert Prompt(mask=MASK).scaled((80, 100), (8, 20)) == Prompt(mask=MASK)


@pytest.mark.parametrize("mask", [np.eye(9, dtype=bool), np.ones((3, 4), bool), np.arange(24).reshape(4, 6) % 5 == 0])
def test_checked_counts_are_what_was_encoded(mask: np.ndarray) -> None:
    size = mask.shape[0], mask.shape[1]
    prompt = Prompt(mask=(size, encode_mask(mask).decode()))
    assert (decode_mask(size, prompt.mask[1].encode()) == mask).all()
