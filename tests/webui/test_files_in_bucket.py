"""What SegSearch keeps lies in a bucket; the bucket is a stand-in (moto), so this proves nothing about speed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests
from drawn_videos import moving, scene, write_video
from flask.testing import FlaskClient
from installation import Library, drawing, encoded
from PIL import Image
from remote_stores import Bucket

import retrieval
from indexer.backup import back_up, restore
from indexer.clean import RENDITIONS, UPLOADS, clean
from indexer.doctor import _files
from indexer.report import Tally
from indexer.verify import verify
from indexer.worker import Worker, ingest, ingest_paths
from retrieval.assembly import Assembly
from retrieval.errors import CatalogError, ConfigurationError, StoreUnavailableError
from retrieval.settings import Settings
from retrieval.settings.database_urls import sqlite_url
from retrieval.storage import bucket_files, file_names, stores
from webui.context import WebContext

pytestmark = pytest.mark.slow

CONTENT = encoded(drawing(("teal", "pink")))
DIGEST = hashlib.sha256(CONTENT).hexdigest()
UPLOAD = f"kept/uploads/{DIGEST[:2]}/{DIGEST}.png"
PREVIEW, THUMBNAIL = (f"kept/renditions/{DIGEST[:2]}/{DIGEST}.{each}.jpg" for each in ("preview", "thumb"))
DOWN = "http://127.0.0.1:9"


@dataclass
class Keys:
    """What is in a bucket."""

    bucket: Bucket

    def __call__(self) -> set[str]:
        pages = self.bucket.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket.name)
        return {each["Key"] for page in pages for each in page.get("Contents", [])}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(bucket_files, "FAULT_SECONDS", 0.0)


@pytest.fixture
def keys(bucket: Bucket) -> Keys:
    return Keys(bucket)


@pytest.fixture
def library(copy_template: Callable[[Path], Library], tmp_path: Path, bucket: Bucket) -> Iterator[Library]:
    """An installation with four photos of a folder, whose files are kept in a bucket from now on."""
    before = copy_template(tmp_path)
    settings = replace(before.assembly.settings, files=f"{bucket.uri}/kept")
    before.assembly.close()
    with closing(Assembly(settings)) as assembly:
        yield Library(assembly, before.photos)


def send(served: str, content: bytes = CONTENT, to: str = "images") -> requests.Response:
    return requests.post(f"{served}/api/v1/{to}", files={"file": ("x.png", content)}, timeout=120)


def upload_before(library: Library) -> Path:
    """Upload a photo as if the bucket were not set yet; returns where its file is."""
    with closing(Assembly(replace(library.assembly.settings, files=""))) as before:
        path = before.files.new(UPLOAD.removeprefix("kept/"))
        partial = path.with_name(".upload-1")
        partial.write_bytes(CONTENT)
        before.own_files.enter_upload(partial, DIGEST, "png")
    return path


def work(assembly: Assembly) -> None:
    """Do what a worker does."""
    ingest(assembly, Worker(assembly), [], Tally())


def without_copies(settings: Settings) -> None:
    """Be another machine: one without copies."""
    for path in settings.copies_dir.glob("*/*"):
        path.unlink()


def test_the_way_of_an_upload(served: str, library: Library, parts: WebContext, keys: Keys) -> None:
    sent = send(served)
    assert sent.status_code == 202, sent.text
    photo = f"{served}/api/v1/images/{sent.json()['id']}"
    assert keys() == {UPLOAD}
    (place,) = parts.catalog.images.get(sent.json()["id"]).locations
    assert (place.uri, place.size, place.uploaded_as) == (f"{keys.bucket.uri}/{UPLOAD}", len(CONTENT), "x.png")
    assert send(served).status_code == 200
    without_copies(parts.settings)
    work(library.assembly)
    assert keys() == {UPLOAD, PREVIEW, THUMBNAIL}
    assert not list(parts.settings.uploads_dir.rglob("*.png"))
    without_copies(parts.settings)
    for kind, longest in (("preview", 640), ("thumbnail", 360)):
        answer = requests.get(f"{photo}/{kind}", timeout=60)
        assert max(Image.open(io.BytesIO(answer.content)).size) == longest
        again = requests.get(f"{photo}/{kind}", headers={"If-None-Match": answer.headers["ETag"]}, timeout=60)
        assert (again.status_code, again.content) == (304, b"")
    part = requests.get(f"{photo}/file", headers={"Range": "bytes=10-19"}, timeout=60)
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    parts.engine.refresh()
    asked = {"positive": [{"image": sent.json()["id"]}], "limit": 1}
    found = requests.post(f"{served}/api/v1/search", json=asked, headers={"Origin": served}, timeout=60).json()
    assert found["results"]
    assert requests.delete(photo, headers={"Origin": served}, timeout=60).status_code == 204
    assert UPLOAD in keys()
    parts.assembly.trash.empty()
    assert keys() == set()
    assert not list(parts.settings.copies_dir.glob(f"*/{DIGEST}*"))


def test_a_query_photo(served: str, parts: WebContext, keys: Keys) -> None:
    query = send(served, to="queries")
    assert query.status_code == 201, query.text
    stored = f"kept/queries/{DIGEST[:2]}/{DIGEST}"
    assert keys() == {stored}
    without_copies(parts.settings)
    shown = requests.get(f"{served}/api/v1/queries/{query.json()['id']}/file", timeout=60)
    assert Image.open(io.BytesIO(shown.content)).format == "JPEG"
    assert keys() == {stored, f"{stored}.jpg"}
    kept = requests.post(f"{served}/api/v1/queries/{query.json()['id']}/keep", headers={"Origin": served}, timeout=60)
    assert kept.status_code == 204
    with parts.assembly._sessions.begin() as session:
        session.connection().exec_driver_sql("DELETE FROM query")
    parts.assembly.own_files.remove_query(DIGEST)
    assert keys() == set()


def test_frames_of_a_video(library: Library, tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "films").mkdir()
    frames = [frame for seed in (0, 1) for frame in moving(scene(seed), 15)]
    write_video(tmp_path / "films" / "film.mp4", frames)
    ingest_paths(library.assembly, [tmp_path / "films"])
    (video,) = [each for each in library.assembly.catalog.images.page() if each.is_video]
    shown = library.assembly.catalog.images.page(video_id=video.id)
    assert len(shown) >= 2
    places = {place.uri.removeprefix(f"{keys.bucket.uri}/") for frame in shown for place in frame.locations}
    assert places == {key for key in keys() if "/uploads/" in key}
    assert len([key for key in keys() if "/renditions/" in key]) == 2 * len(shown)


def test_renditions_from_before_are_used_and_others_made_anew(served: str, parts: WebContext, keys: Keys) -> None:
    assert requests.get(f"{served}/api/v1/images/1/preview", timeout=60).status_code == 200
    assert keys() == set()
    for path in parts.settings.renditions_dir.rglob("*.jpg"):
        path.unlink()
    shown = requests.get(f"{served}/api/v1/images/1/thumbnail", timeout=60)
    assert max(Image.open(io.BytesIO(shown.content)).size) == 360
    digest = parts.catalog.images.get(1).sha256
    assert keys() == {f"kept/renditions/{digest[:2]}/{digest}.{each}.jpg" for each in ("preview", "thumb")}


def test_a_bucket_that_is_down(
    served: str, library: Library, parts: WebContext, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(served).json()["id"]
    without_copies(parts.settings)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", DOWN)
        parts.assembly.originals.stores = stores.ObjectStores()
        other = encoded(drawing(("olive", "navy")))
        for to in ("images", "queries"):
            refused = send(served, other, to)
            assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
            assert "cannot be reached" in refused.json()["detail"]
        assert parts.catalog.images.of_digest(hashlib.sha256(other).hexdigest()) is None
        assert not list(parts.settings.copies_dir.glob(".upload-*"))
        assert requests.get(f"{served}/api/v1/images/{sent}/file", timeout=60).status_code == 503
        assert requests.get(f"{served}/upload", timeout=60).status_code == 200
        fault = _files(parts.assembly)
        assert (fault.state, "cannot be reached" in fault.told) == ("fault", True)
        assert "SEGSEARCH_FILES" in requests.get(f"{served}/health", timeout=60).text
        work(library.assembly)
        assert parts.ingest_queue.states([sent])[sent][0] in ("pending", "running")
    parts.assembly.originals.stores = stores.ObjectStores()
    work(library.assembly)
    assert parts.ingest_queue.states([sent])[sent][0] == "indexed"
    assert send(served, other).status_code == 202
    assert _files(parts.assembly).state == "ok"
    assert not [key for key in keys() if "trial" in key]


def test_a_bucket_that_is_not_there(library: Library, bucket: Bucket) -> None:
    with closing(Assembly(replace(library.assembly.settings, files=f"{bucket.uri}-gone"))) as assembly:
        assert "there is no such bucket" in _files(assembly).told


@pytest.mark.parametrize("error", [ConfigurationError("s3fs is missing"), StoreUnavailableError("gone")])
def test_a_trial_that_fails_leaves_nothing_and_raises_nothing(
    library: Library, keys: Keys, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(library.assembly.originals.stores, "download", fail)
    assert _files(library.assembly).told == str(error)
    assert keys() == set()
    library.assembly.settings.copies_dir.parent.mkdir(exist_ok=True)
    library.assembly.settings.copies_dir.rmdir()
    library.assembly.settings.copies_dir.touch()
    assert "File exists" in _files(library.assembly).told


def test_what_is_kept_is_no_photo_of_the_user(served: str, library: Library, keys: Keys) -> None:
    sent = send(served).json()["id"]
    work(library.assembly)
    keys.bucket.put("trip/mine.png", encoded(drawing(("olive", "navy"))))
    keys.bucket.put("kept/collections/3/uploads/ab/theirs.png", encoded(drawing(("olive", "gold"))))
    tally = Tally()
    ingest(library.assembly, Worker(library.assembly), [], tally, uris=[keys.bucket.uri])
    new = library.assembly.catalog.images.page()[5:]
    assert [place.uri for photo in new for place in photo.locations] == [f"{keys.bucket.uri}/trip/mine.png"]
    (place,) = library.assembly.catalog.images.get(sent).locations
    assert place.missing_since is None
    assert verify(library.assembly) == []


def test_waste_is_found(library: Library, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexer import clean as room

    for key in (UPLOAD, PREVIEW):
        keys.bucket.put(key, b"x")
    assert not clean(library.assembly, [UPLOADS, RENDITIONS])
    monkeypatch.setattr(room, "AGE_SECONDS", -5.0)
    assert {each.kind for each in clean(library.assembly, [UPLOADS, RENDITIONS])} >= {UPLOADS}
    assert UPLOAD not in keys()


def test_collections_have_places_of_their_own(library: Library, keys: Keys, tmp_path: Path) -> None:
    assembly = library.assembly
    record = assembly.collections.add("Trip", None)
    with closing(assembly.of_collection(record)) as inside:
        path = inside.files.incoming("uploads") / ".upload-1"
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        inside.own_files.enter_upload(path, DIGEST, "png")
        (key,) = keys()
        assert key == UPLOAD.replace("kept/", f"kept/collections/{record.id}/")
        assembly.own_files.remove_photo(DIGEST, [inside.files.uri(f"uploads/{DIGEST[:2]}/{DIGEST}.png")])
        assert keys() == {key}
    assembly.collections.delete(record.id)
    assembly.erase_collection(record.id)
    assert keys() == set()


def test_what_could_not_be_erased_of_a_collection_is_erased_later(
    library: Library, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assembly = library.assembly
    record = assembly.collections.add("Trip", None)
    with closing(assembly.of_collection(record)) as inside:
        path = inside.files.incoming("uploads") / ".upload-1"
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        inside.own_files.enter_upload(path, DIGEST, "png")
    assembly.collections.delete(record.id)
    with monkeypatch.context() as patch:
        patch.setattr(bucket_files.BucketFiles, "erase", _down)
        with pytest.raises(StoreUnavailableError):
            assembly.erase_collection(record.id)
        assembly.erase_old_collections()
    assert len(keys()) == 1
    assert assembly.collections.all_with_deleted() == []
    assembly.erase_old_collections()
    assert keys() == set()
    assert not assembly.settings.collection_dir(record.id).exists()


def _down(*_: object) -> None:
    raise StoreUnavailableError("the bucket is out of reach")


def test_the_page_of_failures_without_the_bucket(
    library: Library, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = library.photos / "torn.png"
    torn.write_bytes(CONTENT[:90])
    ingest_paths(library.assembly, [torn])
    monkeypatch.setattr(bucket_files.BucketFiles, "look", _down)
    page = client.get("/upload")
    assert page.status_code == 200
    assert "torn.png" in page.text


def test_uploads_from_before_stay_in_the_data_directory(library: Library, keys: Keys) -> None:
    path = upload_before(library)
    work(library.assembly)
    photo = library.assembly.catalog.images.of_digest(DIGEST)
    assert photo is not None
    assert photo.state == "indexed"
    assert keys() == {PREVIEW, THUMBNAIL}
    library.assembly.trash.put([photo.id])
    library.assembly.trash.empty()
    assert not path.exists()
    assert keys() == set()


def test_backed_up_and_restored_in_another_bucket(served: str, library: Library, keys: Keys, tmp_path: Path) -> None:
    send(served)
    work(library.assembly)
    note, _ = back_up(library.assembly, tmp_path / "backup")
    assert (note.lost, note.files) == (0, f"{keys.bucket.uri}/kept")
    kept = tmp_path / "backup" / UPLOAD.removeprefix("kept/")
    assert kept.read_bytes() == CONTENT
    assert back_up(library.assembly, tmp_path / "backup")[1].files == 1
    target = replace(Settings.in_data_dir(tmp_path / "new", recipe="grid"), files=f"{keys.bucket.uri}/other")
    restore(target, tmp_path / "backup")
    with closing(Assembly(target)) as restored:
        (place,) = restored.catalog.images.of_digest(DIGEST).locations  # type: ignore[union-attr]
        assert place.uri == f"{keys.bucket.uri}/{UPLOAD.replace('kept', 'other')}"
        assert UPLOAD.replace("kept", "other") in keys()
        stream = restored.originals.open(place.uri, DIGEST)
        assert stream is not None
        assert stream.read() == CONTENT
    back = Settings.in_data_dir(tmp_path / "folder", recipe="grid")
    restore(back, tmp_path / "backup")
    assert (back.data_dir / UPLOAD.removeprefix("kept/")).read_bytes() == CONTENT


def test_an_upload_from_before_that_came_again_is_restored(
    served: str, library: Library, keys: Keys, tmp_path: Path
) -> None:
    before = upload_before(library)
    assert send(served).status_code == 200
    work(library.assembly)
    places = library.assembly.catalog.images.of_digest(DIGEST).locations  # type: ignore[union-attr]
    assert {place.uri for place in places} == {before.as_uri(), f"{keys.bucket.uri}/{UPLOAD}"}
    note, _ = back_up(library.assembly, tmp_path / "backup")
    assert (note.photos, note.elsewhere, note.lost) == (5, 4, 0)
    for target in (
        replace(Settings.in_data_dir(tmp_path / "new", recipe="grid"), files=f"{keys.bucket.uri}/other"),
        Settings.in_data_dir(tmp_path / "folder", recipe="grid"),
    ):
        restore(target, tmp_path / "backup")
        with closing(Assembly(target)) as restored:
            (place,) = restored.catalog.images.of_digest(DIGEST).locations  # type: ignore[union-attr]
            assert place.uri == restored.files.uri(UPLOAD.removeprefix("kept/"))


@pytest.mark.parametrize("url", ["s3:/b", "ftp://x/y", "/folder", "s3://", "file://host/x", "s3://me:secret@host/b"])
def test_places_that_cannot_be(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SEGSEARCH_FILES") as raised:
        Settings.from_env({"SEGSEARCH_FILES": url})
    assert "secret" not in str(raised.value)


def test_a_folder_and_a_bucket_of_another_kind(tmp_path: Path) -> None:
    settings = Settings.from_env({"SEGSEARCH_FILES": f"file://{tmp_path}/a%20b/"})
    assert settings.uploads_dir == tmp_path / "a b" / "uploads"
    assert settings.of_collection(3).uploads_dir == tmp_path / "a b" / "collections" / "3" / "uploads"
    elsewhere = Settings.from_env({"SEGSEARCH_FILES": "gs://bucket/prefix", "SEGSEARCH_DATA_DIR": str(tmp_path)})
    with closing(Assembly(elsewhere)) as assembly:
        assert assembly.files.uri("uploads/ab/x") == "gs://bucket/prefix/uploads/ab/x"


def test_files_from_before_need_no_bucket(
    served: str, library: Library, parts: WebContext, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", DOWN)
    parts.assembly.originals.stores = stores.ObjectStores()
    for kind in ("preview", "thumbnail"):
        assert requests.get(f"{served}/api/v1/images/1/{kind}", timeout=60).status_code == 200
    assert keys() == set()


def test_renditions_that_are_made_anew_replace_those_from_before(library: Library, keys: Keys) -> None:
    files, digest = library.assembly.files, library.assembly.catalog.images.get(1).sha256
    name = file_names.preview(digest)
    written = files.new(name)
    written.write_bytes(b"new")
    files.keep({name: written})
    with files.open(name) as preview:
        assert preview.read() == b"new"
    assert [file.name for file in files.below("renditions")].count(name) == 1
    assert not (library.assembly.settings.data_dir / name).exists()
    assert keys() == {f"kept/{name}"}


def test_a_bucket_belongs_to_one_installation(served: str, library: Library, keys: Keys, tmp_path: Path) -> None:
    send(served, to="queries")
    held = keys()
    back_up(library.assembly, tmp_path / "backup")
    other = replace(library.assembly.settings, data_dir=tmp_path / "new", database_url=sqlite_url(tmp_path / "new.db"))
    with pytest.raises(ConfigurationError, match="set SEGSEARCH_FILES to another folder"):
        restore(other, tmp_path / "backup")
    assert not other.data_dir.exists()
    with (
        closing(Assembly(other)) as assembly,
        pytest.raises(CatalogError, match="there are files in .*/queries, which SEGSEARCH_FILES names"),
    ):
        clean(assembly)
    assert keys() == held


def test_a_library_in_python(library: Library, keys: Keys, tmp_path: Path) -> None:
    with retrieval.open(tmp_path / "lib", recipe="grid", files=f"{keys.bucket.uri}/mine/") as opened:
        assert opened.ingest(library.photos).counts["indexed"] == 4
    assert {key.partition("/")[0] for key in keys()} == {"mine"}
    assert len(keys()) == 2 * 4
    with pytest.raises(ConfigurationError, match="SEGSEARCH_FILES"):
        retrieval.open(tmp_path / "lib", files="/folder")
