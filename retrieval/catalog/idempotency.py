"""Keys of requests that were answered: a request that is sent again gets its first answer, and changes nothing again.

References
----------
Jena and Dalal, "The Idempotency-Key HTTP Header Field", draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..errors import IdempotencyKeyInUseError, IdempotencyKeyReusedError
from .models import IdempotencyKey
from .owners import is_gone
from .sessions import Repository

RETENTION = timedelta(hours=24)
"""How long an answer is kept."""

MOST_KEPT = 10_000
MOST_KEPT_BYTES = 256 * 1024**2
"""As many answers, and as many bytes of them, compressed; the oldest go first."""

LEASE = timedelta(hours=1)
"""After this time a request whose process cannot be asked counts as lost, and may be sent again."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer that the first request with a key got.

    Attributes
    ----------
    status : int
        Of HTTP.
    mimetype : str
    body : bytes
    """

    status: int
    mimetype: str
    body: bytes


class IdempotencyKeys(Repository):
    """The keys of the last day, each of one user, with what was answered."""

    def claim(self, user: str, key: str, request: str, owner: str) -> int | KeptAnswer:
        """Begin the request with a key, or find what it was answered before.

        Parameters
        ----------
        user : str
            Whose key it is; empty without sign-in.
        key : str
            1 to 255 characters.
        request : str
            A digest of the request.
        owner : str
            The process that answers it, from `owners.new_owner`.

        Returns
        -------
        int or KeptAnswer
            An id, for `finish` or `release`; or the answer.

        Raises
        ------
        IdempotencyKeyReusedError
            The key came with another request before.
        IdempotencyKeyInUseError
            The first request with it is still being answered.
        """
        try:
            return self._claim(user, key, request, owner)
        except IntegrityError:  # another process was faster
            return self._claim(user, key, request, owner)

    def finish(self, claimed: int, owner: str, answer: KeptAnswer) -> None:
        """Keep the answer of a request that was begun."""
        body = zlib.compress(answer.body, 1)
        values = {"status": answer.status, "mimetype": answer.mimetype, "body": body, "size": len(body)}
        with self._sessions.begin() as session:
            session.execute(update(IdempotencyKey).where(_is_begun(claimed, owner)).values(values))
            _bound(session)

    def release(self, claimed: int, owner: str) -> None:
        """Forget a request that was begun and changed nothing: it may be sent again, as it is or corrected."""
        with self._sessions.begin() as session:
            session.execute(delete(IdempotencyKey).where(_is_begun(claimed, owner)))

    def expired(self) -> int:
        """How many keys are older than `RETENTION`."""
        with self._reading() as session:
            return session.scalar(select(func.count()).where(_is_over())) or 0

    def expire(self, now: datetime | None = None) -> None:
        """Remove keys older than `RETENTION`."""
        with self._sessions.begin() as session:
            session.execute(delete(IdempotencyKey).where(_is_over(now)))

    def _claim(self, user: str, key: str, request: str, owner: str) -> int | KeptAnswer:
        mine, now = and_(IdempotencyKey.user == user, IdempotencyKey.key == key), datetime.now(UTC)
        with self._sessions.begin() as session:
            session.execute(delete(IdempotencyKey).where(mine, _is_over(now)))
            row = session.scalar(select(IdempotencyKey).where(mine).with_for_update())
            if row is None:
                row = IdempotencyKey(user=user, key=key, request=request, owner=owner, created_at=now)
                session.add(row)
                session.flush()
                return row.id
            if row.request != request:
                raise IdempotencyKeyReusedError(
                    "this Idempotency-Key came with another request before: make a new key for each request, and "
                    "send it again only with exactly the same request"
                )
            if row.status is not None:
                return KeptAnswer(row.status, row.mimetype or "", zlib.decompress(row.body or b""))
            if not is_gone(row.owner) and now - row.created_at < LEASE:
                raise IdempotencyKeyInUseError(
                    "the first request with this Idempotency-Key is still being answered: send it again in some seconds"
                )
            row.owner, row.created_at = owner, now
            return row.id


def _bound(session: Session) -> None:
    """Remove the oldest answers while there are too many."""
    count, size = session.execute(select(func.count(), func.coalesce(func.sum(IdempotencyKey.size), 0))).one()
    if count <= MOST_KEPT and size <= MOST_KEPT_BYTES:
        return
    oldest = select(IdempotencyKey.id, IdempotencyKey.size).where(IdempotencyKey.status.is_not(None))
    for key, freed in session.execute(oldest.order_by(IdempotencyKey.created_at, IdempotencyKey.id)).all()[:-1]:
        if count <= MOST_KEPT and size <= MOST_KEPT_BYTES:
            return
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.id == key))
        count, size = count - 1, size - freed


def _is_begun(claimed: int, owner: str) -> ColumnElement[bool]:
    return and_(IdempotencyKey.id == claimed, IdempotencyKey.owner == owner, IdempotencyKey.status.is_(None))


def _is_over(now: datetime | None = None) -> ColumnElement[bool]:
    return IdempotencyKey.created_at < (now or datetime.now(UTC)) - RETENTION
