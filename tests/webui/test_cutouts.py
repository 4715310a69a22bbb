"""Segments as PNGs: cut out of their photo, and their masks."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from installation import SIZE, Library, drawing, encoded
from PIL import Image
from werkzeug.test import TestResponse

from retrieval.catalog.records import SegmentRecord
from retrieval.images.masks import decode_mask, encode_mask
from retrieval.storage import file_names
from webui.context import WebContext
from webui.pictures import cutouts

WIDTH, HEIGHT = SIZE
CORNER = [0, 0, WIDTH // 2, HEIGHT // 2]


def segment_with(client: FlaskClient, box: list[int], image_id: int = 1) -> dict[str, Any]:
    """A segment by its box."""
    found = client.get(f"/api/v1/images/{image_id}").get_json()["segments"]
    return next(each for each in found if each["box_xyxy"] == box)


def picture_of(response: TestResponse) -> Image.Image:
    """A PNG."""
    assert (response.status_code, response.mimetype) == (200, "image/png"), response.get_data(as_text=True)[:300]
    picture = Image.open(io.BytesIO(response.data))
    assert picture.format == "PNG"
    return picture


def detail_of(response: TestResponse, status: int) -> str:
    """The detail of a problem document."""
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    return str(json.loads(response.data)["detail"])


def cutout_of(client: FlaskClient, box: list[int]) -> TestResponse:
    return client.get(f"/api/v1/segments/{segment_with(client, box)['id']}/cutout.png")


def test_a_cutout_is_the_box_in_pixels_of_the_original(reader: FlaskClient) -> None:
    response = cutout_of(reader, CORNER)
    assert response.headers["Cutout-Frame"] == "original"
    picture = picture_of(response)
    assert (picture.mode, picture.size) == ("RGBA", (WIDTH // 2, HEIGHT // 2))
    assert (np.asarray(picture)[2:-2, 2:-2] == [0, 0, 255, 255]).all()


def test_what_is_around_the_segment_is_transparent_and_black() -> None:
    mask = np.zeros((60, 80), bool)
    mask[20:40, 20:40] = True
    mask[40:60, 40:60] = True
    record = record_of(mask, (80, 80, 240, 240), 1)
    rgb = np.full((240, 320, 3), 200, np.uint8)
    piece = cutouts.cut_out(rgb, record, (240, 320))
    assert piece.shape == (160, 160, 4)
    assert (piece[8:72, 8:72] == [200, 200, 200, 255]).all()
    assert (piece[8:72, 88:152] == 0).all()
    edge = piece[40, :, 3]
    assert ((edge > 25) & (edge < 230)).sum() <= 2, "the edge is about one pixel wide"
    half = cutouts.cut_out(rgb[::2, ::2], record, (240, 320))
    assert half.shape == (80, 80, 4)


def record_of(mask: np.ndarray[Any, np.dtype[np.bool_]], box: tuple[int, int, int, int], key: int) -> Any:
    return SegmentRecord(
        id=key, image_id=1, box_xyxy=box, area=1, quality=1.0, label=None, label_score=None, parent_id=None,
        mask_size_hw=(mask.shape[0], mask.shape[1]), mask_counts=encode_mask(mask),
    )  # fmt: skip


def test_a_single_pixel_of_the_mask_can_be_cut_out() -> None:
    mask = np.zeros((60, 80), bool)
    mask[59, 79] = True
    piece = cutouts.cut_out(np.full((30, 40, 3), 9, np.uint8), record_of(mask, (316, 236, 320, 240), 1), (240, 320))
    assert piece.shape == (1, 1, 4)


def test_photos_on_their_side_are_cut_upright(client: FlaskClient, library: Library) -> None:
    picture = drawing(("red", "blue"), (HEIGHT, WIDTH)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown a quarter turn to the right
    image_id = library.add("turned.jpg", encoded(picture, "JPEG", quality=95, exif=exif))
    item = client.get(f"/api/v1/images/{image_id}").get_json()
    assert (item["width"], item["height"]) == (HEIGHT, WIDTH)
    corner = segment_with(client, [0, 0, HEIGHT // 2, WIDTH // 2], image_id)
    pixels = np.asarray(picture_of(client.get(f"/api/v1/segments/{corner['id']}/cutout.png")))
    assert pixels.shape[:2] == (WIDTH // 2, HEIGHT // 2)
    assert np.allclose(pixels[4:-4, 4:-4].mean((0, 1)), [0, 0, 255, 255], atol=8)


@pytest.mark.parametrize("why", ["large", "missing", "changed"])
def test_otherwise_a_cutout_is_of_the_preview(
    client: FlaskClient, library: Library, parts: WebContext, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    before = cutout_of(client, CORNER)
    if why == "large":
        monkeypatch.setattr(cutouts, "MAX_ORIGINAL_PIXELS", WIDTH * HEIGHT - 1)
    elif why == "missing":
        (library.photos / "photo1.png").unlink()
    else:
        (library.photos / "photo1.png").write_bytes(encoded(drawing(("red", "white"))))
    response = cutout_of(client, CORNER)
    assert response.headers["Cutout-Frame"] == "preview"
    assert response.headers["ETag"] != before.headers["ETag"]
    pixels = np.asarray(picture_of(response))
    assert np.allclose(pixels[4:-4, 4:-4].mean((0, 1)), [0, 0, 255, 255], atol=8)
    digest = parts.catalog.images.get(1).sha256
    if why == "large":
        (parts.settings.files_dir / file_names.preview(digest)).write_bytes(b"spoilt")
        assert picture_of(cutout_of(client, CORNER)).size == picture_of(response).size
    else:
        (parts.settings.files_dir / file_names.preview(digest)).unlink()
        detail_of(cutout_of(client, CORNER), 410 if why == "missing" else 409)


@pytest.mark.parametrize("frame", [None, "original", "analysed"])
def test_masks(reader: FlaskClient, frame: str | None) -> None:
    corner = segment_with(reader, CORNER)
    query = {"mask_frame": frame} if frame else {}
    picture = picture_of(reader.get(f"/api/v1/segments/{corner['id']}/mask.png", query_string=query))
    rows, columns = corner["mask"]["size"]
    assert (picture.mode, picture.size) == ("L", (columns, rows) if frame == "analysed" else SIZE)
    pixels = np.asarray(picture)
    assert set(np.unique(pixels)) == {0, 255}
    kept = decode_mask((rows, columns), corner["mask"]["counts"].encode())
    assert (pixels > 0).mean() == pytest.approx(kept.mean(), abs=0.002)
    y, x = np.nonzero(pixels)
    x0, y0, x1, y1 = corner["box_xyxy"]
    if frame != "analysed":
        assert x0 <= x.min() and x.max() < x1 and y0 <= y.min() and y.max() < y1


@pytest.mark.parametrize("what", ["cutout.png", "mask.png", "mask.png?mask_frame=analysed"])
def test_a_browser_that_has_it_is_not_sent_it_again(
    reader: FlaskClient, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    address = f"/api/v1/segments/{segment_with(reader, CORNER)['id']}/{what}"
    first = reader.get(address)
    assert first.cache_control.private and first.cache_control.max_age
    monkeypatch.setattr(cutouts, "_png", lambda _: pytest.fail("it was made for nothing"))
    again = reader.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = {"mask.png": "mask.png?mask_frame=analysed"}.get(what, "mask.png")
    monkeypatch.undo()
    assert reader.get(address.replace(what, other)).headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("what", ["cutout.png", "mask.png"])
def test_bad_requests(reader: FlaskClient, what: str) -> None:
    assert "no segment 12345" in detail_of(reader.get(f"/api/v1/segments/12345/{what}"), 404)
    detail_of(reader.get(f"/api/v1/segments/9999999999999999999/{what}"), 422)
    detail_of(reader.get(f"/api/v1/segments/x/{what}"), 404)
    if what == "mask.png":
        assert "original" in detail_of(reader.get("/api/v1/segments/1/mask.png?mask_frame=preview"), 422)
        assert "frame" in detail_of(reader.get("/api/v1/segments/1/mask.png?frame=original"), 422)
