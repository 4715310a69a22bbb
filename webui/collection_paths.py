"""Paths of collections: below ``/c/7`` is everything of collection 7, its pages and its API, under the usual paths.

The number is taken off the path before routing, into the part of the path that WSGI calls ``SCRIPT_NAME``, so that
views and the addresses made by ``url_for`` need not know of it. Who may see the collection is seen to in `webui.auth`.

References
----------
PEP 3333, "Python Web Server Gateway Interface v1.0.1", section "environ Variables".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import g, has_request_context, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NUMBER = "segsearch.collection"
"""In the environment of a request: the number of the collection that its path names."""

_PATH = re.compile(r"(/c/([1-9][0-9]{0,17}))(/.*)?", re.DOTALL)


def take_off(app: WSGIApplication) -> WSGIApplication:
    """The application, with the numbers of collections taken off the paths of requests."""

    def taken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is not None:
            environ[NUMBER] = int(found[2])
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + found[1]
            environ["PATH_INFO"] = found[3] or "/"
        return app(environ, start_response)

    return taken


def number_in_path() -> int | None:
    """The number of the collection that the current request's path names, if any; it may not be there."""
    found: int | None = request.environ.get(NUMBER)
    return found


def path_of(collection_id: int) -> str:
    """Where the pages of a collection are."""
    return f"{installation_path()}/c/{collection_id}"


def installation_path() -> str:
    """Where the pages of the installation itself are, without a slash at the end."""
    number = number_in_path()
    return request.script_root if number is None else request.script_root.removesuffix(f"/c/{number}")


def base() -> str:
    """Where the pages of what the current request is for are: a collection that the visitor may see, or all else."""
    if not has_request_context():
        return ""
    return request.script_root if g.get("collection") is not None else installation_path()
