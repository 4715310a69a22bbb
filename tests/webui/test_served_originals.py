"""Originals under the server that `serve` runs: what is sent, under which name, and what is never sent."""

from __future__ import annotations

import os

import pytest
import requests
from installation import Library, drawing, encoded
from werkzeug.http import parse_options_header

from webui.context import WebContext

CONTENT = encoded(drawing(("teal", "pink")))

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
