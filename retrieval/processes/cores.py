"""The processor cores that this process may use, which ``taskset`` and containers can limit."""

from __future__ import annotations

import os


def usable_cores() -> list[int]:
    """The numbers of the cores, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def shares(count: int) -> list[list[int]]:
    """The usable cores in `count` parts, as equal as can be; with more parts than cores, some have the same core."""
    cores = usable_cores()
    if count >= len(cores):
        return [[cores[part % len(cores)]] for part in range(count)]
    return [cores[len(cores) * part // count : len(cores) * (part + 1) // count] for part in range(count)]
