"""The page of collections, and what all pages tell of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, g, render_template

from retrieval.processes.program import PROGRAM

from ..api.collections import collections_of
from ..auth.collections import seen
from ..collection_paths import installation_path, path_of
from ..context import context

collections = Blueprint("collections", __name__)


class Place(NamedTuple):
    """A collection that one can go to; the library that all users share has no name."""

    name: str | None
    address: str
    is_here: bool


@collections.get("/collections")
def index() -> str:
    """The visitor's collections, those that are shared, and the trash."""
    return render_template(
        "collections.html",
        here="collections",
        collections=collections_of(),
        deleted=collections_of(deleted=True),
        library_photos=sum(context().catalog.images.counts().values()),
    )


@collections.app_context_processor
def where() -> dict[str, Any]:
    """The collection that a page is of, the command for it, and the places to go to if there are collections."""
    here = g.get("collection")
    command = PROGRAM if here is None else f"{PROGRAM} --collection {here.id}"
    if g.get("visitor") is None:
        return {"collection": None, "places": [], "command": command}
    found = [Place(each.name, path_of(each.id), here is not None and each.id == here.id) for each in seen(g.visitor)]
    library = Place(None, installation_path(), here is None)
    return {"collection": here, "places": [library, *found] if found else [], "command": command}
