"""Masks in the format and the frame that a call asks for: mask, polygons and box agree, on every call that gives them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from installation import SIZE, Library, drawing, encoded

from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.images.masks import decode_mask, encode_mask
from retrieval.images.polygons import mask_of_polygons
from retrieval.settings import Settings
from webui import create_app
from webui.context import EXTENSION

COCO = Path(__file__).parents[3] / "shared/data/coco-dev"
WIDTH, HEIGHT = SIZE
V1 = "/api/v1"

Call = Callable[[FlaskClient, dict[str, str]], Any]


def of_photo(client: FlaskClient, asked: dict[str, str]) -> Any:
    return client.get(f"{V1}/images/1", query_string=asked).get_json()["segments"][0]


def of_query(client: FlaskClient, asked: dict[str, str]) -> Any:
    form = {"file": (io.BytesIO(encoded(drawing(("red", "teal")))), "query.png")}
    begun = client.post(f"{V1}/queries", data=form, query_string=asked).get_json()
    again = client.get(f"{V1}/queries/{begun['id']}", query_string=asked).get_json()
    assert again == begun
    return begun["segments"][0]


def of_place(client: FlaskClient, asked: dict[str, str]) -> Any:
    return client.post(f"{V1}/segment", json={"image": 1, "point": [9, 9]}, query_string=asked).get_json()


def of_search(client: FlaskClient, asked: dict[str, str]) -> Any:
    return client.post(f"{V1}/search", json={"positive": [{"segment": 1}], **asked}).get_json()["results"][0]


def of_several(client: FlaskClient, asked: dict[str, str]) -> Any:
    body = {"positive": [{"segment": 1}], "also": [{"positive": [{"segment": 2}]}], **asked}
    return client.post(f"{V1}/search", json=body).get_json()["results"][0]["matched"][1]


def of_used(client: FlaskClient, asked: dict[str, str]) -> Any:
    return client.post(f"{V1}/search", json={"positive": [{"segment": 1}], **asked}).get_json()["used"][0]["segment"]


def of_made(client: FlaskClient, asked: dict[str, str]) -> Any:
    pixels = np.zeros((60, 80), bool)
    pixels[20:50, 24:56] = True
    mask = {"size": [60, 80], "counts": encode_mask(pixels).decode()}
    body = {"positive": [{"image": 1, "mask": mask}], **asked}
    return client.post(f"{V1}/search", json=body).get_json()["used"][0]


def of_round(client: FlaskClient, asked: dict[str, str]) -> Any:
    begun = client.post(f"{V1}/feedback", json={"positive": [{"segment": 1}], **asked}).get_json()
    first = f"{V1}/feedback/{begun['id']}"
    shown = client.get(first, query_string=asked).get_json()["results"]
    assert shown == begun["results"]
    judged = client.post(f"{first}/rounds", json={"relevant": [shown[0]["segment_id"]], **asked}).get_json()
    assert client.delete(f"{first}/rounds/last", query_string=asked).get_json()["results"] == shown
    return judged["results"][0]


def by_id(client: FlaskClient, asked: dict[str, str]) -> Any:
    return client.get(f"{V1}/segments/1", query_string=asked).get_json()


def by_ids(client: FlaskClient, asked: dict[str, str]) -> Any:
    return client.post(f"{V1}/segments/batch", json={"ids": [1], **asked}).get_json()["segments"][0]


def in_batch(client: FlaskClient, asked: dict[str, str]) -> Any:
    body = {"searches": [{"positive": [{"segment": 1}], **asked}]}
    return client.post(f"{V1}/search/batch", json=body).get_json()["answers"][0]["answer"]["results"][0]


CALLS: dict[str, Call] = {
    call.__name__: call
    for call in (
        *(of_photo, of_query, of_place, of_search, of_several, of_used, of_made, of_round),
        *(by_id, by_ids, in_batch),
    )
}


def drawn(mask: dict[str, Any]) -> np.ndarray:
    """The pixels of a mask in either format."""
    height, width = mask["size"]
    if "polygons" in mask:
        return mask_of_polygons(mask["polygons"], (height, width))
    return decode_mask((height, width), mask["counts"].encode())


def box_of(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


@pytest.mark.parametrize("name", CALLS)
def test_every_call_has_formats_and_frames(client: FlaskClient, name: str) -> None:
    call = CALLS[name]
    masks = {
        (form, frame): call(client, {"masks": form, "mask_frame": frame})["mask"]
        for form in ("rle", "polygons")
        for frame in ("original", "analysed")
    }
    assert all(("counts" in mask) == (form == "rle") for (form, _), mask in masks.items())
    assert masks["rle", "analysed"]["size"] == masks["polygons", "analysed"]["size"]
    for form in ("rle", "polygons"):
        assert masks[form, "original"]["size"] == [HEIGHT, WIDTH]
    for frame in ("original", "analysed"):
        np.testing.assert_array_equal(drawn(masks["rle", frame]), drawn(masks["polygons", frame]))
    found = call(client, {"masks": "polygons", "mask_frame": "original"})
    np.testing.assert_allclose(box_of(drawn(found["mask"])), found["box_xyxy"], atol=1)


@pytest.mark.parametrize("name", CALLS)
def test_no_masks(client: FlaskClient, name: str) -> None:
    found = CALLS[name](client, {"masks": "none"})
    if name in ("of_used", "of_made"):
        assert "counts" in found["mask"], "what an example resolved to is always shown"
    else:
        assert "mask" not in found


@pytest.mark.parametrize("name", CALLS)
def test_frame_and_format_if_nothing_is_asked_for(client: FlaskClient, name: str) -> None:
    found = CALLS[name](client, {})
    if name in ("of_search", "of_several", "of_round", "in_batch"):
        assert "mask" not in found
    else:
        assert found["mask"] == CALLS[name](client, {"masks": "rle", "mask_frame": "analysed"})["mask"]


def test_booleans_are_still_understood(reader: FlaskClient) -> None:
    body: dict[str, Any] = {"positive": [{"segment": 1}], "limit": 2}
    for old, new in ((True, "rle"), (False, "none")):
        answers = [reader.post(f"{V1}/search", json={**body, "masks": masks}).get_json() for masks in (old, new)]
        assert answers[0]["results"] == answers[1]["results"]


@pytest.mark.parametrize("asked", [{"masks": "png"}, {"masks": 1}, {"mask_frame": "preview"}], ids=json.dumps)
def test_what_does_not_exist_is_refused(reader: FlaskClient, asked: dict[str, Any]) -> None:
    told = reader.post(f"{V1}/search", json={"positive": [{"segment": 1}], **asked})
    assert told.status_code == 422
    assert next(iter(asked)) in told.get_json()["detail"]
    of_image = reader.get(f"{V1}/images/1", query_string=asked)
    assert of_image.status_code == 422


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, decoders: DecoderPool) -> Iterator[FlaskClient]:
    """A client of a library with real photos, which the default recipe segmented."""
    folder = tmp_path_factory.mktemp("real")
    settings = Settings.in_data_dir(folder / "home", device="cpu", recipe="lite")
    (folder / "photos").mkdir()
    library = Library(Assembly(settings), folder / "photos")
    for path in sorted((COCO / "images").glob("*.jpg"))[:3]:
        library.add(path.name, path.read_bytes())
    app = create_app(library.assembly, LocalAnalyzer(library.assembly.recipe, decoders), follow=False)
    app.testing = True
    yield app.test_client()
    app.extensions[EXTENSION].own.renditions.close()


@pytest.mark.slow
@pytest.mark.skipif(not COCO.is_dir(), reason="the development photos are not there: ../shared/data/coco-dev")
@pytest.mark.parametrize("frame", ["original", "analysed"])
def test_mask_polygons_and_box_of_real_photos_agree(real: FlaskClient, frame: str) -> None:
    compared = 0
    for image_id in (1, 2, 3):
        url = f"{V1}/images/{image_id}"
        photo, outlined = (
            real.get(url, query_string={"masks": form, "mask_frame": frame}).get_json() for form in ("rle", "polygons")
        )
        for one, other in zip(photo["segments"], outlined["segments"], strict=True):
            mask, polygons = drawn(one["mask"]), drawn(other["mask"])
            assert (mask & polygons).sum() / (mask | polygons).sum() == 1
            scale = np.array([photo["width"] / mask.shape[1], photo["height"] / mask.shape[0]] * 2)
            np.testing.assert_allclose(box_of(mask) * scale, one["box_xyxy"], atol=1.01)
            assert mask.sum() * scale[0] * scale[1] == pytest.approx(one["area"], rel=0.05, abs=2)
            compared += 1
    assert compared > 100
