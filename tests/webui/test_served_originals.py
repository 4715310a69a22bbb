"""Originals under the server that `serve` runs: what is sent, under which name, and what is never sent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from installation import Library, drawing, encoded
from werkzeug.http import parse_options_header

from retrieval.errors import UnreadableImageError
from retrieval.images.decoder_pool import DecoderPool
from webui.context import WebContext
from webui.renditions import Renditions

CONTENT = encoded(drawing(("teal", "pink")))
SECRET = encoded(drawing(("black", "white")))


def disguised(secret: Path, original: Path, content: bytes = SECRET) -> None:
    """Write another picture that has the size and the time of an original."""
    size, time = original.stat().st_size, original.stat().st_mtime_ns
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_bytes(content.ljust(size, b"\0")[:size])
    os.utime(secret, ns=(time, time))


def by_link(path: Path, secret: Path) -> None:
    path.unlink()
    path.symlink_to(secret)


def by_hard_link(path: Path, secret: Path) -> None:
    path.unlink()
    path.hardlink_to(secret)


def by_folder(path: Path, secret: Path) -> None:
    """The folder that the photo is in becomes a link."""
    secret.rename(secret.with_name(path.name))
    shutil.rmtree(path.parent)
    path.parent.symlink_to(secret.parent)


def by_another_file(path: Path, secret: Path) -> None:
    secret.replace(path)


def in_place(path: Path, secret: Path) -> None:
    time = path.stat().st_mtime_ns
    with path.open("r+b") as file:
        file.write(secret.read_bytes())
    os.utime(path, ns=(time, time))


EXCHANGES = (by_link, by_hard_link, by_folder, by_another_file, in_place)


class TestExchangedOriginals:
    """What takes the place of a photo is not sent, however much it looks like the photo from outside."""

    @pytest.mark.parametrize("was_seen", [False, True])
    @pytest.mark.parametrize("exchange", EXCHANGES)
    def test_another_picture_of_equal_size_and_time(
        self, served: str, library: Library, tmp_path: Path, exchange: Callable[[Path, Path], None], was_seen: bool
    ) -> None:
        image_id = library.add("photo.png", CONTENT)
        path, secret = library.photos / "photo.png", tmp_path / "private" / "secret.png"
        if was_seen:
            assert requests.get(f"{served}/api/v1/images/{image_id}/file").content == CONTENT
        disguised(secret, path)
        exchange(path, secret)
        shutil.rmtree(library.assembly.settings.renditions_dir)
        for what in ("file", "preview", "thumbnail"):
            answer = requests.get(f"{served}/api/v1/images/{image_id}/{what}")
            assert answer.status_code == 409, (what, answer.content[:100])
        assert not list(library.assembly.settings.renditions_dir.rglob("*.jpg"))

    def test_photos_that_were_entered_through_links_are_sent(
        self, served: str, library: Library, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "photo.png").write_bytes(CONTENT)
        (library.photos / "folder").symlink_to(elsewhere)
        image_id = library.register(library.photos / "folder" / "photo.png")
        (library.photos / "link.png").symlink_to("folder/photo.png")
        assert library.register(library.photos / "link.png") == image_id
        library.process()
        assert requests.get(f"{served}/api/v1/images/{image_id}/file").content == CONTENT
        (library.photos / "folder").unlink()
        (library.photos / "link.png").unlink()
        (library.photos / "link.png").symlink_to(elsewhere / "photo.png")
        assert requests.get(f"{served}/api/v1/images/{image_id}/file").content == CONTENT

    def test_an_exchange_between_the_look_and_the_decoding(
        self, served: str, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image_id = library.add("photo.png", CONTENT)
        path, secret = library.photos / "photo.png", tmp_path / "secret.png"
        settings, make = library.assembly.settings, Renditions.make
        before = requests.get(f"{served}/api/v1/images/{image_id}/preview").content
        shutil.rmtree(settings.renditions_dir)

        def exchanged(self: Renditions, source: Path, sha256: str, **wanted: Path | None) -> None:
            disguised(secret, path)
            by_link(path, secret)
            make(self, source, sha256, **wanted)

        monkeypatch.setattr(Renditions, "make", exchanged)
        assert requests.get(f"{served}/api/v1/images/{image_id}/preview").content == before

    def test_other_bytes_while_it_is_decoded(
        self, served: str, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image_id = library.add("photo.png", CONTENT)
        path, settings, make = library.photos / "photo.png", library.assembly.settings, Renditions.make
        shutil.rmtree(settings.renditions_dir)

        def changed(self: Renditions, source: Path, sha256: str, **wanted: Path | None) -> None:
            path.write_bytes(SECRET)
            make(self, source, sha256, **wanted)

        monkeypatch.setattr(Renditions, "make", changed)
        assert requests.get(f"{served}/api/v1/images/{image_id}/preview").status_code == 409
        assert not list(settings.renditions_dir.rglob("*.jpg"))

    @pytest.mark.parametrize(
        "private", [b"BM: my notes", b"P1 is the password\n", b"P6\n60 60\n255\nthe diary", b"II*\0 the ledger"]
    )
    def test_files_that_only_begin_like_pictures(
        self, served: str, library: Library, tmp_path: Path, private: bytes
    ) -> None:
        secret = tmp_path / "secret.txt"
        secret.write_bytes(private)
        (library.photos / "link.png").symlink_to(secret)
        image_id = library.register(library.photos / "link.png")
        answer = requests.get(f"{served}/api/v1/images/{image_id}/file")
        assert (answer.status_code, private in answer.content) == (404, False)
        job = next(job for job in library.assembly.ingest_queue.claim("test", 9) if job.image_id == image_id)
        library.assembly.ingest_queue.fail("test", job.image_id, "it is truncated")
        answer = requests.get(f"{served}/api/v1/images/{image_id}/file")
        assert (answer.status_code, private in answer.content) == (404, False)
        assert "it is truncated" in answer.json()["detail"]


NAMES = (
    "東京.jpg",
    "Москва.jpg",
    "🏍️ ride.jpg",
    "“quoted” ‘names’ – and dashes.jpg",
    "Mu\u0308nchen.jpg",
    "München.jpg",
    "two\nlines\r\n.jpg",
    'a"; filename="evil.html.jpg',
    "50%25 off.jpg",
    "東" * 80 + ".jpg",
)


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_browsers_are_told_the_name(self, served: str, library: Library, name: str) -> None:
        image_id = library.add(name, encoded(drawing(("teal", "pink")), "JPEG"))
        answer = requests.get(f"{served}/api/v1/images/{image_id}/file")
        assert answer.status_code == 200
        kind, options = parse_options_header(answer.headers["Content-Disposition"])
        assert (kind, options["filename"]) == ("inline", name.replace("\n", "_").replace("\r", "_"))
        for what in ("", "/thumbnail", "/preview"):
            assert requests.get(f"{served}/api/v1/images/{image_id}{what}").status_code == 200
        assert requests.get(f"{served}/photos/{image_id}").status_code == 200

    def test_names_that_are_not_utf8(self, served: str, library: Library) -> None:
        path = library.photos / os.fsdecode(b"caf\xe9.png")
        path.write_bytes(CONTENT)
        answer = requests.get(f"{served}/api/v1/images/{library.register(path)}/file")
        assert parse_options_header(answer.headers["Content-Disposition"])[1]["filename"] == "caf\\xe9.png"

    @pytest.mark.parametrize("path", ["/%s", "//%s", "/photos/%s", "/search?text=%s", "/login?next=/%s", "/?state=%s"])
    def test_names_in_addresses(self, served: str, parts: WebContext, path: str) -> None:
        for name in NAMES:
            for address in (path % name, path % requests.utils.quote(name)):
                assert requests.get(served + address, allow_redirects=False).status_code < 500

    def test_names_in_addresses_behind_log_in(self, served: str, users: object) -> None:
        for name in NAMES:
            answer = requests.get(f"{served}/search", params={"text": name}, allow_redirects=False)
            assert answer.status_code == 302
            assert requests.get(served + answer.headers["Location"]).status_code == 200


class TestRanges:
    """By the server's own way to send files, which no thread waits for."""

    @pytest.mark.parametrize(
        ("wanted", "start", "end"),
        [("bytes=0-", 0, None), ("bytes=5-9", 5, 10), ("bytes=-7", -7, None), ("bytes=1-", 1, None)],
    )
    def test_a_part_is_sent(self, served: str, library: Library, wanted: str, start: int, end: int | None) -> None:
        image_id = library.add("photo.png", CONTENT)
        with requests.Session() as session:
            for _ in range(2):  # over one connection: an answer of another length would spoil the next
                answer = session.get(f"{served}/api/v1/images/{image_id}/file", headers={"Range": wanted})
                assert (answer.status_code, answer.content) == (206, CONTENT[start:end])

    def test_what_lies_outside_is_refused(self, served: str, library: Library) -> None:
        image_id = library.add("photo.png", CONTENT)
        answer = requests.get(f"{served}/api/v1/images/{image_id}/file", headers={"Range": "bytes=99999999-"})
        assert answer.status_code == 416


def test_what_cannot_be_decoded_is_not_tried_again_and_again(
    served: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = library.add("photo.png", CONTENT)
    shutil.rmtree(library.assembly.settings.renditions_dir)
    tried = []

    def submit(self: DecoderPool, source: Path, **_: object) -> object:
        tried.append(source)
        raise UnreadableImageError(f"{source}: truncated; copy it again")

    monkeypatch.setattr(DecoderPool, "submit", submit)
    for kind in ("thumbnail", "preview", "thumbnail"):
        answer = requests.get(f"{served}/api/v1/images/{image_id}/{kind}")
        assert answer.status_code == 404
        assert "truncated" in answer.json()["detail"]
    assert len(tried) == 1
