"""``export``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retrieval.settings import Settings

from .options import FOLDER, ID, open_assembly

FORMATS = ("coco", "yolo", "voc", "csv", "cutouts", "parquet", "youtube-vis")


@click.command()
@click.argument("to", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="coco",
    show_default=True,
    help="yolo and voc are folders, or ZIP files if TO ends with .zip; cutouts is a ZIP file.",
)
@click.option("--photo", "photos", type=ID, multiple=True, help="The id of a photo. Repeatable.")
@click.option("--segment", "segments", type=ID, multiple=True, help="The id of a segment. Repeatable.")
@click.option("--concept", help="Only segments labelled with the concept of this name, and its examples.")
@click.option("--words", default="", help="Only the likely results of a search for these words.")
@click.option("--like", type=ID, help="Only the likely results of a search by the segment with this id.")
@click.option("--folder", type=FOLDER, help="Only photos in or below this folder.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=1000,
    show_default=True,
    help="At most so many results of --words or --like.",
)
@click.option("--polygons", is_flag=True, help="Write COCO's masks as polygons instead of run lengths.")
@click.option("--with-photos", is_flag=True, help="Copy the photos, too, into folders of yolo and voc.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Like TO, and replaces an existing file.")
@click.pass_obj
def export(settings: Settings, /, to: Path | None, out: Path | None, **asked: Any) -> None:
    """Export photos with their segments, and their names, to TO: COCO, YOLO, VOC, CSV, cut-outs, or vectors as Parquet.

    Without TO, JSON (COCO, YouTube-VIS) and CSV are written to standard output. Boxes and masks are in pixels of the
    upright original.
    """
    if to is not None and out is not None:
        raise click.UsageError("give the target once: as TO, or with --out")
    if to is None and out is None and asked["form"] not in ("coco", "csv", "youtube-vis"):
        raise click.UsageError(f"{asked['form']} cannot be written to standard output: name a target, TO")
    if sum(map(bool, (asked["photos"], asked["segments"], asked["concept"], asked["words"] or asked["like"]))) > 1:
        raise click.UsageError("give only one of --photo, --segment, --concept, and --words with --like")
    if asked["polygons"] and asked["form"] != "coco":
        raise click.UsageError("--polygons is for --format coco: yolo has polygons anyway")
    if asked["with_photos"] and asked["form"] not in ("yolo", "voc"):
        raise click.UsageError("--with-photos is for --format yolo and voc")
    from .export_output import export as run

    run(open_assembly(settings), to or out, asked, replace=out is not None)
