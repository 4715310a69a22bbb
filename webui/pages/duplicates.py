"""The page of near-duplicates."""

from __future__ import annotations

import re

from flask import Blueprint, render_template, request

from retrieval.duplicates.grouping import groups_of

from ..context import context
from ..texts import number

GROUPS = 24
"""Groups on a page."""

duplicates = Blueprint("duplicates", __name__)


@duplicates.get("/duplicates")
def review() -> str:
    """Groups of near-duplicates, from the one after `after` on, with the best photo of each in front."""
    parts = context()
    after = request.args.get("after", "")
    start = int(after) if re.fullmatch(r"[0-9]{1,18}", after) else 0
    groups = groups_of(parts.assembly.duplicates)
    left = [group for group in groups if group.best > start]
    shown = left[:GROUPS]
    records = parts.catalog.images.find({key for group in shown for key in (group.best, *group.others)})
    return render_template(
        "duplicates.html",
        here="duplicates",
        groups=[group for group in shown if {group.best, *group.others} <= records.keys()],
        records=records,
        total=len(groups),
        waiting=parts.assembly.duplicates.waiting(parts.assembly.recipe_spec.space),
        start=start,
        next=shown[-1].best if len(left) > GROUPS else None,
    )


@duplicates.app_template_global()
def file_size(count: int) -> str:
    """A number of bytes in decimal units, such as "340 KB"."""
    return f"{number(count / 1e6, '0.0')} MB" if count >= 1e6 else f"{number(max(1, round(count / 1000)))} KB"
