"""The export is COCO's, with masks at the size of the photos."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco
from pycocotools.coco import COCO
from toys import TOY, Ingested, ToyLibrary, analysis

from retrieval.assembly import Assembly
from retrieval.catalog import Concepts
from retrieval.formats.coco import coco_json
from retrieval.formats.dataset import Dataset
from retrieval.formats.selection import Selection
from retrieval.images.polygons import mask_of_polygons


def dataset(toys: ToyLibrary, selection: Selection | None = None) -> Dataset:
    return Dataset(toys.catalog, Concepts(toys.sessions), TOY, selection or Selection())


def everything(made: Assembly) -> Dataset:
    return Dataset(made.catalog, made.concepts, made.recipe_spec.space, Selection())


def exported(found: Dataset, *, polygons: bool = False) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(b"".join(coco_json(found, polygons=polygons)))
    return read


@pytest.mark.parametrize("polygons", [False, True])
def test_pycocotools_reads_it(ingested: Ingested, tmp_path: Path, polygons: bool) -> None:
    (tmp_path / "export.json").write_bytes(b"".join(coco_json(everything(ingested.assembly), polygons=polygons)))
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(tmp_path / "export.json")
    assert sorted(found.getImgIds()) == sorted(ingested.ids)
    assert len(found.getAnnIds()) == 150
    for image in found.loadImgs(ingested.ids):
        assert Path(image["file_name"]) in ingested.paths
        annotations = found.loadAnns(found.getAnnIds(imgIds=image["id"]))
        assert len(annotations) == 25
        for annotation in annotations[:3]:
            mask = found.annToMask(annotation)
            assert mask.shape == (image["height"], image["width"])
            assert mask.sum() == annotation["area"]
            assert found.loadCats([annotation["category_id"]])[0]["name"] == "segment"


def test_boxes_and_areas_are_those_of_the_masks(ingested: Ingested) -> None:
    for annotation in exported(everything(ingested.assembly))["annotations"]:
        x, y, width, height = coco.toBbox(annotation["segmentation"]).tolist()
        assert annotation["bbox"] == [x, y, width, height]
        assert annotation["area"] == coco.area(annotation["segmentation"])
        assert annotation["iscrowd"] == 0
        assert 0 <= annotation["score"] <= 1


def test_masks_are_enlarged_to_the_photo(toys: ToyLibrary) -> None:
    toys.add(analysis([(1, 0, 0, 0), (0, 1, 0, 0)], labels=("cat", None)), size_hw=(80, 400))
    first, second = exported(dataset(toys))["annotations"]
    left = np.zeros((80, 400), bool)
    left[:, :200] = True
    np.testing.assert_array_equal(coco.decode(first["segmentation"]).astype(bool), left)
    np.testing.assert_array_equal(coco.decode(second["segmentation"]).astype(bool), ~left)
    assert (first["segment_label"], second["segment_label"]) == ("cat", None)
    assert not {"label", "bounding_box", "mask", "confidence", "index", "tags"} & first.keys()  # FiftyOne's own
    found = exported(dataset(toys))
    assert found["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "segment"}]
    assert [each["category_id"] for each in found["annotations"]] == [1, 2]
    assert first["bbox"] == [0, 0, 200, 80]


def test_photos_that_were_not_analysed_are_left_out(toys: ToyLibrary) -> None:
    toys.register()
    empty = toys.add(analysis(np.zeros((0, 4))))
    found = exported(dataset(toys))
    assert [image["id"] for image in found["images"]] == [empty]
    assert found["annotations"] == []


def test_more_photos_than_one_page(toys: ToyLibrary) -> None:
    for _ in range(501):
        toys.register()
    toys.ingest_queue.claim("toys", 501)
    for image in (1, 2, 501):
        toys.finish(image, analysis([(1, 0, 0, 0)]))
    assert [image["id"] for image in exported(dataset(toys))["images"]] == [1, 2, 501]


def test_an_empty_catalogue(toys: ToyLibrary) -> None:
    found = exported(dataset(toys))
    assert found["images"] == found["annotations"] == []
    assert found["categories"] == []


def test_names_that_are_not_utf8(toys: ToyLibrary) -> None:
    toys.register(os.fsdecode(b"caf\xe9"))
    toys.ingest_queue.claim("toys", 1)
    toys.finish(1, analysis([(1, 0, 0, 0)]))
    assert exported(dataset(toys))["images"][0]["file_name"] == "/toys/caf\\xe9.png"


def test_a_photo_deleted_meanwhile_leaves_a_whole_file(toys: ToyLibrary) -> None:
    """Annotations are written after the photos: none may belong to a photo that is not among them."""
    for _ in range(3):
        toys.add(analysis([(1, 0, 0, 0)]))

    parts, read = coco_json(dataset(toys)), bytearray()
    for part in parts:
        read += part
        if b'"annotations"' in part:
            toys.catalog.images.delete(2)
            toys.add(analysis([(1, 0, 0, 0)]))
    found = json.loads(read)
    assert [each["id"] for each in found["images"]] == [1, 2, 3]
    assert {each["image_id"] for each in found["annotations"]} == {1, 3}


def test_polygons_have_the_holes_of_masks(toys: ToyLibrary) -> None:
    mask = np.zeros((1, 20, 30), bool)
    mask[0, 2:18, 3:20] = True
    mask[0, 6:10, 8:12] = False
    mask[0, 1:4, 24:29] = True
    toys.add(analysis([(1, 0, 0, 0)], mask), size_hw=(20, 30))
    (annotation,) = exported(dataset(toys), polygons=True)["annotations"]
    assert len(annotation["segmentation"]) == 2
    np.testing.assert_array_equal(mask_of_polygons(annotation["segmentation"], (20, 30)), mask[0])


def taught(toys: ToyLibrary, name: str, positive: list[int], negative: list[int] | None = None) -> int:
    from retrieval.learning.concepts import ConceptTrainer

    return ConceptTrainer(Concepts(toys.sessions), toys.engine()).teach(name, positive, negative or [])


def test_categories_are_examples_then_concepts_then_labels(toys: ToyLibrary) -> None:
    first = toys.add(analysis([(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)], labels=("cat", "dog", None)))
    one, two, three = toys.segment_ids(first)
    taught(toys, "my cat", [one])
    taught(toys, "grass", [three], [two])
    second = toys.add(analysis([(1, 0, 0, 0)], labels=("tiger",)))
    found = exported(dataset(toys))
    names = {each["id"]: each["name"] for each in found["categories"]}
    told = {each["id"]: names[each["category_id"]] for each in found["annotations"]}
    assert told == {one: "my cat", two: "dog", three: "grass", toys.segment_ids(second)[0]: "my cat"}
    assert next(each for each in found["annotations"] if each["id"] == one)["concepts"] == ["my cat"]


def test_a_refused_segment_is_not_called_by_the_concept(toys: ToyLibrary) -> None:
    first = toys.add(analysis([(1, 0, 0, 0), (0.999, 0.04, 0, 0)], labels=(None, "fox")))
    one, two = toys.segment_ids(first)
    key = taught(toys, "cat", [one])
    concepts = Concepts(toys.sessions)
    model = concepts.get(key).model
    from dataclasses import replace

    concepts.change(key, model=replace(model, negative=(two,)))
    found = exported(dataset(toys))
    assert [each["concepts"] for each in found["annotations"]] == [["cat"], []]
    assert [each["name"] for each in found["categories"]] == ["cat", "fox"]


def test_concepts_of_another_space_name_only_their_examples(
    toys: ToyLibrary, more_toys: Callable[[str], ToyLibrary]
) -> None:
    first = toys.add(analysis([(1, 0, 0, 0), (1, 0, 0, 0)]))
    one, _ = toys.segment_ids(first)
    taught(toys, "cat", [one])
    found = Dataset(toys.catalog, Concepts(toys.sessions), "another:1", Selection())
    assert [each.category for entry in found for each in entry.annotations] == ["cat", "segment"]
