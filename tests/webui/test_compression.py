"""Text is sent compressed to those who take it."""

from __future__ import annotations

import gzip
import io
import json
import re

import brotli
import pytest
from flask.testing import FlaskClient
from installation import PALETTES, PASSWORD, Library, drawing, encoded, sign_in

from webui.auth import passwords
from webui.serving.compression import LEAST_BYTES

GZIP, BROTLI = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize("path", ["/", "/search", "/api/v1/openapi.json", "/api/v1/images/1"])
def test_pages_and_answers(client: FlaskClient, path: str) -> None:
    plain, packed = client.get(path), client.get(path, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.data) < len(plain.data)
    if path.startswith("/api"):
        assert json.loads(gzip.decompress(packed.data)) == plain.json


@pytest.mark.parametrize("name", ["js/search.js", "css/base.css"])
def test_scripts_and_style_sheets(client: FlaskClient, name: str) -> None:
    plain, packed = client.get(f"/static/{name}"), client.get(f"/static/{name}", headers=BROTLI)
    assert packed.headers["Content-Encoding"] == "br"
    assert brotli.decompress(packed.data) == plain.data
    again = client.get(f"/static/{name}", headers={**BROTLI, "If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_problems_too_when_they_are_long(client: FlaskClient) -> None:
    short = client.get("/api/v1/images/99", headers=GZIP)
    assert (short.status_code, "Content-Encoding" in short.headers) == (404, False)


@pytest.mark.parametrize("path", ["/images/1/file", "/images/1/thumbnail", "/segments/1/crop", "/export?format=coco"])
def test_pictures_and_downloads_are_sent_as_they_are(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/api/v1{path}", headers=BROTLI)
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


def test_an_answer_that_shows_a_secret_is_not_compressed(client: FlaskClient, library: Library) -> None:
    library.assembly.accounts.add("admin", "admin", passwords.hashed(PASSWORD))
    assert sign_in(client, "admin").status_code == 303
    headers = {**BROTLI, "Origin": "http://localhost"}
    for _ in range(20):  # a list that is long enough
        made = client.post("/api/v1/account/tokens", json={"name": "n" * 60}, headers=headers)
        assert (made.status_code, "Content-Encoding" in made.headers) == (201, False)
    listed = client.get("/api/v1/account/tokens", headers=headers)
    assert len(listed.data) > LEAST_BYTES
    assert "Content-Encoding" not in listed.headers


def test_what_is_sent_for_the_first_page_is_small(client: FlaskClient) -> None:
    """Scripts and style sheets of the library, as a browser asks for them."""
    needed = re.findall(r'(?:src|href)="(/(?:static|bundles)/[^"?]+\.(?:js|css)[^"]*)', client.get("/").text)
    assert len(needed) == 3  # the theme comes before all else
    assert sum(len(client.get(path, headers=BROTLI).data) for path in needed) < 60_000


def test_a_photo_that_is_sent_compressed_is_no_photo(client: FlaskClient) -> None:
    """Only what the server sends is compressed, not what it takes."""
    body = {"file": (io.BytesIO(gzip.compress(encoded(drawing(PALETTES[0])))), "a.png")}
    assert client.post("/api/v1/queries", data=body).status_code == 415
