"""Every call of the API: what it answers, and what it refuses."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from installation import PALETTES, SIZE, Library, drawing, encoded
from PIL import Image
from pycocotools import mask as coco
from werkzeug.test import TestResponse

from retrieval.errors import AnalyzerBusyError, AnalyzerUnavailableError, CatalogUnavailableError
from retrieval.storage import file_names
from retrieval.storage.disk import Storage
from retrieval.types import AnalyzedImage
from webui.context import WebContext

NEW = encoded(drawing(("teal", "pink")))
ITEM_FIELDS = [
    "id",
    "path",
    "width",
    "height",
    "state",
    "segment_count",
    "error",
    "missing",
    "taken_at",
    "deleted_at",
    "filename",
    "segmentation",
    "duration_s",
    "video",
    "time_s",
]
SEGMENT_FIELDS = ["id", "box_xyxy", "area", "quality", "label", "label_score", "parent", "mask"]
RESULT_FIELDS = ["image_id", "segment_id", "score", "box_xyxy", "label", "likely", "fallback", "quality"]
RESULT_FIELDS += ["alike", "video", "time_s", "moments", "matched", "relations", "probability", "certainty", "evidence"]


def send(client: FlaskClient, call: str, content: bytes, name: str = "photo.png") -> TestResponse:
    """Upload a file."""
    return client.post(f"/api/v1/{call}", data={"file": (io.BytesIO(content), name)})


def body_of(response: TestResponse, status: int = 200) -> Any:
    """The JSON of an answer that went well."""
    assert (response.status_code, response.mimetype) == (status, "application/json"), response.get_data(as_text=True)
    return response.get_json()


def problem_of(response: TestResponse, status: int) -> str:
    """The detail of a problem document."""
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    document = json.loads(response.data)
    assert sorted(document) == ["detail", "request_id", "status", "title", "type"]
    assert document["request_id"] == response.headers["X-Request-ID"]
    assert document["status"] == status
    return str(document["detail"])


def search(client: FlaskClient, **body: Any) -> Any:
    """A search that goes well."""
    return body_of(client.post("/api/v1/search", json=body))


def picture_of(response: TestResponse, kind: str = "JPEG") -> Image.Image:
    """The picture of an answer."""
    assert response.status_code == 200, response.get_data(as_text=True)
    return Image.open(io.BytesIO(response.data), formats=[kind])


class TestGivingPhotos:
    def test_new_photo_is_pending_until_a_worker_has_it(self, client: FlaskClient, library: Library) -> None:
        answer = body_of(send(client, "images", NEW), 202)
        assert answer == {"id": 5, "state": "pending", "restored": False}
        library.process()
        assert body_of(client.get("/api/v1/images/5"))["state"] == "indexed"

    def test_bytes_are_kept_under_their_digest(self, client: FlaskClient, parts: WebContext) -> None:
        send(client, "images", NEW, "../../../etc/passwd\0.png")
        digest = hashlib.sha256(NEW).hexdigest()
        kept = [path for path in parts.settings.uploads_dir.rglob("*") if path.is_file()]
        assert kept == [parts.settings.uploads_dir / digest[:2] / f"{digest}.png"]
        assert kept[0].read_bytes() == NEW

    def test_known_bytes_have_their_id_already(self, client: FlaskClient) -> None:
        known = {"id": 2, "state": "indexed", "restored": False}
        assert body_of(send(client, "images", encoded(drawing(PALETTES[1])))) == known
        first = body_of(send(client, "images", NEW), 202)
        assert body_of(send(client, "images", NEW), 200) == first

    def test_upload_stays_when_the_folder_copy_goes(self, client: FlaskClient, library: Library) -> None:
        content = encoded(drawing(PALETTES[0]))
        send(client, "images", content)
        (library.photos / "photo1.png").unlink()
        assert client.get("/api/v1/images/1/file").data == content

    @pytest.mark.parametrize("call", ["images", "queries"])
    def test_no_picture(self, client: FlaskClient, call: str) -> None:
        detail = problem_of(send(client, call, b"Dear diary, today I went"), 415)
        assert "JPEG, PNG, WEBP, TIFF, BMP, GIF, AVIF, HEIF, PPM" in detail
        assert "empty" in problem_of(send(client, call, b""), 422)

    @pytest.mark.parametrize("call", ["images", "queries"])
    @pytest.mark.parametrize(
        "request_",
        [
            {},
            {"data": {"file": "a text"}},
            {"data": {"file": "a text"}, "content_type": "multipart/form-data"},
            {"data": {"picture": (NEW, "x.png")}},
            {"data": NEW, "content_type": "image/png"},
            {"json": {"file": "x"}},
            {"data": b"--x\r\nnonsense", "content_type": "multipart/form-data; boundary=x"},
            {"data": b"--x", "content_type": "multipart/form-data"},
        ],
    )
    def test_no_file(self, client: FlaskClient, call: str, request_: dict[str, Any]) -> None:
        if isinstance(request_.get("data"), dict):
            sent = {
                name: value if isinstance(value, str) else (io.BytesIO(value[0]), value[1])
                for name, value in request_["data"].items()
            }
            request_ = {**request_, "data": sent}
        assert "part `file`" in problem_of(client.post(f"/api/v1/{call}", **request_), 422)

    def test_several_files(self, client: FlaskClient) -> None:
        files = [(io.BytesIO(NEW), "a.png"), (io.BytesIO(NEW), "b.png")]
        assert "one" in problem_of(client.post("/api/v1/images", data={"file": files}), 422)

    @pytest.mark.parametrize("call", ["images", "queries"])
    def test_too_large(self, client: FlaskClient, call: str) -> None:
        client.application.config["MAX_CONTENT_LENGTH"] = 1000
        assert "segsearch ingest" in problem_of(send(client, call, NEW), 413)

    def test_nothing_is_left_of_what_was_refused(self, client: FlaskClient, parts: WebContext) -> None:
        send(client, "images", b"no picture")
        send(client, "queries", b"no picture")
        send(client, "queries", NEW[:300])
        folders = (parts.settings.uploads_dir, parts.settings.queries_dir)
        assert not [path for folder in folders for path in folder.rglob("*") if path.is_file()]


class TestListing:
    def test_items(self, client: FlaskClient, library: Library) -> None:
        page = body_of(client.get("/api/v1/images"))
        assert page["next"] is None
        assert [item["id"] for item in page["items"]] == [1, 2, 3, 4]
        first = page["items"][0]
        assert list(first) == ITEM_FIELDS
        assert first == {
            "id": 1,
            "path": str(library.photos / "photo1.png"),
            "width": SIZE[0],
            "height": SIZE[1],
            "state": "indexed",
            "segment_count": 25,
            "error": None,
            "missing": False,
            "taken_at": None,
            "deleted_at": None,
            "filename": "photo1.png",
            "segmentation": first["segmentation"],
            "duration_s": None,
            "video": None,
            "time_s": None,
        }
        assert first["segmentation"] == {
            "quality": pytest.approx(0.45),
            "covered": 1,
            "largest_hole": 0,
            "fragmented": 0,
        }

    def test_only_the_badly_segmented(self, client: FlaskClient) -> None:
        assert [item["id"] for item in body_of(client.get("/api/v1/images?max_quality=0.46"))["items"]] == [1, 2, 3, 4]
        assert body_of(client.get("/api/v1/images?max_quality=0.44"))["items"] == []
        problem_of(client.get("/api/v1/images?max_quality=2"), 422)

    def test_pages_hold_everything_once(self, reader: FlaskClient) -> None:
        seen, after = [], 0
        while after is not None:
            page = body_of(reader.get(f"/api/v1/images?after={after}&limit=3"))
            seen.append([item["id"] for item in page["items"]])
            after = page["next"]
        assert seen == [[1, 2, 3], [4]]
        assert body_of(reader.get("/api/v1/images?limit=4"))["next"] is None
        assert body_of(reader.get("/api/v1/images?after=9223372036854775807")) == {"items": [], "next": None}

    def test_state(self, client: FlaskClient) -> None:
        send(client, "images", NEW)
        assert [item["id"] for item in body_of(client.get("/api/v1/images?state=pending"))["items"]] == [5]
        assert len(body_of(client.get("/api/v1/images?state=indexed"))["items"]) == 4
        pending = body_of(client.get("/api/v1/images/5"))
        assert (pending["width"], pending["height"], pending["segments"]) == (None, None, [])

    @pytest.mark.parametrize(
        "query",
        [
            *("limit=0", "limit=501", "limit=x", "limit=", "limit=1e2", "limit=-1", "after=-1", "after=1.5"),
            *("after=9223372036854775808", "state=lost", "state=", "limt=3", "after=%ff", "limit=" + "9" * 5000),
        ],
    )
    def test_wrong_pages(self, reader: FlaskClient, query: str) -> None:
        detail = problem_of(reader.get(f"/api/v1/images?{query}"), 422)
        assert detail.startswith(query.partition("=")[0])

    def test_names_that_are_not_utf8(self, client: FlaskClient, library: Library) -> None:
        os.rename(library.photos / "photo1.png", os.fsencode(library.photos) + b"/caf\xe9\n.png")
        odd = next(path for path in library.photos.iterdir() if "caf" in path.name)
        library.register(odd)
        (library.photos / "photo1.png").unlink(missing_ok=True)
        assert client.get("/api/v1/images/1/file").status_code == 200
        item = body_of(client.get("/api/v1/images/1"))
        assert item["filename"] == "caf\\xe9\n.png"
        assert item["missing"] is False


class TestOnePhoto:
    def test_segments_and_masks(self, reader: FlaskClient) -> None:
        photo = body_of(reader.get("/api/v1/images/1"))
        assert list(photo) == [*ITEM_FIELDS, "tags", "segments", "things"]
        assert photo["segment_count"] == len(photo["segments"])
        for segment in photo["segments"]:
            assert list(segment) == SEGMENT_FIELDS
            mask = coco.decode(segment["mask"])
            height, width = segment["mask"]["size"]
            assert mask.shape == (height, width)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            tight = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            scaled = np.array(tight) * ([SIZE[0] / width, SIZE[1] / height] * 2)
            assert np.allclose(segment["box_xyxy"], scaled, atol=6)
            assert segment["area"] == pytest.approx(mask.mean() * SIZE[0] * SIZE[1], rel=0.01)

    def test_file(self, reader: FlaskClient) -> None:
        response = reader.get("/api/v1/images/2/file")
        content = encoded(drawing(PALETTES[1]))
        assert response.data == content
        assert response.mimetype == "image/png"
        assert response.headers["Content-Disposition"].startswith("inline")
        assert response.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
        again = reader.get("/api/v1/images/2/file", headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        part = reader.get("/api/v1/images/2/file", headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.data) == (206, content[10:20])
        assert reader.head("/api/v1/images/2/file").content_length == len(content)

    @pytest.mark.parametrize(
        ("kind", "mime_type", "how"),
        [
            *(("JPEG", "image/jpeg", "inline"), ("WEBP", "image/webp", "inline"), ("GIF", "image/gif", "inline")),
            *(("AVIF", "image/avif", "inline"), ("HEIF", "image/heif", "attachment")),
            *(("TIFF", "image/tiff", "attachment"), ("BMP", "image/bmp", "attachment")),
            ("PPM", "image/x-portable-anymap", "attachment"),
        ],
    )
    def test_formats(self, client: FlaskClient, kind: str, mime_type: str, how: str) -> None:
        content = encoded(drawing(("teal", "pink")), kind)
        image_id = body_of(send(client, "images", content, f"x.{kind}"), 202)["id"]
        response = client.get(f"/api/v1/images/{image_id}/file")
        assert (response.data, response.mimetype) == (content, mime_type)
        assert response.headers["Content-Disposition"].startswith(how)

    @pytest.mark.parametrize(("kind", "side"), [("thumbnail", 360), ("preview", 640)])
    def test_renditions(self, client: FlaskClient, parts: WebContext, kind: str, side: int) -> None:
        response = client.get(f"/api/v1/images/1/{kind}")
        assert max(picture_of(response).size) == side
        assert response.cache_control.private
        again = client.get(f"/api/v1/images/1/{kind}", headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304
        digest = parts.catalog.images.get(1).sha256
        (parts.settings.files_dir / file_names.thumbnail(digest)).unlink()
        (parts.settings.files_dir / file_names.preview(digest)).unlink()
        assert max(picture_of(client.get(f"/api/v1/images/1/{kind}")).size) == side

    def test_pending_photos_have_renditions(self, client: FlaskClient) -> None:
        send(client, "images", NEW)
        assert picture_of(client.get("/api/v1/images/5/thumbnail")).size == (360, 270)

    def test_broken_photos_have_none(self, client: FlaskClient) -> None:
        send(client, "images", NEW[:300])
        assert "truncated" in problem_of(client.get("/api/v1/images/5/thumbnail"), 404)

    def test_crop(self, client: FlaskClient, parts: WebContext) -> None:
        segments = body_of(client.get("/api/v1/images/1"))["segments"]
        corner = next(one for one in segments if one["box_xyxy"] == [0, 0, SIZE[0] // 2, SIZE[1] // 2])
        crop = picture_of(client.get(f"/api/v1/segments/{corner['id']}/crop"))
        assert crop.size == (340, 260)
        assert np.allclose(np.asarray(crop.convert("RGB"))[:200, :300].mean((0, 1)), [0, 0, 255], atol=8)
        (parts.settings.files_dir / file_names.preview(parts.catalog.images.get(1).sha256)).write_bytes(b"spoilt")
        assert picture_of(client.get(f"/api/v1/segments/{corner['id']}/crop")).size == (340, 260)

    @pytest.mark.parametrize("what", ["", "/file", "/thumbnail", "/preview"])
    @pytest.mark.parametrize("image_id", ["99", "0", "9223372036854775807"])
    def test_unknown(self, reader: FlaskClient, what: str, image_id: str) -> None:
        assert f"no photo {image_id}" in problem_of(reader.get(f"/api/v1/images/{image_id}{what}"), 404)

    @pytest.mark.parametrize("image_id", ["x", "-1", "1.0", "%20", "1" * 6000, "\u0661"])
    def test_no_id(self, reader: FlaskClient, image_id: str) -> None:
        assert "openapi.json" in problem_of(reader.get(f"/api/v1/images/{image_id}"), 404)

    def test_id_beyond_64_bits(self, reader: FlaskClient) -> None:
        problem_of(reader.get("/api/v1/images/9223372036854775808"), 422)
        problem_of(reader.get("/api/v1/segments/9999999999999999999/crop"), 422)
        problem_of(reader.delete("/api/v1/images/9223372036854775808"), 422)

    def test_unknown_segment(self, reader: FlaskClient) -> None:
        assert "no segment 12345" in problem_of(reader.get("/api/v1/segments/12345/crop"), 404)


class TestFilesThatGo:
    def test_vanished(self, client: FlaskClient, library: Library) -> None:
        (library.photos / "photo1.png").rename(library.photos / "elsewhere.png")
        detail = problem_of(client.get("/api/v1/images/1/file"), 410)
        assert "photo1.png: No such file" in detail
        assert body_of(client.get("/api/v1/images/1"))["missing"] is True
        assert client.get("/api/v1/images/1/thumbnail").status_code == 200
        (library.photos / "elsewhere.png").rename(library.photos / "photo1.png")
        assert client.get("/api/v1/images/1/file").status_code == 200
        assert body_of(client.get("/api/v1/images/1"))["missing"] is False

    def test_other_location(self, client: FlaskClient, library: Library) -> None:
        content = (library.photos / "photo1.png").read_bytes()
        (library.photos / "copy.png").write_bytes(content)
        assert library.register(library.photos / "copy.png") == 1
        (library.photos / "photo1.png").unlink()
        assert client.get("/api/v1/images/1/file").data == content
        item = body_of(client.get("/api/v1/images/1"))
        assert (item["filename"], item["missing"]) == ("copy.png", False)

    @pytest.mark.parametrize("same_size", [False, True])
    def test_changed(self, client: FlaskClient, library: Library, same_size: bool) -> None:
        path = library.photos / "photo1.png"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + b"?" if same_size else NEW)
        os.utime(path, ns=(1, 1))
        detail = problem_of(client.get("/api/v1/images/1/file"), 409)
        assert "changed since it was indexed" in detail
        assert "ingest" in detail

    def test_only_touched(self, client: FlaskClient, library: Library, parts: WebContext) -> None:
        os.utime(library.photos / "photo1.png", ns=(1, 1))
        assert client.get("/api/v1/images/1/file").status_code == 200
        assert parts.catalog.images.get(1).locations[0].mtime_ns == 1

    def test_something_else_in_its_place(self, client: FlaskClient, library: Library) -> None:
        (library.photos / "photo1.png").unlink()
        os.mkfifo(library.photos / "photo1.png")
        problem_of(client.get("/api/v1/images/1/file"), 409)

    def test_remaking_needs_the_original(self, client: FlaskClient, library: Library, parts: WebContext) -> None:
        (parts.settings.files_dir / file_names.preview(parts.catalog.images.get(1).sha256)).unlink()
        (library.photos / "photo1.png").unlink()
        problem_of(client.get("/api/v1/images/1/preview"), 410)
        problem_of(client.get("/api/v1/segments/1/crop"), 410)


class TestDeleting:
    def test_photo_and_segments_are_gone_at_once(self, client: FlaskClient, parts: WebContext) -> None:
        digest = parts.catalog.images.get(2).sha256
        before = search(client, positive=[{"segment": 1}], limit=1000, group_by="segment")
        assert 2 in {result["image_id"] for result in before["results"]}
        response = client.delete("/api/v1/images/2")
        assert (response.status_code, response.data) == (204, b"")
        for body in ({"positive": [{"segment": 1}], "group_by": "segment"}, {"positive": [{"image": 1}]}):
            found = search(client, limit=1000, **body)
            assert 2 not in {result["image_id"] for result in found["results"]}
        assert [item["id"] for item in body_of(client.get("/api/v1/images"))["items"]] == [1, 3, 4]
        assert (parts.settings.files_dir / file_names.thumbnail(digest)).exists()
        assert body_of(client.post("/api/v1/trash/empty", json={})) == {"deleted": 1, "left": 0}
        problem_of(client.get("/api/v1/images/2"), 404)
        problem_of(client.delete("/api/v1/images/2"), 404)
        assert not (parts.settings.files_dir / file_names.thumbnail(digest)).exists()

    def test_own_copies_go_others_stay(self, client: FlaskClient, library: Library, parts: WebContext) -> None:
        send(client, "images", NEW)
        send(client, "images", encoded(drawing(PALETTES[0])))
        client.delete("/api/v1/images/5")
        client.delete("/api/v1/images/1")
        assert [path for path in parts.settings.uploads_dir.rglob("*") if path.is_file()]
        client.post("/api/v1/trash/empty", json={})
        assert not [path for path in parts.settings.uploads_dir.rglob("*") if path.is_file()]
        assert (library.photos / "photo1.png").exists()

    def test_given_again_it_is_new(self, client: FlaskClient) -> None:
        client.delete("/api/v1/images/4")
        client.post("/api/v1/trash/empty", json={})
        assert body_of(send(client, "images", encoded(drawing(PALETTES[3]))), 202)["id"] > 4


class TestQueries:
    def test_segments(self, client: FlaskClient) -> None:
        query = body_of(send(client, "queries", NEW), 201)
        assert list(query) == ["id", "width", "height", "segments", "things"]
        assert (query["width"], query["height"]) == SIZE
        assert [segment["id"] for segment in query["segments"]] == list(range(25))
        assert list(query["segments"][0]) == SEGMENT_FIELDS
        assert body_of(client.get(f"/api/v1/queries/{query['id']}")) == query

    @pytest.mark.parametrize("kind", ["TIFF", "HEIF", "BMP", "PNG"])
    def test_file_is_a_jpeg(self, client: FlaskClient, kind: str) -> None:
        query = body_of(send(client, "queries", encoded(drawing(("teal", "pink"), (1500, 1000)), kind)), 201)
        response = client.get(f"/api/v1/queries/{query['id']}/file")
        assert picture_of(response).size == (1024, 683)

    def test_file_that_went(self, client: FlaskClient, parts: WebContext) -> None:
        query = body_of(send(client, "queries", NEW), 201)
        parts.assembly.files.new(file_names.query(hashlib.sha256(NEW).hexdigest())).unlink()
        assert "upload it again" in problem_of(client.get(f"/api/v1/queries/{query['id']}/file"), 410)

    def test_kept(self, client: FlaskClient, parts: WebContext) -> None:
        query = body_of(send(client, "queries", NEW), 201)
        response = client.post(f"/api/v1/queries/{query['id']}/keep")
        assert (response.status_code, response.data) == (204, b"")
        assert parts.queries.expire(datetime.now(UTC) + timedelta(days=30)) == []
        assert body_of(client.get(f"/api/v1/queries/{query['id']}")) == query

    def test_kept_without_its_file(self, client: FlaskClient, parts: WebContext) -> None:
        query = body_of(send(client, "queries", NEW), 201)
        parts.assembly.files.new(file_names.query(hashlib.sha256(NEW).hexdigest())).unlink()
        assert client.post(f"/api/v1/queries/{query['id']}/keep").status_code == 204

    def test_unknown(self, client: FlaskClient) -> None:
        assert "upload the photo again" in problem_of(client.get("/api/v1/queries/7"), 404)
        assert "upload the photo again" in problem_of(client.post("/api/v1/queries/7/keep"), 404)
        problem_of(client.get("/api/v1/queries/7/file"), 404)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [(NEW[:300], "truncated"), (encoded(drawing(("red", "blue"), (400, 8))), "too few")],
    )
    def test_unusable(self, client: FlaskClient, tmp_path: Path, content: bytes, reason: str) -> None:
        detail = problem_of(send(client, "queries", content), 422)
        assert reason in detail
        assert str(tmp_path) not in detail

    def test_without_segments(self, client: FlaskClient) -> None:
        query = body_of(send(client, "queries", encoded(Image.new("RGB", SIZE, "gray"))), 201)
        assert query["segments"] == []
        refused = client.post("/api/v1/search", json={"positive": [{"query": query["id"], "point": [1, 1]}]})
        assert "whole photo" in problem_of(refused, 422)
        assert search(client, positive=[{"query": query["id"]}])["results"]

    @pytest.mark.parametrize("kind", [AnalyzerUnavailableError, AnalyzerBusyError])
    def test_analyzer_is_down_or_busy(
        self, client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
    ) -> None:
        def refuse(_self: object, _path: Path) -> AnalyzedImage:
            raise kind("try again in some seconds")

        monkeypatch.setattr(type(parts.analyzer), "analyze", refuse)
        response = send(client, "queries", NEW)
        assert "try again" in problem_of(response, 503)
        assert response.headers["Retry-After"] == "5"


class TestSearching:
    def test_form_of_the_answer(self, reader: FlaskClient) -> None:
        found = search(reader, positive=[{"segment": 1}])
        fields = ["results", "used", "words", "parts", "facets", "index", "took_ms", "facets_of", "none_likely"]
        assert list(found) == [*fields, "compared"]
        assert found["words"] is None
        assert found["index"] == {"segments": 100, "lag": 0}
        assert all(list(result) == RESULT_FIELDS for result in found["results"])
        assert [result["image_id"] for result in found["results"]].count(1) == 0
        scores = [result["score"] for result in found["results"]]
        assert scores == sorted(scores, reverse=True)
        assert [list(used) for used in found["used"]] == [
            ["ref", "segment", "mask", "box_xyxy", "quality", "level", "alternatives"]
        ]

    @pytest.mark.parametrize(
        "reference",
        [
            *({"segment": 1}, {"image": 1, "point": [10, 10]}, {"image": 1, "box": [0, 0, 320.5, 240]}),
            *({"query": 1, "segment": 0}, {"query": 1, "point": [10, 10]}, {"query": 1, "box": [-1, 0, 320, 240]}),
            *({"image": 1}, {"query": 1}),
        ],
    )
    def test_references(self, client: FlaskClient, reference: dict[str, Any]) -> None:
        send(client, "queries", encoded(drawing(PALETTES[0])))
        found = search(client, positive=[reference])
        assert found["used"][0]["ref"] == reference
        whole = set(reference) in ({"image"}, {"query"})
        assert (found["used"][0]["segment"] is None) == whole
        assert all((result["segment_id"] is None) == whole for result in found["results"])
        assert ("image" in reference or "segment" in reference) or found["results"][0]["image_id"] == 1

    def test_point_and_box_pick_the_corner(self, reader: FlaskClient) -> None:
        for place in ({"point": [160, 120]}, {"box": [0, 0, 320, 240]}):
            used = search(reader, positive=[{"image": 1, **place}])["used"]
            x0, y0, x1, y1 = used[0]["segment"]["box_xyxy"]
            assert x0 <= 160 < x1
            assert y0 <= 120 < y1

    def test_levels_under_a_point(self, client: FlaskClient) -> None:
        """Those of the list are those of a search, for a stored photo and for a query photo alike."""
        send(client, "queries", encoded(drawing(PALETTES[0])))
        for photo, place in (("images/1", {"image": 1}), ("queries/1", {"query": 1})):
            segments = {each["id"]: each for each in client.get(f"/api/v1/{photo}").get_json()["segments"]}
            listed = client.get(f"/api/v1/{photo}/levels?x=160&y=120").get_json()["levels"]
            assert len(listed) > 1
            assert [each["level"] for each in listed] == list(range(len(listed)))
            for each in listed:
                assert list(each) == ["level", "segment", "quality", "area"]
                known = segments[each["segment"]]
                assert (each["quality"], each["area"]) == (known["quality"], known["area"])
                x0, y0, x1, y1 = known["box_xyxy"]
                assert x0 <= 160 < x1
                assert y0 <= 120 < y1
            for level, each in enumerate(listed):
                (used,) = search(client, positive=[{**place, "point": [160, 120], "level": level}])["used"]
                assert used["segment"]["id"] == each["segment"]
                assert used["level"] == level
                assert used["alternatives"] == [other for other in listed if other["level"] != level]
            areas = [
                search(client, positive=[{**place, "point": [160, 120], "granularity": value}])["used"][0]["segment"]
                for value in (0, 0.5, 1)
            ]
            assert areas[0]["area"] <= areas[1]["area"] <= areas[2]["area"]
            assert areas[0]["area"] < areas[2]["area"]
            assert (
                client.get(f"/api/v1/{photo}/levels?x=160&y=120&granularity=1").get_json()["levels"][0]["segment"]
                == (areas[2]["id"])
            )

    def test_examples_that_are_no_points_have_no_levels(self, reader: FlaskClient) -> None:
        for reference in ({"segment": 1}, {"image": 1}, {"image": 1, "box": [0, 0, 320, 240]}):
            (used,) = search(reader, positive=[reference])["used"]
            assert used["level"] is None
            assert used["alternatives"] == []

    @pytest.mark.parametrize(
        ("reference", "fault"),
        [
            ({"image": 1, "point": [10, 10], "level": 99}, "there is no level 99 under this point: the last one is"),
            ({"image": 1, "point": [10, 10], "level": -1}, "level"),
            ({"image": 1, "point": [10, 10], "level": 0.5}, "level"),
            ({"image": 1, "point": [10, 10], "level": None}, "a reference is exactly one of"),
            ({"image": 1, "point": [10, 10], "granularity": 1.5}, "granularity"),
            ({"image": 1, "point": [10, 10], "granularity": "1"}, "granularity"),
            ({"image": 1, "granularity": 1}, "granularity and level may go with a point"),
            ({"segment": 1, "level": 1}, "granularity and level may go with a point"),
            ({"image": 1, "box": [0, 0, 9, 9], "level": 1}, "granularity and level may go with a point"),
            ({"image": 1, "point": [99999, 10]}, "outside the photo"),
        ],
    )
    def test_wrong_levels(self, reader: FlaskClient, reference: dict[str, Any], fault: str) -> None:
        answer = reader.post("/api/v1/search", json={"positive": [reference]})
        assert answer.status_code == 422
        assert fault in answer.get_json()["detail"]

    @pytest.mark.parametrize(
        ("address", "status", "fault"),
        [
            ("images/1/levels?x=99999&y=1", 422, "outside the photo"),
            ("images/1/levels?x=1", 422, "y"),
            ("images/1/levels?x=-1&y=1", 422, "x"),
            ("images/1/levels?x=nan&y=1", 422, "x"),
            ("images/1/levels?x=1&y=1&granularity=2", 422, "granularity"),
            ("images/1/levels?x=1&y=1&level=2", 422, "level"),
            ("images/12345/levels?x=1&y=1", 404, "12345"),
            ("queries/12345/levels?x=1&y=1", 404, "12345"),
        ],
    )
    def test_wrong_lists_of_levels(self, reader: FlaskClient, address: str, status: int, fault: str) -> None:
        answer = reader.get(f"/api/v1/{address}")
        assert answer.status_code == status
        assert fault in answer.get_json()["detail"]

    def test_negatives_and_their_order(self, reader: FlaskClient) -> None:
        found = search(reader, positive=[{"segment": 1}, {"segment": 30}], negative=[{"image": 3, "point": [1, 1]}])
        assert [used["ref"] for used in found["used"]] == [
            {"segment": 1},
            {"segment": 30},
            {"image": 3, "point": [1, 1]},
        ]
        assert {result["image_id"] for result in found["results"]} == {4}

    def test_limits_and_groups(self, reader: FlaskClient) -> None:
        assert len(search(reader, positive=[{"segment": 1}], limit=2)["results"]) == 2
        flat = search(reader, positive=[{"segment": 1}], group_by="segment", limit=1000)["results"]
        assert len(flat) > 3
        assert len(search(reader, positive=[{"segment": 1}], group_by="image", limit=1000)["results"]) == 3

    def test_several_things_in_one_photo(self, reader: FlaskClient) -> None:
        also = [{"positive": [{"segment": 30}]}]
        found = search(reader, positive=[{"segment": 1}], also=also, masks=True)
        assert len(found["parts"]) == 2
        assert [used["ref"] for used in found["used"]] == [{"segment": 1}, {"segment": 30}]
        owners = {1, 2} | {reader.get("/api/v1/images/2").get_json()["id"]}
        assert {result["image_id"] for result in found["results"]}.isdisjoint(owners)
        for result in found["results"]:
            first, second = result["matched"]
            assert (first["part"], second["part"]) == (0, 1)
            assert first["segment_id"] == result["segment_id"]
            assert coco.area(first["mask"]) > 0
            assert coco.area(second["mask"]) > 0
            assert result["score"] <= (first["score"] * second["score"]) ** 0.5 + 1e-6
        lies = [{"subject": 0, "relation": "left_of", "object": 1}]
        for result in search(reader, positive=[{"segment": 1}], also=also, relations=lies)["results"]:
            (x0, _, x1, _), (u0, _, u1, _) = (part["box_xyxy"] for part in result["matched"])
            assert x0 + x1 < u0 + u1
            assert 0 < result["relations"][0] <= 1

    @pytest.mark.parametrize(
        ("extra", "fault"),
        [
            ({"also": [{}]}, "a part of the query is empty"),
            ({"also": [{"positive": [{"image": 1}]}]}, "pick a segment"),
            ({"relations": [{"subject": 0, "relation": "above", "object": 1}]}, "the query, which has 1"),
            ({"relations": [{"subject": 0, "relation": "above", "object": 0}]}, "two different parts"),
            ({"relations": [{"subject": 0, "relation": "near", "object": 1}]}, "relation"),
            ({"also": [{"text": "dog"}], "group_by": "segment"}, "group by image"),
        ],
    )
    def test_combinations_that_mean_nothing(self, reader: FlaskClient, extra: dict[str, Any], fault: str) -> None:
        response = reader.post("/api/v1/search", json={"positive": [{"segment": 1}], **extra})
        assert fault in problem_of(response, 422)

    def test_filters_and_facets(self, reader: FlaskClient) -> None:
        asked: dict[str, Any] = {"positive": [{"segment": 1}], "facets": True}
        found = search(reader, **asked)
        assert list(found["facets"]) == ["folder", "year", "label", "size", "position", "recipe", "concept"]
        likely = sum(result["likely"] for result in found["results"])
        assert sum(facet["count"] for facet in found["facets"]["folder"]) >= likely
        for facet in found["facets"]["position"]:
            narrowed = search(reader, **asked, filters={"position": facet["value"]})["results"]
            assert narrowed
        folder = found["facets"]["folder"][0]["value"]
        assert len(search(reader, **asked, filters={"folder": folder})["results"]) == 3
        assert search(reader, **asked, filters={"folder": "/nowhere"})["results"] == []
        assert search(reader, **asked, filters={"taken_from": "1990-01-01"})["results"] == []
        without = search(reader, positive=[{"segment": 1}])
        assert (without["facets"], without["facets_of"]) == (None, None)
        assert without["results"] == found["results"]

    def test_facets_apart(self, reader: FlaskClient) -> None:
        asked: dict[str, Any] = {"positive": [{"segment": 1}], "filters": {"position": "left"}, "limit": 1}
        response = reader.post("/api/v1/search/facets", json=asked)
        assert response.status_code == 200
        assert list(response.json or {}) == ["facets", "facets_of", "took_ms"]
        together = search(reader, **asked, facets=True)
        assert response.json is not None
        assert response.json["facets"] == together["facets"]
        assert response.json["facets_of"] == together["facets_of"] > 1
        problem_of(reader.post("/api/v1/search/facets", json={}), 422)

    @pytest.mark.parametrize(
        ("filters", "status", "fault"),
        [
            ({"folder": "relative"}, 422, "not an absolute path"),
            ({"min_area": 0.5, "max_area": 0.1}, 422, "min_area the smaller one"),
            ({"position": "middle"}, 422, "position"),
            ({"taken_from": "yesterday"}, 422, "taken_from"),
            ({"color": "red"}, 422, "color"),
            ({"concept": 99}, 404, "no concept 99"),
        ],
    )
    def test_filters_that_mean_nothing(
        self, reader: FlaskClient, filters: dict[str, Any], status: int, fault: str
    ) -> None:
        response = reader.post("/api/v1/search", json={"positive": [{"segment": 1}], "filters": filters})
        assert fault in problem_of(response, status)

    def test_least_quality(self, reader: FlaskClient) -> None:
        found = search(reader, positive=[{"segment": 1}], group_by="segment", limit=1000)["results"]
        qualities = sorted(result["quality"] for result in found)
        least = qualities[len(qualities) // 2]
        asked = {"positive": [{"segment": 1}], "group_by": "segment", "limit": 1000}
        better = search(reader, **asked, min_quality=least)["results"]
        assert min(result["quality"] for result in better) == least
        assert search(reader, positive=[{"image": 1}], min_quality=1.0)["results"][0]["quality"] is None

    def test_masks_on_demand(self, reader: FlaskClient) -> None:
        result = search(reader, positive=[{"segment": 1}], masks=True, limit=1)["results"][0]
        assert list(result) == [*RESULT_FIELDS, "mask"]
        assert result["matched"] == []
        assert coco.area(result["mask"]) > 0
        assert search(reader, positive=[{"image": 1}], masks=True, limit=1)["results"][0]["mask"] is None

    def test_words(self, reader: FlaskClient) -> None:
        words = search(reader, text="motorcyle dog")["words"]
        assert [term["name"] for term in words["understood"]] == ["dog"]
        assert list(words["understood"][0]) == ["text", "name", "labels", "colors", "substitutes"]
        assert words["unknown"] == ["motorcyle"]
        assert "motorcycle" in words["suggestions"]

    def test_words_that_known_ones_stand_for(self, reader: FlaskClient) -> None:
        (term,) = search(reader, text="kayaks")["words"]["understood"]
        assert term["substitutes"][0]["name"] == "canoe"
        assert sum(each["weight"] for each in term["substitutes"]) == pytest.approx(1)

    def test_phrases(self, reader: FlaskClient) -> None:
        """The recipe of these photos knows no words, so that there are no things to relate."""
        words = search(reader, text="two dogs left of a cat, no people")["words"]
        assert [term["name"] for term in words["understood"]] == ["dog", "cat"]
        assert [term["name"] for term in words["unwanted"]] == ["person"]
        assert words["links"] == []
        assert words["unsupported"] == ["two", "left of"]

    def test_words_that_mean_nothing(self, reader: FlaskClient) -> None:
        found = search(reader, text="xyzzy \0 \u202e \U0001f9a5 \ufffe")
        assert found["results"] == []
        assert found["words"]["understood"] == []
        assert found["words"]["unknown"] == ["xyzzy"]

    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            ({}, "the query is empty"),
            ({"text": "  "}, "the query is empty"),
            ({"text": None, "positive": []}, "the query is empty"),
            ({"negative": [{"segment": 1}]}, "the query is empty"),
            ({"positive": [{}]}, "a reference is exactly one of"),
            ({"positive": [{"segment": 1, "image": 1}]}, "a reference is exactly one of"),
            ({"positive": [{"image": 1, "point": None}]}, "a reference is exactly one of"),
            ({"positive": [1]}, "a reference is exactly one of"),
            ({"positive": [{"image": 1, "point": [1]}]}, "positive.0.point"),
            ({"positive": [{"image": 1, "point": [1, 2, 3]}]}, "positive.0.point"),
            ({"positive": [{"image": 1, "point": [641, 1]}]}, "outside the photo"),
            ({"positive": [{"image": 1, "point": [-1, 1]}]}, "positive.0.point.0"),
            ({"positive": [{"image": 1, "box": [5, 5, 5, 9]}]}, "is empty"),
            ({"positive": [{"image": 1, "point": ["1", 1]}]}, "positive.0.point.0"),
            ({"positive": [{"image": 1, "point": [True, 1]}]}, "positive.0.point.0"),
            ({"positive": [{"image": 1, "point": [10**400, 1]}]}, "positive.0.point.0"),
            ({"positive": [{"image": 1, "point": [float("nan"), 1]}]}, "positive.0.point.0"),
            ({"positive": [{"image": 1, "point": [float("inf"), 1]}]}, "positive.0.point.0"),
            ({"positive": [{"segment": 2**63}]}, "positive.0.segment"),
            ({"positive": [{"segment": 10**300}]}, "positive.0.segment"),
            ({"positive": [{"segment": "1"}]}, "positive.0.segment"),
            ({"positive": [{"segment": 1.5}]}, "positive.0.segment"),
            ({"positive": [{"segment": -1}]}, "positive.0.segment"),
            ({"positive": [{"segment": 1}] * 101}, "positive"),
            ({"positive": {"segment": 1}}, "positive"),
            ({"positive": [{"image": 1}, {"segment": 1}]}, "cannot be combined"),
            ({"text": "dog", "limit": 0}, "limit"),
            ({"text": "dog", "limit": 1001}, "limit"),
            ({"text": "dog", "limit": "5"}, "limit"),
            ({"text": "dog", "limit": True}, "limit"),
            ({"text": "dog", "group_by": "album"}, "group_by"),
            ({"text": "dog" * 200}, "text"),
            ({"text": ["dog"]}, "text"),
            ({"text": "dog \ud800"}, "text"),
            ({"text": "dog", "\ud800": 1}, "unicode"),
            ({"text": "dog", "limt": 5}, "limt"),
        ],
    )
    def test_what_cannot_be_answered(self, reader: FlaskClient, body: dict[str, Any], detail: str) -> None:
        assert detail in problem_of(reader.post("/api/v1/search", json=body), 422)

    @pytest.mark.parametrize(
        "reference",
        [
            {"segment": 12345},
            {"image": 12345},
            {"query": 12345},
            {"image": 12345, "point": [1, 1]},
            {"segment": 2**63 - 1},
        ],
    )
    def test_unknown_references(self, reader: FlaskClient, reference: dict[str, Any]) -> None:
        body = {"positive": [{"segment": 1}], "negative": [reference]}
        problem_of(reader.post("/api/v1/search", json=body), 404)

    def test_pending_photo_is_no_example(self, client: FlaskClient) -> None:
        send(client, "images", NEW)
        assert "pending" in problem_of(client.post("/api/v1/search", json={"positive": [{"image": 5}]}), 422)

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            *((b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[]", 400), (b'"text"', 400), (b"null", 400)),
            *((b'{"limit":' + b"9" * 5000 + b"}", 400), (b"[" * 200_000, 400), (b'{"text":"' + b"x" * 2**20, 413)),
            (b'"{\\"text\\": \\"dog\\"}"', 400),
            (b'{"positive":' + b"[" * 500 + b"]" * 500 + b"}", 422),
        ],
    )
    def test_bodies_that_are_no_search(self, reader: FlaskClient, data: bytes, status: int) -> None:
        problem_of(reader.post("/api/v1/search", data=data, content_type="application/json"), status)

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "multipart/form-data", "", "application/x-www-form-urlencoded"]
    )
    def test_other_content_types(self, reader: FlaskClient, content_type: str) -> None:
        response = reader.post("/api/v1/search", data=b'{"text": "dog"}', content_type=content_type)
        assert "application/json" in problem_of(response, 415)


class TestInstallation:
    def test_status(self, client: FlaskClient, parts: WebContext) -> None:
        send(client, "images", NEW)
        assert body_of(client.get("/api/v1/status")) == {
            "counts": {"pending": 1, "working": 0, "indexed": 4, "empty": 0, "failed": 0},
            "trash": 0,
            "segments": 100,
            "lag": 0,
            "recipe": "grid",
            "fingerprint": parts.assembly.recipe_spec.fingerprint,
            "analyzer_up": True,
            "paused": False,
            "shortage": None,
        }

    def test_words(self, reader: FlaskClient) -> None:
        assert "motorcycle" in body_of(reader.get("/api/v1/words?prefix=motorcy"))["words"]
        assert len(body_of(reader.get("/api/v1/words?prefix=m&limit=3"))["words"]) == 3
        assert body_of(reader.get("/api/v1/words?prefix="))["words"] == []
        problem_of(reader.get("/api/v1/words"), 422)
        problem_of(reader.get("/api/v1/words?prefix=m&limit=51"), 422)

    @pytest.mark.parametrize("method", ["put", "patch", "delete", "post"])
    def test_methods(self, reader: FlaskClient, method: str) -> None:
        response = reader.open("/api/v1/status", method=method.upper())
        assert "Allow" in problem_of(response, 405)
        assert "GET" in response.headers["Allow"]

    @pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/", "/api/v2/images", "/api/v1/images/"])
    def test_addresses(self, reader: FlaskClient, path: str) -> None:
        assert "openapi.json" in problem_of(reader.get(path), 404)

    def test_bugs_are_problems_too(
        self, client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(type(parts.catalog.images), "counts", lambda _self: 1 / 0)
        client.application.testing = False
        response = client.get("/api/v1/status")
        assert "log" in problem_of(response, 500)
        assert "division" not in response.get_data(as_text=True)
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_search_is_fast(reader: FlaskClient) -> None:
    search(reader, positive=[{"segment": 1}])
    started = time.perf_counter()
    for _ in range(10):
        search(reader, positive=[{"segment": 1}], group_by="segment")
    assert (time.perf_counter() - started) / 10 < 0.2


COORDINATES = st.one_of(st.floats(-10, 700), st.integers(-10, 700))
PLACES = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"point": st.tuples(COORDINATES, COORDINATES)}),
    st.fixed_dictionaries({"box": st.tuples(COORDINATES, COORDINATES, COORDINATES, COORDINATES)}),
)
REFERENCES = st.one_of(
    st.fixed_dictionaries({"segment": st.integers(0, 105)}),
    st.builds(lambda image, place: {"image": image, **place}, st.integers(0, 5), PLACES),
)
SEARCHES = st.fixed_dictionaries(
    {},
    optional={
        "positive": st.lists(REFERENCES, max_size=3),
        "negative": st.lists(REFERENCES, max_size=2),
        "text": st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["dog", "motor bikes, cat", "xyzzy"])),
        "limit": st.integers(1, 200),
        "group_by": st.sampled_from(["image", "segment"]),
        "masks": st.booleans(),
    },
)


def refuse(constant: str) -> None:
    """NaN and the infinities are no JSON."""
    raise AssertionError(constant)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(body=SEARCHES)
def test_any_search_keeps_the_contract(reader: FlaskClient, body: dict[str, Any]) -> None:
    response = reader.post("/api/v1/search", json=body)
    answer = json.loads(response.data, parse_constant=refuse)
    if response.status_code != 200:
        assert response.status_code in (404, 422), answer
        return
    results = answer["results"]
    assert len(results) <= body.get("limit", 50)
    assert [result["score"] for result in results] == sorted((result["score"] for result in results), reverse=True)
    references = [*body.get("positive", []), *body.get("negative", [])]
    sources = {used["ref"].get("image") or (used["ref"]["segment"] - 1) // 25 + 1 for used in answer["used"]}
    assert len(answer["used"]) == len(references)
    assert not sources & {result["image_id"] for result in results}
    if body.get("group_by", "image") == "image":
        assert len({result["image_id"] for result in results}) == len(results)
    assert (answer["words"] is None) == (not (body.get("text") or "").strip())


class TestIntake:
    def test_paused_and_resumed(self, client: FlaskClient, parts: WebContext) -> None:
        assert body_of(client.post("/api/v1/intake/pause")) == {"paused": True}
        assert body_of(client.get("/api/v1/status"))["paused"] is True
        assert body_of(send(client, "images", NEW), 202)["state"] == "pending"
        assert parts.ingest_queue.claim("w", 9) == []
        assert body_of(client.post("/api/v1/intake/resume")) == {"paused": False}
        assert len(parts.ingest_queue.claim("w", 9)) == 1

    def test_cancelling_takes_out_what_waits_with_its_upload(self, client: FlaskClient, parts: WebContext) -> None:
        given = body_of(send(client, "images", NEW), 202)["id"]
        path = parts.catalog.images.get(given).path
        assert path is not None
        assert path.is_file()
        assert body_of(client.post("/api/v1/intake/cancel")) == {"photos": 1}
        assert not path.exists()
        assert parts.catalog.images.counts()["indexed"] == 4
        assert body_of(send(client, "images", NEW), 202)["state"] == "pending"

    def test_what_failed_is_tried_again_and_nothing_else(self, client: FlaskClient, parts: WebContext) -> None:
        given = body_of(send(client, "images", NEW), 202)["id"]
        parts.ingest_queue.claim("w", 9)
        parts.ingest_queue.fail("w", given, "broken")
        assert body_of(client.post("/api/v1/intake/retry-failed")) == {"photos": 1}
        assert parts.catalog.images.get(given).state == "pending"
        assert parts.catalog.images.counts()["indexed"] == 4

    def test_without_room_uploads_are_refused(
        self, client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts.assembly.storage, "shortage", lambda: "the disk has 1 byte free: make room on it")
        detail = problem_of(send(client, "images", NEW), 507)
        assert detail == "cannot accept more photos: the disk has 1 byte free: make room on it"
        assert body_of(client.get("/api/v1/status"))["shortage"] == "the disk has 1 byte free: make room on it"
        assert list(parts.settings.uploads_dir.rglob("*.*")) == []

    def test_query_photos_are_refused_by_a_full_disk_and_not_by_a_quota(
        self, client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts.assembly.__dict__["storage"] = Storage(replace(parts.settings, quota=1))
        assert parts.assembly.storage.shortage() is not None
        body_of(send(client, "queries", NEW), 201)
        parts.assembly.__dict__["storage"] = Storage(replace(parts.settings, min_free=1 << 60))
        before = sorted(parts.settings.queries_dir.rglob("*.*"))
        detail = problem_of(send(client, "queries", NEW), 507)
        assert "cannot accept a query photo" in detail
        assert "SEGSEARCH_MIN_FREE" in detail
        assert sorted(parts.settings.queries_dir.rglob("*.*")) == before

    def test_a_disk_that_is_full_in_the_middle(
        self, client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("webui.pictures.uploads.os.fsync", full)
        assert "the server's disk is full" in problem_of(send(client, "images", NEW), 507)
        assert [path for path in parts.settings.uploads_dir.rglob("*") if path.is_file()] == []

    def test_a_locked_catalogue_asks_to_come_again(
        self, client: FlaskClient, parts: WebContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked() -> None:
            raise CatalogUnavailableError("another program has locked the catalogue")

        monkeypatch.setattr(parts.ingest_queue, "pause", locked)
        answer = client.post("/api/v1/intake/pause")
        assert "locked" in problem_of(answer, 503)
        assert answer.headers["Retry-After"] == "5"
