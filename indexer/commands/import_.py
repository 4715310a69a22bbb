"""``import``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from pathlib import Path

import click

from retrieval.settings import Settings

from .options import PATHS, open_assembly


@click.command("import")
@click.argument("source", type=PATHS)
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of the photos, which are ingested first; for Parquet they are only registered. [default: photos "
    "in the catalogue]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["coco", "yolo", "voc", "parquet"]),
    help="What SOURCE is. [default: told by what is there]",
)
@click.option("--no-concepts", is_flag=True, help="Do not make categories concepts; they stay labels of segments.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def import_annotations(
    settings: Settings, /, source: Path, photos: Path | None, form: str | None, *, no_concepts: bool, as_json: bool
) -> None:
    """Import annotated objects as segments: COCO's JSON, or a folder of YOLO's polygons or of VOC.

    Objects lie beside the segments that the recipe found, and are searched like them. Their categories become
    concepts with them as examples. What was imported before is not imported again.

    A Parquet file of `export --format parquet` has whole analyses, masks and vectors: photos with the same bytes get
    them as if they had been analysed here, and no network runs.
    """
    if form == "parquet" or (form is None and source.suffix.lower() == ".parquet"):
        from .import_analyses import run as run_analyses

        if no_concepts:
            raise click.UsageError("Parquet files have no concepts: leave out --no-concepts")
        run_analyses(open_assembly(settings), source, photos, as_json=as_json)
        return
    from .import_output import run

    run(open_assembly(settings), source, photos, form, teaches=not no_concepts, as_json=as_json)
