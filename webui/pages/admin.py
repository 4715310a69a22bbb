"""The pages of who operates the installation."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, render_template

from ..api.health import health_of
from ..api.recipes import recipes_of
from ..context import context

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
        return "never"
    seconds = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    for unit, size, least in (("d", 86_400, 172_800), ("h", 3600, 5400), ("min", 60, 90)):
        if seconds >= least:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
