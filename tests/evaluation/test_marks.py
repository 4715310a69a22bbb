"""Marks on annotated objects."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.evaluation.marks import box_around, correction, lasso, loosened, shaken
from retrieval.segment.prompt_measures import region_of


def mask(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    made = np.zeros((90, 120), bool)
    made[y0:y1, x0:x1] = True
    return made


def test_boxes() -> None:
    own = box_around(mask(10, 20, 40, 60))
    assert own == (10, 20, 40, 60)
    assert loosened(own, 0.2, (90, 120)) == pytest.approx((7, 16, 43, 64))
    assert loosened((0, 0, 120, 90), 0.2, (90, 120)) == (0, 0, 120, 90)
    x0, y0, x1, y1 = shaken(own, (90, 120), np.random.default_rng(0))
    assert x0 < 40 < x1 + 2
    assert 0 <= y0 < y1 <= 90


@pytest.mark.parametrize("box", [(10, 20, 40, 60), (0, 0, 120, 90), (5, 5, 7, 6), (60, 40, 120, 90)])
def test_a_lasso_goes_around_the_object(box: tuple[int, int, int, int]) -> None:
    thing = mask(*box)
    inside = region_of(lasso(thing, np.random.default_rng(1)), (90, 120))
    assert (inside & thing).sum() >= 0.8 * thing.sum()


def test_clicks_go_where_most_is_wrong() -> None:
    thing = mask(10, 20, 40, 60)
    point, is_positive = correction(thing, np.zeros_like(thing))
    assert is_positive
    assert thing[int(point[1]), int(point[0])]
    point, is_positive = correction(thing, thing | mask(60, 10, 110, 80))
    assert not is_positive
    assert 60 <= point[0] < 110
