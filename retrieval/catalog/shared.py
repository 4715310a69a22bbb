"""What the processes of all machines share in the database, besides the photos."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from .dialects import database_now
from .process_models import RequestCount, Secret
from .processes import Processes
from .sessions import Repository, Sessions

SECRET_BYTES = 32


class Secrets(Repository):
    """Random bytes by name."""

    def get(self, name: str) -> bytes:
        """The secret of a name, `SECRET_BYTES` long; whoever asks first makes it."""
        with self._reading() as session:
            found = session.get(Secret, name)
        if found is not None:
            return found.value
        with self._sessions.begin() as session:  # those that write queue, so another one may have been faster
            found = session.get(Secret, name)
            if found is None:
                found = Secret(name=name, value=secrets.token_bytes(SECRET_BYTES))
                session.add(found)
            return found.value


class RequestCounts(Repository):
    """How often things were done, each counted for a span of time, by the clock of the database."""

    def add(self, key: str, seconds: float, amount: int = 1) -> int:
        """Count something; returns how often it was done in the present span, which begins with the first time."""
        with self._sessions.begin() as session:
            now = database_now(session)
            session.execute(delete(RequestCount).where(RequestCount.expires_at <= now))
            row = session.get(RequestCount, _digest(key))
            if row is None:
                row = RequestCount(key=_digest(key), count=0, expires_at=now + timedelta(seconds=seconds))
                session.add(row)
            row.count += amount
            return row.count

    def get(self, key: str) -> tuple[int, datetime | None]:
        """How often it was done in the present span, and when that ends; 0 and None if it was not done."""
        alive = RequestCount.key == _digest(key)
        with self._reading() as session:
            now = database_now(session)
            row = session.scalar(select(RequestCount).where(alive, RequestCount.expires_at > now))
        return (0, None) if row is None else (row.count, row.expires_at)

    def forget(self, key: str | None = None) -> int:
        """Forget the counts of a key, or all; returns of how many keys."""
        which = () if key is None else (RequestCount.key == _digest(key),)
        with self._sessions.begin() as session:
            return session.execute(delete(RequestCount).where(*which)).rowcount  # type: ignore[attr-defined, no-any-return]


class Shared:
    """What the processes of all machines share.

    Parameters
    ----------
    sessions : Sessions

    Attributes
    ----------
    is_on_server : bool
        Whether processes of other machines can use the catalogue, too.
    processes : Processes
    secrets : Secrets
    request_counts : RequestCounts
    """

    def __init__(self, sessions: Sessions) -> None:
        self.is_on_server = sessions.engine.dialect.name != "sqlite"
        self.processes = Processes(sessions)
        self.secrets = Secrets(sessions)
        self.request_counts = RequestCounts(sessions)


def _digest(key: str) -> str:
    """Keys have addresses in them, which nobody needs to keep."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
