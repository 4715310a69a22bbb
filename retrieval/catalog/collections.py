"""Collections: their names, their owners, and with whom they are shared.

The rows are in the catalogue of the installation. What is in a collection is in a catalogue of its own, which this
module does not know, so that no question about one collection can be answered by another.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast, get_args

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from ..errors import CollectionError, UnknownCollectionError, UnknownUserError
from ..processes.program import PROGRAM
from .collection_models import Collection, CollectionMember
from .models import Account
from .sessions import Repository

CollectionRole = Literal["viewer", "editor", "owner"]
"""By rising rights."""

MemberRole = Literal["viewer", "editor"]
MEMBER_ROLES: tuple[MemberRole, ...] = get_args(MemberRole)

MAX_NAME = 64
MAX_COLLECTIONS = 1000
"""Of one owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRecord:
    """A collection.

    Attributes
    ----------
    id : int
        Never used again.
    name : str
        An owner has no two collections of one name.
    owner : str or None
        Name of a user; None for a collection that was made while there were no users.
    recipe : str or None
        What segments and embeds its photos; None for that of the installation.
    members : dict of str to {"viewer", "editor"}
        With whom it is shared.
    created_at : datetime
    deleted_at : datetime or None
        When it was moved to the trash, if it was.
    """

    id: int
    name: str
    owner: str | None
    recipe: str | None
    members: dict[str, MemberRole]
    created_at: datetime
    deleted_at: datetime | None

    def role_of(self, user: str | None, *, is_admin: bool = False) -> CollectionRole | None:
        """What a user may do with it; None if nothing.

        Parameters
        ----------
        user : str or None
            None for a visitor of an installation without users, who may do everything.
        is_admin : bool
            Admins own collections without an owner, and no others.
        """
        if user is None or user == self.owner or (self.owner is None and is_admin):
            return "owner"
        return self.members.get(user)


class Collections(Repository):
    """The collections of an installation."""

    def all(self, *, deleted: bool = False) -> list[CollectionRecord]:
        """All collections by name, without those in the trash; or only those."""
        is_deleted = Collection.deleted_at.is_not(None) if deleted else Collection.deleted_at.is_(None)
        return self._found(select(Collection).where(is_deleted))

    def all_with_deleted(self) -> list[CollectionRecord]:
        """All collections, those in the trash last."""
        return [*self.all(), *self.all(deleted=True)]

    def of_user(self, user: str | None, *, is_admin: bool = False, deleted: bool = False) -> list[CollectionRecord]:
        """The collections that a user may see, by name; see `CollectionRecord.role_of`. Of deleted ones only own."""
        found = ((each, each.role_of(user, is_admin=is_admin)) for each in self.all(deleted=deleted))
        return [each for each, role in found if role == "owner" or (role is not None and not deleted)]

    def get(self, collection_id: int) -> CollectionRecord:
        """The collection with an id, also one in the trash.

        Raises
        ------
        UnknownCollectionError
        """
        found = self._found(select(Collection).where(Collection.id == collection_id))
        if not found:
            raise UnknownCollectionError(UNKNOWN)
        return found[0]

    def named(self, name: str) -> CollectionRecord:
        """The one collection with a name, or with an id that is given as a number; for the command line.

        Raises
        ------
        UnknownCollectionError
            There is none.
        CollectionError
            Several owners have one of that name.
        """
        everything = self.all()
        found = [each for each in everything if str(each.id) == name]
        found = found or [each for each in everything if _key(each.name) == _key(name)]
        if not found:
            raise UnknownCollectionError(
                f"there is no collection {name!r}: list them with `{PROGRAM} collections list`, or make one with "
                f"`{PROGRAM} collections add NAME`"
            )
        if len(found) > 1:
            ids = " or ".join(str(each.id) for each in found)
            raise CollectionError(f"several collections are called {name!r}: give a number instead, {ids}")
        return found[0]

    def add(self, name: str, owner: str | None, recipe: str | None = None) -> CollectionRecord:
        """Make a collection.

        Raises
        ------
        CollectionError
            The owner has one of that name, or has too many, or it is no name.
        UnknownUserError
        """
        with self._sessions.begin() as session:
            owner_id = None if owner is None else _account(session, owner).id
            row = Collection(name=_checked(name), owner_id=owner_id, recipe=recipe, created_at=datetime.now(UTC))
            _check_free(session, row)
            session.add(row)
            session.flush()
            made = row.id
        return self.get(made)

    def change(
        self, collection_id: int, *, name: str | None = None, recipe: str | None = None, owner: str | None = None
    ) -> CollectionRecord:
        """Give a collection another name, recipe or owner; the former owner, and whom it was shared with, lose theirs.

        Raises
        ------
        UnknownCollectionError, UnknownUserError
        CollectionError
            The owner has another one of that name, or it is no name.
        """
        with self._sessions.begin() as session:
            row = _row(session, collection_id)
            row.name = row.name if name is None else _checked(name)
            row.recipe = recipe or row.recipe
            if owner is not None:
                row.owner_id = _account(session, owner).id
                session.execute(delete(CollectionMember).where(CollectionMember.collection_id == row.id))
            _check_free(session, row)
        return self.get(collection_id)

    def share(self, collection_id: int, user: str, role: MemberRole) -> CollectionRecord:
        """Share a collection with a user, or give the user another role.

        Raises
        ------
        UnknownCollectionError, UnknownUserError
        CollectionError
            The user is its owner, or it has none.
        """
        with self._sessions.begin() as session:
            row, account = _row(session, collection_id), _account(session, user)
            if row.owner_id is None:
                raise CollectionError(
                    "this collection has no owner, so it cannot be shared: give it to a user first "
                    f"(`{PROGRAM} collections give`)"
                )
            if row.owner_id == account.id:
                raise CollectionError(f"{account.name} owns this collection: share it with somebody else")
            _remove_member(session, row.id, account.id)
            session.add(CollectionMember(collection_id=row.id, account_id=account.id, role=role))
        return self.get(collection_id)

    def unshare(self, collection_id: int, user: str) -> CollectionRecord:
        """Share a collection with a user no longer; nothing happens if it is not.

        Raises
        ------
        UnknownCollectionError, UnknownUserError
        """
        with self._sessions.begin() as session:
            _remove_member(session, _row(session, collection_id).id, _account(session, user).id)
        return self.get(collection_id)

    def delete(self, collection_id: int) -> None:
        """Move a collection to the trash.

        Raises
        ------
        UnknownCollectionError
        """
        with self._sessions.begin() as session:
            _row(session, collection_id).deleted_at = datetime.now(UTC)

    def restore(self, collection_id: int) -> CollectionRecord:
        """Take a collection out of the trash.

        Raises
        ------
        UnknownCollectionError
            It is gone for good.
        CollectionError
            The owner has made another one of that name.
        """
        with self._sessions.begin() as session:
            row = _row(session, collection_id, deleted=True)
            row.deleted_at = None
            _check_free(session, row)
        return self.get(collection_id)

    def forget(self, collection_id: int) -> bool:
        """Remove the row of a collection in the trash, which cannot be restored then; returns whether it was there."""
        with self._sessions.begin() as session:
            row = session.get(Collection, collection_id, with_for_update=True)
            if row is None or row.deleted_at is None:
                return False
            session.delete(row)
            return True

    def _found(self, statement: Select[Collection]) -> list[CollectionRecord]:
        """The records of rows, by name."""
        with self._reading() as session:
            rows = session.execute(statement.add_columns(Account.name).outerjoin(Account)).all()
            shared = (
                select(CollectionMember.collection_id, Account.name, CollectionMember.role)
                .join(Account)
                .where(CollectionMember.collection_id.in_(row.id for row, _ in rows))
                .order_by(Account.key)
            )
            members: dict[int, dict[str, MemberRole]] = defaultdict(dict)
            for collection_id, user, role in session.execute(shared):
                members[collection_id][user] = cast("MemberRole", role)
        records = [
            CollectionRecord(
                id=row.id,
                name=row.name,
                owner=owner,
                recipe=row.recipe,
                members=members.get(row.id, {}),
                created_at=row.created_at,
                deleted_at=row.deleted_at,
            )
            for row, owner in rows
        ]
        return sorted(records, key=lambda each: (_key(each.name), each.id))


UNKNOWN = "there is no such collection: it may have been deleted, or is not shared with you any more"


def owned_by(session: Session, account_id: int) -> int:
    """How many collections a user owns, those in the trash among them."""
    return session.scalar(select(func.count()).where(Collection.owner_id == account_id)) or 0


def _key(name: str) -> str:
    """What is the same of two names that people take for one."""
    return unicodedata.normalize("NFC", name).casefold()


def _checked(name: str) -> str:
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise CollectionError(f"the name of a collection must have 1 to {MAX_NAME} printable characters")
    if name.isdecimal():
        raise CollectionError("the name of a collection must not be a number, which stands for another one: add a word")
    return name


def _check_free(session: Session, row: Collection) -> None:
    """Whether the owner has no other collection of that name; transactions that write queue, so it stays so."""
    with session.no_autoflush:
        owned = Collection.owner_id.is_(None) if row.owner_id is None else Collection.owner_id == row.owner_id
        others = session.execute(select(Collection.id, Collection.name, Collection.deleted_at).where(owned)).all()
    others = [other for other in others if other.id != row.id]
    if any(_key(other.name) == _key(row.name) for other in others if other.deleted_at is None):
        raise CollectionError(f"there is already a collection {row.name!r}: choose another name")
    if len(others) >= MAX_COLLECTIONS:
        raise CollectionError(f"one user can have {MAX_COLLECTIONS} collections, those in the trash among them")


def _row(session: Session, collection_id: int, *, deleted: bool = False) -> Collection:
    row = session.get(Collection, collection_id, with_for_update=True)
    if row is None or (row.deleted_at is not None) != deleted:
        raise UnknownCollectionError(UNKNOWN)
    return row


def _account(session: Session, user: str) -> Account:
    row = session.scalar(select(Account).where(Account.key == user.casefold()))
    if row is None:
        raise UnknownUserError(f"there is no user {user[:MAX_NAME]!r}: an admin can list users and add them")
    return row


def _remove_member(session: Session, collection_id: int, account_id: int) -> None:
    session.execute(
        delete(CollectionMember).where(
            CollectionMember.collection_id == collection_id, CollectionMember.account_id == account_id
        )
    )
