"""Times in videos, for display."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """A time as players show it: ``1:05``, ``1:02:05``."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
