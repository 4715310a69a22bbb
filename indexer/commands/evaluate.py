"""Measuring. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrieval.settings import Settings

if TYPE_CHECKING:
    pass


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--recipe",
    "names",
    multiple=True,
    help="A recipe; several go side by side. The setting's if absent.",
)
@click.option("--split", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A splits.json.")
@click.option("--part", default="select", show_default=True, help="Which part of the split.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for report.html and figures.json."
)
@click.option("--limit", type=click.IntRange(1), help="Only the first photos.")
@click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="Keep the home; a temporary one if absent."
)
@click.option("--feedback", "what", flag_value="feedback", help="Measure rounds of feedback and concepts instead.")
@click.option("--discovery", "what", flag_value="discovery", help="Measure the clusters of `discover` instead.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def evaluate(
    settings: Settings, /, folder: Path, names: tuple[str, ...], as_json: bool, what: str | None, **options: Any
) -> None:
    """Measure segmentation and retrieval on a FOLDER of annotated photos, in a home of its own.

    COCO's and VOC's folders, any with mask PNGs and a labels.json; of a folder of ID.jpg with ID.npz, as BSDS500's,
    the hierarchy's regions and boundaries. Forms and measures: docs/evaluation.md.
    """
    recipes = list(dict.fromkeys(names or [settings.recipe]))
    if what is not None and len(recipes) > 1:
        raise click.UsageError(f"--{what} measures one recipe: give --recipe once")
    if what is None and next(folder.glob("*.npz"), None) is not None:
        from retrieval.evaluation.bsds import run_drawn_evaluation

        out, limit = options["out"], options["limit"]
        run_drawn_evaluation(settings, folder, recipes=recipes, out=out, limit=limit, as_json=as_json)
        return
    from retrieval.evaluation.run import Run, run_evaluation, run_measuring

    from .progress import ingest_all

    run = Run(folder=folder, as_json=as_json, **options)
    if what is None:
        run_evaluation(settings, recipes, run, ingest_all)
    else:
        run_measuring(replace(settings, recipe=recipes[0]), what, run, ingest_all)
