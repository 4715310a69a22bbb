"""The export is COCO's, with masks at the size of the photos."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco
from pycocotools.coco import COCO
from toys import Ingested, ToyLibrary, analysis

from indexer.export import write_coco
from retrieval.catalog import Catalog


def exported(catalog: Catalog) -> dict[str, Any]:
    out = io.StringIO()
    write_coco(catalog, out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_pycocotools_reads_it(ingested: Ingested, tmp_path: Path) -> None:
    with (tmp_path / "export.json").open("w", encoding="utf-8") as file:
        write_coco(ingested.assembly.catalog, file)
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(tmp_path / "export.json")
    assert sorted(found.getImgIds()) == sorted(ingested.ids)
    assert len(found.getAnnIds()) == 150
    for image in found.loadImgs(ingested.ids):
        assert Path(image["file_name"]) in ingested.paths
        annotations = found.loadAnns(found.getAnnIds(imgIds=image["id"]))
        assert len(annotations) == 25
        for annotation in annotations[:3]:
            assert found.annToMask(annotation).shape == (image["height"], image["width"])
            assert found.loadCats([annotation["category_id"]])[0]["name"] == "segment"


def test_boxes_and_areas_are_those_of_the_masks(ingested: Ingested) -> None:
    for annotation in exported(ingested.assembly.catalog)["annotations"]:
        x, y, width, height = coco.toBbox(annotation["segmentation"]).tolist()
        np.testing.assert_allclose(annotation["bbox"], [x, y, width, height], atol=1)
        assert annotation["area"] == coco.area(annotation["segmentation"])
        assert annotation["iscrowd"] == 0
        assert 0 <= annotation["score"] <= 1


def test_masks_are_enlarged_to_the_photo(toys: ToyLibrary) -> None:
    toys.add(analysis([(1, 0, 0, 0), (0, 1, 0, 0)], labels=("cat", None)), size_hw=(80, 400))
    first, second = exported(toys.catalog)["annotations"]
    left = np.zeros((80, 400), bool)
    left[:, :200] = True
    np.testing.assert_array_equal(coco.decode(first["segmentation"]).astype(bool), left)
    np.testing.assert_array_equal(coco.decode(second["segmentation"]).astype(bool), ~left)
    assert (first["label"], second["label"]) == ("cat", None)
    assert first["bbox"] == [0, 0, 200, 80]


def test_photos_that_were_not_analysed_are_left_out(toys: ToyLibrary) -> None:
    toys.register()
    empty = toys.add(analysis(np.zeros((0, 4))))
    found = exported(toys.catalog)
    assert [image["id"] for image in found["images"]] == [empty]
    assert found["annotations"] == []


def test_more_photos_than_one_page(toys: ToyLibrary) -> None:
    for _ in range(501):
        toys.register()
    toys.ingest_queue.claim("toys", 501)
    for image in (1, 2, 501):
        toys.finish(image, analysis([(1, 0, 0, 0)]))
    assert [image["id"] for image in exported(toys.catalog)["images"]] == [1, 2, 501]


def test_an_empty_catalogue(toys: ToyLibrary) -> None:
    found = exported(toys.catalog)
    assert found["images"] == found["annotations"] == []
    assert found["categories"] == [{"id": 1, "name": "segment"}]


def test_names_that_are_not_utf8(toys: ToyLibrary) -> None:
    toys.register(os.fsdecode(b"caf\xe9"))
    toys.ingest_queue.claim("toys", 1)
    toys.finish(1, analysis([(1, 0, 0, 0)]))
    assert exported(toys.catalog)["images"][0]["file_name"] == "/toys/caf\\xe9.png"


def test_a_photo_deleted_meanwhile_leaves_a_whole_file(toys: ToyLibrary) -> None:
    """Annotations are written after the photos: none may belong to a photo that is not among them."""
    for _ in range(3):
        toys.add(analysis([(1, 0, 0, 0)]))

    class Changing(io.StringIO):
        def write(self, text: str) -> int:
            if '"annotations"' in text:
                toys.catalog.images.delete(2)
                toys.add(analysis([(1, 0, 0, 0)]))
            return super().write(text)

    out = Changing()
    write_coco(toys.catalog, out)
    found = json.loads(out.getvalue())
    assert {each["image_id"] for each in found["annotations"]} <= {each["id"] for each in found["images"]}
