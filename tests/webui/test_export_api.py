"""Exports by the API."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from flask.testing import FlaskClient

from webui.context import WebContext


def test_coco_of_everything(client: FlaskClient, parts: WebContext) -> None:
    answer = client.get("/api/v1/export")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert "segsearch-coco-" in answer.headers["Content-Disposition"]
    found = json.loads(answer.data)
    assert {each["id"] for each in found["images"]} == {
        image.id for image in parts.catalog.images.page() if image.recipe
    }
    assert len(found["annotations"]) == sum(image.segment_count for image in parts.catalog.images.page())


def annotated(client: FlaskClient, query: str) -> set[int]:
    answer = client.get(f"/api/v1/export?{query}")
    assert answer.status_code == 200, answer.text
    return {each["id"] for each in json.loads(answer.data)["annotations"]}


def test_selections(client: FlaskClient, parts: WebContext) -> None:
    of_photo = [each.id for each in parts.catalog.segments.of_image(1)]
    assert annotated(client, "photos=1,1") == set(of_photo)
    assert annotated(client, f"segments={of_photo[2]},{of_photo[0]}") == {of_photo[0], of_photo[2]}
    concept = parts.trainer.teach("my thing", of_photo[:1], [])
    assert of_photo[0] in annotated(client, f"concept={concept}&polygons=true")
    assert annotated(client, "text=my thing&limit=3")


def test_other_formats(client: FlaskClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/export?format=csv&photos=1").text)))
    assert {row["image_id"] for row in rows} == {"1"}
    for form in ("yolo", "voc", "cutouts"):
        answer = client.get(f"/api/v1/export?format={form}&photos=1")
        assert answer.mimetype == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            assert archive.testzip() is None
            assert archive.namelist()


def test_parquet(client: FlaskClient) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    answer = client.get("/api/v1/export?format=parquet&photos=1")
    assert parquet.read_table(io.BytesIO(answer.data)).num_rows > 0


def test_parquet_without_its_library(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = client.get("/api/v1/export?format=parquet")
    assert answer.status_code == 501
    assert "segsearch[formats]" in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("format=xls", 422, "format"),
        ("photos=x", 422, "photos"),
        ("photos=1&segments=1", 422, "give only one of"),
        ("text=cat&concept=1", 422, "give only one of"),
        ("limit=0", 422, "limit"),
        ("folder=/", 422, "folder"),
        ("photos=9999", 404, "there is no photo 9999"),
        ("segments=99999", 404, "no segment 99999"),
        ("concept=9999", 404, "there is no concept 9999"),
        ("like=99999", 404, "no segment 99999"),
        ("text=qqqqq", 422, "no likely result"),
    ],
)
def test_what_is_refused(client: FlaskClient, query: str, status: int, told: str) -> None:
    answer = client.get(f"/api/v1/export?{query}")
    assert answer.status_code == status
    assert told in answer.json["detail"]


def test_photos_in_the_trash(client: FlaskClient, parts: WebContext) -> None:
    parts.assembly.trash.put([1])
    assert client.get("/api/v1/export?photos=1").status_code == 404
    assert all(each["id"] != 1 for each in json.loads(client.get("/api/v1/export").data)["images"])
