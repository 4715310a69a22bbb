"""Filters as conditions of SQL, and what facets are counted from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Select, and_, exists, select
from sqlalchemy.orm import Session

from ..query.filters import SIZES, Facet, Facets, Filters, Position
from ..storage.locations import displayed, folder_uri, is_file, path_of
from .dialects import in_chunks
from .models import IN_LIBRARY, ITEM_ID, Image, Location, Segment

MOST_VALUES = 50
"""Of each kind so many facets are told, the most frequent."""


def passing(filters: Filters) -> Select[int]:
    """Ids of the segments that meet the conditions, rising; `Filters.concept` is none of the catalogue's."""
    return (
        select(Segment.id)
        .join(Image, Image.id == Segment.image_id)
        .where(*_of_photos(filters), *_of_segments(filters))
        .order_by(Segment.id)
    )


def photos_passing(filters: Filters) -> Select[int]:
    """Ids of the photos that meet the conditions on photos."""
    return select(Image.id).where(*_of_photos(filters))


def facets_of(session: Session, segment_ids: Sequence[int]) -> Facets:
    """How many of some segments there are of each kind."""
    rows = [row for chunk in in_chunks(segment_ids) for row in session.execute(_FACTS.where(Segment.id.in_(chunk)))]
    folders: dict[int, set[str]] = {}
    for chunk in in_chunks(sorted({row.item_id for row in rows})):
        of_files = Location.image_id.in_(chunk), Location.uploaded_as.is_(None)
        for key, uri in session.execute(select(Location.image_id, Location.uri).where(*of_files)):
            folders.setdefault(key, set()).add(uri.rpartition("/")[0])
    return {
        "folder": _most(
            (folder for row in rows for folder in folders.get(row.item_id, ())),
            lambda uri: (_plain(uri), _plain(uri)),
        ),
        "year": _most(str(row.taken_at.year) for row in rows if row.taken_at),
        "label": _most(row.label for row in rows if row.label),
        "size": _most(_size(row) for row in rows),
        "position": _most(place for row in rows for place in _places(row)),
        "recipe": _most(row.recipe for row in rows if row.recipe),
    }


_FACTS = select(
    ITEM_ID.label("item_id"),
    Segment.label,
    Segment.area,
    Segment.x0,
    Segment.y0,
    Segment.x1,
    Segment.y1,
    Image.width,
    Image.height,
    Image.taken_at,
    Image.recipe,
).join(Image, and_(Image.id == Segment.image_id, IN_LIBRARY))


def _of_photos(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [IN_LIBRARY]
    if filters.folder is not None:
        start = folder_uri(filters.folder)
        inside = Location.uri > start, Location.uri < f"{start[:-1]}0"  # the sign after the slash
        found.append(exists().where(Location.image_id == ITEM_ID, *inside))
    if filters.taken_from is not None:
        found.append(Image.taken_at >= datetime.combine(filters.taken_from, time()))
    if filters.taken_until is not None:
        found.append(Image.taken_at <= datetime.combine(filters.taken_until, time.max))
    if filters.recipe is not None:
        found.append(Image.recipe == filters.recipe)
    return found


def _of_segments(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    whole = Image.width * Image.height
    if filters.label is not None:
        found.append(Segment.label == filters.label)
    if filters.min_quality > 0:
        found.append(Segment.quality >= filters.min_quality)
    if filters.min_area > 0:
        found.append(Segment.area >= filters.min_area * whole)
    if filters.max_area < 1:
        found.append(Segment.area < filters.max_area * whole)
    if filters.position is not None:
        found.extend(_at(filters.position))
    return found


def _at(position: Position) -> list[ColumnElement[bool]]:
    """Conditions on the middle of the box: ``(x0 + x1) / 2`` against thirds of the width, in whole numbers."""
    across, down = 3 * (Segment.x0 + Segment.x1), 3 * (Segment.y0 + Segment.y1)
    conditions: dict[Position, list[ColumnElement[bool]]] = {
        "left": [across < 2 * Image.width],
        "right": [across > 4 * Image.width],
        "top": [down < 2 * Image.height],
        "bottom": [down > 4 * Image.height],
        "centre": [across.between(2 * Image.width, 4 * Image.width), down.between(2 * Image.height, 4 * Image.height)],
    }
    return conditions[position]


def _places(row: Any) -> list[Position]:
    """As `_at`, of one segment."""
    across, down = 3 * (row.x0 + row.x1), 3 * (row.y0 + row.y1)
    found: list[Position] = []
    found += ["left"] if across < 2 * row.width else ["right"] if across > 4 * row.width else []
    found += ["top"] if down < 2 * row.height else ["bottom"] if down > 4 * row.height else []
    return found or ["centre"]


def _size(row: Any) -> str:
    share = row.area / (row.width * row.height)
    return next((name for name, (low, high) in SIZES.items() if low <= share < high), "large")


def _plain(uri: str) -> str:
    """A folder as filters take it."""
    if not is_file(uri):
        return displayed(uri)
    return str(path_of(uri)) if urlsplit(uri).path else "/"


def _most(
    values: Iterable[str], shown: Callable[[str], tuple[str, str]] = lambda value: (value, value)
) -> tuple[Facet, ...]:
    counted = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return tuple(Facet(*shown(value), count) for value, count in counted[:MOST_VALUES])
