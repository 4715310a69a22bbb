"""The seams of the index. Implementations inherit nothing."""

from __future__ import annotations

from typing import Protocol

from ..types import Hits, Ids, Vectors
from .faiss_index import NO_IDS


class ShardIndex(Protocol):
    """What the vectors of one shard are searched by.

    Attributes
    ----------
    is_exact : bool
        Whether hits are the nearest and have exact scores; otherwise they are candidates, to be scored again.
    """

    is_exact: bool

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int: ...

    def search(self, queries: Vectors, *, k: int, without: Ids = NO_IDS) -> Hits:
        """The k vectors with the greatest inner product with each query.

        Parameters
        ----------
        queries : ndarray of shape (Q, D), float32
        k : int
            More than there are is fine: -1 and -inf fill up.
        without : ndarray of shape (M,), int64
            Ids that are left out, rising; unknown ones are passed over.

        Raises
        ------
        ValueError
            Queries have another length or are not finite, or k is less than 1.
        """
        ...
