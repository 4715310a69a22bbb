"""Places of photos as URIs: what people write, what is stored, and what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.errors import ConfigurationError
from retrieval.storage.locations import displayed, folder_name_of, key_of, name_of, path_of, uri_from, uri_of


@pytest.mark.parametrize(
    ("written", "uri", "shown", "name", "folder"),
    [
        ("s3://photos/2024/a b.jpg", "s3://photos/2024/a%20b.jpg", "s3://photos/2024/a b.jpg", "a b.jpg", "2024"),
        ("s3://photos/ü#?%20.jpg", "s3://photos/%C3%BC%23%3F%2520.jpg", "s3://photos/ü#?%20.jpg", "ü#?%20.jpg", "photos"),
        ("S3://photos/holiday/", "s3://photos/holiday", "s3://photos/holiday", "holiday", "photos"),
        ("gs://photos", "gs://photos", "gs://photos", "", ""),
        ("https://Example.org/a b.jpg?size=3", "https://example.org/a%20b.jpg?size=3", "https://example.org/a%20b.jpg?size=3", "a b.jpg", "example.org"),
        ("https://example.org/x/a%20b.jpg#top", "https://example.org/x/a%20b.jpg", "https://example.org/x/a%20b.jpg", "a b.jpg", "x"),
        ("file:///photos/a%20b.jpg", "file:///photos/a%20b.jpg", "/photos/a b.jpg", "a b.jpg", "photos"),
        ("file://localhost/photos/../a.jpg", "file:///a.jpg", "/a.jpg", "a.jpg", ""),
    ],
)  # fmt: skip
def test_what_is_written_stored_and_shown(written: str, uri: str, shown: str, name: str, folder: str) -> None:
    assert uri_from(written) == uri
    assert (displayed(uri), name_of(uri), folder_name_of(uri)) == (shown, name, folder)


def test_keys_are_taken_as_they_are() -> None:
    for key in ("a//b", "/a", "a/../b", "%41", "a+b", "\N{SNOWMAN}", "a\tb"):
        assert key_of(uri_from(f"s3://photos/{key}")) == f"s3://photos/{key}"


@pytest.mark.parametrize(
    "written",
    [
        "s3://AKIA:s3cret@photos/a.jpg",
        "https://me:s3cret@example.org/a.jpg",
        "https://example.org/a.jpg?X-Amz-Signature=s3cret",
        "https://example.org/a.jpg?size=1&token=s3cret",
    ],
)
def test_secrets_are_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        uri_from(written)
    assert "s3cret" not in str(refused.value)
    assert "stored" in str(refused.value)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("ftp://host/a.jpg", "ftp:// is not known"),
        ("s3://", "names no bucket"),
        ("s3:///a.jpg", "names no bucket"),
        ("https://example.org/", "no address of a file"),
        ("https:///a.jpg", "no address of a file"),
        ("file://host/a.jpg", "no file of this machine"),
    ],
)
def test_what_can_be_no_place_says_why(written: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        uri_from(written)


def test_an_object_has_no_path() -> None:
    assert path_of(uri_of(Path("/a b.jpg"))) == Path("/a b.jpg")
    with pytest.raises(ValueError, match="no file of this machine"):
        path_of("s3://photos/a.jpg")
