"""The visitor's own account: its password and its API tokens."""

from __future__ import annotations

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import Forbidden

from retrieval.errors import AccountError, UnknownUserError

from ..auth import passwords
from ..auth.limiting import SIGN_INS, client, spend
from ..auth.login import NO_USERS, keep_signed_in
from ..context import installation
from . import account_schemas as schemas
from . import answers, bodies
from .problems import documented

account = APIBlueprint("api_account", __name__, url_prefix="/api/v1/account", abp_tags=[Tag(name="own account")])


@account.before_request
def check_user() -> None:
    """Refuse the request if there are no users, and so no accounts."""
    if g.visitor.name is None:
        raise Forbidden(NO_USERS)


account.before_request(bodies.read_json)


@account.get("", summary="Get the current account", responses={200: schemas.Account, **documented()})
def get_account() -> Response:
    """The account of the session or token that made the request."""
    return answers.as_json(schemas.Account(name=g.visitor.name, role=g.visitor.role))


@account.post("/password", summary="Change your own password", responses={204: None, **documented(404, 413, 415)})
def set_password(body: schemas.NewPassword) -> Response:
    """Ends all other sessions; tokens stay valid. Rate-limited like sign-in attempts."""
    accounts = installation().accounts
    for rate in SIGN_INS:
        spend(rate, "password", client())
    user = accounts.named(g.visitor.name)
    if user is None or not passwords.matches(body.current.get_secret_value(), user.password_hash):
        raise AccountError("the current password is wrong: try again, or ask an admin to set a new one")
    accounts.change(user.name, password_hash=passwords.hashed(body.password.get_secret_value()))
    renewed = accounts.find(user.id)
    if renewed is None:
        raise UnknownUserError("the user no longer exists")
    keep_signed_in(renewed)
    return Response(status=204)


@account.get("/tokens", summary="List your own API tokens", responses={200: schemas.TokenList, **documented()})
def list_tokens() -> Response:
    """Oldest first."""
    found = [answers.token(record) for record in installation().accounts.tokens(g.visitor.name)]
    return answers.as_json(schemas.TokenList(tokens=found))


@account.post(
    "/tokens",
    summary="Create an API token for yourself",
    responses={201: schemas.MadeToken, **documented(404, 413, 415)},
)
def add_token(body: schemas.NewOwnToken) -> Response:
    """The token has its user's permissions. It is returned only once: the server stores just its digest."""
    return answers.as_json(answers.made_token(*installation().accounts.add_token(g.visitor.name, body.name)), 201)


@account.delete(
    "/tokens/<id:token_id>", summary="Revoke one of your own API tokens", responses={204: None, **documented(404)}
)
def revoke_token(path: schemas.TokenPath) -> Response:
    """The token stops working at once."""
    installation().accounts.revoke(path.token_id, g.visitor.name)
    return Response(status=204)
