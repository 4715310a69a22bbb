"""What goes in and out of the calls about users and API tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from retrieval.catalog.accounts import MAX_NAME, Role

from ..passwords import LEAST, MOST
from .schemas import Moment, PathId, _Strict

Name = Annotated[str, Field(max_length=MAX_NAME, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
Password = Annotated[SecretStr, Field(min_length=LEAST, max_length=MOST)]


class UserPath(_Strict):
    """The user who is meant."""

    user: Name


class TokenPath(_Strict):
    """The token that is meant."""

    token_id: PathId


class User(_Strict):
    """A user."""

    name: str
    role: Role
    created_at: Moment


class UserList(_Strict):
    """All users."""

    users: list[User]


class NewUser(_Strict):
    """Somebody who may sign in from now on."""

    name: Name
    role: Role = "viewer"
    password: Password


class UserChange(_Strict):
    """What is to be otherwise; another password ends all sessions of the user."""

    role: Role | None = None
    password: Password | None = None


class Account(_Strict):
    """Who asks."""

    name: str
    role: Role


class NewPassword(_Strict):
    """Another password for who asks, who has to know the one there is."""

    current: Annotated[SecretStr, Field(max_length=MOST)]
    password: Password


class Token(_Strict):
    """An API token, without what is secret about it."""

    id: int
    name: str
    user: str
    created_at: Moment


class TokenList(_Strict):
    """All API tokens."""

    tokens: list[Token]


class NewToken(_Strict):
    """For which user's program it is, and what to call it."""

    user: Name
    name: Name


class NewOwnToken(_Strict):
    """What to call it."""

    name: Name


class MadeToken(Token):
    """The only answer that tells the token itself."""

    token: Annotated[str, Field(description="Send it as `Authorization: Bearer TOKEN`. It is not told again.")]
