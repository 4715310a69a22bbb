"""Which files of ours handle one request, in which order, and who calls whom among them."""

from __future__ import annotations

import re
import sys
import threading
from collections import defaultdict
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
PACKAGES = ("retrieval", "indexer", "webui", "segsearch")

VALUES = (
    "retrieval/catalog/base.py", "retrieval/catalog/models.py", "retrieval/catalog/records/", "retrieval/errors.py", "retrieval/index/ranking.py",
    "retrieval/query/", "retrieval/settings/", "retrieval/types.py",
)  # fmt: skip
"""Modules of values: they are handed along the way, and are no stations on it."""

DATABASE = ("retrieval/catalog/dialects/", "retrieval/catalog/sessions.py", "retrieval/catalog/stamps.py")
"""What the database calls back while a statement runs."""


class Way:
    """Records, while it is entered, which modules of ours call which, in all threads that start meanwhile."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.entered: dict[str, None] = {}

    def __enter__(self) -> Self:
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def stations(self) -> list[str]:
        """Modules that hand the request on to others, in the order they were entered; values and the database apart."""
        handing = {caller for caller, _ in self._handed()}
        return [name for name in self.entered if name in handing and not name.startswith((*VALUES, *DATABASE))]

    def returns(self, order: list[str]) -> dict[tuple[str, str], set[str]]:
        """Calls from a station to an earlier one of `order`, and the functions that were called."""
        return {
            (caller, called): names
            for (caller, called), names in self.calls.items()
            if caller in order and called in order and order.index(called) < order.index(caller)
        }

    def _handed(self) -> list[tuple[str, str]]:
        """Calls between modules that are stations or do the work."""
        return [pair for pair in self.calls if not pair[1].startswith((*VALUES, *DATABASE))]

    def _note(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or (name := module_of(frame)) is None:
            return
        self.entered.setdefault(name)
        caller = frame.f_back
        while caller is not None and module_of(caller) is None:
            caller = caller.f_back
        if caller is not None and (before := module_of(caller)) != name:
            self.calls[before or "", name].add(frame.f_code.co_qualname)


def module_of(frame: FrameType) -> str | None:
    """The path of the module of ours that a frame is in; None for one of others, and while a module is loaded."""
    path = frame.f_code.co_filename
    if not path.startswith(f"{ROOT}/") or frame.f_code.co_name == "<module>":
        return None
    name = path.removeprefix(f"{ROOT}/")
    return name if name.partition("/")[0] in PACKAGES else None


def documented(heading: str) -> list[str]:
    """The files of the numbered list under a heading of ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.split(f"\n### {heading}\n")[1].split("\n#")[0]
    return re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)
