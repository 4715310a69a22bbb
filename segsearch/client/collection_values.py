"""Values about collections."""

from __future__ import annotations

from datetime import datetime

from .values import Value


class Member(Value):
    """A user with whom a collection is shared; the role is ``viewer`` or ``editor``."""

    user: str
    role: str = "viewer"


class Collection(Value):
    """A collection.

    Attributes
    ----------
    address : str
        The path that its pages and its API are below.
    owner : str or None
    role : str
        What you may do in it: ``viewer``, ``editor`` or ``owner``.
    recipe : str or None
        None for that of the installation.
    members : tuple of Member
        With whom it is shared, if you own it.
    photos : int or None
        None if its catalogue cannot be opened.
    """

    id: int
    name: str
    address: str
    owner: str | None = None
    role: str
    recipe: str | None = None
    members: tuple[Member, ...] = ()
    photos: int | None = None
    created_at: datetime
    deleted_at: datetime | None = None
