"""The HTML pages. They work without JavaScript where possible; scripts extend them through the JSON API."""

from __future__ import annotations

import math
import re
from collections import Counter
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

from flask import Blueprint, current_app, g, render_template, request
from werkzeug.exceptions import NotFound

from retrieval.catalog import Catalog, ImageRecord
from retrieval.catalog.accounts import ROLES
from retrieval.catalog.records import CLUSTER_STATES, ClusterState, LocationRecord, State
from retrieval.errors import UnknownImageError
from retrieval.learning.cluster_ranking import guess
from retrieval.query.request import MAX_ID

from ..auth import passwords
from ..context import context
from ..pictures.originals import shown_path
from . import errors

PAGE_SIZE = 60
STARTERS = 12
CLUSTERS = 24
RATIO_STEPS = range(-20, 21)
"""``static/css/ratios.css`` has a class for each of these powers of 1.06, from 0.31 to 3.2."""

_ID = re.compile(r"[0-9]{1,18}")

Filter = Literal["indexed", "empty", "failed", "pending"]
FILTERS: tuple[tuple[Filter | None, str], ...] = (
    (None, "All"),
    ("indexed", "Searchable"),
    ("empty", "Without segments"),
    ("failed", "Failed"),
    ("pending", "Pending"),
)

pages = Blueprint("pages", __name__)
pages.add_app_template_global(shown_path)
errors.attach(pages)


@pages.get("/")
def library() -> str:
    """All photos, newest first."""
    state, before = _filter(), _before()
    photos = _newest(context().catalog, state, before)
    counts = _counts(context().catalog)
    return render_template(
        "library.html",
        here="library",
        photos=photos,
        counts=counts,
        state=state,
        before=before,
        filters=FILTERS,
        page_size=PAGE_SIZE,
    )


@pages.get("/library/items")
def library_items() -> str:
    """The photos of one page as a fragment, for endless scrolling."""
    return render_template("_items.html", photos=_newest(context().catalog, _filter(), _before()))


@pages.get("/worst")
def worst() -> str:
    """Analysed photos, the worst segmented first."""
    skip = _skip()
    photos = context().catalog.images.worst(skip=skip, limit=PAGE_SIZE)
    return render_template("worst.html", here="library", photos=photos, skip=skip, page_size=PAGE_SIZE)


@pages.get("/photos/<id:image_id>")
def photo(image_id: int) -> str:
    """One photo with its segments."""
    if image_id > MAX_ID:
        raise NotFound
    catalog = context().catalog
    try:
        found = catalog.images.get(image_id)
    except UnknownImageError as error:
        raise NotFound(str(error)) from error
    return render_template(
        "photo.html",
        photo=found,
        segments=catalog.segments.of_image(image_id),
        concepts=context().trainer.labels(image_id),
        newer=_next(catalog, image_id),
        older=_next(catalog, image_id, newest_first=True) if image_id > 1 else None,
        uploaded=any(_is_upload(location) for location in found.locations),
    )


@pages.get("/search")
def search() -> str:
    """The frame of a search; the query is in the address, and scripts fill in the rest."""
    text = request.args.get("text", "")
    by_example = bool(request.args.keys() & {"segment", "image", "query", "not", "notphoto"})
    named = [int(value) for value in request.args.getlist("segment")[:100] if _ID.fullmatch(value)]
    owners = {segment.id: segment.image_id for segment in context().catalog.segments.hits(named).values()}
    asked = by_example or bool(text)
    return render_template(
        "search.html",
        here=None if text and not by_example else "search",
        words="" if by_example else text,
        asked=asked,
        by_example=by_example,
        owners=owners,
        photos=[] if asked else context().catalog.images.page(limit=STARTERS, state="indexed", newest_first=True),
    )


@pages.get("/concepts")
def concepts() -> str:
    """The concepts."""
    assembly = context().assembly
    return render_template(
        "concepts.html", here="concepts", concepts=assembly.concepts.all(), space=assembly.recipe_spec.space
    )


@pages.get("/discover")
def discover() -> str:
    """Clusters of unnamed things; or only some clusters by their ids, such as the parts of one."""
    discoverer, state, skip = context().discoverer, _cluster_state(), _skip()
    records = discoverer.ranked(None)
    only = {int(value) for value in request.args.getlist("id")[:CLUSTERS] if _ID.fullmatch(value)}
    found = [record for record in records if record.state == state and (not only or record.id in only)]
    clusters = found[skip : skip + CLUSTERS]
    shown = discoverer.shown(clusters)
    return render_template(
        "discover.html",
        here="discover",
        clusters=clusters,
        shown=shown,
        guesses={key: guess(members) for key, members in shown.items()},
        names=context().assembly.concepts.names(),
        counts=Counter(record.state for record in records),
        only=only,
        state=state,
        states=CLUSTER_STATES,
        skip=skip,
        next=skip + CLUSTERS if skip + CLUSTERS < len(found) else None,
        photos=context().catalog.images.counts()["indexed"],
    )


@pages.get("/upload")
def upload() -> str:
    """The upload page."""
    max_bytes = current_app.config["MAX_CONTENT_LENGTH"] or 0
    return render_template("upload.html", here="upload", max_upload_mb=max_bytes // 1024**2)


@pages.get("/account")
def account() -> str:
    """The visitor's account; without users, how to turn sign-in on."""
    name = g.visitor.name
    return render_template(
        "account.html",
        here="account",
        tokens=context().accounts.tokens(name) if name else [],
        password_lengths=(passwords.LEAST, passwords.MOST),
    )


@pages.get("/users")
def users() -> str:
    """All users and API tokens; for admins."""
    accounts = context().accounts
    return render_template(
        "users.html",
        here="account",
        users=accounts.all(),
        tokens=accounts.tokens(),
        roles=ROLES,
        password_lengths=(passwords.LEAST, passwords.MOST),
    )


# ---- what templates call


@pages.app_template_global()
def name_of(image: ImageRecord) -> str:
    """The name of a photo: its file name."""
    location = next(iter(image.locations), None)
    if image.path is None or (location is not None and _is_upload(location)):
        return f"Photo {image.id}"
    return shown_path(Path(image.path.name)) or ""


@pages.app_template_global()
def reason_of(image: ImageRecord) -> str:
    """Why a photo failed, without the path, which is shown next to it."""
    reason = image.error or "unknown reason"
    for location in image.locations:
        reason = reason.removeprefix(f"{shown_path(location.path)}: ")
    return reason


@pages.app_template_global()
def place_of(location: LocationRecord) -> str:
    """The location of a photo, for display."""
    return "uploaded here" if _is_upload(location) else shown_path(location.path) or ""


@pages.app_template_global()
def ratio(image: ImageRecord) -> str:
    """The CSS class of a photo's aspect ratio, in steps of 6 %; 4 : 3 if it is not known."""
    wide = image.width / image.height if image.width and image.height else 4 / 3
    step = round(math.log(wide, 1.06))
    return f"r{min(max(step, RATIO_STEPS[0]), RATIO_STEPS[-1])}"


# ---- what views ask


def _filter() -> Filter | None:
    wanted = request.args.get("state")
    return next((name for name in get_args(Filter) if name == wanted), None)


def _before() -> int:
    return _number("before")


def _skip() -> int:
    return _number("skip")


def _number(name: str) -> int:
    """A number in the address, clipped to the database's range; 0 if it is malformed."""
    return min(max(request.args.get(name, 0, type=int), 0), MAX_ID)


def _cluster_state() -> ClusterState:
    wanted = request.args.get("state")
    return next((state for state in CLUSTER_STATES if state == wanted), "open")


def _next(catalog: Catalog, image_id: int, *, newest_first: bool = False) -> ImageRecord | None:
    """The photo after this one, by id."""
    return next(iter(catalog.images.page(after=image_id, limit=1, newest_first=newest_first)), None)


def _newest(catalog: Catalog, state: Filter | None, before: int) -> list[ImageRecord]:
    """A page of photos, newest first; photos in progress count as pending."""
    states: tuple[State | None, ...] = ("pending", "working") if state == "pending" else (state,)
    found = (catalog.images.page(after=before, limit=PAGE_SIZE, state=each, newest_first=True) for each in states)
    return list(islice(merge(*found, key=lambda image: -image.id), PAGE_SIZE))


def _counts(catalog: Catalog) -> dict[str, int]:
    counts = {str(state): count for state, count in catalog.images.counts().items()}
    waiting = counts["pending"] + counts["working"]
    return {**counts, "all": sum(counts.values()), "pending": waiting}


def _is_upload(location: LocationRecord) -> bool:
    return location.path.is_relative_to(context().settings.uploads_dir)
