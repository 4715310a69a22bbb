"""Whether FiftyOne and LightlyStudio read a COCO export: all photos, all objects, and masks of the right area.

::

    segsearch export labels.json                                       # --polygons for LightlyStudio
    FIFTYONE/bin/python benchmarks/readers.py fiftyone labels.json PHOTOS
    LIGHTLY/bin/python benchmarks/readers.py lightly labels.json PHOTOS

Each is run by the Python of an environment that has the program: ``pip install fiftyone pycocotools``, or ``pip install
lightly-studio``. FiftyOne's importer is called itself, because its data sets need a MongoDB server.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path

TOLERANCE = 0.02
"""Of an area; small masks are drawn in a box of whole pixels."""


def by_fiftyone(labels: Path, photos: Path) -> tuple[int, int, dict[int, list[float]]]:
    """How many photos and objects there are, and the areas of the objects' masks by the photo's id."""
    module = import_module("fiftyone.utils.coco")
    importer = module.COCODetectionDatasetImporter(
        data_path=str(photos), labels_path=str(labels), label_types=["segmentations"], include_id=True
    )
    found, areas = 0, dict[int, list[float]]()
    with importer:
        for path, _, label in importer:
            found += Path(path).is_file()
            areas[label["coco_id"]] = [float(each.mask.sum()) for each in label["segmentations"].detections]
    return found, sum(map(len, areas.values())), areas


def by_lightly(labels: Path, photos: Path) -> tuple[int, int, dict[int, list[float]]]:
    """The same, without areas: LightlyStudio keeps no ids."""
    studio = import_module("lightly_studio")
    kinds = import_module("lightly_studio.models.annotation.annotation_base").AnnotationType
    dataset = studio.ImageDataset.create(name="export")
    dataset.add_samples_from_coco(
        annotations_json=str(labels),
        images_path=str(photos),
        annotation_type=kinds.SEGMENTATION_MASK,
        embed=False,
        embed_annotations=False,
    )
    samples = list(dataset)
    return len(samples), sum(len(sample.annotations) for sample in samples), {}


READERS = {"fiftyone": by_fiftyone, "lightly": by_lightly}


def main() -> None:
    """Read an export by one of the programs, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=READERS)
    parser.add_argument("labels", type=Path)
    parser.add_argument("photos", type=Path)
    given = parser.parse_args()
    told = json.loads(given.labels.read_text())
    photos, objects, areas = READERS[given.program](given.labels, given.photos)
    expected: dict[int, list[float]] = defaultdict(list)
    for each in told["annotations"]:
        expected[each["image_id"]].append(each["area"])
    compared = [pair for key in areas for pair in zip(areas[key], expected[key], strict=True)]
    wrong = [area for area, right in compared if abs(area - right) > TOLERANCE * right + 4]
    there = len(told["images"]), len(told["annotations"])
    print(
        f"{photos} of {there[0]} photos, {objects} of {there[1]} objects; of {len(compared)} areas {len(wrong)} wrong"
    )
    sys.exit(0 if (photos, objects, len(wrong)) == (*there, 0) else 1)


if __name__ == "__main__":
    main()
