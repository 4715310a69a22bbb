"""Users and API tokens; for admins."""

from __future__ import annotations

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.catalog.accounts import UserRecord
from retrieval.errors import AccountError, UnknownUserError

from ..auth import passwords
from ..context import context
from . import account_schemas as schemas
from . import answers, bodies
from .problems import documented

accounts = APIBlueprint("api_accounts", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="users")])
accounts.before_request(bodies.read_json)


@accounts.get("/users", summary="List users", responses={200: schemas.UserList, **documented()})
def list_users() -> Response:
    """By name."""
    return answers.as_json(schemas.UserList(users=[_user(record) for record in context().accounts.all()]))


@accounts.post("/users", summary="Add a user", responses={201: schemas.User, **documented(413, 415)})
def add_user(body: schemas.NewUser) -> Response:
    """Viewers look and search; editors change what is in the library, too; admins also say who may."""
    context().accounts.add(body.name, body.role, passwords.hashed(body.password.get_secret_value()))
    return _named(body.name, 201)


@accounts.patch(
    "/users/<user>",
    summary="Change a user's role or password",
    responses={200: schemas.User, **documented(404, 413, 415)},
)
def change_user(path: schemas.UserPath, body: schemas.UserChange) -> Response:
    """Another password ends all sessions of the user; tokens stay.

    Nobody can lower the own role; the own password is changed at `/account/password`, with the current one.
    """
    if body.role not in (None, "admin"):
        _check_other(path.user)
    if body.password is not None:
        _check_other(path.user, "change your own password at /account, with the current one")
    new = body.password
    kept = passwords.hashed(new.get_secret_value()) if new else None
    context().accounts.change(path.user, role=body.role, password_hash=kept)
    return _named(path.user)


@accounts.delete("/users/<user>", summary="Remove a user", responses={204: None, **documented(404)})
def remove_user(path: schemas.UserPath) -> Response:
    """With all tokens and sessions. Nobody can remove themselves: somebody has to be there who may add users."""
    _check_other(path.user)
    context().accounts.remove(path.user)
    return Response(status=204)


@accounts.get("/tokens", summary="List API tokens", responses={200: schemas.TokenList, **documented()})
def list_tokens() -> Response:
    """Oldest first."""
    found = [answers.token(record) for record in context().accounts.tokens()]
    return answers.as_json(schemas.TokenList(tokens=found))


@accounts.post("/tokens", summary="Make an API token", responses={201: schemas.MadeToken, **documented(404, 413, 415)})
def add_token(body: schemas.NewToken) -> Response:
    """It may what its user may. This answer alone tells it: only its digest is kept."""
    return answers.as_json(answers.made_token(*context().accounts.add_token(body.user, body.name)), 201)


@accounts.delete("/tokens/<id:token_id>", summary="Revoke an API token", responses={204: None, **documented(404)})
def revoke_token(path: schemas.TokenPath) -> Response:
    """It is worthless at once."""
    context().accounts.revoke(path.token_id)
    return Response(status=204)


def _check_other(
    user: str, advice: str = "ask another admin, or use `manage.py users` on the server's machine"
) -> None:
    if user.casefold() == str(g.visitor.name).casefold():
        raise AccountError(f"this is yourself: {advice}")


def _named(name: str, status: int = 200) -> Response:
    record = context().accounts.named(name)
    if record is None:
        raise UnknownUserError("the user was removed meanwhile")
    return answers.as_json(_user(record), status)


def _user(record: UserRecord) -> schemas.User:
    return schemas.User(name=record.name, role=record.role, created_at=record.created_at.isoformat())
