"""The command ``evaluate``: ingests annotated photos into a temporary folder, measures, and shows the figures."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..assembly import Assembly
from ..processes.terminal import echo_json
from ..recipes import recipe_spec
from ..settings import Settings
from . import clusters, feedback
from .collection import Evaluation, Ingest, evaluate
from .comparison import compared
from .datasets import AnnotatedPhoto, load_photos
from .figures import print_figures
from .report import write_report

MEASURED = {
    "feedback": (feedback.evaluate, feedback.show),
    "discovery": (clusters.evaluate, clusters.show),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is measured, and where the figures go.

    Attributes
    ----------
    folder : Path
        Annotated photos.
    split : Path or None
        A ``splits.json``; then only the photos of `part` are measured.
    part : str
    out : Path or None
        Folder for the figures.
    limit : int or None
        Only the first photos.
    data_dir : Path or None
        Where the photos are ingested; a temporary folder if absent.
    as_json : bool
        Whether the terminal shows JSON.
    """

    folder: Path
    split: Path | None
    part: str
    out: Path | None
    limit: int | None
    data_dir: Path | None
    as_json: bool

    def photos(self) -> list[AnnotatedPhoto]:
        """The photos to measure on."""
        return list(load_photos(self.folder, splits=self.split, part=self.part)[: self.limit])

    @property
    def title(self) -> str:
        """The photos' folder and part."""
        return f"{self.folder.name}{f', part {self.part}' if self.split else ''}"


def run_measuring(settings: Settings, what: str, run: Run, ingest: Ingest) -> None:
    """Measure and show: tables or JSON on the terminal, ``WHAT.json`` in `run.out`; `what` is one of `MEASURED`."""
    measure, show = MEASURED[what]
    photos = run.photos()
    with tempfile.TemporaryDirectory(prefix="segsearch-evaluate-") as temporary:
        own = Settings.in_data_dir(run.data_dir or Path(temporary), device=settings.device, recipe=settings.recipe)
        assembly = Assembly(own)
        ingest(assembly, [photo.path for photo in photos])
        figures = measure(assembly, photos)
    if run.out is not None:
        run.out.mkdir(parents=True, exist_ok=True)
        (run.out / f"{what}.json").write_text(json.dumps(figures, indent=1))
    if run.as_json:
        echo_json(figures)
    else:
        show(figures, run.title)


def run_evaluation(settings: Settings, recipes: Sequence[str], run: Run, ingest: Ingest) -> None:
    """Measure and show: a table or JSON on the terminal, ``report.html`` and ``figures.json`` in `run.out`.

    Several recipes are measured in turn, each in a folder of its own below `run.data_dir`, and shown side by side.
    """
    for name in recipes:
        recipe_spec(name)  # what is misspelt is said before anything is measured
    photos = run.photos()
    found: dict[str, Evaluation] = {}
    places: dict[str, Assembly] = {}
    with tempfile.TemporaryDirectory(prefix="segsearch-evaluate-") as temporary:
        for name in recipes:
            own = (run.data_dir or Path(temporary)) / (folder_name(name) if len(recipes) > 1 else "")
            own_settings = Settings.in_data_dir(own, device=settings.device, recipe=name)
            found[name] = evaluate(Assembly(own_settings), photos, ingest)
            places[name] = Assembly(own_settings)  # without the networks, which go when they were measured
        if run.out is not None:
            write_report(run.out, found, places)
    print_figures(compared(found), title=run.title, as_json=run.as_json)


def folder_name(recipe: str) -> str:
    """A recipe's name as that of a folder: the hub's models have colons and slashes."""
    return re.sub(r"[^\w.-]+", "-", recipe)
