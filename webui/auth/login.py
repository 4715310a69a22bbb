"""Who is asking, and what that visitor may do.

Until there is a user the server is open, as an editor's, to whoever can reach it: on loopback, unless it was told
otherwise. Once there has been one it stays closed, even when none is left, unless it was started with ``--no-login``.
With users everybody signs in: people with a password, for a session in a signed cookie; programs with an API token
(``Authorization: Bearer …``). A user's role says what may be done: viewers look and search, editors change what is in
the library, admins also say who may. What an endpoint needs is `role_needed`; one that nobody thought of needs an
editor to change something and a viewer to look.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from flask import Blueprint, Flask, current_app, g, redirect, render_template, request, session
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response

from retrieval.catalog.accounts import FIRST_ADMIN, ROLES, Accounts, Role, UserRecord
from retrieval.processes.program import PROGRAM

from ..context import context
from . import passwords
from .limiting import SIGN_INS, client, spend
from .security import SAFE_METHODS, SESSION_COOKIE, bearer_token

logger = logging.getLogger(__name__)

LIFETIME = timedelta(hours=12)
"""A session ends so long after signing in, whatever is done with it."""

_KEY_BYTES = 32

EVERYBODY = frozenset({"static", "health.is_alive", "health.is_ready", "login.form", "login.sign_in"})
VIEWERS = frozenset(
    {
        *("api_search.find", "api_search.count_facets", "api_queries.add_query", "login.sign_out"),
        *("api_account.set_password", "api_account.add_token", "api_account.revoke_token"),
    }
)
EDITORS = frozenset({"pages.upload"})
ADMINS = frozenset({"pages.users", "api_accounts"})
"""Endpoints whose method tells another role than they need; the last is a blueprint."""

NO_USERS = f"there are no users yet, and the first one must be an admin: {FIRST_ADMIN}"

NO_USERS_LEFT = f"nobody can sign in, because there are no users: {FIRST_ADMIN}"

login = Blueprint("login", __name__)


LoginMode = Literal["once", "always", "never"]
"""Once there has been a user, always, or only while there are users."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking.

    Attributes
    ----------
    name : str or None
        None where nobody signs in.
    role : Role
    by : str
        How that is known: it is an open installation, a session, or a token.
    """

    name: str | None
    role: Role
    by: Literal["nothing", "session", "token"]

    def may(self, role: Role) -> bool:
        """Whether this visitor's role is that or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def may_edit(self) -> bool:
        """Whether this visitor may change the library."""
        return self.may("editor")


ANYBODY = Visitor(None, "editor", "nothing")
"""A visitor of an installation without users. Only the command line can make the first user."""


class SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookies; sent by encrypted connections only if they came by one."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  # Flask gives it
        """Whether the connection is encrypted, here or at the proxy that was named as trusted."""
        return request.is_secure


def role_needed(endpoint: str | None, method: str) -> Role | None:
    """The role that a request needs; None if anybody may."""
    if endpoint in EVERYBODY:
        return None
    if endpoint in ADMINS or (endpoint or "").partition(".")[0] in ADMINS:
        return "admin"
    if endpoint in EDITORS:
        return "editor"
    return "viewer" if endpoint in VIEWERS or method in SAFE_METHODS else "editor"


def identify(app: Flask, key_file: Path, *, mode: LoginMode) -> None:
    """Have every request to `app` say who asks, and refused if that visitor may not.

    Parameters
    ----------
    app : Flask
    key_file : Path
        Holds the key that signs sessions; made if it is not there.
    mode : {"once", "always", "never"}
        From when on everybody has to sign in; see `webui.create_app`.
    """
    app.config["LOGIN"] = mode
    app.secret_key = session_key(key_file)
    app.session_interface = SessionInterface()
    app.config.update(
        SESSION_COOKIE_NAME=SESSION_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFETIME,
    )
    app.context_processor(lambda: {"visitor": g.get("visitor")})

    @app.before_request
    def check() -> ResponseReturnValue | None:
        needed = role_needed(request.endpoint, request.method)
        if needed is None:
            return None
        visitor = _visitor()
        if visitor is None:
            return _sign_in_first()
        g.visitor = visitor
        if not visitor.may(needed):
            raise Forbidden(_refusal(visitor, needed))
        return None

    @app.after_request
    def keep_private(response: Response) -> Response:
        visitor = g.get("visitor")
        if visitor is not None and visitor.name and not response.cache_control:
            response.cache_control.no_store = True
        return response


def session_key(path: Path) -> bytes:
    """The key in a file that only its owner may read; the first process to ask makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        made = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(made, path)  # fails where another process was faster, and never shows half a key
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()


def keep_signed_in(user: UserRecord) -> None:
    """Have the session of who asks, if it is by one, outlive a change of the user's password; all others end."""
    if g.visitor.by == "session":
        session["stamp"] = _stamp(user)


def is_own_path(target: str) -> bool:
    """Whether an address is a path of this server, however a browser may read it."""
    return target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()


# ---- pages


@login.get("/login")
def form() -> ResponseReturnValue:
    """Where people sign in."""
    if _visitor() is not None:
        return redirect(_following())
    return _form()


@login.post("/login")
def sign_in() -> ResponseReturnValue:
    """Begin a session, if name and password are right."""
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    for rate in SIGN_INS:
        spend(rate, "sign-in", client())
    user = context().accounts.named(name)
    if not passwords.matches(password, user.password_hash if user else None) or user is None:
        logger.warning("sign-in from %s failed", client())  # not the name: it may be a password, mistyped there
        return _form("Wrong user name or password.", name), 401
    session.clear()
    session.permanent = True
    session.update(user=user.id, stamp=_stamp(user))
    logger.info("%s signed in from %s", user.name, client())
    return redirect(_following(), 303)


@login.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End the session in this browser."""
    session.clear()
    answer = redirect("/login", 303)
    answer.headers["Clear-Site-Data"] = '"cache"'  # the pictures that it kept
    return answer


def _form(complaint: str | None = None, name: str = "") -> str:
    if not context().accounts.any():
        complaint = f"{NO_USERS_LEFT[0].upper()}{NO_USERS_LEFT[1:]}."
    return render_template("login.html", complaint=complaint, name=name[:100], following=_following())


def _following() -> str:
    target = request.values.get("next", "/")
    return target if is_own_path(target) else "/"


# ---- who it is


def _visitor() -> Visitor | None:
    """Who asks; None if it is nobody who is known, and somebody who is known is asked for."""
    accounts = context().accounts
    token = bearer_token()
    if token is not None:
        user = accounts.by_token(token)
        by: Literal["token", "session"] = "token"
    else:
        user, by = _in_session(accounts), "session"
    if user is not None:
        return Visitor(user.name, user.role, by)
    return ANYBODY if _is_open(accounts) else None


def _is_open(accounts: Accounts) -> bool:
    """Whether a stranger may come in."""
    mode: LoginMode = current_app.config["LOGIN"]
    if mode == "always":
        return False
    return not (accounts.any() if mode == "never" else accounts.ever())


def _in_session(accounts: Accounts) -> UserRecord | None:
    """The user who signed in and has the same password still."""
    if SESSION_COOKIE not in request.cookies or "user" not in session:
        return None
    user = accounts.find(session["user"])
    if user is None or not secrets.compare_digest(_stamp(user), session.get("stamp", "")):
        return None
    return user


def _stamp(user: UserRecord) -> str:
    """Changes with the password, and tells nothing of it: what is hashed has a random salt."""
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:32]


def _sign_in_first() -> ResponseReturnValue:
    """To the page where one signs in, if a person is going to a page; otherwise an error."""
    to_page = request.blueprint in ("pages", None) and request.method in ("GET", "HEAD")
    to_page = to_page and not request.path.startswith("/api/")
    if to_page and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
        address = request.full_path.removesuffix("?")
        return redirect(f"/login?next={quote(address, safe='/')}" if address != "/" else "/login")
    advice = (
        f"sign in at /login, or send an API token (Authorization: Bearer …); create one with `{PROGRAM} tokens add`"
    )
    raise Unauthorized(
        advice if context().accounts.any() else NO_USERS_LEFT,
        www_authenticate=WWWAuthenticate("bearer", {"realm": "SegSearch"}),
    )


def _refusal(visitor: Visitor, needed: Role) -> str:
    if visitor.name is None:
        return NO_USERS
    return f"this needs the role {needed}, but {visitor.name} has the role {visitor.role}: ask an admin to change it"
