"""Counts of requests in the catalogue's database, for all web servers together, as `limits` asks for them."""

from __future__ import annotations

import time

from limits.storage import Storage

from retrieval.catalog.shared import RequestCounts
from retrieval.errors import RetrievalError


class DatabaseStorage(Storage):
    """Counts in fixed windows; a write to the database each, so it is for what happens rarely.

    Parameters
    ----------
    counts : RequestCounts
    """

    STORAGE_SCHEME = None

    def __init__(self, counts: RequestCounts) -> None:
        super().__init__()
        self._counts = counts

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the database raises."""
        return RetrievalError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count something; returns how often it was done in this window, of `expiry` seconds."""
        return self._counts.add(key, expiry, amount)

    def get(self, key: str) -> int:
        """How often it was done in this window."""
        return self._counts.get(key)[0]

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970."""
        ends = self._counts.get(key)[1]
        return ends.timestamp() if ends is not None else time.time()

    def check(self) -> bool:
        """Whether the database answers."""
        try:
            self._counts.get("")
        except RetrievalError:
            return False
        return True

    def reset(self) -> int:
        """Forget all counts; returns how many."""
        return self._counts.forget()

    def clear(self, key: str) -> None:
        """Forget the counts of one thing."""
        self._counts.forget(key)
