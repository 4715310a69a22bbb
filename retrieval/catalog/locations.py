"""Files of photos: where they are, whether they are there, and which are new."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.orm import Session, aliased, selectinload

from ..storage.locations import Registered, Registration, SeenFile, path_of
from ..types import Ids
from .deleted_files import forget
from .dialects import in_chunks
from .models import Image, Location
from .records import KnownLocation
from .sessions import Repository
from .trash import count_changed
from .videos import delete_frames, whole_videos

BLOCK = 1000
"""Locations that are looked for on the disk between two transactions."""

_KNOWN = select(
    Location.uri,
    Location.id,
    Location.image_id,
    Location.size,
    Location.mtime_ns,
    Image.state,
    Location.missing_since,
    Image.deleted_at,
    Location.version,
).join(Image)
_PLACES = select(Location.id, Location.uri, Location.image_id, Location.uploaded_as)
_PHOTOS = select(Image.sha256, Image.id, Image.state, Image.deleted_at)


class LocationRepository(Repository):
    """Places where photos' bytes are. Registering a file at a new one enters its photo."""

    def known(self, uris: Collection[str]) -> dict[str, KnownLocation]:
        """What the catalogue knows of these locations."""
        found: dict[str, KnownLocation] = {}
        with self._reading() as session:
            for chunk in in_chunks(list(uris)):
                for uri, key, image_id, size, mtime_ns, state, since, deleted_at, version in session.execute(
                    _KNOWN.where(Location.uri.in_(chunk))
                ):
                    facts = key, image_id, size, mtime_ns, state, since is not None, deleted_at is not None, version
                    found[uri] = KnownLocation(*facts)  # type: ignore[arg-type]  # the check constraint holds it
        return found

    def of_digest(self, sha256: str) -> set[str] | None:
        """URIs of the locations of the photo with these bytes; None if there is no such photo."""
        with self._reading() as session:
            photo = session.scalar(select(Image).where(Image.sha256 == sha256).options(selectinload(Image.locations)))
            return None if photo is None else {place.uri for place in photo.locations}

    def all(self) -> list[tuple[int, str]]:
        """Where photos are, or were: each photo's id with a URI, as often as it has places."""
        statement = select(Location.image_id, Location.uri).order_by(Location.image_id, Location.id)
        with self._reading() as session:
            return [(key, uri) for key, uri in session.execute(statement)]

    def register(self, files: Sequence[SeenFile]) -> list[Registered]:
        """Enter files as pending, in one transaction; equal bytes are one photo with several locations.

        A location whose bytes have changed is moved to the photo of its new bytes; the photo of the old bytes is
        removed if it has no other location, for nothing could show it any more. A photo in the trash stays there
        unless the file `restores` it.
        """
        with self._sessions.begin() as session:
            forget(session, {file.sha256 for file in files if file.restores})
            photos = _by_digest(session, {file.sha256 for file in files})
            new = _add_photos(session, [file.sha256 for file in files if file.sha256 not in photos])
            photos.update(new)
            places = _by_uri(session, [file.uri for file in files])
            left: set[int] = set()
            registered = [_register(file, photos, new, places, left) for file in files]
            _write(session, places.values())
            _restore(session, [each.image_id for each in registered if each.outcome == "restored"])
            _remove_unplaced(session, left)
            return registered

    def note_missing(self, uri: str, seen: Ids | None = None, is_there: Callable[[str], bool] | None = None) -> int:
        """Note which locations at and below a URI are gone; returns how many are newly missing.

        Parameters
        ----------
        uri : str
        seen : ndarray of shape (N,), int64, optional
            Ids of locations whose files have just been seen: it is not asked for them again.
        is_there : callable, optional
            Whether there is something at a URI; by default, whether the disk has such a file.
        """
        is_there = is_there or _is_on_disk
        gone, seen = 0, np.sort(np.zeros(0, np.int64) if seen is None else seen)
        for places in self._below(uri):
            unseen = [key for key in places if not _holds(seen, key)]
            gone += self._set_missing([key for key in unseen if not is_there(places[key])])
        return gone

    def move(self, old: str, new: str) -> int:
        """Note that all files below one URI are now below another, under the same names; returns how many there were.

        A file that the catalogue has at its new place already is one location afterwards.
        """
        if old == new:
            return 0
        below = Location.uri > f"{old}/", Location.uri < f"{old}0"
        moved, there = new + func.substr(Location.uri, len(old) + 1), aliased(Location)
        double = select(there.id).where(there.uri == moved).exists()
        statements = delete(Location).where(*below, double), update(Location).where(*below).values(uri=moved)
        found = 0
        with self._sessions.begin() as session:
            for each in statements:
                done = session.execute(each, execution_options={"synchronize_session": False})
                found += int(done.rowcount)  # type: ignore[attr-defined]
        return found

    def below(self, uri: str) -> Iterator[Collection[str]]:
        """URIs below a URI that are not missing, in blocks."""
        return (places.values() for places in self._below(uri))

    def _below(self, uri: str) -> Iterator[dict[int, str]]:
        """Locations at and below a URI that are not missing yet, in blocks."""
        statement = select(Location.id, Location.uri).where(Location.missing_since.is_(None))
        inside = statement.where(Location.uri < f"{uri}0").order_by(Location.uri).limit(BLOCK)
        yield self._places(statement.where(Location.uri == uri))
        last = f"{uri}/"
        while places := self._places(inside.where(Location.uri > last)):
            yield places
            *_, last = places.values()

    def _places(self, statement: Select[int, str]) -> dict[int, str]:
        with self._reading() as session:
            return {key: uri for key, uri in session.execute(statement)}

    def note_lost(self, uris: Sequence[str]) -> None:
        """Note that a photo's bytes are not at these locations any more, whatever is there now."""
        with self._sessions.begin() as session:
            for chunk in in_chunks(uris):
                there = Location.uri.in_(chunk), Location.missing_since.is_(None)
                session.execute(update(Location).where(*there).values(missing_since=_now()))

    def _set_missing(self, location_ids: Sequence[int]) -> int:
        if not location_ids:
            return 0
        there = Location.id.in_(location_ids), Location.missing_since.is_(None)
        with self._sessions.begin() as session:
            found = session.execute(update(Location).where(*there).values(missing_since=_now()))
            return int(found.rowcount)  # type: ignore[attr-defined]


def _is_on_disk(uri: str) -> bool:
    return os.path.exists(path_of(uri))  # noqa: PTH110  # never raises


def _holds(rising: Ids, key: int) -> bool:
    place = bisect_left(rising, key)
    return place < len(rising) and rising[place] == key


class _Photo(NamedTuple):
    """A photo, whether it waits for its analysis, and whether it is in the trash."""

    id: int
    waits: bool
    in_trash: bool = False


def _by_digest(session: Session, digests: Collection[str]) -> dict[str, _Photo]:
    found: dict[str, _Photo] = {}
    for chunk in in_chunks(sorted(digests)):
        for digest, key, state, deleted_at in session.execute(_PHOTOS.where(Image.sha256.in_(chunk))):
            found[digest] = _Photo(key, state in ("pending", "working"), deleted_at is not None)
    return found


def _by_uri(session: Session, uris: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Rows of those of the locations that exist."""
    found: dict[str, dict[str, Any]] = {}
    for chunk in in_chunks(uris):
        found.update({row.uri: row._asdict() for row in session.execute(_PLACES.where(Location.uri.in_(chunk)))})
    return found


def _add_photos(session: Session, digests: Sequence[str]) -> dict[str, _Photo]:
    """Enter photos as pending."""
    unique, now = list(dict.fromkeys(digests)), _now()
    dates = {"created_at": now, "dated_at": now.replace(tzinfo=None)}
    if not unique:
        return {}
    added = insert(Image).returning(Image.id, sort_by_parameter_order=True)
    keys = session.scalars(added, [{"sha256": digest, "state": "pending", **dates} for digest in unique])
    return {digest: _Photo(key, waits=True) for digest, key in zip(unique, keys, strict=True)}


def _register(
    file: SeenFile,
    photos: dict[str, _Photo],
    new: dict[str, _Photo],
    places: dict[str, dict[str, Any]],
    left: set[int],
) -> Registered:
    """Assign a file's location to the photo of its bytes; the photo it belonged to before is noted in `left`."""
    photo, place = photos[file.sha256], places.get(file.uri, {})
    before, uploaded_as = place.get("image_id"), file.uploaded_as
    if before == photo.id:
        registered = _known(photos, file, "unchanged")
        uploaded_as = place["uploaded_as"] or uploaded_as
    else:
        is_new = new.pop(file.sha256, None) is not None
        registered = Registered(photo.id, "new") if is_new else _known(photos, file, "duplicate")
        left.update(() if before is None else (before,))
    seen = {"uri": file.uri, "size": file.size, "mtime_ns": file.mtime_ns, "version": file.version}
    places[file.uri] = {**place, **seen, "missing_since": None, "image_id": photo.id, "uploaded_as": uploaded_as}
    return registered


def _write(session: Session, places: Collection[dict[str, Any]]) -> None:
    """Insert those of the rows that have no key, and update the others."""
    added, moved = [row for row in places if "id" not in row], [row for row in places if "id" in row]
    if added:
        session.execute(insert(Location), added)
    if moved:
        session.execute(update(Location), moved)


def _known(photos: dict[str, _Photo], file: SeenFile, outcome: Registration) -> Registered:
    """What becomes of a file whose photo is there already, which may be in the trash."""
    photo = photos[file.sha256]
    if not photo.in_trash:
        return Registered(photo.id, outcome, photo.waits and outcome == "unchanged")
    if not file.restores:
        return Registered(photo.id, "deleted")
    photos[file.sha256] = photo._replace(in_trash=False)
    return Registered(photo.id, "restored", photo.waits)


def _restore(session: Session, image_ids: Sequence[int]) -> None:
    """Take photos out of the trash."""
    for chunk in in_chunks(whole_videos(session, image_ids) if image_ids else []):
        session.execute(update(Image).where(Image.id.in_(chunk)).values(deleted_at=None))
    if image_ids:
        count_changed(session)


def _remove_unplaced(session: Session, image_ids: Collection[int]) -> None:
    """Remove those of the photos that have no location any more, once all files have found their places."""
    placed = select(Location.id).where(Location.image_id == Image.id).exists()
    for chunk in in_chunks(sorted(image_ids)):
        gone = session.scalars(select(Image.id).where(Image.id.in_(chunk), ~placed)).all()
        delete_frames(session, gone)
        statement = delete(Image).where(Image.id.in_(gone))
        session.execute(statement, execution_options={"synchronize_session": False})


def _now() -> datetime:
    return datetime.now(UTC)
