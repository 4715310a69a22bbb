"""Videos over HTTP: their frames, their pictures, ranges of their files, and the pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawn_videos import moving, scene, write_video
from flask.testing import FlaskClient
from PIL import Image

from indexer.worker import ingest_paths
from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from webui import create_app
from webui.context import EXTENSION

pytestmark = pytest.mark.slow


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    return write_video(tmp_path / "films" / "film.mp4", [*moving(scene(1), 60), *moving(scene(2), 40)])


@pytest.fixture
def client(assembly: Assembly, film: Path, decoders: DecoderPool) -> Iterator[FlaskClient]:
    ingest_paths(assembly, [film])
    app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
    yield app.test_client()
    app.extensions[EXTENSION].own.renditions.close()


def video_and_frames(client: FlaskClient) -> tuple[dict, list[dict]]:
    (video,) = client.get("/api/v1/images").get_json()["items"]
    return video, client.get(f"/api/v1/images?video={video['id']}").get_json()["items"]


def test_a_video_is_listed_once_and_has_frames(client: FlaskClient) -> None:
    video, frames = video_and_frames(client)
    assert (video["duration_s"], video["video"], video["time_s"]) == (pytest.approx(10), None, None)
    assert [frame["time_s"] for frame in frames] == pytest.approx([0, 2, 4, 6, 8])
    assert {frame["video"] for frame in frames} == {video["id"]}
    assert client.get("/api/v1/status").get_json()["counts"]["indexed"] == 1
    (listed,) = client.get("/api/v1/timeline/photos").get_json()["photos"]
    assert (listed["id"], listed["duration_s"]) == (video["id"], pytest.approx(10))
    assert client.get("/api/v1/images?video=99999").get_json()["items"] == []
    assert client.get("/api/v1/images?video=x").status_code == 422


def test_its_pictures_are_those_of_its_cover(client: FlaskClient) -> None:
    video, frames = video_and_frames(client)
    for kind in ("thumbnail", "preview"):
        answer = client.get(f"/api/v1/images/{video['id']}/{kind}")
        assert answer.status_code == 200
        assert answer.data == client.get(f"/api/v1/images/{frames[1]['id']}/{kind}").data


def test_parts_of_its_file_are_sent(client: FlaskClient, film: Path) -> None:
    video, frames = video_and_frames(client)
    address = f"/api/v1/images/{video['id']}/file"
    whole = client.get(address)
    assert (whole.status_code, whole.mimetype) == (200, "video/mp4")
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers.get("Content-Disposition", "").partition(";")[0] != "attachment"
    part = client.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, film.read_bytes()[100:200])
    last = client.get(address, headers={"Range": "bytes=-50"})
    assert last.data == film.read_bytes()[-50:]
    assert client.get(address, headers={"Range": "bytes=99999999-"}).status_code == 416
    picture = client.get(f"/api/v1/images/{frames[0]['id']}/file")
    assert Image.open(io.BytesIO(picture.data)).size == (320, 180)


def test_results_say_when(client: FlaskClient) -> None:
    video, frames = video_and_frames(client)
    segment = client.get(f"/api/v1/images/{frames[0]['id']}").get_json()["segments"][0]["id"]
    answer = client.post("/api/v1/search", json={"positive": [{"segment": segment}]}).get_json()
    (result,) = answer["results"]
    assert result["video"] == video["id"]
    by_id = {frame["id"]: frame["time_s"] for frame in frames}
    assert result["time_s"] == by_id[result["image_id"]]
    assert all(moment["time_s"] == by_id[moment["image_id"]] for moment in result["moments"])
    assert result["image_id"] in {moment["image_id"] for moment in result["moments"]}


def test_the_page_of_a_frame_plays_its_video_from_there(client: FlaskClient) -> None:
    video, frames = video_and_frames(client)
    page = client.get(f"/photos/{frames[2]['id']}").get_data(as_text=True)
    assert f'src="/api/v1/images/{video["id"]}/file#t=4.00"' in page
    assert page.count('<ol class="moments-strip">') == 1
    assert all(f'href="/photos/{frame["id"]}"' in page for frame in frames)
    whole = client.get(f"/photos/{video['id']}").get_data(as_text=True)
    assert f'src="/api/v1/images/{video["id"]}/file"' in whole
    assert "film.mp4" in whole
    assert "resegment" not in whole
    assert "▶ 0:10" in client.get("/").get_data(as_text=True)


def test_a_video_is_uploaded(client: FlaskClient, tmp_path: Path) -> None:
    film = write_video(tmp_path / "another.mp4", moving(scene(3), 20))
    sent = {"file": (io.BytesIO(film.read_bytes()), "holiday.mp4")}
    answer = client.post("/api/v1/images", data=sent)
    assert answer.status_code == 202
    assert Path(client.get(f"/api/v1/images/{answer.get_json()['id']}").get_json()["path"]).suffix == ".mp4"
    noise = {"file": (io.BytesIO(b"\x1a\x45\xdf"), "noise.mkv")}
    assert client.post("/api/v1/images", data=noise).status_code == 415
    query = {"file": (io.BytesIO(film.read_bytes()), "query.mp4")}
    refused = client.post("/api/v1/queries", data=query)
    assert refused.status_code == 415, "a query is a photo"
