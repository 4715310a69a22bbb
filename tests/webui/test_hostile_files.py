"""Uploads that are not what they say, hold more than they should, or are two things at once; links that lead out."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from installation import Library, drawing, encoded
from PIL import Image, PngImagePlugin
from werkzeug.test import TestResponse

from retrieval.errors import ImageError
from retrieval.images.decoder_pool import DecoderPool
from webui.context import WebContext

PAYLOAD = b"<html><script>alert(document.domain)</script></html>"
PICTURE = drawing(("teal", "pink"))


def upload(
    client: FlaskClient, content: bytes, name: str = "x.jpg", mime: str = "image/jpeg", to: str = "images"
) -> TestResponse:
    return client.post(f"/api/v1/{to}", data={"file": (io.BytesIO(content), name, mime)})


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.html", PAYLOAD)
    return buffer.getvalue()


def png_with_text() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", PAYLOAD.decode())
    return encoded(PICTURE, "PNG", pnginfo=info)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, data: bytes, *before: bytes, depth: int = 8, color: int = 2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """Very many zeros, deflated to a thousandth."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()


POLYGLOTS = {
    "jpeg and page": (encoded(PICTURE, "JPEG") + PAYLOAD, "image/jpeg"),
    "jpeg with a page as comment": (encoded(PICTURE, "JPEG", comment=PAYLOAD), "image/jpeg"),
    "jpeg and archive": (encoded(PICTURE, "JPEG") + zipped(), "image/jpeg"),
    "gif and script": (encoded(PICTURE, "GIF") + b"/*" + PAYLOAD + b"*/=1;alert(1)", "image/gif"),
    "png with a page as text": (png_with_text(), "image/png"),
    "bmp and page": (encoded(PICTURE, "BMP") + PAYLOAD, "image/bmp"),
    "tiff and pdf": (encoded(PICTURE, "TIFF") + b"%PDF-1.7\n" + PAYLOAD, "image/tiff"),
}

NO_PICTURES = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
    "svg with a declaration": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    "svg with a mark": b"\xef\xbb\xbf<svg xmlns='http://www.w3.org/2000/svg'/>",
    "svgz": b"\x1f\x8b\x08\x00" + bytes(60),
    "page": b"<!doctype html>" + PAYLOAD,
    "page after space": b"\n\n   " + PAYLOAD,
    "script": b"GIF8/*x*/=1;alert(1)",
    "archive": zipped(),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "imagemagick": b"push graphic-context\nviewbox 0 0 9 9\nfill 'url(https://evil.example/)'\npop graphic-context\n",
    "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "program": b"\x7fELF\x02\x01\x01" + bytes(60),
}


class TestNoPictures:
    @pytest.mark.parametrize("to", ["images", "queries"])
    @pytest.mark.parametrize("kind", NO_PICTURES)
    def test_are_refused_whatever_they_are_called(
        self, client: FlaskClient, parts: WebContext, kind: str, to: str
    ) -> None:
        for name, mime in (("x.svg", "image/svg+xml"), ("x.png", "image/png"), ("x.html", "text/html")):
            answer = upload(client, NO_PICTURES[kind], name, mime, to)
            assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")
            assert "alert" not in answer.text
        for folder in (parts.settings.uploads_dir, parts.settings.queries_dir):
            assert not list(folder.glob("**/*"))


class TestPolyglots:
    @pytest.mark.parametrize("kind", POLYGLOTS)
    def test_are_pictures_and_nothing_else(self, client: FlaskClient, library: Library, kind: str) -> None:
        content, mime = POLYGLOTS[kind]
        image_id = upload(client, content, "x.html", "text/html").get_json()["id"]
        library.process()
        assert client.get(f"/api/v1/images/{image_id}").get_json()["state"] == "indexed"
        original = client.get(f"/api/v1/images/{image_id}/file")
        assert original.mimetype == mime
        assert original.headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src 'self'" in original.headers["Content-Security-Policy"]
        assert ".html" not in original.headers["Content-Disposition"]
        segment = client.get(f"/api/v1/images/{image_id}").get_json()["segments"][0]["id"]
        for address in (f"images/{image_id}/preview", f"images/{image_id}/thumbnail", f"segments/{segment}/crop"):
            shown = client.get(f"/api/v1/{address}")
            assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
            assert shown.headers["X-Content-Type-Options"] == "nosniff"
            assert b"alert(" not in shown.data
            assert b"PK\x03\x04" not in shown.data

    @pytest.mark.parametrize("kind", POLYGLOTS)
    def test_as_query_photos(self, client: FlaskClient, kind: str) -> None:
        query = upload(client, POLYGLOTS[kind][0], to="queries").get_json()["id"]
        shown = client.get(f"/api/v1/queries/{query}/file")
        assert shown.mimetype == "image/jpeg"
        assert b"alert(" not in shown.data


class TestBombs:
    @pytest.mark.parametrize(
        "content",
        [
            png(60_000, 60_000, zeros(1 << 24)),
            png(14_000, 14_000, zeros(1 << 26)),  # admitted by its header, and has too few rows
            png(64, 64, zeros(1 << 28)),  # far more rows than it says
            png(64, 64, zeros(1 << 14), chunk(b"zTXt", b"Comment\0\0" + zeros(1 << 28))),
            png(64, 64, zeros(1 << 14), chunk(b"iCCP", b"icc\0\0" + zeros(1 << 28))),
            png(64, 64, zeros(1 << 14), *[chunk(b"zTXt", b"Comment\0\0" + zeros(1 << 20))] * 300),
            png(2**31 - 1, 2**31 - 1, b""),
        ],
        ids=["header", "few rows", "many rows", "text", "profile", "texts", "largest"],
    )
    def test_cost_nothing_but_an_error(self, client: FlaskClient, content: bytes) -> None:
        """Or are decoded, where what is too much is left aside; the server goes on in either case."""
        assert len(content) < 1 << 20
        answer = upload(client, content, to="queries")
        assert answer.status_code in (201, 422)
        if answer.status_code == 201:
            assert (answer.get_json()["width"], answer.get_json()["height"]) == (64, 64)
        assert upload(client, encoded(PICTURE), to="queries").status_code == 201

    def test_a_decoder_allocates_only_so_much(self, tmp_path: Path) -> None:
        path = tmp_path / "large.png"
        path.write_bytes(png(14_000, 14_000, zeros(14_000 * (14_000 * 3 + 1) + (1 << 20))))
        with DecoderPool(1, memory_limit_bytes=128 << 20) as pool, pytest.raises(ImageError):
            pool.submit(path, long_side=640).result()

    def test_a_picture_of_very_many_frames_is_one(self, client: FlaskClient) -> None:
        frames = [Image.new("L", (32, 32), row % 256) for row in range(2000)]
        content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        answer = upload(client, content, to="queries")
        assert answer.status_code == 201


class TestLinks:
    """Who enters a folder says what may be shown; links that are changed afterwards lead nowhere."""

    def test_what_a_photo_became_a_link_to_is_not_served(
        self, client: FlaskClient, library: Library, tmp_path: Path
    ) -> None:
        secret = tmp_path / "secret.png"
        secret.write_bytes(encoded(drawing(("black", "white"))))
        image_id = library.add("photo.png", encoded(PICTURE))
        path = library.photos / "photo.png"
        for target in (secret, Path("/etc/passwd"), Path("/dev/zero"), Path("/proc/self/environ"), tmp_path):
            path.unlink()
            path.symlink_to(target)
            for rendition in (library.assembly.settings.renditions_dir).rglob("*.jpg"):
                rendition.unlink()
            for what in ("file", "preview", "thumbnail"):
                answer = client.get(f"/api/v1/images/{image_id}/{what}")
                assert answer.status_code in (409, 410), (target, what)
                assert b"root:" not in answer.data

    def test_nor_one_that_looks_the_same(self, client: FlaskClient, library: Library, tmp_path: Path) -> None:
        """Of the same size, but of another time: its bytes are looked at."""
        content = encoded(PICTURE)
        image_id = library.add("photo.png", content)
        secret = tmp_path / "secret.png"
        secret.write_bytes(content[:-1] + b"!")
        path = library.photos / "photo.png"
        path.unlink()
        path.symlink_to(secret)
        assert client.get(f"/api/v1/images/{image_id}/file").status_code == 409

    def test_a_pipe_does_not_hold_the_server(self, client: FlaskClient, library: Library) -> None:
        image_id = library.add("photo.png", encoded(PICTURE))
        path = library.photos / "photo.png"
        path.unlink()
        os.mkfifo(path)
        assert client.get(f"/api/v1/images/{image_id}/file").status_code in (409, 410)

    def test_deleting_follows_no_link_out_of_the_home(
        self, client: FlaskClient, library: Library, parts: WebContext, tmp_path: Path
    ) -> None:
        content = encoded(PICTURE)
        image_id = upload(client, content).get_json()["id"]
        kept = tmp_path / "kept.png"
        kept.write_bytes(content)
        stored = next(path for path in parts.settings.uploads_dir.rglob("*.*") if path.is_file())
        stored.unlink()
        stored.symlink_to(kept)
        assert client.delete(f"/api/v1/images/{image_id}").status_code == 204
        assert kept.exists()

    def test_static_files_are_those_of_the_program(self, app: Flask, client: FlaskClient) -> None:
        assert app.static_folder is not None
        assert not [path for path in Path(app.static_folder).rglob("*") if path.is_symlink()]
        assert client.get("/static/").status_code == 404
