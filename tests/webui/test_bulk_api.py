"""Tags, segmenting again and downloads of several photos."""

from __future__ import annotations

import io
import sys
import zipfile
from typing import Any

import pytest
from flask.testing import FlaskClient
from installation import PALETTES, Library, drawing, encoded

from retrieval.catalog.models import Image
from webui.context import WebContext
from webui.pictures.archive import LEFT_OUT, unused_name
from webui.serving import admission


def tag(client: FlaskClient, ids: list[int], **change: list[str]) -> Any:
    return client.post("/api/v1/images/tags", json={"ids": ids, **change})


def tags(client: FlaskClient) -> dict[str, int]:
    return {each["name"]: each["photos"] for each in client.get("/api/v1/tags").json["tags"]}


class TestTags:
    def test_added_and_removed(self, client: FlaskClient) -> None:
        assert tag(client, [1, 2, 99], add=["At the  sea", "2024"]).json == {"photos": 2}
        assert tag(client, [2, 3], add=["AT THE SEA"], remove=["2024"]).json == {"photos": 2}
        assert tags(client) == {"2024": 1, "At the sea": 3}
        assert client.get("/api/v1/images/1").json["tags"] == ["2024", "At the sea"]
        assert client.get("/api/v1/timeline/ids?tag=at the SEA").json == {"ids": [3, 2, 1]}
        assert client.get("/api/v1/timeline/ids?tag=mountains").json == {"ids": []}
        assert client.get("/?tag=2024").text.count("data-id=") == 1
        assert 'href="/?tag=At+the+sea"' in client.get("/photos/2").text
        tag(client, [1], remove=["2024"])
        assert tags(client) == {"At the sea": 3}

    def test_in_the_trash_they_are_kept(self, client: FlaskClient, parts: WebContext) -> None:
        tag(client, [1], add=["rare"])
        parts.assembly.trash.put([1])
        assert tags(client) == {}
        tag(client, [2], add=["other"])
        parts.assembly.trash.restore([1])
        assert tags(client) == {"other": 1, "rare": 1}
        parts.assembly.trash.put([1])
        parts.assembly.trash.empty()
        tag(client, [2], remove=["other"])
        assert tags(client) == {}

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"add": []},
            {"add": [""]},
            {"add": ["  "]},
            {"add": ["x" * 101]},
            {"add": ["a\u0000b"]},
            {"add": ["a\u0007b"]},
            {"add": "x"},
            {"tags": ["x"]},
            {"add": ["x"] * 21},
        ],
    )
    def test_malformed_ones_are_refused(self, client: FlaskClient, body: dict[str, Any]) -> None:
        assert tag(client, [1], **body).status_code == 422
        assert tags(client) == {}


class TestSegmentingAgain:
    def test_only_what_another_recipe_segmented_or_what_failed(self, client: FlaskClient, parts: WebContext) -> None:
        assert client.post("/api/v1/images/resegment", json={"ids": [1, 2, 99]}).json == {"queued": 0}
        with parts.catalog.images._sessions.begin() as session:
            session.get_one(Image, 1).recipe = "other:1"
            session.get_one(Image, 2).state = "failed"
            session.get_one(Image, 3).recipe = "other:1"
        assert client.post("/api/v1/images/resegment", json={"ids": [1, 2, 4]}).json == {"queued": 2}
        assert parts.catalog.images.counts() == {"pending": 2, "working": 0, "indexed": 2, "empty": 0, "failed": 0}

    @pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": [1], "recipe": "x"}])
    def test_malformed_requests_are_refused(self, client: FlaskClient, body: dict[str, Any]) -> None:
        assert client.post("/api/v1/images/resegment", json=body).status_code == 422


class TestDownload:
    @staticmethod
    def archive(client: FlaskClient, ids: str) -> zipfile.ZipFile:
        answer = client.get(f"/api/v1/images/download?ids={ids}")
        assert answer.status_code == 200, answer.text
        assert answer.mimetype == "application/zip"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="photos-')
        return zipfile.ZipFile(io.BytesIO(answer.data))

    def test_originals_under_their_names(self, client: FlaskClient, library: Library) -> None:
        content = encoded(drawing(("teal", "pink")))
        upload = {"file": (io.BytesIO(content), "photo1.png"), "folder": "../up"}
        assert client.post("/api/v1/images", data=upload).status_code == 202
        with self.archive(client, "1,5,3,99,1") as found:
            assert found.testzip() is None
            assert found.namelist() == ["photo1.png", "photo1 (2).png", "photo3.png"]
            assert found.read("photo1.png") == encoded(drawing(PALETTES[0]))
            assert found.read("photo1 (2).png") == content

    def test_what_is_missing_or_changed_is_named(self, client: FlaskClient, library: Library) -> None:
        (library.photos / "photo1.png").unlink()
        (library.photos / "photo2.png").write_bytes(b"other bytes")
        with self.archive(client, "1,2,3") as found:
            assert found.namelist() == ["photo3.png", LEFT_OUT]
            lines = found.read(LEFT_OUT).decode().splitlines()
        assert lines[0].startswith("photo1.png: the file of photo 1 is missing")
        assert lines[1].startswith("photo2.png: the file of photo 2 has changed")

    def test_a_file_that_only_starts_like_a_picture_stays_here(
        self, client: FlaskClient, library: Library, parts: WebContext
    ) -> None:
        secret = library.photos / "secret.png"
        secret.write_bytes(encoded(drawing(PALETTES[0]))[:40] + b"my password")
        image_id = library.register(secret)
        for state in ("pending", "failed"):
            with self.archive(client, f"1,{image_id}") as found:
                assert found.namelist() == ["photo1.png", LEFT_OUT]
                assert b"secret.png: photo" in found.read(LEFT_OUT)
                assert b"password" not in found.read(LEFT_OUT), state
            parts.ingest_queue.claim("test", 9)
            parts.ingest_queue.fail("test", image_id, "torn")

    def test_not_too_much(self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.modules["webui.api.bulk"], "MAX_DOWNLOAD_BYTES", 10)  # the blueprint has its name
        answer = client.get("/api/v1/images/download?ids=1")
        assert answer.status_code == 413
        assert "download fewer" in answer.json["detail"]

    @pytest.mark.parametrize("ids", ["", "x", "1,", "-1", "1;2", "9" * 19, ",".join(["1"] * 501)])
    def test_malformed_ids_are_refused(self, client: FlaskClient, ids: str) -> None:
        assert client.get("/api/v1/images/download", query_string={"ids": ids}).status_code == 422

    def test_nothing_there(self, client: FlaskClient) -> None:
        assert client.get("/api/v1/images/download?ids=98,99").status_code == 404

    def test_its_slot_is_held_while_it_is_sent(self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        entered: list[str] = []
        monkeypatch.setattr(admission.Gate, "leave", lambda _: entered.append("left"))
        answer = client.get("/api/v1/images/download?ids=1,2,3,4", buffered=False)
        next(iter(answer.response))
        assert entered == []
        answer.close()
        assert entered == ["left"]
        client.head("/api/v1/images/download?ids=1")
        assert entered == ["left"] * 2


def test_names_are_unique() -> None:
    taken: set[str] = set()
    names = [unused_name(name, taken) for name in ("a.jpg", "A.JPG", "a.jpg", "a (2).jpg", "b", "b", "a.tar.gz")]
    assert names == ["a.jpg", "A (2).JPG", "a (3).jpg", "a (2) (2).jpg", "b", "b (2)", "a.tar.gz"]
