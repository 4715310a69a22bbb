"""Users and API tokens; for admins."""

from __future__ import annotations

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.catalog.accounts import UserRecord
from retrieval.errors import AccountError, UnknownUserError
from retrieval.processes.program import PROGRAM

from ..auth import passwords
from ..context import installation
from . import account_schemas as schemas
from . import answers, bodies
from .problems import documented

accounts = APIBlueprint("api_accounts", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="users")])
accounts.before_request(bodies.read_json)


@accounts.get("/users", summary="List users", responses={200: schemas.UserList, **documented()})
def list_users() -> Response:
    """Sorted by name."""
    return answers.as_json(schemas.UserList(users=[_user(record) for record in installation().accounts.all()]))


@accounts.post("/users", summary="Add a user", responses={201: schemas.User, **documented(413, 415)})
def add_user(body: schemas.NewUser) -> Response:
    """Viewers can view and search. Editors can also change the library. Admins can also manage users."""
    installation().accounts.add(body.name, body.role, passwords.hashed(body.password.get_secret_value()))
    return _named(body.name, 201)


@accounts.patch(
    "/users/<user>",
    summary="Change a user's role or password",
    responses={200: schemas.User, **documented(404, 413, 415)},
)
def change_user(path: schemas.UserPath, body: schemas.UserChange) -> Response:
    """A new password ends all of the user's sessions; tokens stay valid.

    You cannot lower your own role. Change your own password at `/account/password`.
    """
    if body.role not in (None, "admin"):
        _check_other(path.user)
    if body.password is not None:
        _check_other(path.user, "change your own password at /account, using the current one")
    new = body.password
    kept = passwords.hashed(new.get_secret_value()) if new else None
    installation().accounts.change(path.user, role=body.role, password_hash=kept)
    return _named(path.user)


@accounts.delete("/users/<user>", summary="Remove a user", responses={204: None, **documented(404)})
def remove_user(path: schemas.UserPath) -> Response:
    """Removes the user's tokens and sessions too. You cannot remove yourself, so there is always an admin."""
    _check_other(path.user)
    installation().accounts.remove(path.user)
    return Response(status=204)


@accounts.get("/tokens", summary="List API tokens", responses={200: schemas.TokenList, **documented()})
def list_tokens() -> Response:
    """Oldest first."""
    found = [answers.token(record) for record in installation().accounts.tokens()]
    return answers.as_json(schemas.TokenList(tokens=found))


@accounts.post(
    "/tokens", summary="Create an API token", responses={201: schemas.MadeToken, **documented(404, 413, 415)}
)
def add_token(body: schemas.NewToken) -> Response:
    """The token has its user's permissions. It is returned only once: the server stores just its digest."""
    return answers.as_json(answers.made_token(*installation().accounts.add_token(body.user, body.name)), 201)


@accounts.delete("/tokens/<id:token_id>", summary="Revoke an API token", responses={204: None, **documented(404)})
def revoke_token(path: schemas.TokenPath) -> Response:
    """The token stops working at once."""
    installation().accounts.revoke(path.token_id)
    return Response(status=204)


def _check_other(user: str, advice: str = f"ask another admin, or run `{PROGRAM} users` on the server") -> None:
    if user.casefold() == str(g.visitor.name).casefold():
        raise AccountError(f"this is your own account: {advice}")


def _named(name: str, status: int = 200) -> Response:
    record = installation().accounts.named(name)
    if record is None:
        raise UnknownUserError("the user no longer exists")
    return answers.as_json(_user(record), status)


def _user(record: UserRecord) -> schemas.User:
    return schemas.User(name=record.name, role=record.role, created_at=record.created_at.isoformat())
