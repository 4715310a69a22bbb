"""The photos of a library in an order, by month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import QueryError

Order = Literal["newest", "oldest", "added"]
ORDERS: tuple[Order, ...] = get_args(Order)

Listed = Literal["indexed", "empty", "failed", "pending", "trash"]
LISTED: tuple[Listed, ...] = get_args(Listed)


MONTH = "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-(0[1-9]|1[0-2])$"
"""What the name of a month looks like: ``YYYY-MM``."""

UNKNOWN_ASPECT = 4 / 3


FOLDER = "^[^/\\x00\ud800-\udfff]+$"
"""What the name of a folder looks like: text without slashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which photos are listed, and in which order.

    Attributes
    ----------
    order : {"newest", "oldest", "added"}
        By the time when they were taken, newest or oldest first; a photo without it counts as taken when it was
        added. Or by the time when they were added, newest first. Ids decide between equal times.
    state : {"indexed", "empty", "failed", "pending", "trash"}, optional
        Only photos in this state; ``pending`` includes those being segmented. Photos in the trash are listed only by
        ``trash``, whatever else their state.
    folder : str, optional
        Only photos in a folder of this name, wherever it is; names are case-sensitive.
    tag : str, optional
        Only photos with this tag, in any case.
    label : str, optional
        Only photos with a segment that has this label.

    Raises
    ------
    QueryError
        The name of the folder is empty, has a slash, or is no text.
    """

    order: Order = "newest"
    state: Listed | None = None
    folder: str | None = None
    tag: str | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        """Check the name of the folder."""
        folder = self.folder
        if folder is not None and not re.fullmatch(FOLDER, folder):
            raise QueryError(f"{folder!r} is not the name of a folder: give its last part, without slashes")


@dataclass(frozen=True, slots=True)
class Month:
    """The photos of a month.

    Attributes
    ----------
    name : str
        ``YYYY-MM``.
    photos : int
    aspect : float
        Their mean ratio of width to height; `UNKNOWN_ASPECT` for those that were not decoded yet.
    """

    name: str
    photos: int
    aspect: float
