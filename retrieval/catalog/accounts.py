"""Users who may sign in, and the API tokens of their programs. Neither passwords nor tokens are kept, only digests."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from ..errors import AccountError, UnknownTokenError, UnknownUserError
from ..processes.program import PROGRAM
from .collections import owned_by
from .models import Access, Account, ApiToken
from .sessions import Repository, Sessions

Role = Literal["viewer", "editor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""By rising rights; each role has the rights of those before it."""

TOKEN_PREFIX = "segsearch_"  # noqa: S105  # nosec B105  # so that scanners for leaked secrets can know it
FIRST_ADMIN = f"create one on the server with `{PROGRAM} users add NAME --role admin`"
MAX_NAME = 64
_TOKEN_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user.

    `password_hash` is what `webui.auth.passwords` made of the password, and `language` what was chosen for pages.
    """

    id: int
    name: str
    role: Role
    created_at: datetime
    password_hash: str = field(repr=False)
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """An API token without its secret; it has the rights of its user."""

    id: int
    name: str
    user: str
    created_at: datetime


class Accounts(Repository):
    """The users and API tokens of a catalogue."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self._single = sessions.engine.execution_options(reading="once")

    # ---- users

    def any(self) -> bool:
        """Whether there are users."""
        with self._single.connect() as connection:
            return connection.scalar(_ANY) is not None

    def ever(self) -> bool:
        """Whether there are users, or ever were; asked by every request of an installation without sign-in."""
        with self._single.connect() as connection:
            return bool(connection.scalar(_EVER))

    def all(self) -> list[UserRecord]:
        """All users, by name."""
        with self._single.connect() as connection:
            return [UserRecord(**row) for row in connection.execute(_USERS.order_by(Account.key)).mappings()]

    def find(self, user_id: int) -> UserRecord | None:
        """The user with an id, if there is one."""
        return self._one(_BY_ID, user_id)

    def named(self, name: str) -> UserRecord | None:
        """The user with a name, in any case of letters, if there is one."""
        return self._one(_BY_KEY, name.casefold()) if _NAME.fullmatch(name) else None

    def add(self, name: str, role: Role, password_hash: str) -> int:
        """Add a user; returns the id, which is never reused.

        Raises
        ------
        AccountError
            The name is taken, or is no name; or there is no user yet, and this one would be no admin.
        """
        row = Account(name=_checked(name), key=name.casefold(), role=role, password_hash=password_hash)
        row.created_at = datetime.now(UTC)
        with self._sessions.begin() as session:
            access = _locked(session)
            if session.scalar(select(Account.id).where(Account.key == row.key)) is not None:
                raise AccountError(f"there is already a user {name}: choose another name")
            if role != "admin" and session.scalar(_ANY) is None:
                raise AccountError(f"there are no users, and the first one must be an admin: {FIRST_ADMIN}")
            access.had_users = True
            session.add(row)
            session.flush()
            return row.id

    def choose_language(self, name: str, language: str) -> None:
        """Keep the language of pages that a user has chosen, as a code of ISO 639 such as ``de``.

        Raises
        ------
        UnknownUserError
        """
        with self._sessions.begin() as session:
            _row(session, name).language = language

    def change(self, name: str, *, role: Role | None = None, password_hash: str | None = None) -> None:
        """Give a user another role or password.

        Raises
        ------
        UnknownUserError
        AccountError
            Users would be left without an admin.
        """
        with self._sessions.begin() as session:
            _locked(session)
            row = _row(session, name)
            if role not in (None, "admin"):
                _check_admin_left(session, row)
            row.role = role or row.role
            row.password_hash = password_hash or row.password_hash

    def remove(self, name: str, *, last: bool = False) -> None:
        """Remove a user with all tokens.

        Parameters
        ----------
        name : str
        last : bool
            Whether the only user may go, too. Nobody can sign in then, and nothing is open because of that.

        Raises
        ------
        UnknownUserError
        AccountError
            There would be no admin left, or the user owns collections.
        """
        with self._sessions.begin() as session:
            _locked(session)
            row = _row(session, name)
            _check_owns_nothing(session, row)
            others = session.scalar(select(Account.id).where(Account.id != row.id).limit(1))
            if others is not None or not last:
                _check_admin_left(session, row)
            session.delete(row)

    # ---- tokens

    def tokens(self, user: str | None = None) -> list[TokenRecord]:
        """All API tokens, or those of one user, oldest first."""
        statement = select(ApiToken, Account.name).join(Account).order_by(ApiToken.id)
        if user is not None:
            statement = statement.where(Account.key == user.casefold())
        with self._reading() as session:
            return [_token(row, user) for row, user in session.execute(statement)]

    def add_token(self, user: str, name: str) -> tuple[TokenRecord, str]:
        """Make a token for a user's program; returns what is kept, and the token, which is not.

        Raises
        ------
        UnknownUserError
        AccountError
            `name` is no name.
        """
        secret = TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        row = ApiToken(name=_checked(name), digest=digest_of(secret))
        row.created_at = datetime.now(UTC)
        with self._sessions.begin() as session:
            owner = _row(session, user)
            row.account_id = owner.id
            session.add(row)
            session.flush()
            return _token(row, owner.name), secret

    def by_token(self, secret: str) -> UserRecord | None:
        """The user of a token; None if it is unknown or was revoked."""
        return self._one(_BY_DIGEST, digest_of(secret))

    def revoke(self, token_id: int, user: str | None = None) -> None:
        """Revoke a token; only one of a certain user, if that is given.

        Raises
        ------
        UnknownTokenError
        """
        with self._sessions.begin() as session:
            row = session.get(ApiToken, token_id)
            if row is None or (user is not None and row.account_id != _row(session, user).id):
                raise UnknownTokenError(f"there is no token {token_id}: it may have been revoked; list the tokens")
            session.delete(row)

    def _one(self, statement: Any, asked: int | str) -> UserRecord | None:
        """Find a user by one statement without the ORM: every request needs it."""
        with self._single.connect() as connection:
            row = connection.execute(statement, {"asked": asked}).mappings().one_or_none()
        return UserRecord(**row) if row else None


_ANY = select(Account.id).limit(1)
_EVER = select(or_(_ANY.exists(), select(Access.id).where(Access.had_users).exists()))

_USERS = select(Account.id, Account.name, Account.role, Account.created_at, Account.password_hash, Account.language)
_BY_ID = _USERS.where(Account.id == bindparam("asked"))
_BY_KEY = _USERS.where(Account.key == bindparam("asked"))
_BY_DIGEST = _USERS.join(ApiToken).where(ApiToken.digest == bindparam("asked"))


def digest_of(secret: str) -> str:
    """What is kept of a token: SHA-256. It has 256 random bits, so that nothing slower is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _checked(name: str) -> str:
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise AccountError(
            f"a name must have 1 to {MAX_NAME} of the characters A-Z, a-z, 0-9, . _ @ and -, and start with a letter "
            "or digit"
        )
    return name


def _locked(session: Session) -> Access:
    """Wait until no other transaction changes users, and keep others waiting until this one ends.

    On SQLite all transactions that write queue anyway; on others the one row is locked.
    """
    access = session.get(Access, 1, with_for_update=True)
    if access is None:
        access = Access(id=1, had_users=False)
        session.add(access)
    return access


def _row(session: Session, name: str) -> Account:
    row = session.scalar(select(Account).where(Account.key == name.casefold()))
    if row is None:
        raise UnknownUserError(f"there is no such user: list the users with `{PROGRAM} users list`")
    return row


def _check_admin_left(session: Session, row: Account) -> None:
    """Whether there is an admin besides one user; `_locked` sees to it that two cannot ask at once."""
    others = select(Account.id).where(Account.role == "admin", Account.id != row.id).limit(1)
    if row.role == "admin" and session.scalar(others) is None:
        raise AccountError(f"{row.name} is the only admin: make another user an admin first")


def _check_owns_nothing(session: Session, row: Account) -> None:
    owned = owned_by(session, row.id)
    if owned:
        raise AccountError(
            f"{row.name} owns {owned} collection{'' if owned == 1 else 's'}: give them to others first "
            f"(`{PROGRAM} collections give`), or delete them for good (`{PROGRAM} collections delete --now`)"
        )


def _token(row: ApiToken, user: str) -> TokenRecord:
    return TokenRecord(id=row.id, name=row.name, user=user, created_at=row.created_at)
