"""Requests and responses about users and API tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from retrieval.catalog.accounts import MAX_NAME, Role

from ..auth.passwords import LEAST, MOST
from .schemas import Moment, PathId, Strict

Name = Annotated[str, Field(max_length=MAX_NAME, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
Password = Annotated[SecretStr, Field(min_length=LEAST, max_length=MOST)]


class UserPath(Strict):
    """The name of the user."""

    user: Name


class TokenPath(Strict):
    """The id of the token."""

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
    """A new user."""

    name: Name
    role: Role = "viewer"
    password: Password


class UserChange(Strict):
    """The changes; a new password ends all of the user's sessions."""

    role: Role | None = None
    password: Password | None = None


class Account(Strict):
    """The account that made the request."""

    name: str
    role: Role


class NewPassword(Strict):
    """A new password for the current account, with the current password."""

    current: Annotated[SecretStr, Field(max_length=MOST)]
    password: Password


class Token(Strict):
    """An API token, without its secret."""

    id: int
    name: str
    user: str
    created_at: Moment


class TokenList(Strict):
    """All API tokens."""

    tokens: list[Token]


class NewToken(Strict):
    """The user and the name of the new token."""

    user: Name
    name: Name


class NewOwnToken(Strict):
    """The name of the new token."""

    name: Name


class MadeToken(Token):
    """The only response that contains the token itself."""

    token: Annotated[str, Field(description="Send it as `Authorization: Bearer TOKEN`. It is returned only once.")]
