"""Objects that are imported lie beside a photo's own segments, are found like them, and stay."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from toys import Ingested, Pictures, close

from indexer.commands.export import export
from indexer.commands.import_ import import_annotations
from indexer.commands.ingest import ingest
from indexer.pipeline import Pipeline
from indexer.publish import Publisher
from indexer.verify import verify
from indexer.videos import VideoIntake
from retrieval.assembly import Assembly
from retrieval.errors import CatalogConflictError, QueryError, UnknownImageError
from retrieval.images.masks import decode_mask
from retrieval.query.request import Ref, SearchRequest
from retrieval.recipes.grid import GridRecipe
from retrieval.settings import Settings

SQUARE = [20.0, 10.0, 60.0, 10.0, 60.0, 40.0, 20.0, 40.0]
"""On photos of 96 x 72 pixels; no cell of the grid is like it."""

HOLED = np.zeros((72, 96), bool)
HOLED[5:60, 10:90] = True
HOLED[20:30, 30:50] = False


def run(made: Assembly, *options: object) -> Result:
    return CliRunner().invoke(import_annotations, [str(each) for each in options], obj=made.settings)


def told(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output + str(done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def annotations(folder: Path, objects: dict[str, list[tuple[str, Any]]], **changes: Any) -> Path:
    """COCO's JSON of objects of photos, by their names."""
    names = list(dict.fromkeys(name for each in objects.values() for name, _ in each))
    rows, images = [], []
    for key, (path, each) in enumerate(objects.items(), 1):
        images.append({"id": key, "file_name": path, "width": 96, "height": 72, **changes})
        rows += [{"image_id": key, "category_id": names.index(name), "segmentation": shape} for name, shape in each]
    stored = {
        "images": images,
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [{"id": number, **row} for number, row in enumerate(rows, 1)],
    }
    file = folder / "instances.json"
    file.write_text(json.dumps(stored))
    return file


def rle(mask: np.ndarray) -> dict[str, Any]:
    from pycocotools import mask as coco

    run = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": run["size"], "counts": run["counts"].decode()}


@pytest.fixture
def file(ingested: Ingested) -> Path:
    first, second = ingested.paths[:2]
    return annotations(
        ingested.photos.parent,
        {first.name: [("cow", [SQUARE]), ("tree", rle(HOLED))], second.name: [("cow", [SQUARE])]},
    )


def test_objects_become_segments(ingested: Ingested, file: Path) -> None:
    counts = told(run(ingested.assembly, file, "--json"))
    assert counts == {
        "photos": 2, "added": 3, "known": 0, "refused": 0, "unknown_photos": 0, "concepts": 2, "faults": [], "unknown": [],
    }  # fmt: skip
    image = ingested.assembly.catalog.images.get(ingested.ids[0])
    assert (image.segment_count, image.state) == (27, "indexed")
    segments = ingested.assembly.catalog.segments.of_image(image.id)
    cow, tree = segments[-2:]
    assert [each.is_imported for each in segments] == [False] * 25 + [True] * 2
    assert (cow.label, cow.label_score, cow.quality, cow.box_xyxy, cow.area) == (
        "cow",
        1.0,
        1.0,
        (20, 10, 60, 40),
        1200,
    )
    np.testing.assert_array_equal(decode_mask(tree.mask_size_hw, tree.mask_counts), HOLED)
    assert verify(ingested.assembly) == []


def test_they_are_found(ingested: Ingested, file: Path) -> None:
    told(run(ingested.assembly, file, "--json"))
    cow, other = (
        ingested.assembly.catalog.segments.of_image(key)[-n] for key, n in zip(ingested.ids, (2, 1), strict=False)
    )
    engine = ingested.assembly.engine()
    found = engine.search(SearchRequest(positive=(Ref(segment=cow.id),), group_by="segment", limit=1000))
    assert other.id in {each.segment_id for each in found.results}
    named = engine.search(SearchRequest(text="cow", group_by="segment", limit=1000))
    assert {cow.id, other.id} <= {each.segment_id for each in named.results}
    concept = ingested.assembly.concepts.get(ingested.assembly.concepts.names()["cow"])
    assert set(concept.model.positive) == {cow.id, other.id}


def test_what_was_imported_is_not_imported_again(ingested: Ingested, file: Path) -> None:
    run(ingested.assembly, file)
    first = ingested.assembly.concepts.get(ingested.assembly.concepts.names()["cow"]).model.positive
    counts = told(run(ingested.assembly, file, "--json"))
    assert (counts["added"], counts["known"], counts["concepts"]) == (0, 3, 2)
    assert ingested.assembly.catalog.images.get(ingested.ids[0]).segment_count == 27
    assert ingested.assembly.concepts.get(ingested.assembly.concepts.names()["cow"]).model.positive == first


def test_a_known_concept_gets_more_examples(ingested: Ingested, file: Path) -> None:
    own = ingested.assembly.catalog.segments.of_image(ingested.ids[4])[0].id
    ingested.assembly.trainer(ingested.assembly.engine()).teach("Cow", [own], [])
    told(run(ingested.assembly, file, "--json"))
    (key,) = [key for name, key in ingested.assembly.concepts.names().items() if name == "Cow"]
    assert len(ingested.assembly.concepts.get(key).model.positive) == 3
    assert own in ingested.assembly.concepts.get(key).model.positive


def test_without_concepts(ingested: Ingested, file: Path) -> None:
    assert told(run(ingested.assembly, file, "--no-concepts", "--json"))["concepts"] == 0
    assert ingested.assembly.concepts.names() == {}


def test_a_category_that_no_concept_can_have(ingested: Ingested) -> None:
    file = annotations(
        ingested.photos, {ingested.paths[0].name: [("x" * 101, [SQUARE]), ("?!", [SQUARE]), ("segment", [SQUARE])]}
    )
    counts = told(run(ingested.assembly, file, "--json"))
    assert (counts["added"], counts["concepts"]) == (3, 0)
    assert len(counts["faults"]) == 2
    labels = [each.label for each in ingested.assembly.catalog.segments.of_image(ingested.ids[0])[-3:]]
    assert labels == ["x" * 101, "?!", None]


def test_photos_are_ingested_first(assembly: Assembly, pictures: Pictures) -> None:
    paths = pictures.many(2)
    file = annotations(pictures.folder.parent, {paths[0].name: [("cow", [SQUARE])], "none.png": [("cow", [SQUARE])]})
    counts = told(run(assembly, file, "--photos", pictures.folder, "--json"))
    assert (counts["photos"], counts["added"], counts["unknown"]) == (1, 1, ["none.png"])
    assert sum(assembly.catalog.images.counts().values()) == 2


def test_a_photo_without_segments_of_its_own(assembly: Assembly, pictures: Pictures) -> None:
    flat = pictures.flat()
    CliRunner().invoke(ingest, [str(flat)], obj=assembly.settings)
    assert assembly.catalog.images.counts()["empty"] == 1
    told(run(assembly, annotations(pictures.folder, {flat.name: [("sea", [SQUARE])]}), "--json"))
    image = assembly.catalog.images.get(1)
    assert (image.state, image.segment_count) == ("indexed", 1)
    assert verify(assembly) == []
    (segment,) = assembly.catalog.segments.of_image(1)
    assert segment.label == "sea"


def test_they_stay_when_the_photo_is_analysed_again(ingested: Ingested, file: Path) -> None:
    made = ingested.assembly
    told(run(made, file, "--json"))
    before = {each.id: each for each in made.catalog.segments.of_image(ingested.ids[0]) if each.is_imported}
    vectors = made.catalog.vectors.of_segments(list(before)).vectors
    other = GridRecipe(cells=3, side=64)
    made.ingest_queue.reanalyze(other.fingerprint)
    Pipeline(made.ingest_queue, other, made.files, made.originals, made.storage, "w", VideoIntake.of(made)).run()
    image = made.catalog.images.get(ingested.ids[0])
    after = made.catalog.segments.of_image(image.id)
    assert (image.recipe, image.segment_count) == (other.fingerprint, len(after))
    assert {each.id: each for each in after if each.is_imported} == before
    assert all(each.id > max(before) for each in after if not each.is_imported)
    np.testing.assert_allclose(made.catalog.vectors.of_segments(list(before)).vectors, vectors, atol=2e-3)
    assert made.catalog.vectors.contents(other.space).segments == len(
        made.catalog.vectors.segment_image_ids(other.space)[0]
    )
    concept = made.concepts.get(made.concepts.names()["tree"])
    assert set(concept.model.positive) <= set(before)
    assert concept.lost == 0


def test_they_are_a_photos_only_segments_after_that(assembly: Assembly, pictures: Pictures) -> None:
    flat = pictures.flat()
    CliRunner().invoke(ingest, [str(flat)], obj=assembly.settings)
    told(run(assembly, annotations(pictures.folder, {flat.name: [("sea", [SQUARE])]}), "--json"))
    other = GridRecipe(cells=3)
    assembly.ingest_queue.reanalyze(other.fingerprint)
    Pipeline(
        assembly.ingest_queue,
        other,
        assembly.files,
        assembly.originals,
        assembly.storage,
        "w",
        VideoIntake.of(assembly),
    ).run()
    image = assembly.catalog.images.get(1)
    assert (image.state, image.segment_count, len(assembly.catalog.segments.of_image(1))) == ("indexed", 1, 1)
    assert assembly.catalog.vectors.contents(other.space).segments == 1


def test_photos_that_cannot_take_them(ingested: Ingested, file: Path) -> None:
    made, (first, second, *_) = ingested.assembly, ingested.paths
    first.unlink()
    counts = told(run(made, file, "--json"))
    assert (counts["photos"], counts["refused"], counts["added"]) == (1, 2, 1)
    assert "was changed or moved" in counts["faults"][0]
    made.trash.put([ingested.ids[1]])
    with_one = annotations(ingested.photos.parent, {second.name: [("cow", [SQUARE])]})
    done = run(made, with_one)
    assert isinstance(done.exception, QueryError)
    assert "give their folder with --photos" in str(done.exception)


def test_annotations_of_turned_photos_are_refused(ingested: Ingested) -> None:
    file = annotations(ingested.photos, {ingested.paths[0].name: [("cow", [SQUARE])]}, width=72, height=96)
    counts = told(run(ingested.assembly, file, "--json"))
    assert counts["refused"] == 1
    assert "the annotations are of 72 x 96 pixels, and the upright photo has 96 x 72" in counts["faults"][0]


def test_photos_of_another_recipe_are_refused(ingested: Ingested, file: Path) -> None:
    made, other = ingested.assembly, GridRecipe(cells=3)
    made.ingest_queue.reanalyze(other.fingerprint)
    Pipeline(made.ingest_queue, other, made.files, made.originals, made.storage, "w", VideoIntake.of(made)).run()
    counts = told(run(made, file, "--json"))
    assert (counts["added"], counts["refused"]) == (0, 3)
    assert "analysed by another recipe" in counts["faults"][0]


def test_a_photo_that_is_being_analysed(ingested: Ingested) -> None:
    made, recipe = ingested.assembly, GridRecipe()
    made.ingest_queue.reanalyze("another")
    assert made.ingest_queue.claim("someone", 10, "another")
    from toys import analysis

    with pytest.raises(CatalogConflictError, match="being analysed: import again"):
        made.imported.add(ingested.ids[0], analysis([(1, 0, 0, 0, 0, 0)]), (72, 96), recipe.space)
    with pytest.raises(UnknownImageError):
        made.imported.add(999, analysis([(1, 0, 0, 0, 0, 0)]), (72, 96), recipe.space)


@pytest.mark.parametrize(
    ("name", "text", "told_"),
    [
        ("a.json", "{}", "not a COCO instances JSON"),
        ("a.zip", "", "is a ZIP file: unpack it"),
        ("a.txt", "", "is neither COCO's JSON, nor a folder"),
        ("b.json", '{"images": [], "annotations": [], "categories": []}', "names no photos"),
    ],
)
def test_what_cannot_be_imported(ingested: Ingested, tmp_path: Path, name: str, text: str, told_: str) -> None:
    (tmp_path / name).write_text(text)
    done = run(ingested.assembly, tmp_path / name)
    assert isinstance(done.exception, QueryError)
    assert told_ in str(done.exception)


def test_what_is_printed(ingested: Ingested, file: Path) -> None:
    stored = json.loads(file.read_text())
    stored["annotations"][0]["segmentation"] = []
    stored["images"].append({"id": 99, "file_name": "\x1b[31m.png"})
    file.write_text(json.dumps(stored))
    done = run(ingested.assembly, file)
    assert done.exit_code == 0
    assert "annotation 1: it has no segmentation" in done.stdout
    assert "not in the catalogue: \\x1b[31m.png" in done.stdout


# ---- round trips


@pytest.fixture
def elsewhere(ingested: Ingested, tmp_path: Path) -> Iterator[Assembly]:
    """Another installation, with the same photos at another place."""
    shutil.copytree(ingested.photos, tmp_path / "elsewhere")
    made = Assembly(Settings.in_data_dir(tmp_path / "home2", device="cpu", recipe="grid"))
    yield made
    close(made)


def objects(made: Assembly) -> dict[str, list[tuple[str, Any]]]:
    """The imported objects, from an export."""
    keys = [str(key) for image in made.catalog.images.page() for key in made.imported.of_image(image.id)]
    options = [word for key in keys for word in ("--segment", key)]
    found = json.loads(CliRunner().invoke(export, options, obj=made.settings).stdout)
    names = {each["id"]: each["name"] for each in found["categories"]}
    files = {each["id"]: Path(each["file_name"]).name for each in found["images"]}
    result: dict[str, list[tuple[str, Any]]] = {}
    for each in found["annotations"]:
        result.setdefault(files[each["image_id"]], []).append((names[each["category_id"]], each["segmentation"]))
    return result


@pytest.mark.parametrize("form", ["coco", "polygons", "yolo", "voc", "pictures"])
def test_out_and_in_again(ingested: Ingested, elsewhere: Assembly, file: Path, tmp_path: Path, form: str) -> None:
    if form == "yolo":
        pytest.importorskip("yaml", reason="PyYAML is not installed")
    told(run(ingested.assembly, file, "--json"))
    keys = [str(key) for number in ingested.ids for key in ingested.assembly.imported.of_image(number)]
    chosen = [word for key in keys for word in ("--segment", key)]
    target = tmp_path / ("out.json" if form in ("coco", "polygons") else "out")
    options = {"polygons": ["coco", "--polygons"], "pictures": ["voc"]}.get(form, [form])
    done = CliRunner().invoke(export, [str(target), "--format", *options, *chosen], obj=ingested.assembly.settings)
    assert done.exit_code == 0, done.output + str(done.exception)
    if form == "pictures":
        import re

        for each in target.rglob("*.xml"):
            each.write_text(re.sub("<rle>.*?</rle>", "", each.read_text(), flags=re.DOTALL))
    counts = told(run(elsewhere, target, "--photos", tmp_path / "elsewhere", "--json"))
    assert (counts["added"], counts["refused"], counts["unknown"]) == (3, 0, [])
    before, after = objects(ingested.assembly), objects(elsewhere)
    if form == "pictures":  # the tree lacks what the cow covers
        assert after.keys() == before.keys()
        assert [name for name, _ in after[ingested.paths[0].name]] == ["cow", "tree"]
        return
    assert after == before


def test_everything_out_and_in(ingested: Ingested, elsewhere: Assembly, tmp_path: Path) -> None:
    """Segments without names, too, from a file whose paths are those of another machine."""
    done = CliRunner().invoke(export, [str(tmp_path / "all.json")], obj=ingested.assembly.settings)
    assert done.exit_code == 0
    stored = json.loads((tmp_path / "all.json").read_text())
    for each in stored["images"]:
        each["file_name"] = f"C:\\photos\\{Path(each['file_name']).name}"
    (tmp_path / "all.json").write_text(json.dumps(stored))
    counts = told(run(elsewhere, tmp_path / "all.json", "--photos", tmp_path / "elsewhere", "--json"))
    assert (counts["added"], counts["concepts"], counts["unknown_photos"]) == (150, 0, 0)
    Publisher(elsewhere).publish()
    assert verify(elsewhere) == []


def test_photos_are_known_by_their_bytes(ingested: Ingested) -> None:
    image = ingested.assembly.catalog.images.get(ingested.ids[0])
    file = annotations(ingested.photos, {"renamed.png": [("cow", [SQUARE])]}, sha256=image.sha256)
    assert told(run(ingested.assembly, file, "--json"))["added"] == 1
