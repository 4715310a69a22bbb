"""Which shards of an index are merged; pure functions.

References
----------
O'Neil et al., "The Log-Structured Merge-Tree", Acta Informatica 1996, section 2 (components that grow by a factor, so
that each entry is copied a logarithmic number of times).
"""

from __future__ import annotations

from collections.abc import Sequence

FACTOR = 2
"""A shard is merged with the younger ones when it is not at least this many times as large as all of them."""

GONE_SHARE = 0.2
"""A shard of which more was deleted is written anew."""

EXACT_UP_TO = 50_000
"""Larger shards are searched by inverted lists."""


def first_to_merge(sizes: Sequence[int], gone: Sequence[int], growing: int) -> int:
    """The first shard of those that are written as one, with what is growing.

    Parameters
    ----------
    sizes : sequence of int
        Vectors of each written shard, oldest first.
    gone : sequence of int
        How many of them were deleted.
    growing : int
        Vectors that are in no written shard yet.

    Returns
    -------
    int
        ``len(sizes)`` if only what is growing has to be written, or nothing.
    """
    first, younger = len(sizes), growing
    while first and younger and sizes[first - 1] - gone[first - 1] < FACTOR * younger:
        first -= 1
        younger += sizes[first] - gone[first]
    stale = [shard for shard, (size, lost) in enumerate(zip(sizes, gone, strict=True)) if lost > GONE_SHARE * size]
    return min([first, *stale])
