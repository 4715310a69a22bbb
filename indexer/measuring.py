"""Feedback or discovery measured on annotated photos, which are entered into a home of their own."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from retrieval.assembly import Assembly
from retrieval.evaluate.datasets import load_photos
from retrieval.settings import Settings
from retrieval.terminal import echo_json

from . import discovery_evaluation, feedback_evaluation
from .progress import IngestProgress
from .report import Tally
from .worker import Worker, ingest

MEASURED = {
    "feedback": (feedback_evaluation.evaluate, feedback_evaluation.show),
    "discovery": (discovery_evaluation.evaluate, discovery_evaluation.show),
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
) -> None:
    """Measure and show: tables or JSON on the terminal, ``WHAT.json`` in `out`; `what` is one of `MEASURED`."""
    evaluate, show = MEASURED[what]
    photos = load_photos(folder, splits=split, part=part)[:limit]
    with tempfile.TemporaryDirectory(prefix="segsearch-evaluate-") as temporary:
        own = Settings.in_home(home or Path(temporary), device=settings.device, recipe=settings.recipe)
        assembly, tally = Assembly(own), Tally()
        with IngestProgress(tally) as progress:
            ingest(assembly, Worker(assembly, progress.advance), [photo.path for photo in photos], tally)
        figures = evaluate(assembly, photos)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{what}.json").write_text(json.dumps(figures, indent=1))
    if as_json:
        echo_json(figures)
    else:
        show(figures, f"{folder.name}{f', part {part}' if split else ''}")
