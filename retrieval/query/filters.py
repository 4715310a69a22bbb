"""Conditions that results of a search must meet, and counts of results by condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal, get_args

from ..errors import ConfigurationError, QueryError
from ..storage.locations import folder_uri

Position = Literal["left", "right", "top", "bottom", "centre"]
POSITIONS: tuple[Position, ...] = get_args(Position)

SIZES: Mapping[str, tuple[float, float]] = {"small": (0.0, 0.05), "medium": (0.05, 0.25), "large": (0.25, 1.0)}
"""Size classes of facets: lower and upper share of the photo."""

MAX_LABEL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions, all of which a result must meet.

    Attributes
    ----------
    folder : str, optional
        Absolute path, or URI of a bucket or a prefix; the photo is in it or below.
    taken_from, taken_until : date, optional
        First and last day on which the photo was taken, by its EXIF data. Photos without a date are left out.
    recipe : str, optional
        Fingerprint of the recipe that segmented the photo.
    label : str, optional
        The segment's label.
    concept : int, optional
        Id of a concept that labels the segment.
    min_area, max_area : float
        The segment's share of the photo, 0 to 1.
    position : {"left", "right", "top", "bottom", "centre"}, optional
        The third of the photo that has the centre of the segment's box; ``centre`` is the middle third both ways.
    min_quality : float
        Lowest quality of a segment, 0 to 1.

    Raises
    ------
    QueryError
        A number is out of range, or nothing can meet the conditions.
    """

    folder: str | None = None
    taken_from: date | None = None
    taken_until: date | None = None
    recipe: str | None = None
    label: str | None = None
    concept: int | None = None
    min_area: float = 0.0
    max_area: float = 1.0
    position: Position | None = None
    min_quality: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_quality <= 1:
            raise QueryError(f"min_quality is {self.min_quality}; it must be from 0 to 1")
        if not 0 <= self.min_area < self.max_area <= 1:
            raise QueryError(
                f"min_area is {self.min_area} and max_area {self.max_area}; they must be shares of a photo from 0 to "
                "1, "
                "and min_area the smaller one"
            )
        if self.folder is not None:
            _check_folder(self.folder)
        if self.position is not None and self.position not in POSITIONS:
            raise QueryError(f"there is no position {self.position!r}; there are {', '.join(POSITIONS)}")
        if self.taken_from and self.taken_until and self.taken_from > self.taken_until:
            raise QueryError(f"taken_from is {self.taken_from}, which is after taken_until, {self.taken_until}")

    @property
    def is_empty(self) -> bool:
        """Whether there are no conditions."""
        return self == NO_FILTERS

    @property
    def of_segments(self) -> tuple[str, ...]:
        """Names of the given conditions that apply to segments only."""
        about_photos = {
            "folder",
            "taken_from",
            "taken_until",
            "recipe",
            "min_quality",
        }  # photos lack the last: all pass
        changed = (each.name for each in fields(self) if getattr(self, each.name) != each.default)
        return tuple(name for name in changed if name not in about_photos)

    @property
    def of_photos(self) -> Filters:
        """Those of the conditions that a whole photo can meet."""
        return Filters(folder=self.folder, taken_from=self.taken_from, taken_until=self.taken_until, recipe=self.recipe)


NO_FILTERS = Filters()


def _check_folder(folder: str) -> None:
    try:
        folder_uri(folder)
    except ConfigurationError as error:
        raise QueryError(f"the folder cannot be used: {error}; give it as `GET /images` shows paths") from error


@dataclass(frozen=True, slots=True)
class Facet:
    """A condition, and the number of likely results that meet it.

    Attributes
    ----------
    value : str
        As `Filters` takes it; the id of a concept, the four digits of a year, or a size's name in `SIZES`.
    name : str
        Display name.
    """

    value: str
    name: str
    count: int


FACETED = 200
"""Facets are counted from at most this many of the best results, so that the cost is bounded."""

Facets = dict[str, tuple[Facet, ...]]
"""By ``folder``, ``year``, ``label``, ``concept``, ``size``, ``position`` and ``recipe``, most frequent first."""
