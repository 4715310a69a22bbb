"""The cores that this process may use, and how they are shared out."""

from __future__ import annotations

import os

import pytest

from retrieval.processes import cores
from retrieval.processes.cores import shares, usable_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot bind processes to cores")
def test_cores_that_are_not_allowed_do_not_count() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {max(before)})
        assert usable_cores() == [max(before)]
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [[0, 1, 4, 5, 6]]),
        (2, [[0, 1], [4, 5, 6]]),
        (5, [[0], [1], [4], [5], [6]]),
        (7, [[0], [1], [4], [5], [6], [0], [1]]),
    ],
)
def test_every_core_is_used(monkeypatch: pytest.MonkeyPatch, count: int, expected: list[list[int]]) -> None:
    monkeypatch.setattr(cores, "usable_cores", lambda: [0, 1, 4, 5, 6])
    assert shares(count) == expected
