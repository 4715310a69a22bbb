"""Names of uploads: what is kept of them, and where they are shown."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import Library, drawing, encoded

from retrieval.catalog.records import View
from webui.context import WebContext
from webui.pictures.names import uploaded_as


@pytest.mark.parametrize(
    ("name", "folder", "kept"),
    [
        ("IMG_1.jpg", "", "IMG_1.jpg"),
        ("IMG_1.jpg", "Holiday/Day 1", "Holiday/Day 1/IMG_1.jpg"),
        ("IMG_1.jpg", "Holiday\\Day 1\\", "Holiday/Day 1/IMG_1.jpg"),
        ("C:\\fakepath\\東京.jpg", None, "東京.jpg"),
        ("../../etc/passwd", "../..//.", "passwd"),
        ("a\0b\x1b[31m\n.jpg", "x\u202ey", "xy/ab[31m.jpg"),
        ("", "Holiday", ""),
        (None, None, ""),
        ("..", "x", ""),
        (
            "n" * 300 + ".jpg",
            "/".join("abcdefghijklmnopqrstuvwxyz"),
            "/".join("hijklmnopqrstuvwxyz") + "/" + "n" * 251 + ".jpg",
        ),
    ],
)
def test_what_is_kept(name: str | None, folder: str | None, kept: str) -> None:
    assert uploaded_as(name, folder) == kept


def upload(client: FlaskClient, content: bytes, name: str, **form: Any) -> int:
    answer = client.post("/api/v1/images", data={"file": (io.BytesIO(content), name), **form})
    assert answer.status_code in (200, 202), answer.text
    found: int = answer.json["id"]
    return found


def test_an_upload_has_its_own_name(client: FlaskClient, library: Library, parts: WebContext) -> None:
    content = encoded(drawing(("teal", "pink")))
    image_id = upload(client, content, "at the sea.png", folder="Holiday/Day 1")
    assert upload(client, content, "again.png") == image_id
    library.process()
    shown = client.get(f"/api/v1/images/{image_id}").json
    assert shown["filename"] == "at the sea.png"
    assert "/uploads/" in shown["path"]
    page = client.get(f"/photos/{image_id}").text
    assert "<h1>at the sea.png</h1>" in page
    assert "uploaded as Holiday/Day 1/at the sea.png" in page
    client.delete(f"/api/v1/images/{image_id}")
    assert "The uploaded copy is deleted." in client.get(f"/photos/{image_id}").text
    client.delete("/api/v1/images/1")
    assert "The original file is kept." in client.get("/photos/1").text
    client.post("/api/v1/images/restore", json={"ids": [1, image_id]})
    file = client.get(f"/api/v1/images/{image_id}/file")
    assert 'filename="at the sea.png"' in file.headers["Content-Disposition"]
    folders = [each["name"] for each in client.get("/api/v1/folders").json["folders"]]
    assert folders == ["Day 1", library.photos.name]
    assert parts.catalog.timeline.ids(View(folder="Day 1")) == [image_id]


def test_without_a_name_it_has_a_number(client: FlaskClient, library: Library) -> None:
    image_id = upload(client, encoded(drawing(("teal", "pink"))), "..")
    library.process()
    assert f"<h1>Photo {image_id}</h1>" in client.get(f"/photos/{image_id}").text
    assert client.get(f"/api/v1/images/{image_id}").json["filename"] is None


def test_names_of_uploads_are_text(client: FlaskClient, library: Library) -> None:
    image_id = upload(client, encoded(drawing(("teal", "pink"))), "<script>alert(1)<.png", folder='"><script>alert(2)<')
    library.process()
    for address in ("/", f"/photos/{image_id}", "/search"):
        assert "<script>alert" not in client.get(address).text


def test_a_folder_that_is_no_text_is_refused(client: FlaskClient) -> None:
    form = {"file": (io.BytesIO(encoded(drawing(("teal", "pink")))), "x.png"), "folder": "x" * 5000}
    answer = client.post("/api/v1/images", data=form)
    assert answer.status_code == 422
    assert "folder" in answer.json["detail"]


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("a.PNG", "a.PNG"),
        ("a.jpg", "a.png"),
        ("a.html", "a.png"),
        ("v1.2 final", "v1.2 final.png"),
        ("a", "a.png"),
        ("", ""),
    ],
)
def test_a_download_ends_as_its_format(client: FlaskClient, library: Library, name: str, saved: str) -> None:
    image_id = upload(client, encoded(drawing(("teal", "pink"))), name or "..")
    library.process()
    told = client.get(f"/api/v1/images/{image_id}/file").headers["Content-Disposition"]
    assert (saved or f"Photo {image_id}.png") in told
    assert told.count(".png") + told.count(".PNG") == 1


def test_a_photo_is_in_one_folder(client: FlaskClient) -> None:
    content = encoded(drawing(("teal", "pink")))
    form = {"file": (io.BytesIO(content), "a.png"), "folder": ["Holiday", "Work"]}
    answer = client.post("/api/v1/images", data=form)
    assert answer.status_code == 422
    assert "several folders" in answer.json["detail"]
