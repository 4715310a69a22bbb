"""Concepts from folders, CSV files and boxes, on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from toys import close

from indexer.commands.concepts import concepts
from indexer.report import Tally
from indexer.tags import csv_tags, folder_tags
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.errors import QueryError
from retrieval.settings import Settings

CELL, CELLS = 24, 4
SIDE = CELL * CELLS
PLACES = [(1, 1), (2, 1), (1, 2), (2, 2), (2, 1), (1, 1)]
COLOURS = {"red": (230, 20, 20), "green": (10, 200, 40)}


def photo(path: Path, colour: Sequence[int] | None, place: tuple[int, int], seed: int) -> None:
    """Cells of dull colours by lot; one of them shines."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(60, 140, (CELLS, CELLS, 1)) + rng.integers(-25, 25, (CELLS, CELLS, 3))
    if colour is not None:
        cells[place[::-1]] = np.clip(np.array(colour) + rng.integers(-8, 8, 3), 0, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.kron(cells, np.ones((CELL, CELL, 1))).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagged")
    names = [*COLOURS, "dull"]
    for kind, name in enumerate(names):
        for number, place in enumerate(PLACES):
            seed = 100 * kind + number
            photo(folder / "photos" / name / f"{name}{number}.png", COLOURS.get(name), place, seed)
    photo(folder / "photos" / "top.png", None, (0, 0), 999)
    made = Assembly(Settings.in_data_dir(folder / "home", device="cpu", recipe="grid"))
    report = ingest(made, Worker(made), [folder / "photos"], Tally())
    close(made)
    assert report.counts["indexed"] == 19
    return folder


@pytest.fixture
def tagged(template: Path) -> Iterator[Assembly]:
    """Six photos each in red/, green/ and dull/, one beside the folders; without concepts."""
    made = Assembly(Settings.in_data_dir(template / "home", device="cpu", recipe="grid"))
    yield made
    for key in made.concepts.names().values():
        made.concepts.delete(key)
    close(made)


def learn(made: Assembly, *options: str | Path, status: int = 0) -> Any:
    outcome = CliRunner().invoke(concepts, ["learn", *map(str, options), "--json"], obj=made.settings)
    assert outcome.exit_code == status, outcome.output
    if status:
        return outcome.output if outcome.exception is None else f"{outcome.output}{outcome.exception}"
    found = json.loads(outcome.stdout)
    return found | {"tags": {each["name"]: each for each in found["tags"]}}


def cell_of(made: Assembly, segment: int) -> tuple[str, tuple[float, float]]:
    """The name of the photo and the cell that holds the middle of a segment."""
    record = made.catalog.segments.get(segment)
    x0, y0, x1, y1 = record.box_xyxy
    path = made.catalog.images.get(record.image_id).path
    assert path is not None
    return path.stem, ((x0 + x1) / 2 // CELL, (y0 + y1) / 2 // CELL)


def shines(made: Assembly, segment: int) -> bool:
    """Whether a segment, a cell or a block of four, holds the cell of its photo that shines."""
    x0, y0, x1, y1 = made.catalog.segments.get(segment).box_xyxy
    x, y = PLACES[int(cell_of(made, segment)[0][-1])]
    return x0 <= x * CELL and y0 <= y * CELL and x1 >= (x + 1) * CELL and y1 >= (y + 1) * CELL


def test_names_of_folders_become_words(tagged: Assembly, template: Path) -> None:
    found = learn(tagged, "--folders", template / "photos")
    assert set(found["tags"]) == {"red", "green", "dull"}
    assert found["unknown_paths"] == []
    for name in COLOURS:
        each = found["tags"][name]
        assert (each["photos"], each["reason"]) == (6, None)
        assert each["agreement"] > 0.9
        assert sorted(cell_of(tagged, key)[0] for key in each["explained"]) == [f"{name}{n}" for n in range(6)]
        assert all(shines(tagged, segment) for segment in each["explained"])
        record = tagged.concepts.get(each["concept_id"])
        assert set(record.model.positive) == set(each["explained"])
        assert {tagged.catalog.segments.get(key).image_id for key in record.model.negative}.isdisjoint(
            tagged.catalog.segments.get(key).image_id for key in record.model.positive
        )
    assert "tell its photos from others" in found["tags"]["dull"]["reason"]
    assert set(tagged.concepts.names()) == {"red", "green"}


def test_a_concept_is_replaced_only_if_asked(tagged: Assembly, template: Path) -> None:
    mine = tagged.trainer(tagged.engine()).teach("Red", [1], [])
    found = learn(tagged, "--folders", template / "photos")["tags"]["red"]
    assert "already" in found["reason"]
    assert tagged.concepts.get(mine).model.positive == (1,)
    found = learn(tagged, "--folders", template / "photos", "--replace")["tags"]["red"]
    assert found["concept_id"] == mine
    assert tagged.concepts.get(mine).name == "Red"
    assert set(tagged.concepts.get(mine).model.positive) == set(found["explained"])


def test_folders_can_be_left_out(tagged: Assembly, template: Path) -> None:
    assert set(learn(tagged, "--folders", "--except", "dull")["tags"]) == {"red", "green", "photos"}
    assert "'Dull'" in learn(tagged, "--folders", "--except", "Dull", status=1)


def test_a_folder_without_photos_is_said(tagged: Assembly, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="there are no photos in a folder below"):
        folder_tags(tagged.catalog, tmp_path)


def test_exactly_one_source(tagged: Assembly, template: Path) -> None:
    assert "give one of" in learn(tagged, status=2)
    assert "give one of" in learn(tagged, "--folders", "--boxes", template, status=2)
    file = template / "some.csv"
    file.write_text("path,tag\n")
    assert "--except goes with" in learn(tagged, "--tags", file, "--except", "x", status=2)


def test_the_table_says_what_was_learnt_and_why_not(tagged: Assembly, template: Path) -> None:
    outcome = CliRunner().invoke(concepts, ["learn", "--folders", str(template / "photos")], obj=tagged.settings)
    assert outcome.exit_code == 0
    assert "6 segments" in outcome.output
    assert "2 of 3 tags were learned" in outcome.output


# ---- CSV


def test_photos_are_named_by_path_or_by_name(tagged: Assembly, template: Path) -> None:
    file = template / "photos" / "tags.csv"
    file.write_text(
        f'\ufefftag,path\nbeet,{template}/photos/red/red0.png\nbeet,red/red1.png\n"beet",red2.png\n\n'
        "Beet, ./red/../red/red3.png\nbeet,red4.png\nbeet,red9.png\nbeet,green/red4.png\nbeet,red/red5.png\n"
    )
    found = learn(tagged, "--tags", file)
    assert found["unknown_paths"] == ["red9.png", "green/red4.png"]
    assert set(found["tags"]) == {"beet"}
    beet = found["tags"]["beet"]
    assert (beet["photos"], beet["reason"], len(beet["explained"])) == (6, None, 6)


def test_two_photos_are_too_few(tagged: Assembly, template: Path) -> None:
    file = template / "few.csv"
    file.write_text("path,tag\nred0.png,beet\nred1.png,beet\n")
    assert learn(tagged, "--tags", file)["tags"]["beet"]["reason"].startswith("2 photos")
    assert tagged.concepts.names() == {}


def test_a_name_that_no_concept_can_have_is_a_reason(tagged: Assembly, template: Path) -> None:
    file = template / "names.csv"
    rows = [f"red{number}.png,{name}" for name in ("??", "x" * 101) for number in range(6)]
    file.write_text("\n".join(["path,tag", *rows]))
    found = learn(tagged, "--tags", file)["tags"]
    assert "letter or a digit" in found["??"]["reason"]
    assert "101 characters" in found["x" * 101]["reason"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: the header must be `path,tag`"),
        (b"file,tag\na,b\n", "line 1: the header must be `path,tag`, not 'file,tag'"),
        (b"path,tag\na,b\nc\n", "line 3: a row must be a path and a tag"),
        (b"path,tag\na,b,c\n", "line 2: a row must be a path and a tag"),
        (b"path,tag\n,b\n", "line 2: a row must be a path and a tag"),
        (b'path,tag\na,b\n"c,d\n', "line 3: unexpected end of data"),
        (b"path,tag\n\xff,b\n", "is not UTF-8"),
    ],
)
def test_a_malformed_csv_is_refused_with_its_line(tagged: Assembly, tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    with pytest.raises(QueryError, match="bad.csv") as raised:
        csv_tags(tagged.catalog, file)
    assert said in str(raised.value)


# ---- boxes


def coco(*boxes: tuple[str, list[float]], size: int = SIDE) -> dict[str, Any]:
    """COCO's JSON with the boxes, x, y, width, height, of photos by name."""
    names = sorted({name for name, _ in boxes})
    return {
        "images": [{"id": n, "file_name": name, "width": size, "height": size} for n, name in enumerate(names)],
        "categories": [{"id": 7, "name": "beet"}],
        "annotations": [
            {"image_id": names.index(name), "category_id": 7, "bbox": box, "iscrowd": 0} for name, box in boxes
        ],
    }


def box_at(place: tuple[int, int], off: float = 0) -> list[float]:
    return [place[0] * CELL + off, place[1] * CELL + off, CELL, CELL]


@pytest.mark.parametrize("scale", [1, 2])
def test_boxes_become_examples(tagged: Assembly, tmp_path: Path, scale: int) -> None:
    boxes = [("red0.png", box_at(PLACES[0], 3)), ("red1.png", box_at(PLACES[1])), ("red2.png", [0, 0, 5, 5])]
    boxes = [(name, [scale * side for side in box]) for name, box in [*boxes, ("red9.png", box_at((0, 0)))]]
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(coco(*boxes, size=scale * SIDE)))
    found = learn(tagged, "--boxes", file)
    assert (found["boxes"], found["boxes_without_segment"], found["unknown_paths"]) == (4, 1, ["red9.png"])
    explained = found["tags"]["beet"]["explained"]
    assert [cell_of(tagged, segment) for segment in explained] == [("red1", PLACES[1]), ("red0", PLACES[0])]
    assert tagged.concepts.get(found["tags"]["beet"]["concept_id"]).model.positive == tuple(sorted(explained))


def test_boxes_that_nothing_fits_teach_nothing(tagged: Assembly, tmp_path: Path) -> None:
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(coco(("red0.png", [0, 0, 5, 5]))))
    assert learn(tagged, "--boxes", file)["tags"]["beet"]["reason"] == "no segment matches any of its boxes"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"images": []}', json.dumps(coco(("a.png", [1, 2, 3]))), '{"images": 3}', "\x00"]
)
def test_what_is_no_coco_file_is_refused(tagged: Assembly, tmp_path: Path, content: str) -> None:
    file = tmp_path / "instances.json"
    file.write_text(content)
    assert "is not a COCO instances JSON" in learn(tagged, "--boxes", file, status=1)


VOC = """<annotation><filename>red0.png</filename><size><width>96</width><height>96</height></size>
<object><name>beet</name><part><name>leaf</name><bndbox><xmin>1</xmin></bndbox></part>
<bndbox><xmin>25</xmin><ymin>25</ymin><xmax>48</xmax><ymax>48</ymax></bndbox></object></annotation>"""


def test_voc_annotations_are_read(tagged: Assembly, tmp_path: Path) -> None:
    (tmp_path / "red0.xml").write_text(VOC)
    found = learn(tagged, "--boxes", tmp_path)
    assert (found["boxes"], found["boxes_without_segment"]) == (1, 0)
    assert [cell_of(tagged, segment) for segment in found["tags"]["beet"]["explained"]] == [("red0", PLACES[0])]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<annotation>",
        VOC.replace("<filename>red0.png</filename>", ""),
        VOC.replace("48</xmax>", "wide</xmax>"),
        VOC.replace("<xmax>48</xmax>", ""),
        '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>',
    ],
)
def test_what_is_no_voc_annotation_is_refused(tagged: Assembly, tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.xml").write_text(content)
    assert "bad.xml is not a VOC annotation" in learn(tagged, "--boxes", tmp_path, status=1)


def test_a_folder_without_annotations_is_refused(tagged: Assembly, tmp_path: Path) -> None:
    assert "contains no .xml files" in learn(tagged, "--boxes", tmp_path, status=1)
