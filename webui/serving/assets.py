"""Static files and bundles: kept by browsers under the digest of their content, and compressed once.

Addresses made by ``url_for`` name the digest (``?v=``). What is asked for with it never changes, so browsers keep it
for a year without asking again; without it they ask each time. Everything is read once in a process.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import brotli
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import NotFound

from . import bundles
from .compression import LEAST_BYTES, TYPES

YEAR = 365 * 86_400
BROTLI_QUALITY = 10
"""A tenth of a second for the largest bundle, and 15 % smaller than what is made for each answer."""

DIGEST_LENGTH = 16

_ADDRESS = re.compile(r'url\("\.\./([^"]+)"\)')

assets = Blueprint("assets", __name__, url_prefix="/bundles")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent.

    Attributes
    ----------
    content : bytes
    mimetype : str
    digest : str
        Of the content.
    packed : dict of str to bytes
        The content in each encoding, if it is text.
    """

    content: bytes
    mimetype: str
    digest: str
    packed: dict[str, bytes]

    @classmethod
    def of(cls, content: bytes, name: str) -> Asset:
        """An asset with this content; `name` tells its type."""
        mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
        digest = hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]
        is_packed = mimetype in TYPES and len(content) >= LEAST_BYTES
        packed = {"br": brotli.compress(content, quality=BROTLI_QUALITY), "gzip": gzip.compress(content, mtime=0)}
        return cls(content, mimetype, digest, packed if is_packed else {})


def serve_assets(app: Flask) -> None:
    """Serve the static files and the bundles of `app`, and have `url_for` name their digests."""
    app.register_blueprint(assets)
    app.view_functions["static"] = static_file

    @app.url_defaults
    def name_digest(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values["v"] = _file(values["filename"]).digest
        elif endpoint == "assets.bundle":
            values["v"] = _bundle(values["name"]).digest


def static_file(filename: str) -> Response:
    """A file of the folder ``static``.

    Raises
    ------
    NotFound
        There is no such file.
    """
    return sent(_file(filename))


@assets.get("/<name>")
def bundle(name: str) -> Response:
    """The scripts or the style sheets of a page: ``search.js``, ``search.css``.

    Raises
    ------
    NotFound
        There is no such page.
    """
    return sent(_bundle(name))


def sent(asset: Asset) -> Response:
    """The answer with an asset, in an encoding that the client takes; without content if the client has it."""
    chosen = request.accept_encodings.best_match(asset.packed)
    response = Response(asset.packed[chosen] if chosen else asset.content, mimetype=asset.mimetype)
    if asset.packed:
        response.vary.add("Accept-Encoding")
    if chosen:
        response.content_encoding = chosen
    response.set_etag(f"{asset.digest}-{chosen or 'plain'}")
    if request.args.get("v") == asset.digest:
        response.cache_control.public = True
        response.cache_control.max_age = YEAR
        response.cache_control.immutable = True
    else:
        response.cache_control.no_cache = True
    response.make_conditional(request)
    return response


@cache
def _files() -> frozenset[str]:
    """What may be asked for: no other name becomes a path."""
    return frozenset(
        path.relative_to(bundles.STATIC).as_posix() for path in bundles.STATIC.rglob("*") if path.is_file()
    )


def _file(name: str) -> Asset:
    if name not in _files():
        raise NotFound("there is no such file")
    return _read(name)


def _bundle(name: str) -> Asset:
    page, _, kind = name.partition(".")
    if page not in bundles.SHEETS or kind not in ("js", "css"):
        raise NotFound("there is no such bundle")
    return _bundled(name)


@cache
def _read(name: str) -> Asset:
    return Asset.of((bundles.STATIC / name).read_bytes(), name)


@cache
def _bundled(name: str) -> Asset:
    page, _, kind = name.partition(".")
    made = bundles.script(page) if kind == "js" else _ADDRESS.sub(_named, bundles.sheet(page))
    return Asset.of(made.encode(), name)


def _named(address: re.Match[str]) -> str:
    name = address.group(1)
    return f'url("/static/{name}?v={_file(name).digest}")'
