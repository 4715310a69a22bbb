"""The library as a program in Python uses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from databases import Files, Server, fetched
from PIL import Image
from toys import Ingested, Pictures

import retrieval as ss
from retrieval.errors import (
    ConfigurationError,
    QueryError,
    SchemaOutdatedError,
    UnknownImageError,
    UnreadableImageError,
)
from retrieval.images.masks import encode_mask
from retrieval.library.hits import Hits

pytestmark = pytest.mark.slow

mpl.use("Agg")


@pytest.fixture
def lib(ingested: Ingested) -> Iterator[ss.Library]:
    """Six photos of 96 by 72 pixels on the `grid` recipe, whose cells are 24 by 18."""
    with ss.open(ingested.assembly.settings.data_dir, recipe="grid", device="cpu") as opened:
        yield opened


@pytest.fixture
def first(ingested: Ingested) -> Path:
    return ingested.paths[0]


def test_what_was_ingested_is_found(tmp_path: Path, pictures: Pictures) -> None:
    paths = pictures.many(3)
    with ss.open(tmp_path / "home", recipe="grid", device="cpu") as lib:
        report = lib.ingest(pictures.folder)
        assert (report.counts["indexed"], len(report.failures)) == (3, 0)
        best = lib.search(image=paths[0], point=(30, 30))[0]
        assert best.path == paths[0]
        assert 0.7 <= best.score <= 1, "it is the same, of whatever quality"
        x0, y0, x1, y1 = best.box_xyxy
        assert x0 <= 30 < x1
        assert y0 <= 30 < y1
        more = pictures("later.png")
        lib.ingest(more)
        assert more in {hit.path for hit in lib.search(image=more)}, "what came later is found by the same library"


def test_one_broken_file_stops_nothing(tmp_path: Path, pictures: Pictures) -> None:
    pictures.many(1)
    (pictures.folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    with ss.open(tmp_path / "home", recipe="grid", device="cpu") as lib:
        report = lib.ingest(pictures.folder)
    assert report.counts["indexed"] == 1
    assert [Path(each.path).name for each in report.failures] == ["broken.jpg"]


def test_every_way_of_asking(lib: ss.Library, first: Path) -> None:
    own = next(image for image in lib.images() if image.path == first)
    segment = lib.segments(own.id)[0]
    for hits in (lib.search(image=first), lib.search(image=str(first), box=(0, 0, 24, 18))):
        assert hits[0].path == first
    by_id, by_place = lib.search(segment=segment.id), lib.search(image=own.id, box=segment.box_xyxy)
    assert [hit.segment_id for hit in by_id] == [hit.segment_id for hit in by_place]
    assert first not in {hit.path for hit in by_id}, "others like a stored one are sought"
    assert len(lib.search(image=first, limit=2)) == 2
    left = lib.search(image=first, point=(5, 5), filters=ss.Filters(position="left"))
    assert all((hit.box_xyxy[0] + hit.box_xyxy[2]) / 2 <= 96 / 3 for hit in left)
    part, whole = (lib.search(image=own.id, point=(30, 30), granularity=value) for value in (0, 1))
    assert [hit.segment_id for hit in part] != [hit.segment_id for hit in whole]
    second = lib.search(image=own.id, point=(30, 30), granularity=0, level=1)
    assert [hit.segment_id for hit in second] != [hit.segment_id for hit in part]
    both = ss.Clause(positive=(ss.Ref(segment=lib.segments(own.id)[1].id),))
    together = lib.search(segment=segment.id, also=[both], relations=[ss.Relation(0, "left_of", 1)])
    assert len(together) > 0


def test_marks_and_masks_on_any_photo(lib: ss.Library, first: Path) -> None:
    own = next(image for image in lib.images() if image.path == first)
    mask = np.zeros((18, 24), bool)
    mask[:, 6:20] = True
    for photo in (first, own.id):
        made = lib.search(image=photo, mask=((18, 24), encode_mask(mask).decode())).used[0].made
        assert made is not None
        assert (made.mask_size_hw, made.mask_counts) == ((18, 24), encode_mask(mask))
        hits = lib.search(image=photo, polygon=[(0, 0), (40, 0), (40, 30)])
        assert hits.used[0].segment is not None, "grid makes none"
        assert hits[:1].used == hits.used
        assert lib.search(image=photo, points=[(5, 5)], not_points=[(90, 60)]).used[0].segment is not None


def test_masks_and_pictures_are_in_the_frame_of_the_original(lib: ss.Library, first: Path) -> None:
    hit = lib.search(image=first, point=(30, 30))[0]
    x0, y0, x1, y1 = hit.box_xyxy
    mask, image = hit.mask(), hit.image()
    assert (mask.dtype, mask.shape, hit.size_hw) == (bool, (72, 96), (72, 96))
    assert mask[30, 30]
    rows, columns = np.nonzero(mask)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x0, y0, x1, y1)
    np.testing.assert_allclose(image.astype(int), np.asarray(Image.open(first).convert("RGB"), int), atol=2)
    np.testing.assert_array_equal(hit.crop(), image[y0:y1, x0:x1])
    changed = (hit.outlined(96) != image).any(axis=2)
    assert changed.any()
    assert not changed[:, : max(0, x0 - 3)].any(), "the outline is about the segment"
    whole = lib.search(image=first)[0]
    assert whole.mask().all()


def test_a_photo_that_lies_on_its_side_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (96, 72), "teal")
    picture.paste("red", (0, 0, 48, 72))
    picture.save(tmp_path / "turned.jpg", exif=exif)
    with ss.open(tmp_path / "home", recipe="grid", device="cpu") as lib:
        lib.ingest(tmp_path / "turned.jpg")
        hit = lib.search(image=tmp_path / "turned.jpg", point=(36, 10))[0]
        assert hit.size_hw == hit.mask().shape == hit.image().shape[:2] == (96, 72)
        assert not hit.mask()[48:].any(), "the left half is on top"


def test_hits_are_a_sequence_that_says_what_it_is(lib: ss.Library, first: Path) -> None:
    hits = lib.search(image=first)
    assert len(hits[:2]) == 2
    assert first.name in repr(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_hits_say_that_probably_nothing_shows_it(lib: ss.Library, first: Path) -> None:
    hits = lib.search(image=first)
    assert all(hit.probability is None for hit in hits)
    assert not hits.none_likely, "no probability, no such answer"
    unlikely = Hits([replace(hit, probability=0.25, likely=False) for hit in hits])
    assert unlikely.none_likely
    assert not Hits([*unlikely, replace(hits[0], probability=0.75, likely=True)]).none_likely


def test_hits_are_drawn(lib: ss.Library, first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import pyplot

    hits = lib.search(image=first)
    axes = hits.plot()
    assert [each.get_title() for each in axes[: len(hits)]] == [f"{hit.score:.3f}" for hit in hits]
    assert all(each.images for each in axes[: len(hits)])
    _, given = pyplot.subplots(1, 2)
    assert hits[:2].plot(given) == list(given)
    shown: list[bool] = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(True))
    hits[:0].show()
    assert shown
    pyplot.close("all")


def test_a_notebook_shows_pictures(lib: ss.Library, first: Path) -> None:
    hits = lib.search(image=first)
    second = hits[1].path
    assert second is not None
    second.unlink()
    assert hits[1]._repr_png_() is None
    alone = hits[0]._repr_png_()
    assert alone is not None
    assert Image.open(BytesIO(alone)).size == (96, 72)
    page = hits._repr_html_()
    assert page.count("<img") == len(hits) - 1
    assert "changed or moved" in page


def test_names_of_files_are_no_markup(tmp_path: Path, pictures: Pictures) -> None:
    path = pictures("<script>.png")
    with ss.open(tmp_path / "home", recipe="grid", device="cpu") as lib:
        lib.ingest(path)
        assert "<script>" not in lib.search(image=path)._repr_html_()


def test_a_photo_that_changed_is_not_shown_as_the_old_one(lib: ss.Library, first: Path) -> None:
    hit = lib.search(image=first)[0]
    Image.new("RGB", (96, 72), "red").save(first)
    with pytest.raises(UnreadableImageError, match="was changed or moved.*ingest its folder again"):
        hit.image()


def test_photos_are_deleted(lib: ss.Library, first: Path) -> None:
    own = next(image.id for image in lib.images() if image.path == first)
    lib.delete(own)
    assert own not in {image.id for image in lib.images()}
    assert own not in {hit.image_id for hit in lib.search(image=first)}
    assert first.exists()
    assert lib.segments(own)
    lib.restore(own)
    assert own in {hit.image_id for hit in lib.search(image=first)}
    with pytest.raises(UnknownImageError):
        lib.restore(own + 1000)
    with pytest.raises(UnknownImageError):
        lib.delete(own + 1000)


def test_names_are_learnt(lib: ss.Library, first: Path) -> None:
    shown = lib.search(image=first, point=(30, 30))[:1]
    other = lib.segments(shown[0].image_id)[-1].id
    lib.learn("thing", shown, [other])
    assert lib.concepts() == ["thing"]
    assert lib.search(text="thing")[0].image_id == shown[0].image_id
    with pytest.raises(QueryError, match="whole photo"):
        lib.learn("other", lib.search(image=first))


def test_a_query_photo_leaves_nothing_behind(lib: ss.Library, ingested: Ingested, first: Path) -> None:
    lib.search(image=first)
    assert fetched(ingested.assembly.settings.database_url, "SELECT count(*) FROM query") == [(0,)]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "the query is empty"),
        ({"image": "nowhere.jpg"}, "is not a file: give the path of a photo"),
        ({"point": (1, 1)}, "give image, too"),
        ({"image": 1, "point": (1, 1), "box": (0, 0, 9, 9)}, "give only one of box, point"),
        ({"image": 1, "point": (500, 1)}, "500"),
        ({"granularity": 0.5}, "give point, too"),
        ({"image": 1, "level": 1}, "give point, too"),
        ({"image": 1, "point": (5, 5), "granularity": 2}, "granularity is 2"),
        ({"image": 1, "point": (5, 5), "level": 99}, "there is no level 99"),
        ({"image": 1, "limit": 0}, "limit is 0"),
        ({"segment": 1, "also": [""]}, "is empty"),
    ],
)
def test_what_cannot_be_asked(lib: ss.Library, asked: dict, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        lib.search(**asked)


def test_a_file_that_is_no_photo(lib: ss.Library, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(UnreadableImageError):
        lib.search(image=tmp_path / "notes.txt")


def test_what_cannot_be_entered(lib: ss.Library) -> None:
    with pytest.raises(QueryError, match="at least one"):
        lib.ingest()
    with pytest.raises(QueryError, match="does not exist"):
        lib.ingest("nowhere")


def test_what_cannot_be_opened(tmp_path: Path, databases: Files | Server) -> None:
    with pytest.raises(ConfigurationError, match="'nothing' is none of"):
        ss.open(tmp_path / "home", recipe="nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="is not a folder"):
        ss.open(tmp_path / "file")
    (tmp_path / "newer").mkdir()
    databases.blank(tmp_path / "newer")
    databases.execute(tmp_path / "newer", "UPDATE alembic_version SET version_num = '9999'")
    databases.execute(tmp_path / "newer", "UPDATE schema_support SET oldest = '9999'")
    with pytest.raises(SchemaOutdatedError, match="newer SegSearch.*upgrade"):
        ss.open(tmp_path / "newer", recipe="grid")


def test_plots_without_matplotlib_say_what_to_install(
    lib: ss.Library, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = lib.search(image=first)

    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")

    monkeypatch.setattr("retrieval.processes.extras.import_module", absent)
    with pytest.raises(ConfigurationError, match=r"pip install 'segsearch\[plot\]'"):
        hits.plot()
    assert "<img" in hits._repr_html_(), "a notebook's pictures need no matplotlib"
