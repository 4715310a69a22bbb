"""Originals in object stores under the server that `serve` runs."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from urllib.parse import unquote

import pytest
import requests
from installation import Library, drawing, encoded
from remote_stores import Bucket

from indexer.report import Tally
from indexer.worker import Worker, ingest
from retrieval.storage import stores
from retrieval.storage.stores import ObjectStores
from webui.context import WebContext

pytestmark = pytest.mark.slow

CONTENT = encoded(drawing(("teal", "pink")))
NAME = "b c ü.png"
NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def url(served: str, library: Library, bucket: Bucket, parts: WebContext, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a photo of a bucket, of which there is no copy yet."""
    monkeypatch.setattr(stores, "PAUSE_SECONDS", 0.01)
    bucket.put(f"trip/{NAME}", CONTENT)
    tally = Tally()
    ingest(library.assembly, Worker(library.assembly), [], tally, uris=[bucket.uri])
    for copy in parts.settings.copies_dir.glob("*/*"):
        copy.unlink()
    (place,) = library.assembly.catalog.locations.known([f"{bucket.uri}/trip/b%20c%20%C3%BC.png"]).values()
    return f"{served}/api/v1/images/{place.image_id}"


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch, parts: WebContext) -> None:
    """The store cannot be reached any more."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    parts.assembly.originals.stores = ObjectStores()


def test_all_of_it_parts_of_it_and_nothing_if_it_is_known(url: str) -> None:
    whole = requests.get(f"{url}/file", timeout=60)
    assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, CONTENT, "image/png")
    part = requests.get(f"{url}/file", headers={"Range": "bytes=10-19"}, timeout=60)
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    again = requests.get(f"{url}/file", headers={"If-None-Match": whole.headers["ETag"]}, timeout=60)
    assert (again.status_code, again.content) == (304, b"")


def test_where_it_is(url: str, bucket: Bucket, served: str) -> None:
    item = requests.get(url, timeout=60).json()
    assert (item["path"], item["filename"], item["missing"]) == (f"{bucket.uri}/trip/{NAME}", NAME, False)
    page = requests.get(f"{served}/photos/{item['id']}", timeout=60).text
    assert f"{bucket.uri}/trip/{NAME}" in page


def test_renditions_are_made_anew(url: str, parts: WebContext) -> None:
    for path in parts.settings.renditions_dir.rglob("*.jpg"):
        path.unlink()
    assert requests.get(f"{url}/preview", timeout=60).headers["Content-Type"] == "image/jpeg"


def test_a_copy_is_enough(url: str, request: pytest.FixtureRequest) -> None:
    requests.get(f"{url}/file", timeout=60)
    request.getfixturevalue("gone")
    assert requests.get(f"{url}/file", timeout=60).content == CONTENT


def test_a_store_that_is_gone_is_no_missing_photo(url: str, gone: None) -> None:
    answer = requests.get(f"{url}/file", timeout=60)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "15")
    assert "cannot be read now" in answer.json()["detail"]
    assert not requests.get(url, timeout=60).json()["missing"]


def test_a_deleted_object_is_missing(url: str, bucket: Bucket) -> None:
    bucket.delete(f"trip/{NAME}")
    answer = requests.get(f"{url}/file", timeout=60)
    assert (answer.status_code, f"{bucket.uri}/trip/{NAME}" in answer.json()["detail"]) == (410, True)
    assert requests.get(url, timeout=60).json()["missing"]


def test_another_object_in_its_place_is_not_sent(url: str, bucket: Bucket) -> None:
    bucket.put(f"trip/{NAME}", encoded(drawing(("black", "white"))))
    answer = requests.get(f"{url}/file", timeout=60)
    assert (answer.status_code, "has changed" in answer.json()["detail"]) == (409, True)


def test_downloads_are_redirected_if_that_is_set(url: str, bucket: Bucket, parts: WebContext) -> None:
    assert requests.get(f"{url}/file", headers=NAVIGATION, allow_redirects=False, timeout=60).status_code == 200
    parts.assembly.settings = replace(parts.settings, signed_seconds=60)
    answer = requests.get(f"{url}/file", headers=NAVIGATION, allow_redirects=False, timeout=60)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
    assert answer.headers["Location"].startswith(f"{bucket.url}/{bucket.name}/trip/")
    assert NAME in unquote(unquote(answer.headers["Location"].partition("filename")[2]))
    assert requests.get(answer.headers["Location"], timeout=60).content == CONTENT
    picture = requests.get(f"{url}/file", headers={"Accept": "image/avif,*/*"}, allow_redirects=False, timeout=60)
    assert picture.status_code == 200
    bucket.put(f"trip/{NAME}", encoded(drawing(("black", "white"))))
    assert requests.get(f"{url}/file", headers=NAVIGATION, allow_redirects=False, timeout=60).status_code == 200


def test_originals_in_one_file(url: str, served: str) -> None:
    answer = requests.get(f"{served}/api/v1/images/download", params={"ids": url.rpartition("/")[2]}, timeout=60)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {NAME: CONTENT}


@pytest.mark.parametrize(("folder", "is_in"), [("", True), ("/trip", True), ("/tri", False), ("/trip/b", False)])
def test_photos_of_a_prefix(url: str, served: str, bucket: Bucket, parts: WebContext, folder: str, is_in: bool) -> None:
    parts.engine.refresh()
    asked = {"positive": [{"image": 1}], "filters": {"folder": bucket.uri + folder}}
    answer = requests.post(f"{served}/api/v1/search", json=asked, headers={"Origin": served}, timeout=60).json()
    found = {each["image_id"] for each in answer["results"]}
    assert found == ({int(url.rpartition("/")[2])} if is_in else set())


def test_no_secret_is_repeated(served: str) -> None:
    refused = {"positive": [{"image": 1}], "filters": {"folder": "s3://me:secret@photos"}}
    answer = requests.post(f"{served}/api/v1/search", json=refused, headers={"Origin": served}, timeout=60)
    assert (answer.status_code, "user name or password" in answer.json()["detail"]) == (422, True)
    assert "secret" not in answer.text
