"""Which parts of an index are written as one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.index.merging import FACTOR, GONE_SHARE, first_to_merge


def test_a_large_part_stays_and_small_ones_are_merged() -> None:
    assert first_to_merge([1000, 100], [0, 0], 10) == 2
    assert first_to_merge([1000, 100], [0, 0], 60) == 1
    assert first_to_merge([1000, 600], [0, 0], 400) == 0


def test_what_lost_much_is_written_anew() -> None:
    assert first_to_merge([1000, 100], [201, 0], 0) == 0
    assert first_to_merge([1000, 100], [0, 30], 0) == 1
    assert first_to_merge([1000, 100], [200, 20], 0) == 2


@given(st.lists(st.integers(1, 5000), max_size=60))
def test_there_are_few_parts_and_vectors_are_copied_seldom(arrivals: list[int]) -> None:
    parts: list[int] = []
    copied = 0
    for arrived in arrivals:
        first = first_to_merge(parts, [0] * len(parts), arrived)
        merged = sum(parts[first:]) + arrived
        copied += merged
        parts = [*parts[:first], merged]
        assert all(older >= FACTOR * younger for older, younger in zip(parts, parts[1:], strict=False))
    total = sum(arrivals)
    assert len(parts) <= 1 + max(total, 1).bit_length()
    assert copied <= total * (2 + max(total, 1).bit_length())


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100)), max_size=8), st.integers(0, 200))
def test_what_stays_is_larger_than_what_is_merged_and_mostly_there(parts: list[tuple[int, int]], growing: int) -> None:
    sizes, gone = [size for size, _ in parts], [min(each) for each in parts]
    first = first_to_merge(sizes, gone, growing)
    assert 0 <= first <= len(parts)
    assert all(lost <= GONE_SHARE * size for size, lost in zip(sizes[:first], gone[:first], strict=True))
