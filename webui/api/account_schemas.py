"""What goes in and out of the calls about users and API tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from retrieval.catalog.accounts import MAX_NAME, Role

from ..auth.passwords import LEAST, MOST
from .schemas import Moment, PathId, Strict

Name = Annotated[str, Field(max_length=MAX_NAME, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
Password = Annotated[SecretStr, Field(min_length=LEAST, max_length=MOST)]


class UserPath(Strict):
    """The user who is meant."""

    user: Name


class TokenPath(Strict):
    """The token that is meant."""

    token_id: PathId


class User(Strict):
    """A user."""

    name: str
    role: Role
    created_at: Moment


class UserList(Strict):
    """All users."""

    users: list[User]


class NewUser(Strict):
    """Somebody who may sign in from now on."""

    name: Name
    role: Role = "viewer"
    password: Password


class UserChange(Strict):
    """What is to be otherwise; another password ends all sessions of the user."""

    role: Role | None = None
    password: Password | None = None


class Account(Strict):
    """Who asks."""

    name: str
    role: Role


class NewPassword(Strict):
    """Another password for who asks, who has to know the one there is."""

    current: Annotated[SecretStr, Field(max_length=MOST)]
    password: Password


class Token(Strict):
    """An API token, without what is secret about it."""

    id: int
    name: str
    user: str
    created_at: Moment


class TokenList(Strict):
    """All API tokens."""

    tokens: list[Token]


class NewToken(Strict):
    """For which user's program it is, and what to call it."""

    user: Name
    name: Name


class NewOwnToken(Strict):
    """What to call it."""

    name: Name


class MadeToken(Token):
    """The only answer that tells the token itself."""

    token: Annotated[str, Field(description="Send it as `Authorization: Bearer TOKEN`. It is not told again.")]
