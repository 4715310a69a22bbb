"""Names of the folders of photos, which may say what the photos show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache
from heapq import nsmallest
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ..storage.locations import path_of
from .models import Image, Location
from .sessions import Repository

FETCHED = 1000
"""Rows held as Python objects at once."""


class Folders(Repository):
    """The folders of a catalogue by their own names; folders of one name are one.

    What is held does not grow with the number of photos or folders, but a call looks at every place of a photo: about
    a second for a million. Names that are not UTF-8 are left out, for nothing can be called by them.
    """

    def page(self, *, after: str = "", limit: int = 1000) -> list[tuple[str, int]]:
        """Names beyond `after`, sorted, with the number of photos in each; at most `limit`."""
        found: Counter[str] = Counter()
        for _, names in self._names():
            found.update(name for name in names if name > after)
            if len(found) > 2 * limit:
                kept = nsmallest(limit, found)
                found = Counter({name: found[name] for name in kept})
        return [(name, found[name]) for name in nsmallest(limit, found)]

    def photos(self, wanted: Collection[str]) -> dict[str, list[int]]:
        """Ids of the photos in folders of some names; those that nothing is in are left out."""
        found: dict[str, list[int]] = {}
        for image_id, names in self._names():
            for name in names & set(wanted):
                found.setdefault(name, []).append(image_id)
        return found

    def _names(self) -> Iterator[tuple[int, set[str]]]:
        """Every photo with the names of the folders it is in."""
        in_trash = select(Image.id).where(Image.deleted_at.is_not(None))
        statement = select(Location.image_id, Location.uri, Location.uploaded_as).order_by(Location.image_id)
        statement = statement.where(Location.image_id.not_in(in_trash))
        with self._reading() as session:
            yield from folders_of(session, statement)


def folders_of(session: Session, statement: Select[int, str, str | None]) -> Iterator[tuple[int, set[str]]]:
    """The photos of a statement, with the names of the folders they are in.

    Parameters
    ----------
    session : Session
    statement : Select
        Of `Location.image_id`, by which it is sorted, `Location.uri` and `Location.uploaded_as`.
    """
    statement = statement.execution_options(yield_per=FETCHED)  # without it all rows are fetched first
    rows = (row for rows in session.execute(statement).partitions() for row in rows)
    for image_id, places in groupby(rows, key=itemgetter(0)):
        names = {_folder(uri, uploaded_as) for _, uri, uploaded_as in places}
        yield image_id, names - {""}


def _folder(uri: str, uploaded_as: str | None) -> str:
    """The name of the folder of a file; that of an upload is the one that it was uploaded from."""
    if uploaded_as is not None:
        return uploaded_as.rpartition("/")[0].rpartition("/")[2]
    return _name(uri.rpartition("/")[0].rpartition("/")[2])


@lru_cache(4096)
def _name(quoted: str) -> str:
    """The name of a folder from its part of a URI; empty if it has none, or none that is text."""
    name = path_of(f"file:///{quoted}").name
    try:
        name.encode()
    except UnicodeEncodeError:
        return ""
    return name
