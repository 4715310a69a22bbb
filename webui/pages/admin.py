"""The pages of who operates the installation."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, render_template

from ..api.health import health_of
from ..api.recipes import recipes_of
from ..context import context
from ..texts import gettext, number

admin = Blueprint("admin", __name__)


@admin.get("/health")
def health() -> str:
    """What is wrong and what cures it, the index, the disk, workers and versions."""
    return render_template("health.html", here="health", health=health_of(context()))


@admin.get("/recipes")
def recipes() -> str:
    """The recipes, how many photos each analysed, and analysing photos again."""
    return render_template("recipes.html", here="recipes", found=recipes_of(context()))


@admin.app_template_global()
def ago(moment: str | None) -> str:
    """How long ago a moment of the API was, such as "3 min ago"; "never" for None."""
    if moment is None:
        return gettext("never")
    seconds = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    if seconds >= 172_800:
        return gettext("%(num)s d ago", num=round(seconds / 86_400))
    if seconds >= 5400:
        return gettext("%(num)s h ago", num=round(seconds / 3600))
    if seconds >= 90:
        return gettext("%(num)s min ago", num=round(seconds / 60))
    return gettext("%(num)s s ago", num=round(seconds))


@admin.app_template_filter()
def filesizeformat(size: float, binary: bool = False) -> str:
    """A size in bytes with a unit, such as "4.2 MB", or "4.0 MiB" if `binary`."""
    base, letters = (1024, "KMGTPE") if binary else (1000, "kMGTPE")
    unit, shown = "B", float(size)
    for letter in letters:
        if shown < base:
            break
        shown, unit = shown / base, f"{letter}iB" if binary else f"{letter}B"
    return f"{number(shown, '0' if unit == 'B' else '0.0')} {unit}"
