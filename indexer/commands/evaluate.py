"""``evaluate``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrieval.settings import Settings

if TYPE_CHECKING:
    pass


@click.command(short_help="Measure segmentation and retrieval on annotated photos.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--recipe",
    "names",
    multiple=True,
    help="A recipe to measure; repeat to compare several. Default: SEGSEARCH_RECIPE.",
)
@click.option("--split", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A splits.json file.")
@click.option("--part", default="select", show_default=True, help="The part of the split to use.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write report.html and figures.json to this folder."
)
@click.option("--limit", type=click.IntRange(1), help="Use only the first N photos.")
@click.option(
    "--data-dir",
    "--home",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the catalogue and index here instead of in a temporary folder.",
)
@click.option("--feedback", "what", flag_value="feedback", help="Measure rounds of feedback and concepts instead.")
@click.option("--discovery", "what", flag_value="discovery", help="Measure the clusters of `discover` instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def evaluate(
    settings: Settings, /, folder: Path, names: tuple[str, ...], as_json: bool, what: str | None, **options: Any
) -> None:
    """Measure segmentation and retrieval on a FOLDER of annotated photos, in a data directory of its own.

    FOLDER is laid out like COCO or VOC, or has mask PNGs and a labels.json. If it has pairs of ID.jpg and ID.npz, like
    BSDS500, the hierarchy's regions and boundaries are measured instead. See docs/evaluation.md.
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
