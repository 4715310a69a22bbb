"""Who may see which collection.

A collection that is not shared with a visitor is answered exactly as one that does not exist. What a visitor may do in
it follows from the role there, whatever the role in the installation: viewers look and search, editors also change
what is in it, and its owner also shares, renames and deletes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal, NamedTuple

from flask import g
from werkzeug.exceptions import Forbidden

from retrieval.catalog.collections import UNKNOWN, CollectionRecord, CollectionRole
from retrieval.errors import QueryError, RetrievalError, UnknownCollectionError
from retrieval.search.several import MOST_COLLECTIONS

from ..collection_paths import number_in_path
from ..context import WebContext, contexts, installation
from .visitor import Visitor

logger = logging.getLogger(__name__)


def enter(visitor: Visitor, number: int) -> Visitor:
    """Answer the current request for a collection; returns the visitor with the role that holds there.

    Raises
    ------
    UnknownCollectionError
        There is none, or none that this visitor may see.
    """
    record = visible(visitor, number)
    role = role_in(record, visitor)
    g.context = contexts().of(record)
    g.collection = record
    return replace(visitor, role="viewer" if role == "viewer" else "editor", owns=role == "owner")


def role_in(record: CollectionRecord, visitor: Visitor) -> CollectionRole | None:
    """What a visitor may do in a collection; None if nothing."""
    return record.role_of(visitor.name, is_admin=visitor.is_admin)


def _is_visible(record: CollectionRecord, visitor: Visitor) -> bool:
    return record.deleted_at is None and role_in(record, visitor) is not None


def visible(visitor: Visitor, number: int) -> CollectionRecord:
    """A collection that a visitor may see; raises as `enter`."""
    record = installation().collections.get(number)
    if not _is_visible(record, visitor):
        raise UnknownCollectionError(UNKNOWN)
    return record


def still_visible() -> Callable[[], bool]:
    """Tells later, outside of the current request, whether its visitor may still see its collection."""
    record, visitor, collections = g.get("collection"), g.visitor, installation().collections

    def check() -> bool:
        if record is None:
            return True
        try:
            return _is_visible(collections.get(record.id), visitor)
        except UnknownCollectionError:
            return False

    return check


def seen(visitor: Visitor) -> list[CollectionRecord]:
    """The collections that a visitor may see, by name; looked up once in a request."""
    if "seen" not in g:
        g.seen = installation().collections.of_user(visitor.name, is_admin=visitor.is_admin)
    found: list[CollectionRecord] = g.seen
    return found


def owned(visitor: Visitor, number: int, *, deleted: bool = False) -> CollectionRecord:
    """A collection that a visitor owns.

    Raises
    ------
    UnknownCollectionError
        There is none that this visitor may see.
    Forbidden
        It is somebody else's, who shares it.
    """
    record = installation().collections.get(number)
    role = role_in(record, visitor)
    if role is None or (record.deleted_at is not None) != deleted:
        raise UnknownCollectionError(UNKNOWN)
    if role != "owner":
        raise Forbidden(f"{record.owner} owns this collection, and only its owner can do this")
    return record


class Place(NamedTuple):
    """A collection that is to be searched.

    Attributes
    ----------
    record : CollectionRecord or None
        None for the photos of the installation itself.
    parts : WebContext or None
        None if it is left out.
    left_out : str or None
        Why it is.
    """

    record: CollectionRecord | None
    parts: WebContext | None
    left_out: str | None = None


def searchable(wanted: list[int] | Literal["all"]) -> dict[int, Place]:
    """The collections that the current request searches, by id; 0 is the installation itself.

    The one that the request is for comes first. Of all, those that cannot be opened are left out, and those beyond
    `MOST_COLLECTIONS`.

    Raises
    ------
    UnknownCollectionError
        One that is named is not there, or this visitor may not see it.
    QueryError
        None is named, or too many are.
    RetrievalError
        One that is named cannot be opened.
    """
    visitor, here = g.visitor, number_in_path() or 0
    if wanted != "all":
        if not 1 <= len(set(wanted)) <= MOST_COLLECTIONS:
            raise QueryError(f"{len(set(wanted))} collections cannot be searched at once: name 1 to {MOST_COLLECTIONS}")
        records = {number: visible(visitor, number) if number else None for number in _in_order(wanted, here)}
        return {number: Place(record, _opened(record)) for number, record in records.items()}
    all_seen = {0: None, **{record.id: record for record in seen(visitor)}}
    places: dict[int, Place] = {}
    for number in _in_order(all_seen, here):
        record = all_seen[number]
        if len(places) >= MOST_COLLECTIONS:
            places[number] = Place(record, None, f"no more than {MOST_COLLECTIONS} are searched at once")
            continue
        try:
            places[number] = Place(record, _opened(record))
        except RetrievalError as error:
            if number == here:
                raise
            logger.warning("collection %d cannot be searched: %s", number, error)
            places[number] = Place(record, None, "it cannot be opened now")
    return places


def _in_order(numbers: Iterable[int], first: int) -> list[int]:
    return sorted(dict.fromkeys(numbers), key=lambda number: number != first)


def _opened(record: CollectionRecord | None) -> WebContext:
    return contexts().own if record is None else contexts().of(record)
