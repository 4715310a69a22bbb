"""YOLO, VOC, CSV, cut-outs and Parquet: what is in the files."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from PIL import Image
from test_coco import dataset, everything, taught
from toys import TOY, Ingested, ToyLibrary, analysis

from retrieval.catalog import Concepts
from retrieval.errors import QueryError, UnreadableImageError
from retrieval.formats.cutouts import LEFT_OUT, cutout_files
from retrieval.formats.dataset import Dataset, file_name
from retrieval.formats.exports import FORMATS, Export, Format
from retrieval.formats.selection import Selection
from retrieval.formats.table import csv_table, harmless
from retrieval.formats.vectors import parquet_table
from retrieval.formats.voc import palette, voc_files
from retrieval.formats.yolo import yolo_files
from retrieval.images.decoder_pool import DecoderPool
from retrieval.images.masks import decode_mask
from retrieval.images.polygons import mask_of_polygons
from retrieval.library.photos import Photos


def nested() -> np.ndarray:
    """A whole with a hole, and a part of it."""
    masks = np.zeros((2, 20, 40), bool)
    masks[0, 2:18, 4:30] = True
    masks[0, 8:10, 20:24] = False
    masks[1, 4:8, 6:12] = True
    return masks


def named(toys: ToyLibrary, *names: str) -> None:
    """Photos with these file names, each with a whole and a part."""
    for number, name in enumerate(names, 1):
        toys.register(name)
        toys.ingest_queue.claim("toys", 1)
        found = analysis([(1, 0, 0, 0), (0, 1, 0, 0)], nested(), labels=('cow: "big"', None))
        toys.finish(number, found, size_hw=(40, 80))


def test_yolo(toys: ToyLibrary) -> None:
    named(toys, "a", "b/a")
    files = dict(yolo_files(dataset(toys)))
    assert list(files) == ["labels/a.txt", "labels/a (2).txt", "data.yaml"]
    assert files["labels/a.txt"] == files["labels/a (2).txt"]
    lines = [line.split() for line in files["labels/a.txt"].decode().splitlines()]
    assert [line[0] for line in lines] == ["0", "1"]
    for line, mask in zip(lines, nested(), strict=True):
        shares = np.array(line[1:], float).reshape(-1, 2)
        assert 0 <= shares.min() <= shares.max() <= 1
        corners = (shares * [40, 20]).ravel().tolist()
        np.testing.assert_array_equal(mask_of_polygons([corners], (20, 40)), mask)
    yaml = files["data.yaml"].decode()
    assert '  0: "cow: \\"big\\""\n  1: "segment"\n' in yaml
    assert "train: images\n" in yaml


def test_yolo_with_photos(ingested: Ingested) -> None:
    with DecoderPool(1) as decoders:
        photos = Photos(ingested.assembly.catalog, ingested.assembly.originals, decoders)
        ingested.paths[1].write_bytes(b"something else")
        files = dict(yolo_files(everything(ingested.assembly), photos.original))
    assert {name for name in files if name.startswith("images/")} == {
        f"images/{path.name}" for number, path in enumerate(ingested.paths) if number != 1
    }
    assert files[f"images/{ingested.paths[0].name}"] == ingested.paths[0].read_bytes()
    assert len(files) == 6 + 5 + 1


def test_yolo_of_nothing(toys: ToyLibrary) -> None:
    assert dict(yolo_files(dataset(toys))) == {"data.yaml": b"path: .\ntrain: images\nval: images\nnames: {}\n"}


def test_voc(toys: ToyLibrary) -> None:
    named(toys, "a")
    files = dict(voc_files(dataset(toys)))
    assert [name for name in files if name.endswith(".txt")] == ["ImageSets/Segmentation/all.txt", "labelmap.txt"]
    assert files["labelmap.txt"].decode().splitlines()[1:] == [
        "background:0,0,0::", "cow: \"big\":128,0,0::", "segment:0,128,0::",
    ]  # fmt: skip
    root = fromstring(files["Annotations/a.xml"])
    assert (root.findtext("size/width"), root.findtext("size/height")) == ("80", "40")
    whole, part = root.findall("object")
    assert [each.findtext("name") for each in (whole, part)] == ['cow: "big"', "segment"]
    box = [int(part.findtext(f"bndbox/{tag}") or 0) for tag in ("xmin", "ymin", "xmax", "ymax")]
    assert box == [13, 9, 24, 16]  # from 1 on, and with the last pixel
    for found, mask in zip((whole, part), nested(), strict=True):
        height, width = map(int, (found.findtext("rle/size") or "").split())
        np.testing.assert_array_equal(decode_mask((height, width), (found.findtext("rle/counts") or "").encode()), mask)
    large = nested().repeat(2, axis=1).repeat(2, axis=2)
    drawn = np.where(large[1], 2, np.where(large[0], 1, 0))
    for folder in ("SegmentationObject", "SegmentationClass"):
        with Image.open(io.BytesIO(files[f"{folder}/a.png"])) as picture:
            assert picture.mode == "P"
            assert picture.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
            np.testing.assert_array_equal(np.asarray(picture), drawn)


def test_colours_of_voc() -> None:
    """As its development kit has them."""
    colors = palette().reshape(-1, 3).tolist()
    assert (colors[7], colors[15], colors[255]) == ([128, 128, 128], [192, 128, 128], [224, 224, 192])


def test_voc_of_many_objects_has_16_bits(toys: ToyLibrary) -> None:
    masks = np.eye(300, dtype=bool).reshape(300, 10, 30)
    toys.add(analysis(np.tile([1.0, 0, 0, 0], (300, 1)).astype(np.float32), masks), size_hw=(10, 30))
    files = dict(voc_files(dataset(toys)))
    with Image.open(io.BytesIO(files["SegmentationObject/1.png"])) as picture:
        np.testing.assert_array_equal(np.asarray(picture).ravel(), np.arange(1, 301))
    with Image.open(io.BytesIO(files["SegmentationClass/1.png"])) as picture:
        assert picture.mode == "P"


def test_xml_of_strange_names(toys: ToyLibrary) -> None:
    toys.register("x<&\x07>")
    toys.ingest_queue.claim("toys", 1)
    toys.finish(1, analysis([(1, 0, 0, 0)], labels=("<b>&\x00\x1b",)))
    files = dict(voc_files(dataset(toys)))
    root = fromstring(files["Annotations/x_&__.xml"])
    assert root.findtext("object/name") == "<b>&\ufffd\ufffd"
    assert root.findtext("filename") == "x<&\ufffd>.png"


def rows_of(found: Dataset) -> list[dict[str, str]]:
    text = b"".join(csv_table(found)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv(toys: ToyLibrary) -> None:
    named(toys, "a", "b")
    taught(toys, "=HYPERLINK(1)", toys.segment_ids(1)[:1])
    rows = rows_of(dataset(toys))
    assert len(rows) == 4
    assert rows[0]["path"] == "/toys/a.png"
    assert [rows[1][name] for name in ("x0", "y0", "x1", "y1", "area", "quality")] == [
        "12", "8", "24", "16", "96", "0.1",
    ]  # fmt: skip
    assert [row["category"] for row in rows] == ["'=HYPERLINK(1)", "segment"] * 2
    assert rows[0]["concepts"] == "'=HYPERLINK(1)"
    assert rows[1]["parent_id"] == rows[0]["segment_id"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1"])
def test_cells_that_look_like_formulas(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_other_cells() -> None:
    assert harmless("a=b") == "a=b"
    assert harmless("") == ""
    assert harmless("\t=1\n\x1b[31m") == "\\t=1\\n\\x1b[31m"


def test_cutouts(ingested: Ingested, tmp_path: Path) -> None:
    with DecoderPool(1) as decoders:
        photos = Photos(ingested.assembly.catalog, ingested.assembly.originals, decoders)
        ingested.paths[5].unlink()
        made = Export(dataset=everything(ingested.assembly), format="cutouts", picture=photos.image)
        content = b"".join(made.parts())
        whole = photos.image(ingested.ids[0], 96)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        assert len(names) == 5 * 25 + 1
        assert ingested.paths[5].stem in archive.read(LEFT_OUT).decode()
        segment = ingested.assembly.catalog.segments.of_image(ingested.ids[0])[3]
        with archive.open(f"segment/{ingested.paths[0].stem}-{segment.id}.png") as file, Image.open(file) as picture:
            pixels = np.asarray(picture)
    x0, y0, x1, y1 = segment.box_xyxy
    assert pixels.shape == (y1 - y0, x1 - x0, 4)
    np.testing.assert_array_equal(pixels[..., :3], whole[y0:y1, x0:x1])
    assert set(np.unique(pixels[..., 3])) <= {0, 255}
    assert (pixels[..., 3] > 0).sum() == segment.area


def test_cutouts_stay_in_their_folder(toys: ToyLibrary) -> None:
    toys.add(analysis([(1, 0, 0, 0)], labels=("../../etc/passwd\0",)), size_hw=(8, 40))
    ((name, _),) = cutout_files(dataset(toys), lambda *_: np.zeros((8, 40, 3), np.uint8))
    assert name == "_.._etc_passwd_/1-1.png"


def test_photos_that_are_gone_are_named(toys: ToyLibrary) -> None:
    def gone(image_id: int, long_side: int) -> Any:
        raise UnreadableImageError("the file is gone")

    toys.add(analysis([(1, 0, 0, 0)]))
    assert list(cutout_files(dataset(toys), gone)) == [(LEFT_OUT, b"1: the file is gone\n")]


@pytest.mark.parametrize(
    ("name", "safe"), [("a/b", "a_b"), ("..", "_"), ("a" * 300, "a" * 100), ("caf\udce9", "caf_xe9"), ("東京", "東京")]
)
def test_names_of_files(name: str, safe: str) -> None:
    assert file_name(name) == safe


def test_parquet(toys: ToyLibrary) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    import pyarrow

    named(toys, "a", "b")
    toys.add(analysis([(0, 0, 1, 0)]), recipe="other:1")
    read = parquet.read_table(io.BytesIO(b"".join(parquet_table(dataset(toys)))))
    assert read.schema.field("vector").type == pyarrow.list_(pyarrow.float32(), 4)
    assert read.schema.field("box_xyxy").type == pyarrow.list_(pyarrow.int32(), 4)
    rows = read.to_pylist()
    assert [row["segment_id"] for row in rows] == [1, 2, 3, 4]
    image, (_, part) = toys.catalog.images.get(1), toys.catalog.segments.of_image(1)
    assert rows[1] == {
        "segment_id": 2, "image_id": 1, "path": "/toys/a.png", "box_xyxy": [12, 8, 24, 16], "area": 96,
        "quality": pytest.approx(0.1), "category": "segment", "space": TOY, "vector": [0, 1, 0, 0],
        "label": None, "label_score": None, "is_imported": False, "mask_size_hw": [20, 40],
        "mask_counts": part.mask_counts, "colors": None, "sha256": image.sha256, "width": 80, "height": 40,
        "format": "PNG", "taken_at": None, "recipe": TOY, "segments_of_photo": 2, "photo_vector": None,
    }  # fmt: skip
    assert [row["photo_vector"] for row in rows] == [[1, 0, 0, 0], None] * 2
    assert (rows[0]["label"], rows[0]["label_score"]) == ('cow: "big"', 0)


def test_parquet_writes_groups(toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    monkeypatch.setattr("retrieval.formats.vectors.GROUP", 3)
    named(toys, "a", "b", "c", "d", "e")
    parts = list(parquet_table(dataset(toys)))
    assert len(parts) == 4
    file = parquet.ParquetFile(io.BytesIO(b"".join(parts)))
    assert file.num_row_groups == 3
    assert file.read().column("segment_id").to_pylist() == list(range(1, 11))


def test_parquet_without_vectors_of_the_space(toys: ToyLibrary) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    toys.add(analysis([(0, 0, 1, 0)]), recipe="other:1")
    with pytest.raises(QueryError, match="no segment of these photos has a vector of toy:1"):
        list(parquet_table(dataset(toys)))


@pytest.mark.parametrize("form", [each for each in FORMATS if each != "parquet"])
def test_an_empty_library(toys: ToyLibrary, form: Format) -> None:
    made = Export(dataset=dataset(toys), format=form, picture=lambda *_: np.zeros((1, 1, 3), np.uint8))
    content = b"".join(made.parts())
    if content[:2] == b"PK":
        assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


def test_photos_without_names(toys: ToyLibrary) -> None:
    """An upload of which the name is not known."""
    from retrieval.storage.locations import SeenFile, uri_of

    seen = SeenFile(uri_of(Path("/uploads/ab/abc.png")), "0" * 64, 1, 1, uploaded_as="")
    toys.catalog.locations.register([seen])
    toys.ingest_queue.claim("toys", 1)
    toys.finish(1, analysis([(1, 0, 0, 0)]))
    found = Dataset(toys.catalog, Concepts(toys.sessions), TOY, Selection())
    assert [entry.stem for entry in found] == ["photo 1"]
