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
    help="The folder of the photos, which are ingested first. [default: photos in the catalogue]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["coco", "yolo", "voc"]),
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
    """
    from .import_output import run

    run(open_assembly(settings), source, photos, form, teaches=not no_concepts, as_json=as_json)
