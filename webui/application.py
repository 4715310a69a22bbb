"""Puts the web application together."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from flask import Flask, g, has_request_context, request
from flask.typing import ResponseReturnValue
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, RoutingException

from retrieval.analysis.analyzer import Analyzer
from retrieval.analysis.other_recipe_analyzer import OtherRecipeAnalyzer
from retrieval.assembly import Assembly
from retrieval.catalog import CollectionRecord
from retrieval.catalog.owners import new_owner
from retrieval.processes.program import PROGRAM

from .api import BLUEPRINTS, problems
from .api.schemas import Problem
from .api.status import status_of
from .auth.limiting import limit
from .auth.login import LoginMode, identify, is_outside, login, session_key
from .auth.security import SESSION_COOKIE, protect
from .collection_paths import base, installation_path, take_off
from .context import EXTENSION, HEARTBEAT, Contexts, WebContext
from .events import StatusEvents
from .pages.admin import admin
from .pages.apidocs import apidocs
from .pages.collections import collections
from .pages.duplicates import duplicates
from .pages.languages import translate
from .pages.views import pages
from .renditions import Renditions
from .serving.admission import admit
from .serving.assets import serve_assets
from .serving.compression import compress
from .serving.following import Follower
from .serving.forms import bound_forms
from .serving.health import health
from .serving.idempotency import describe, keep_answers
from .serving.metrics import measure
from .serving.requests import number_requests

logger = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 100 * 1024**2
"""Largest request; the command ``ingest`` takes larger photos."""

DESCRIPTION = """Search photos by segment. Every photo is split into segments, and searches compare segments.

Boxes, points and areas are in pixels of the upright original photo (EXIF orientation applied); boxes are
`x0 y0 x1 y1`, half-open. Errors are `application/problem+json`; their `detail` says what to do."""


SECURITY_SCHEMES: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": f"An API token, created with `{PROGRAM} tokens add`."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The session cookie set by /login.",
    },
}


class SegSearchApp(OpenAPI):
    """A Flask application whose errors under ``/api`` are problem documents; the pages handle their own errors."""

    def handle_user_exception(self, e: Exception) -> HTTPException | ResponseReturnValue:
        """Turn an exception of a view or a check into a response."""
        if not problems.applies_to(request.path) or isinstance(e, RoutingException):
            return super().handle_user_exception(e)
        known = problems.from_error(e)
        if known is not None:
            return known
        if self.testing or self.debug:
            raise e
        logger.error("answering %s %s failed", request.method, request.path, exc_info=e)
        return problems.unexpected()

    def url_for(self, /, endpoint: str, **values: Any) -> str:  # its options are among the values
        """The address of an endpoint in the collection that the request is for; what is in none is outside of it."""
        address = super().url_for(endpoint, **values)
        if not has_request_context() or (g.get("collection") is not None and not is_outside(endpoint)):
            return address
        return address.replace(request.script_root, installation_path(), 1) if request.script_root else address

    def generate_spec_json(self) -> None:
        """Generate the OpenAPI document."""
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        describe(self, self.spec_json)


class IdConverter(BaseConverter):
    """Ids in paths: decimal digits, at most as many as an id can have."""

    regex = "[0-9]{1,19}"
    part_isolating = True

    def to_python(self, value: str) -> int:
        """The id."""
        return int(value)


def described() -> SegSearchApp:
    """An application with the routes of the API and their description, and nothing that answers them."""
    app = SegSearchApp(
        "webui",
        info=Info(title="SegSearch", version="1", description=DESCRIPTION),
        security_schemes=SECURITY_SCHEMES,
        doc_ui=False,
        validation_error_model=Problem,
        validation_error_callback=problems.invalid,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.url_map.converters["id"] = IdConverter
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    return app


def _context(assembly: Assembly, analyzer: Analyzer) -> WebContext:
    """The parts for views of an installation, or of a collection."""
    engine = assembly.engine(analyzer)
    events = StatusEvents(lambda: status_of(parts).model_dump())
    parts = WebContext(assembly, engine, analyzer, Renditions(), events)
    return parts


def _of_collection(assembly: Assembly, analyzer: Analyzer, record: CollectionRecord) -> WebContext:
    """The parts for views of a collection, whose query photos the same analyzer segments."""
    own = assembly.of_collection(record)
    is_same = own.settings.recipe == assembly.settings.recipe
    return _context(own, analyzer if is_same else OtherRecipeAnalyzer(analyzer, own.settings.recipe))


def key_of_sessions(assembly: Assembly) -> bytes:
    """The key that signs sessions: in the database where other machines use it, too, else in the data directory."""
    if assembly.shared.is_on_server:
        return assembly.shared.secrets.get("session")
    return session_key(assembly.settings.session_key_file)


def build(
    assembly: Assembly, analyzer: Analyzer, *, hosts: Collection[str], follow: bool, login_mode: LoginMode
) -> Flask:
    """Create the web application; see `webui.create_app`."""
    app = described()
    app.config["MAX_CONTENT_LENGTH"] = MAX_UPLOAD_BYTES
    app.wsgi_app = take_off(app.wsgi_app)  # type: ignore[method-assign,assignment]  # as Flask's documentation has it
    app.jinja_env.globals["base"] = base
    app.jinja_env.globals["program"] = PROGRAM
    app.jinja_env.globals["max_upload_mb"] = MAX_UPLOAD_BYTES // 1024**2
    app.jinja_env.globals["trash_days"] = assembly.settings.trash_days
    opened = Contexts(_context(assembly, analyzer), lambda record: _of_collection(assembly, analyzer, record))
    app.extensions[EXTENSION] = opened
    follower = Follower(opened)
    number_requests(app)
    compress(app)
    measure(app, opened.own, follower if follow else None)
    protect(app, hosts)
    admit(app)
    bound_forms(app)
    identify(app, key_of_sessions(assembly), mode=login_mode)
    translate(app)
    limit(app, assembly.settings.limits_url, assembly.shared)
    keep_answers(app)
    serve_assets(app)
    app.register_blueprint(health)
    app.register_blueprint(pages)
    app.register_blueprint(admin)
    app.register_blueprint(duplicates)
    app.register_blueprint(collections)
    app.register_blueprint(apidocs)
    app.register_blueprint(login)
    heartbeat = assembly.heartbeat(new_owner(), "web server")
    app.extensions[HEARTBEAT] = heartbeat
    if follow:
        follower.start()
        heartbeat.start()
    return app
