"""Runs coroutines where a loop may be running already: the tests of pages have one running in their thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def apart(function: Callable[..., T], *arguments: Any) -> T:
    """What a function answers in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def in_a_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine comes to, in a loop of its own."""
    return apart(asyncio.run, coroutine)
