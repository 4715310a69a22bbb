"""Files of photos: where they are, whether they are there, and which are new."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session, selectinload

from ..storage.locations import Registered, SeenFile, path_of
from .dialects import in_chunks
from .models import Image, Location
from .records import KnownLocation
from .sessions import Repository


class LocationRepository(Repository):
    """Places where photos' bytes are. Registering a file at a new one enters its photo."""

    def known(self, uris: Collection[str]) -> dict[str, KnownLocation]:
        """What the catalogue knows of these locations."""
        found: dict[str, KnownLocation] = {}
        with self._reading() as session:
            for chunk in in_chunks(list(uris)):
                statement = select(Location, Image.state).join(Image).where(Location.uri.in_(chunk))
                for row, state in session.execute(statement):
                    missing = row.missing_since is not None
                    found[row.uri] = KnownLocation(row.image_id, row.size, row.mtime_ns, state, missing)  # type: ignore[arg-type]
        return found

    def of_digest(self, sha256: str) -> set[str] | None:
        """URIs of the locations of the photo with these bytes; None if there is no such photo."""
        with self._reading() as session:
            photo = session.scalar(select(Image).where(Image.sha256 == sha256).options(selectinload(Image.locations)))
            return None if photo is None else {place.uri for place in photo.locations}

    def all(self) -> list[tuple[int, Path]]:
        """Where photos are, or were: each photo's id with a path, as often as it has paths."""
        statement = select(Location.image_id, Location.uri).order_by(Location.image_id, Location.id)
        with self._reading() as session:
            return [(key, path_of(uri)) for key, uri in session.execute(statement)]

    def register(self, files: Sequence[SeenFile]) -> list[Registered]:
        """Enter files as pending, in one transaction; equal bytes are one photo with several locations.

        A location whose bytes have changed is moved to the photo of its new bytes; the photo of the old bytes is
        removed if it has no other location, for nothing could show it any more.
        """
        with self._sessions.begin() as session:
            photos = _by_digest(session, {file.sha256 for file in files})
            places = _by_uri(session, [file.uri for file in files])
            left: set[int] = set()
            registered = [_register(session, file, photos, places, left) for file in files]
            _remove_unplaced(session, left)
            return registered

    def note_missing(self, uri: str) -> int:
        """Note which locations at and below a URI are gone from the disk; returns how many are newly missing."""
        below = or_(Location.uri == uri, and_(Location.uri >= f"{uri}/", Location.uri < f"{uri}0"))
        last, gone = 0, 0
        statement = select(Location.id, Location.uri).where(below, Location.missing_since.is_(None))
        statement = statement.order_by(Location.id).limit(1000)
        while True:
            with self._reading() as session:
                rows = session.execute(statement.where(Location.id > last)).all()
            if not rows:
                return gone
            missing = [key for key, uri in rows if not os.path.exists(path_of(uri))]  # noqa: PTH110  # never raises
            gone += self._set_missing(missing)
            last = rows[-1][0]

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


def _by_digest(session: Session, digests: Collection[str]) -> dict[str, Image]:
    found: dict[str, Image] = {}
    for chunk in in_chunks(sorted(digests)):
        found.update({row.sha256: row for row in session.scalars(select(Image).where(Image.sha256.in_(chunk)))})
    return found


def _by_uri(session: Session, uris: Sequence[str]) -> dict[str, Location]:
    found: dict[str, Location] = {}
    for chunk in in_chunks(uris):
        found.update({row.uri: row for row in session.scalars(select(Location).where(Location.uri.in_(chunk)))})
    return found


def _register(
    session: Session, file: SeenFile, photos: dict[str, Image], places: dict[str, Location], left: set[int]
) -> Registered:
    """Put a file's location to the photo of its bytes; the photo it was at before is noted in `left`."""
    place = places.get(file.uri)
    photo = photos.get(file.sha256)
    if place is not None and photo is not None and place.image_id == photo.id:
        place.size, place.mtime_ns, place.missing_since = file.size, file.mtime_ns, None
        place.uploaded_as = place.uploaded_as or file.uploaded_as
        return Registered(photo.id, "unchanged", photo.state in ("pending", "working"))
    outcome = Registered(photo.id, "duplicate") if photo is not None else None
    if photo is None:
        now = _now()
        dates = {"created_at": now, "dated_at": now.replace(tzinfo=None)}
        photo = photos[file.sha256] = Image(sha256=file.sha256, state="pending", **dates)
        session.add(photo)
        session.flush()
    if place is None:
        place = places[file.uri] = Location(uri=file.uri)
        session.add(place)
    else:
        left.add(place.image_id)
    place.image_id, place.size, place.mtime_ns, place.missing_since = photo.id, file.size, file.mtime_ns, None
    place.uploaded_as = file.uploaded_as
    return outcome or Registered(photo.id, "new")


def _remove_unplaced(session: Session, image_ids: Collection[int]) -> None:
    """Remove those of the photos that have no location any more, once all files have found their places."""
    session.flush()
    placed = select(Location.id).where(Location.image_id == Image.id).exists()
    for chunk in in_chunks(sorted(image_ids)):
        statement = delete(Image).where(Image.id.in_(chunk), ~placed)
        session.execute(statement, execution_options={"synchronize_session": False})


def _now() -> datetime:
    return datetime.now(UTC)
