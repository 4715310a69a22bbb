from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from toys import ToyLibrary


@pytest.fixture
def writes(toys: ToyLibrary) -> Callable[[], None]:
    """Have another connection write, which fails at once where somebody holds the lock."""

    def write() -> None:
        with closing(sqlite3.connect(toys.folder / "catalog.db", timeout=0)) as other, other:
            other.execute("UPDATE intake_order SET paused = 0")

    return write
