"""Object stores and web servers are listed, looked at and read; what goes wrong there is told, and tried again within bounds."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from remote_stores import Bucket, WebFiles, new_bucket, running_s3

from retrieval.errors import ImageTooLargeError, StoreUnavailableError
from retrieval.storage import remote, stores
from retrieval.storage.locations import uri_from
from retrieval.storage.remote import S3, Other, SeenObject
from retrieval.storage.stores import Downloaded, ObjectStores

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "PAUSE_SECONDS", 0.01)


def names(seen: Iterator[SeenObject], uri: str) -> list[str]:
    return [each.uri.removeprefix(uri) for each in seen]


def read(uri: str, most_bytes: int = 10**6, **options: Any) -> tuple[Downloaded | None, bytes]:
    target = io.BytesIO()
    found = ObjectStores().download(uri, target, most_bytes=most_bytes, **options)
    return found, target.getvalue()


class TestListing:
    def test_a_prefix_is_a_folder(self, bucket: Bucket) -> None:
        for key in ("a.jpg", "trip/b c.jpg", "trip/ü/#1?.jpg", "trip/.hidden/x.jpg", "trip2/d.jpg", "trip/"):
            bucket.put(key, b"photo")
        found = ObjectStores()
        assert names(found.below(bucket.uri), bucket.uri) == [
            "/a.jpg",
            "/trip/b%20c.jpg",
            "/trip/%C3%BC/%231%3F.jpg",
            "/trip2/d.jpg",
        ]
        assert names(found.below(f"{bucket.uri}/trip"), bucket.uri) == ["/trip/b%20c.jpg", "/trip/%C3%BC/%231%3F.jpg"]
        assert names(found.below(f"{bucket.uri}/a.jpg"), bucket.uri) == ["/a.jpg"]

    def test_more_objects_than_a_page(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(7):
            bucket.put(f"{number}.jpg", b"photo")
        made, asked = S3(), []
        call = made._files.call_s3

        def small_pages(method: str, **options: Any) -> Any:
            asked.append(method)
            return call(method, **options, MaxKeys=3)

        monkeypatch.setattr(made._files, "call_s3", small_pages)
        assert [len(page) for page in made.pages(bucket.uri)] == [3, 3, 1]
        assert asked == ["list_objects_v2"] * 3

    def test_a_listing_that_repeats_itself_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Endless:
            def call_s3(self, _: str, **options: Any) -> Any:
                number = int(options.get("ContinuationToken", "0"))
                page = [{"Key": "a.jpg", "Size": 1, "ETag": '"a"'}]
                return {"Contents": page, "IsTruncated": True, "NextContinuationToken": str(number + 1)}

        monkeypatch.setattr(S3, "_files", Endless())
        with pytest.raises(StoreUnavailableError, match="s3://photos: the listing repeats itself"):
            list(ObjectStores().below("s3://photos"))

    def test_no_bucket_is_no_empty_bucket(self, bucket: Bucket) -> None:
        with pytest.raises(FileNotFoundError):
            list(ObjectStores().below(bucket.uri))
        with pytest.raises(FileNotFoundError):
            list(ObjectStores().below(f"{bucket.uri}/nothing"))
        with pytest.raises(StoreUnavailableError, match="there is no such bucket: check its name"):
            list(ObjectStores().below(f"{bucket.uri}-other/a"))

    def test_other_stores_folder_by_folder(self, bucket: Bucket) -> None:
        """By what fsspec can do with any store, which here is the same one."""
        for key in ("a.jpg", "trip/b c.jpg", "trip/deep/c.jpg"):
            bucket.put(key, key.encode())
        made = Other("s3")
        assert [each.uri for page in made.pages(bucket.uri) for each in page] == [
            f"{bucket.uri}/{key}" for key in ("a.jpg", "trip/b%20c.jpg", "trip/deep/c.jpg")
        ]
        seen, blocks = made.stream(f"{bucket.uri}/trip/b%20c.jpg")
        assert (b"".join(blocks), seen.size) == (b"trip/b c.jpg", 12)
        assert seen.version == hashlib.md5(b"trip/b c.jpg").hexdigest()
        with pytest.raises(FileNotFoundError):
            made.look(f"{bucket.uri}/trip")


class TestReading:
    def test_bytes_and_what_tells_them_from_others(self, bucket: Bucket) -> None:
        content = bytes(range(256)) * 40_000
        bucket.put("ü/a #1.jpg", content)
        uri = uri_from(f"{bucket.uri}/ü/a #1.jpg")
        found, written = read(uri, 10**8)
        assert written == content
        assert found is not None
        assert found.sha256 == hashlib.sha256(content).hexdigest()
        assert found.seen == next(iter(ObjectStores().below(bucket.uri)))
        assert found.seen == ObjectStores().look(uri)

    def test_what_is_not_wanted_is_not_read_on(self, bucket: Bucket) -> None:
        bucket.put("a.jpg", b"text" * 10**6)
        asked: list[int] = []
        found, written = read(
            f"{bucket.uri}/a.jpg", 10**8, accepts=lambda beginning: bool(asked.append(len(beginning)))
        )
        assert (found, written) == (None, b"")
        assert asked[0] >= stores.FIRST_BYTES

    def test_no_more_than_is_allowed(self, bucket: Bucket) -> None:
        bucket.put("a.jpg", b"12345")
        assert read(f"{bucket.uri}/a.jpg", 5)[1] == b"12345"
        with pytest.raises(ImageTooLargeError, match="more than the 4 bytes"):
            read(f"{bucket.uri}/a.jpg", 4)

    def test_an_empty_object(self, bucket: Bucket) -> None:
        bucket.put("a.jpg", b"")
        found, written = read(f"{bucket.uri}/a.jpg")
        assert (found is not None and found.seen.size, written) == (0, b"")

    def test_a_file_on_a_web_server(self, web: WebFiles) -> None:
        web.files["/a%20b.jpg"] = b"photo"
        uri = uri_from(f"{web.url}/a b.jpg")
        found, written = read(uri)
        assert (written, list(ObjectStores().below(uri))) == (b"photo", [ObjectStores().look(uri)])
        assert found is not None
        assert found.seen == ObjectStores().look(uri)
        assert found.seen.version == hashlib.md5(b"photo").hexdigest()
        assert not ObjectStores().is_there(f"{web.url}/none.jpg")


class TestFaults:
    def test_a_server_that_cuts_off_is_asked_again(self, web: WebFiles) -> None:
        web.files["/a.jpg"] = b"photo" * 1000
        web.cut.add("/a.jpg")
        with pytest.raises(StoreUnavailableError, match="cannot be reached, or does not answer in time"):
            read(f"{web.url}/a.jpg")
        assert web.methods("/a.jpg").count("GET") == stores.ATTEMPTS

    def test_refused_is_not_asked_again(self, web: WebFiles) -> None:
        web.files["/a.jpg"], web.statuses["/a.jpg"] = b"photo", 403
        with pytest.raises(StoreUnavailableError, match="access was denied .* check the credentials"):
            read(f"{web.url}/a.jpg")
        assert len(web.methods("/a.jpg")) <= 3  # HEAD, and GET for servers that refuse only that, and the file

    def test_an_error_of_one_file_says_nothing_of_others(self, web: WebFiles) -> None:
        web.files |= {"/a.jpg": b"photo", "/b.jpg": b"other"}
        web.statuses["/a.jpg"] = 500
        found = ObjectStores()
        with pytest.raises(StoreUnavailableError, match="500"):
            found.download(f"{web.url}/a.jpg", io.BytesIO(), most_bytes=100)
        assert found.download(f"{web.url}/b.jpg", io.BytesIO(), most_bytes=100) is not None

    def test_a_server_that_is_gone_is_left_alone_for_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with running_s3() as url, new_bucket(url, "photos") as there:
            there.put("a.jpg", b"photo")
            found = ObjectStores()
            assert found.is_there("s3://photos/a.jpg")
            gone = there
        with new_environment(gone):
            for _ in range(2):
                with pytest.raises(StoreUnavailableError, match="s3://photos/a.jpg: the server cannot be reached"):
                    found.look("s3://photos/a.jpg")
            monkeypatch.setattr(found, "_remote", lambda _: pytest.fail("it was asked"))
            with pytest.raises(StoreUnavailableError, match="cannot be reached"):
                found.look("s3://photos/b.jpg")
            with pytest.raises(StoreUnavailableError, match="cannot be reached"):
                list(ObjectStores().below("s3://photos"))

    def test_a_download_that_dribbles_ends(self, monkeypatch: pytest.MonkeyPatch, bucket: Bucket) -> None:
        bucket.put("a.jpg", b"photo")

        async def dribbling(_: Any) -> bytes:
            return b"x"

        monkeypatch.setattr(remote, "_block", dribbling)
        monkeypatch.setattr(remote, "DOWNLOAD_SECONDS", 0.2)
        started = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="took longer than"):
            read(f"{bucket.uri}/a.jpg", 10**9)
        assert time.monotonic() - started < 60

    def test_without_credentials_it_says_what_to_set(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        with pytest.raises(StoreUnavailableError, match="set AWS_ACCESS_KEY_ID"):
            list(ObjectStores().below(bucket.uri))

    def test_a_missing_package_is_named(self) -> None:
        with pytest.raises(stores.ConfigurationError, match="gs://photos needs a package"):
            list(ObjectStores().below("gs://photos"))


def new_environment(bucket: Bucket) -> Any:
    from unittest.mock import patch

    from remote_stores import ENVIRONMENT

    return patch.dict("os.environ", {**ENVIRONMENT, "AWS_ENDPOINT_URL": bucket.url})
