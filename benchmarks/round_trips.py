"""What formats lose: ``python -m benchmarks.round_trips --data DATA/coco-dev --photos 100 --work FOLDER``.

Annotated photos are imported as COCO. The collection is exported in each format, imported again into another one, and
exported once more. Every object is compared with that of the annotations: by position in its photo, since exports keep
the order. A mask that comes back empty, or not at all, is lost. VOC's pictures are measured alone, too, without
``<rle>``: there an object lacks what smaller ones cover.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from pycocotools import mask as coco
from pycocotools.coco import COCO

from indexer.bench.results import OUT, report
from indexer.commands.import_output import READERS, imported
from indexer.worker import ingest_paths
from retrieval.assembly import Assembly
from retrieval.formats.coco import coco_json
from retrieval.formats.dataset import Dataset
from retrieval.formats.exports import Export, Format
from retrieval.formats.selection import Selection
from retrieval.formats.targets import write_file, write_folder
from retrieval.settings import Settings

Objects = dict[str, list[tuple[str, dict[str, Any]]]]
"""Names and run lengths of the objects of each photo, by the photo's file name."""


WAYS: tuple[tuple[Format, str], ...] = (
    ("coco", ""),
    ("coco", "polygons"),
    ("yolo", ""),
    ("voc", ""),
    ("voc", "pictures"),
)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Folder of `coco-dev`.")
@click.option("--photos", "count", default=100, show_default=True)
@click.option("--recipe", default="grid", show_default=True, help="What finds the other segments.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="A new folder.")
@OUT
def main(data: Path, count: int, recipe: str, work: Path, out: Path | None) -> None:
    """Measure what each format loses."""
    work.mkdir()
    truth, annotations = chosen(data, count, work)
    first = collection(work / "first", recipe, work / "photos")
    began = time.perf_counter()
    told = imported(first, READERS["coco"](annotations), annotations, work / "photos")
    figures: dict[str, Any] = {
        "photos": len(truth),
        "objects": sum(map(len, truth.values())),
        "imported": {"added": told.added, "refused": told.refused, "seconds": round(time.perf_counter() - began, 1)},
        "coco": compared(truth, exported(first, work / "first.json")),
    }
    before = exported(first, work / "first.json")
    for name, way in WAYS:
        title = f"{name} {way}".strip()
        again = collection(work / title, recipe, work / "photos")
        source = written(first, name, work / f"{title} out", polygons=way == "polygons")
        if way == "pictures":
            for file in source.rglob("*.xml"):
                file.write_text(re.sub("<rle>.*?</rle>", "", file.read_text(encoding="utf-8"), flags=re.DOTALL))
        told = imported(again, READERS[name](source), source, work / "photos")
        after = exported(again, work / f"{title}.json")
        figures[f"out and in as {title}"] = {
            "refused": told.refused,
            "to the annotations": compared(truth, after),
            "to the first export": compared(before, after),
        }
    report(figures, out)


def chosen(data: Path, count: int, work: Path) -> tuple[Objects, Path]:
    """The first photos, copied, with their objects and a file of the same annotations."""
    stored = json.loads((data / "instances.json").read_text(encoding="utf-8"))
    images = stored["images"][:count]
    keys = {each["id"] for each in images}
    stored |= {"images": images, "annotations": [a for a in stored["annotations"] if a["image_id"] in keys]}
    (work / "photos").mkdir()
    for each in images:
        place = next(path for path in (data / each["file_name"], data / "images" / each["file_name"]) if path.is_file())
        shutil.copy(place, work / "photos" / place.name)
    (work / "annotations.json").write_text(json.dumps(stored), encoding="utf-8")
    return objects_of(work / "annotations.json"), work / "annotations.json"


def objects_of(file: Path) -> Objects:
    """All objects that are no crowds, as pycocotools reads them."""
    read = COCO(file)
    names = {each["id"]: each["name"] for each in read.dataset["categories"]}
    found: Objects = defaultdict(list)
    for each in read.dataset["annotations"]:
        if not each.get("iscrowd"):
            path = Path(read.imgs[each["image_id"]]["file_name"]).name
            found[path].append((names[each["category_id"]], read.annToRLE(each)))
    return found


def collection(folder: Path, recipe: str, photos: Path) -> Assembly:
    """A new collection with the photos."""
    made = Assembly(Settings.in_data_dir(folder, recipe=recipe))
    ingest_paths(made, [photos])
    return made


def exported(made: Assembly, file: Path) -> Objects:
    """The imported objects, as pycocotools reads them from the export."""
    write_file(file, coco_json(dataset(made)), replace=True)
    return objects_of(file)


def written(made: Assembly, form: Format, target: Path, *, polygons: bool) -> Path:
    """An export of the imported objects."""
    found = Export(
        dataset=dataset(made), format=form, picture=lambda *_: np.zeros((0, 0, 3), np.uint8), polygons=polygons
    )
    if form == "coco":
        target = target.with_suffix(".json")
        write_file(target, found.parts())
    else:
        write_folder(target, found.files())
    return target


def dataset(made: Assembly) -> Dataset:
    """The imported segments alone."""
    keys = [key for image in made.catalog.images.page(limit=10_000) for key in made.imported.of_image(image.id)]
    selection = Selection.of_segments(made.catalog, keys)
    return Dataset(made.catalog, made.concepts, made.recipe_spec.space, selection)


def compared(before: Objects, after: Objects) -> dict[str, float]:
    """Lost objects, names that differ, and the mean and least IoU of masks."""
    lost, renamed, overlaps = 0, 0, list[float]()
    for path, objects in before.items():
        found = after.get(path, [])
        lost += max(0, len(objects) - len(found))
        for (name, run), (other, mask) in zip(objects, found, strict=False):
            if not coco.area(mask):
                lost += 1
            renamed += name != other
            overlaps.append(float(coco.iou([run], [mask], [0])[0, 0]) if coco.area(run) else float(not coco.area(mask)))
    least = sorted(overlaps)[:3]
    return {
        "lost": lost,
        "renamed": renamed,
        "mean IoU": round(float(np.mean(overlaps)), 5),
        "least IoU": [round(each, 4) for each in least],
    }


if __name__ == "__main__":
    main()
