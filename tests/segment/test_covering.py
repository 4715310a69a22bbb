"""Regions that cover what is expected: small cases by hand, and the plain greedy choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.segment import covering
from retrieval.segment.covering import LEAST_COUNT, LEAST_GAIN, choose_covering


def rows_of(*given: Any, **limits: Any) -> list[int]:
    rows, gains = choose_covering(*given, **limits)
    assert len(gains) == len(rows)
    assert (np.diff(gains) <= 0).all()
    return rows.tolist()


def overlaps_of(pairs: dict[tuple[int, int], float], count: int) -> NDArray[np.float32]:
    iou = np.eye(count, dtype=np.float32)
    for (a, b), value in pairs.items():
        iou[a, b] = iou[b, a] = value
    return iou


def expecting(*counts: float) -> NDArray[np.float32]:
    return np.array(counts, np.float32)


@pytest.fixture(autouse=True)
def _no_least_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covering, "LEAST_COUNT", 0)


def test_a_further_region_counts_by_what_it_adds() -> None:
    iou = overlaps_of({(0, 1): 0.9, (0, 2): 0.1, (1, 2): 0.1}, 3)
    chosen = rows_of(iou, expecting(0.6, 0.5, 0.2), max_overlap=1, limit=3)
    assert chosen == [0, 2, 1], "the near-duplicate is likelier than the other one, and adds less"


def test_one_that_stands_for_many_comes_first() -> None:
    iou = overlaps_of({(0, 1): 0.7, (0, 2): 0.7, (1, 2): 0.5}, 4)
    chosen = rows_of(iou, expecting(0.3, 0.3, 0.3, 0.5), max_overlap=1, limit=2)
    assert chosen == [0, 3]


def test_no_two_overlap_by_more_than_allowed() -> None:
    iou = overlaps_of({(0, 1): 0.85}, 2)
    assert rows_of(iou, expecting(0.5, 0.4), max_overlap=0.8, limit=2) == [0]
    assert rows_of(iou, expecting(0.5, 0.4), max_overlap=0.9, limit=2) == [0, 1]


def test_what_adds_too_little_is_left_out() -> None:
    counts = expecting(LEAST_GAIN / 2, 0.5, LEAST_GAIN * 2)
    assert rows_of(np.eye(3, dtype=np.float32), counts, 0.8, 10) == [1, 2]


def test_some_are_chosen_of_an_image_unlike_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covering, "LEAST_COUNT", LEAST_COUNT)
    unlikely = np.full(3 * LEAST_COUNT, LEAST_GAIN / 100, np.float32)
    assert len(rows_of(np.eye(len(unlikely), dtype=np.float32), unlikely, 0.8, 100)) == LEAST_COUNT
    assert len(rows_of(np.eye(len(unlikely), dtype=np.float32), unlikely, 0.8, 5)) == 5


def test_a_busy_image_gets_more_than_a_plain_one() -> None:
    rng = np.random.default_rng(0)
    plain, busy = np.full((60, 60), 0.75, np.float32), overlaps_of({}, 60)
    np.fill_diagonal(plain, 1)
    counts = rng.uniform(0.001, 0.003, 60).astype(np.float32)
    assert len(rows_of(plain, counts, 0.8, 100)) < 10 < 50 < len(rows_of(busy, counts, 0.8, 100))


def test_nothing_is_chosen_of_nothing() -> None:
    chosen, gains = choose_covering(np.zeros((0, 0), np.float32), expecting(), 0.8, 100)
    assert chosen.shape == gains.shape == (0,)
    assert (chosen.dtype, gains.dtype) == (np.int64, np.float32)


def test_gains_are_the_overlap_that_is_added() -> None:
    iou = overlaps_of({(0, 1): 0.5}, 2)
    _, gains = choose_covering(iou, expecting(0.6, 0.2), max_overlap=1, limit=2)
    assert gains.tolist() == pytest.approx([0.6 + 0.5 * 0.2, 0.5 * 0.2])


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_greedy_choice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = rng.random((60, 40)) < rng.uniform(0.05, 0.6, (60, 1))
    common = members.astype(np.float32) @ members.T
    sizes = members.sum(axis=1)
    iou = (common / np.maximum(sizes[:, None] + sizes - common, 1)).astype(np.float32)
    counts = rng.exponential(0.05, 60).astype(np.float32)
    covered, left, expected = np.zeros(60, np.float32), np.ones(60, bool), []
    while len(expected) < 30:
        gains = np.where(left, (counts * np.maximum(iou - covered, 0)).sum(axis=1), -1)
        best = int(gains.argmax())
        if gains[best] < LEAST_GAIN:
            break
        expected.append(best)
        covered = np.maximum(covered, iou[best])
        left &= iou[best] <= 0.8
        left[best] = False
    assert rows_of(iou, counts, 0.8, 30) == expected
