"""Photos and segments of the library show themselves, and can be exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from toys import Ingested

import retrieval as ss
from retrieval.errors import QueryError, UnknownImageError
from retrieval.library import Photo, Segment
from retrieval.library.records import LIKELY_OBJECT

pytestmark = pytest.mark.slow


@pytest.fixture
def lib(ingested: Ingested) -> Iterator[ss.Library]:
    """Six photos of 96 by 72 pixels on the `grid` recipe, whose cells are 24 by 18."""
    with ss.open(ingested.assembly.settings.data_dir, recipe="grid", device="cpu") as opened:
        yield opened


def shown(thing: Photo | Segment) -> np.ndarray:
    png = thing._repr_png_()
    assert png is not None
    with Image.open(BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"), int)


def test_photos_show_themselves_with_their_likely_objects(lib: ss.Library) -> None:
    photo = next(lib.images())
    assert photo.image().shape == (72, 96, 3)
    assert max(photo.image(48).shape) == 48
    differs = (shown(photo) != photo.image()).any()
    assert differs == any(segment.quality >= LIKELY_OBJECT for segment in lib.segments(photo.id))


@pytest.mark.parametrize("long_side", [0, -1])
def test_a_picture_of_no_size_is_refused(lib: ss.Library, long_side: int) -> None:
    photo = next(lib.images())
    for picture in (photo.image, photo.outlined, lib.segments(photo.id)[0].outlined):
        with pytest.raises(QueryError, match="from 1 on"):
            picture(long_side)


def test_segments_show_themselves_on_their_photos(lib: ss.Library) -> None:
    photo = next(lib.images())
    segment = lib.segments(photo.id)[0]
    changed = (shown(segment) != photo.image()).any(axis=2)
    x0, y0, x1, y1 = segment.box_xyxy
    assert changed[max(0, y0 - 3) : y1 + 3, max(0, x0 - 3) : x1 + 3].any()
    changed[max(0, y0 - 3) : y1 + 3, max(0, x0 - 3) : x1 + 3] = False
    assert not changed.any(), "the outline is about the segment"


def test_what_is_gone_is_shown_by_its_text(lib: ss.Library, ingested: Ingested) -> None:
    photo = next(lib.images())
    segment, hits = lib.segments(photo.id)[0], lib.search(image=photo.id)
    assert photo.path is not None
    photo.path.unlink()
    assert photo._repr_png_() is None
    assert segment._repr_png_() is None
    assert "photos=" not in repr(photo)
    gone = hits[0]
    ingested.assembly.trash.put([gone.image_id])
    ingested.assembly.trash.delete([gone.image_id])
    assert gone._repr_png_() is None
    assert "there is no" in hits._repr_html_()
    with pytest.raises(UnknownImageError):
        gone.image()


def test_everything_or_some_hits_are_exported(lib: ss.Library, tmp_path: Path) -> None:
    photos = list(lib.images())
    lib.export(tmp_path / "all.json")
    everything = json.loads((tmp_path / "all.json").read_text())
    assert len(everything["images"]) == len(photos)
    hits = lib.search(segment=lib.segments(photos[0].id)[0].id, limit=2)
    lib.export(tmp_path / "some.json", hits)
    some = json.loads((tmp_path / "some.json").read_text())
    assert {each["id"] for each in some["annotations"]} == {hit.segment_id for hit in hits}
    lib.export(tmp_path / "cut.zip", hits, format="cutouts")
    with ZipFile(tmp_path / "cut.zip") as archive:
        assert sum(name.endswith(".png") for name in archive.namelist()) == 2


def test_a_wrong_export_is_refused(lib: ss.Library, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="choose one of coco"):
        lib.export(tmp_path / "all.json", format="jpeg")
    lib.export(tmp_path / "all.json")
    with pytest.raises(QueryError, match="exists"):
        lib.export(tmp_path / "all.json")
    lib.export(tmp_path / "all.json", replace=True)
    whole = replace(lib.search(segment=lib.segments(1)[0].id)[0], segment_id=None)
    with pytest.raises(QueryError, match="give one of its segments"):
        lib.export(tmp_path / "whole.json", [whole])
    lib.export(tmp_path / "none.json", [])
    assert json.loads((tmp_path / "none.json").read_text())["annotations"] == []
