"""Memory of this process."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def return_freed_memory() -> None:
    """Give freed memory back to the system, which glibc otherwise keeps; other C libraries have nothing to ask.

    Notes
    -----
    Takes some milliseconds; what is allocated next takes a little longer.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
