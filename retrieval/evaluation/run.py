"""What `manage.py evaluate` runs: photos are ingested into homes of their own, measured, and the figures shown."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..assembly import Assembly
from ..processes.terminal import echo_json
from ..recipes import recipe_spec
from ..settings import Settings
from . import clusters, feedback
from .collection import Evaluation, Ingest, evaluate
from .comparison import compared
from .datasets import load_photos
from .figures import print_figures
from .report import write_report

MEASURED = {
    "feedback": (feedback.evaluate, feedback.show),
    "discovery": (clusters.evaluate, clusters.show),
}


def run_measuring(  # noqa: PLR0913  # the options of a command
    settings: Settings,
    folder: Path,
    what: str,
    *,
    split: Path | None,
    part: str,
    out: Path | None,
    limit: int | None,
    home: Path | None,
    as_json: bool,
    ingest: Ingest,
) -> None:
    """Measure and show: tables or JSON on the terminal, ``WHAT.json`` in `out`; `what` is one of `MEASURED`."""
    measure, show = MEASURED[what]
    photos = load_photos(folder, splits=split, part=part)[:limit]
    with tempfile.TemporaryDirectory(prefix="segsearch-evaluate-") as temporary:
        own = Settings.in_home(home or Path(temporary), device=settings.device, recipe=settings.recipe)
        assembly = Assembly(own)
        ingest(assembly, [photo.path for photo in photos])
        figures = measure(assembly, photos)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{what}.json").write_text(json.dumps(figures, indent=1))
    if as_json:
        echo_json(figures)
    else:
        show(figures, f"{folder.name}{f', part {part}' if split else ''}")


def run_evaluation(  # noqa: PLR0913  # the options of a command
    settings: Settings,
    folder: Path,
    *,
    recipes: Sequence[str],
    split: Path | None,
    part: str,
    out: Path | None,
    limit: int | None,
    home: Path | None,
    as_json: bool,
    ingest: Ingest,
) -> None:
    """Measure and show: a table or JSON on the terminal, ``report.html`` and ``figures.json`` in `out`.

    Several recipes are measured one after the other, each in a home of its own below `home`, and shown side by side.
    """
    for name in recipes:
        recipe_spec(name)  # what is misspelt is said before anything is measured
    photos = load_photos(folder, splits=split, part=part)[:limit]
    found: dict[str, Evaluation] = {}
    places: dict[str, Assembly] = {}
    with tempfile.TemporaryDirectory(prefix="segsearch-evaluate-") as temporary:
        for name in recipes:
            own = (home or Path(temporary)) / (folder_name(name) if len(recipes) > 1 else "")
            own_settings = Settings.in_home(own, device=settings.device, recipe=name)
            found[name] = evaluate(Assembly(own_settings), photos, ingest)
            places[name] = Assembly(own_settings)  # without the networks, which go when they were measured
        if out is not None:
            write_report(out, found, places)
    title = f"{folder.name}{f', part {part}' if split else ''}"
    print_figures(compared(found), title=title, as_json=as_json)


def folder_name(recipe: str) -> str:
    """A recipe's name as that of a folder: the hub's models have colons and slashes."""
    return re.sub(r"[^\w.-]+", "-", recipe)
