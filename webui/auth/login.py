"""Identifies visitors, and decides what they may do.

Until there is a user, the server is open to everyone who can reach it, which is loopback unless started otherwise, and
every visitor is an editor. Once there has been a user, it stays closed, even if none is left, unless it was started
with ``--no-login``. With users everyone must sign in: people with a password, for a session in a signed cookie;
programs with an API token (``Authorization: Bearer …``). The user's role decides: viewers look and search, editors
also change the library, admins also operate the installation and manage users. `role_needed` gives the role of an
endpoint; by default it is an editor for changes and a viewer for reading.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from flask import Blueprint, Flask, current_app, g, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized
from werkzeug.wrappers import Response

from retrieval.catalog.accounts import FIRST_ADMIN, Accounts, Role, UserRecord
from retrieval.processes.program import PROGRAM

from ..collection_paths import number_in_path
from ..context import installation
from ..texts import gettext
from . import passwords
from .collections import enter
from .limiting import SIGN_INS, client, spend
from .security import SAFE_METHODS, SESSION_COOKIE, bearer_token
from .visitor import ANYBODY, Visitor

logger = logging.getLogger(__name__)

LIFETIME = timedelta(hours=12)
"""A session ends this long after signing in, even if it is used."""

_KEY_BYTES = 32

EVERYBODY = frozenset(
    {
        *("static", "assets.bundle", "health.is_alive", "health.is_ready", "login.form", "login.sign_in"),
        *("languages.choose", "languages.messages"),
    }
)
VIEWERS = frozenset(
    {
        *(
            "api_search.find",
            "api_search.find_things",
            "api_search.count_facets",
            "api_search.select_segment",
            "api_batch.get_images",
            "api_batch.get_segments",
            "api_batch.find_many",
            "api_queries.add_query",
            "api_queries.keep_query",
            *("api_export.order_export", "api_export.delete_export"),
            *("api_collections.change_collection", "api_collections.delete_collection"),
            *("api_collections.restore_collection", "api_collections.share_collection"),
            "api_collections.unshare_collection",  # their owner may
            "login.sign_out",
        ),
        *("api_account.set_password", "api_account.add_token", "api_account.revoke_token"),
    }
)
EDITORS = frozenset({"pages.upload", "api_intake.get_intake", "api_segmentation.list_recipes_for"})
ADMINS = frozenset({"pages.users", "api_accounts"})
OPERATORS = frozenset({"admin", "api_health", "api_recipes"})
OWNERS = frozenset({"admin.recipes", "api_recipes"})
"""Endpoints and whole blueprints that need another role than their method suggests.

Those of `OPERATORS` are for admins and, while there are no users, for everyone; in a collection those of `OWNERS` are
for its owner."""

OUTSIDE = ADMINS | OPERATORS | {"login", "api_account", "api_collections", "pages.account", "collections"}
"""Endpoints and whole blueprints of the installation, which are in no collection but for `OWNERS`."""

NO_USERS = f"there are no users yet, and the first one must be an admin: {FIRST_ADMIN}"

NO_USERS_LEFT = f"nobody can sign in, because there are no users: {FIRST_ADMIN}"

login = Blueprint("login", __name__)


LoginMode = Literal["once", "always", "never"]
"""When sign-in is required: once there has been a user, always, or only while there are users."""


class SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookies; marked Secure if the connection is encrypted."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  # Flask gives it
        """Whether the connection is encrypted, here or at the trusted proxy."""
        return request.is_secure


def role_needed(endpoint: str | None, method: str) -> Role | None:
    """The role that a request needs; None if it is open to everyone."""
    if endpoint in EVERYBODY:
        return None
    if _is_of(endpoint, ADMINS | OPERATORS):
        return "admin"
    if endpoint in EDITORS:
        return "editor"
    return "viewer" if endpoint in VIEWERS or method in SAFE_METHODS else "editor"


def is_outside(endpoint: str) -> bool:
    """Whether an endpoint is in no collection: what is of the installation, and what all pages share."""
    return endpoint in EVERYBODY or (_is_of(endpoint, OUTSIDE) and not _is_of(endpoint, OWNERS))


def _is_of(endpoint: str | None, group: frozenset[str]) -> bool:
    """Whether an endpoint or its blueprint is in a group."""
    return endpoint in group or (endpoint or "").partition(".")[0] in group


def identify(app: Flask, key: bytes, *, mode: LoginMode) -> None:
    """Identify the visitor of every request to `app`, and refuse requests without permission.

    Parameters
    ----------
    app : Flask
    key : bytes
        Signs sessions.
    mode : {"once", "always", "never"}
        When everyone must sign in; see `webui.create_app`.
    """
    app.config["LOGIN"] = mode
    app.secret_key = key
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
        visitor = identified()
        if visitor is None:
            return _sign_in_first()
        g.visitor = visitor
        number = number_in_path()
        if number is not None:
            g.visitor = visitor = enter(visitor, number)
            if is_outside(request.endpoint or ""):
                raise NotFound
        may = visitor.owns if _is_of(request.endpoint, OPERATORS) else visitor.may(needed)
        if not may:
            raise Forbidden(_refusal(visitor, needed))
        return None

    @app.after_request
    def keep_private(response: Response) -> Response:
        visitor = g.get("visitor")
        if visitor is not None and visitor.name and not response.cache_control:
            response.cache_control.no_store = True
        return response


def session_key(path: Path) -> bytes:
    """The key in a file that only its owner may read; the first process creates it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        made = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(made, path)  # fails if another process was faster, and never exposes half a key
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()


def keep_signed_in(user: UserRecord) -> None:
    """Keep the visitor's session valid after a change of the password; all other sessions end."""
    if g.visitor.by == "session":
        session["stamp"] = _stamp(user)


def is_own_path(target: str) -> bool:
    """Whether an address is a path of this server, however a browser interprets it."""
    return target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()


# ---- pages


@login.get("/login")
def form() -> ResponseReturnValue:
    """The sign-in page."""
    if identified() is not None:
        return redirect(_following())
    return _form()


@login.post("/login")
def sign_in() -> ResponseReturnValue:
    """Start a session if name and password are right."""
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    for rate in SIGN_INS:
        spend(rate, "sign-in", client())
    user = installation().accounts.named(name)
    if not passwords.matches(password, user.password_hash if user else None) or user is None:
        logger.warning("sign-in from %s failed", client())  # without the name: it may be a mistyped password
        return _form(gettext("Wrong user name or password."), name), 401
    session.clear()
    session.permanent = True
    session.update(user=user.id, stamp=_stamp(user))
    logger.info("%s signed in from %s", user.name, client())
    return redirect(_following(), 303)


@login.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End the session in this browser."""
    session.clear()
    answer = redirect(url_for("login.form"), 303)
    answer.headers["Clear-Site-Data"] = '"cache"'  # the pictures that it kept
    return answer


def _form(complaint: str | None = None, name: str = "") -> str:
    if not installation().accounts.any():
        complaint = gettext(
            "Nobody can sign in, because there are no users: create one on the server with `%(program)s users add NAME "
            "--role admin`.",
            program=PROGRAM,
        )
    return render_template("login.html", complaint=complaint, name=name[:100], following=_following())


def _following() -> str:
    target = request.values.get("next", "/")
    return target if is_own_path(target) else "/"


# ---- who it is


def identified() -> Visitor | None:
    """The visitor; None if sign-in is required and the visitor is unknown."""
    accounts = installation().accounts
    token = bearer_token()
    if token is not None:
        user = accounts.by_token(token)
        by: Literal["token", "session"] = "token"
    else:
        user, by = _in_session(accounts), "session"
    if user is not None:
        is_admin = user.role == "admin"
        return Visitor(user.name, user.role, by, user.language, is_admin=is_admin, owns=is_admin)
    return ANYBODY if _is_open(accounts) else None


def _is_open(accounts: Accounts) -> bool:
    """Whether visitors without sign-in are allowed."""
    mode: LoginMode = current_app.config["LOGIN"]
    if mode == "always":
        return False
    return not (accounts.any() if mode == "never" else accounts.ever())


def _in_session(accounts: Accounts) -> UserRecord | None:
    """The signed-in user, if the password has not changed since."""
    if SESSION_COOKIE not in request.cookies or "user" not in session:
        return None
    user = accounts.find(session["user"])
    if user is None or not secrets.compare_digest(_stamp(user), session.get("stamp", "")):
        return None
    return user


def _stamp(user: UserRecord) -> str:
    """A stamp that changes with the password but reveals nothing of it, because the password hash has a random salt."""
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:32]


def _sign_in_first() -> ResponseReturnValue:
    """Redirect people to the sign-in page; answer other requests with an error."""
    is_page = request.blueprint in ("pages", "admin", "duplicates", "collections") or request.endpoint == "apidocs.page"
    is_page = is_page or (request.blueprint is None and not request.path.startswith("/api/"))
    to_page = is_page and request.method in ("GET", "HEAD")
    if to_page and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
        address = f"{request.script_root}{request.full_path.removesuffix('?')}"
        return redirect(f"/login?next={quote(address, safe='/')}" if address != "/" else "/login")
    advice = (
        f"sign in at /login, or send an API token (Authorization: Bearer …); create one with `{PROGRAM} tokens add`"
    )
    raise Unauthorized(
        advice if installation().accounts.any() else NO_USERS_LEFT,
        www_authenticate=WWWAuthenticate("bearer", {"realm": "SegSearch"}),
    )


def _refusal(visitor: Visitor, needed: Role) -> str:
    if visitor.name is None:
        return NO_USERS
    record = g.get("collection")
    if record is None:
        return (
            f"this needs the role {needed}, but {visitor.name} has the role {visitor.role}: ask an admin to change it"
        )
    owner = record.owner or "an admin"
    if needed == "admin":
        return f"this is for the owner of the collection: ask {owner}"
    return f"this needs the role {needed} in the collection, and {visitor.name} is {visitor.role}: ask {owner}"
