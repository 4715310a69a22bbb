"""The HTML pages. They work without JavaScript where possible; scripts extend them through the JSON API."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.exceptions import NotFound

from retrieval.catalog import ImageRecord
from retrieval.catalog.accounts import ROLES, Role
from retrieval.catalog.records import CLUSTER_STATES, LISTED, ORDERS, ClusterState, Listed, Moment, Order, View
from retrieval.errors import QueryError, StoreUnavailableError, UnknownImageError
from retrieval.learning.cluster_ranking import guess
from retrieval.query.request import MAX_ID
from retrieval.storage import file_names
from retrieval.videos.times import clock

from ..api.intake import intake_of
from ..auth import passwords
from ..context import WebContext, context, installation
from ..pictures import names, originals
from ..texts import gettext, lazy_gettext
from . import errors
from .first_answer import first_answer
from .nesting import nested

PAGE_SIZE = 60
STARTERS = 12
CLUSTERS = 24
COVERS = 5
FAILURES = 12
MOMENTS = 40
"""So many frames of a video are shown beside its player."""
WORTH_SHOWING, LISTED_AT_LEAST = 0.1, 8
"""A photo's segments from this quality on are listed at first, or so many."""
RATIO_STEPS = range(-20, 21)
"""``static/css/ratios.css`` has a class for each of these powers of 1.06, from 0.31 to 3.2."""

_ID = re.compile(r"[0-9]{1,18}")

FILTERS: tuple[tuple[Listed | None, object], ...] = (
    (None, lazy_gettext("All")),
    ("indexed", lazy_gettext("Searchable")),
    ("empty", lazy_gettext("Without segments")),
    ("failed", lazy_gettext("Failed")),
    ("pending", lazy_gettext("Pending")),
    ("trash", lazy_gettext("Trash")),
)

ORDER_NAMES: Mapping[Order, object] = {
    "newest": lazy_gettext("Newest taken"),
    "oldest": lazy_gettext("Oldest taken"),
    "added": lazy_gettext("Newest added"),
}

pages = Blueprint("pages", __name__)
for shown in (clock, names.shown_path, names.name_of, names.reason_of, names.place_of):
    pages.add_app_template_global(shown)
errors.attach(pages)


@pages.get("/")
def library() -> str:
    """All photos, by date: the first page of them, which scripts turn into the whole timeline."""
    view, skip = _view(), _skip()
    parts = context()
    photos = parts.catalog.timeline.page(view, skip=skip, limit=PAGE_SIZE)
    return render_template(
        "library.html",
        here="library",
        months=[(month, list(found)) for month, found in groupby(photos, partial(_month_of, view))],
        shown=len(photos),
        counts=_counts(),
        paused=parts.ingest_queue.orders().paused,
        shortage=parts.assembly.storage.shortage(),
        view=view,
        address=partial(_address, view),
        skip=skip,
        filters=FILTERS,
        orders=ORDER_NAMES,
        page_size=PAGE_SIZE,
    )


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
    before, after = catalog.timeline.neighbours(image_id)
    video = found if found.is_video else catalog.images.get(found.video_id) if found.video_id else None
    segments = catalog.segments.of_image(image_id)
    worth_showing = max(LISTED_AT_LEAST, sum(each.quality >= WORTH_SHOWING for each in segments))
    return render_template(
        "photo.html",
        photo=found,
        segments=segments,
        worth_showing=worth_showing,
        tree=nested(segments, worth_showing),
        concepts=context().trainer.labels(image_id),
        before=before,
        after=after,
        tags=context().assembly.tags.of_image(image_id),
        video=video,
        moments=_strip(catalog.videos.moments(video.id), found.time_s) if video is not None else [],
        full=found.format in originals.STILL_IN_BROWSERS and not found.is_missing,
        uploaded=any(location.uploaded_as is not None for location in found.locations),
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
        by_query="query" in request.args,
        owners=owners,
        answer=first_answer(request.args) if asked else None,
        photos=[] if asked else context().catalog.images.page(limit=STARTERS, state="indexed", newest_first=True),
    )


@pages.get("/concepts")
def concepts() -> str:
    """The concepts."""
    assembly = context().assembly
    records = assembly.concepts.all()
    return render_template(
        "concepts.html",
        here="concepts",
        concepts=records,
        typical=context().trainer.typical(records, COVERS),
        space=assembly.recipe_spec.space,
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
    """Adding photos, and what is on its way in: the queue, the workers, and what failed."""
    parts = context()
    failures = parts.catalog.images.page(state="failed", newest_first=True, limit=FAILURES)
    return render_template(
        "upload.html",
        here="upload",
        intake=intake_of(parts),
        failures=failures,
        pictured=_pictured(parts, failures),
    )


def _pictured(parts: WebContext, images: Sequence[ImageRecord]) -> set[int]:
    """Those of the photos that have a thumbnail; none while that cannot be told."""
    try:
        return {each.id for each in images if parts.assembly.files.look(file_names.thumbnail(each.sha256))}
    except StoreUnavailableError:
        return set()


@pages.get("/account")
def account() -> str:
    """The visitor's account; without users, how to turn sign-in on."""
    name = g.visitor.name
    return render_template(
        "account.html",
        here="account",
        tokens=installation().accounts.tokens(name) if name else [],
        password_lengths=(passwords.LEAST, passwords.MOST),
    )


@pages.get("/users")
def users() -> str:
    """All users and API tokens; for admins."""
    accounts = installation().accounts
    return render_template(
        "users.html",
        here="users",
        users=accounts.all(),
        tokens=accounts.tokens(),
        roles=ROLES,
        password_lengths=(passwords.LEAST, passwords.MOST),
    )


# ---- what templates call


@pages.app_template_global()
def ratio(image: ImageRecord) -> str:
    """The CSS class of a photo's aspect ratio, in steps of 6 %; 4 : 3 if it is not known."""
    wide = image.width / image.height if image.width and image.height else 4 / 3
    step = round(math.log(wide, 1.06))
    return f"r{min(max(step, RATIO_STEPS[0]), RATIO_STEPS[-1])}"


@pages.app_template_global()
def role_name(role: Role) -> str:
    """A role in the language of the page."""
    return {"viewer": gettext("viewer"), "editor": gettext("editor"), "admin": gettext("admin")}[role]


@pages.app_template_global()
def worker_name(worker: Any) -> str:
    """A worker, by its host and its process where these are known."""
    host = worker.host or gettext("Worker")
    return gettext("%(host)s, process %(pid)s", host=host, pid=worker.pid) if worker.pid else host


# ---- what views ask


def _view() -> View:
    """The view that the address names; what is malformed in it is left out."""
    state, order = request.args.get("state"), request.args.get("order")
    view = View(
        order=next((name for name in ORDERS if name == order), "newest"),
        state=next((name for name in LISTED if name == state), None),
        tag=request.args.get("tag") or None,
        label=request.args.get("label") or None,
    )
    try:
        return replace(view, folder=request.args.get("folder") or None)
    except QueryError:
        return view


def _address(view: View, **changes: str | int | None) -> str:
    """The address of the library in a view, with changes; what is as usual is left out of it."""
    usual, asked = asdict(View()), {**asdict(view), **changes}
    return url_for("pages.library", **{key: value for key, value in asked.items() if value != usual.get(key)})


def _month_of(view: View, photo: ImageRecord) -> date:
    """The first day of the month that a photo is shown in."""
    taken = None if view.order == "added" else photo.taken_at
    return (taken or photo.created_at).date().replace(day=1)


def _strip(moments: list[Moment], time_s: float | None) -> list[Moment]:
    """The frames of a video around a time; without one, some from its beginning to its end."""
    if time_s is None:
        return moments[:: max(1, math.ceil(len(moments) / MOMENTS))]
    at = sum(each.time_s < time_s for each in moments)
    start = max(0, min(at - MOMENTS // 2, len(moments) - MOMENTS))
    return moments[start : start + MOMENTS]


def _skip() -> int:
    return _number("skip")


def _number(name: str) -> int:
    """A number in the address, clipped to the database's range; 0 if it is malformed."""
    return min(max(request.args.get(name, 0, type=int), 0), MAX_ID)


def _cluster_state() -> ClusterState:
    wanted = request.args.get("state")
    return next((state for state in CLUSTER_STATES if state == wanted), "open")


def _counts() -> dict[str, int]:
    counts = {str(state): count for state, count in context().catalog.images.counts().items()}
    waiting = counts["pending"] + counts["working"]
    return {**counts, "all": sum(counts.values()), "pending": waiting, "trash": context().assembly.trash.count()}
