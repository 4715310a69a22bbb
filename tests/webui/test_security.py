"""What keeps foreign web pages out, and uploads and addresses in their place."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from installation import Library, drawing, encoded
from werkzeug.http import parse_options_header
from werkzeug.test import TestResponse

import webui
from retrieval.catalog import Accounts
from webui.auth.security import HostRule
from webui.context import WebContext

LOCAL = "http://127.0.0.1:8000"


def post(client: FlaskClient, **headers: str) -> TestResponse:
    """A request that changes something."""
    return client.post(
        "/api/v1/search",
        json={"text": "dog"},
        base_url=LOCAL,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


class TestHost:
    @pytest.mark.parametrize(
        "host",
        ["localhost", "localhost:8000", "LOCALHOST", "localhost.", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8000"],
    )
    def test_loopback_is_ours(self, reader: FlaskClient, host: str) -> None:
        assert reader.get("/api/v1/status", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            *("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.5"),
            *("", "localhost@evil.example", "evil.example#localhost", "localhost/evil", "localhost:x", "[::1", "::1"),
            *("[::2]", "0.0.0.0", "127.0.0.1:8000:9", "localhost evil", "\u212aelvin"),
        ],
    )
    @pytest.mark.parametrize("path", ["/api/v1/status", "/healthz", "/metrics", "/api/v1/images/1/file"])
    def test_others_are_not(self, reader: FlaskClient, host: str, path: str) -> None:
        response = reader.get(path, environ_overrides={"HTTP_HOST": host})
        assert response.status_code == 400

    def test_refusal_says_what_to_do(self, reader: FlaskClient) -> None:
        response = reader.get("/api/v1/status", headers={"Host": "evil.example"})
        assert response.mimetype == "application/problem+json"
        assert "--host" in response.get_json()["detail"]

    def test_without_one(self, reader: FlaskClient) -> None:
        response = reader.get("/api/v1/status", environ_overrides={"HTTP_HOST": None})
        assert response.status_code == 400

    @pytest.mark.parametrize(
        ("listening", "host", "allowed"),
        [
            (["photos.example"], "photos.example:8000", True),
            (["photos.example"], "other.example", False),
            (["192.168.1.5"], "192.168.1.5:8000", True),
            (["192.168.1.5"], "192.168.1.6", False),
            (["0.0.0.0"], "192.168.1.6:8000", True),
            (["0.0.0.0"], "evil.example", False),
            (["::"], "[fe80::1]:8000", True),
            (["[::]"], "10.0.0.1", True),
            ([], "localhost", True),
        ],
    )
    def test_hosts_it_was_told(self, listening: list[str], host: str, allowed: bool) -> None:
        assert HostRule.of(listening).allows(host) is allowed


class TestOrigin:
    def test_programs_and_own_pages_may(self, reader: FlaskClient) -> None:
        assert post(reader).status_code == 200
        assert post(reader, Origin=LOCAL, Sec_Fetch_Site="same-origin").status_code == 200
        assert post(reader, Sec_Fetch_Site="none").status_code == 200

    @pytest.mark.parametrize(
        "origin",
        [
            *("http://evil.example", "null", "", "http://127.0.0.1:8001", "http://localhost:8000", "http://127.0.0.1"),
            *("file://127.0.0.1:8000", "http://[", "http://127.0.0.1:8000.evil.example", "http://x@127.0.0.1:8000"),
        ],
    )
    def test_other_pages_may_not(self, reader: FlaskClient, origin: str) -> None:
        response = post(reader, Origin=origin)
        assert (response.status_code, response.mimetype) == (403, "application/problem+json")

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
    def test_browsers_say_where_from(self, reader: FlaskClient, site: str) -> None:
        assert post(reader, Sec_Fetch_Site=site).status_code == 403

    def test_nothing_is_changed(self, client: FlaskClient) -> None:
        foreign = {"Origin": "http://evil.example"}
        assert client.delete("/api/v1/images/1", headers=foreign).status_code == 403
        files = {"file": (io.BytesIO(encoded(drawing(("teal", "pink")))), "x.png")}
        assert client.post("/api/v1/images", data=files, headers=foreign).status_code == 403
        assert client.post("/api/v1/queries", data={}, headers=foreign).status_code == 403
        assert len(client.get("/api/v1/images").get_json()["items"]) == 4

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_other_pages_may_link_but_not_embed(self, reader: FlaskClient, site: str) -> None:
        thumbnail = "/api/v1/images/1/thumbnail"
        picture = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        frame = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
        link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        own = {**picture, "Sec-Fetch-Site": "same-origin"}
        asked = [reader.get(thumbnail, headers=headers).status_code for headers in (picture, frame, link, own)]
        assert asked == [403, 403, 200, 200]

    def test_reading_needs_no_origin(self, reader: FlaskClient) -> None:
        assert reader.get("/api/v1/status", headers={"Origin": "http://evil.example"}).status_code == 200


class TestHeaders:
    @pytest.mark.parametrize(
        "path", ["/api/v1/status", "/api/v1/images/1/file", "/api/v1/images/1/thumbnail", "/healthz", "/api/v1/nothing"]
    )
    def test_every_answer_is_confined(self, reader: FlaskClient, path: str) -> None:
        headers = reader.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers

    def test_refusals_are_confined_too(self, reader: FlaskClient) -> None:
        assert "Content-Security-Policy" in reader.get("/api/v1/status", headers={"Host": "evil.example"}).headers


class TestPlaces:
    @pytest.mark.parametrize(
        "path",
        [
            *("/api/v1/images/../../../etc/passwd", "/api/v1/images/1/file/../../../../etc/passwd"),
            *(
                "/api/v1/images/%2e%2e%2f%2e%2e%2fetc%2fpasswd/file",
                "/api/v1/images/1%00/file",
                "/api/v1/images/1;/file",
            ),
            *("/static/../application.py", "/static/%2e%2e/application.py", "/static/..%2fapplication.py"),
            *(
                "/static//etc/passwd",
                "/static/%2fetc%2fpasswd",
                "/api/v1/queries/..%2f1/file",
                "/static/..\\application.py",
            ),
        ],
    )
    def test_addresses_lead_nowhere_else(self, reader: FlaskClient, path: str) -> None:
        assert reader.get(path, follow_redirects=True).status_code == 404

    @pytest.mark.parametrize("call", ["images", "queries"])
    @pytest.mark.parametrize("name", ["../../x.png", "/etc/x.png", "a\0b.png", "..", "x" * 5000, "\u202e\n.png", ""])
    def test_names_of_uploads_are_not_used(
        self, client: FlaskClient, parts: WebContext, tmp_path: Path, call: str, name: str
    ) -> None:
        before = {path for path in tmp_path.rglob("*") if path.is_file()}
        content = encoded(drawing(("teal", "pink")))
        response = client.post(f"/api/v1/{call}", data={"file": (io.BytesIO(content), name)})
        assert response.status_code in (201, 202, 422), response.get_data(as_text=True)
        own = (parts.settings.uploads_dir, parts.settings.queries_dir)
        for path in {path for path in tmp_path.rglob("*") if path.is_file()} - before:
            assert path.is_relative_to(own[0]) or path.is_relative_to(own[1]) or path.name.startswith("catalog.db")
            assert path.stem in ("catalog",) or len(path.stem) == 64

    def test_disguised_html_is_no_page(self, client: FlaskClient) -> None:
        disguised = encoded(drawing(("teal", "pink")), "GIF") + b"<script>alert(1)</script>"
        image_id = client.post("/api/v1/images", data={"file": (io.BytesIO(disguised), "x.html")}).get_json()["id"]
        response = client.get(f"/api/v1/images/{image_id}/file")
        assert response.mimetype == "image/gif"
        assert response.headers["X-Content-Type-Options"] == "nosniff"

    def test_no_route_takes_a_path(self, app: Flask, client: FlaskClient) -> None:
        """Every part of an address that varies is tried with what could lead elsewhere; a new route is tried by itself."""
        tried = 0
        for rule in app.url_map.iter_rules():
            for evil in EVIL if rule.arguments else ():
                for method in (rule.methods or set()) - {"OPTIONS", "POST", "PATCH"}:
                    answer = client.open(re.sub(r"<[^>]*>", evil, rule.rule), method=method)
                    assert answer.status_code in (308, 403, 404, 405, 422), (rule.rule, evil, answer.status_code)
                    assert b"root:" not in answer.data
                    tried += 1
        assert tried > 200

    @pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "<svg onload=alert(1)>", "x\0y"])
    def test_no_question_takes_a_path(self, reader: FlaskClient, name: str) -> None:
        for address in ("/", "/search", "/worst", "/discover"):
            for asked in ("text", "state", "before", "skip", "id", "segment", "image"):
                answer = reader.get(address, query_string={asked: name})
                assert answer.status_code == 200
                assert "root:" not in answer.text
                assert "<svg onload" not in answer.text


EVIL = (
    *("..", "../../etc/passwd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cetc", "%00", "1%00.png", "/etc/passwd"),
    *(
        "....//....//etc/passwd",
        "%c0%ae%c0%ae/etc/passwd",
        "file:///etc/passwd",
        "-1",
        "1e3",
        "0x1",
        "1;ls",
        "%0d%0aX: y",
    ),
    *("٣", "99999999999999999999", "9223372036854775808", "C:%5cwindows", "~root", "$HOME", "{{7*7}}"),
)

SCRIPT = "<script>alert(1)</script>"
TAG = "<img src=x onerror=alert(1)>"


class TestScripts:
    """Names that come from outside are text, wherever they are shown."""

    @pytest.fixture
    def named(self, library: Library, client: FlaskClient) -> FlaskClient:
        folder = library.photos / '"><script>alert(1)<'
        folder.mkdir()
        path = folder / f"{TAG}.png"
        path.write_bytes(encoded(drawing(("teal", "pink"))))
        library.register(path)
        library.process()
        broken = library.photos / f"'{TAG}broken.png"
        broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
        image_id = library.register(broken)
        job = next(job for job in library.assembly.ingest_queue.claim("test", 9) if job.image_id == image_id)
        library.assembly.ingest_queue.fail("test", job.image_id, f"{broken}: {SCRIPT}")
        for concept in (SCRIPT, f'" onfocus=alert(1) x="{TAG}'):
            made = client.post("/api/v1/concepts", json={"name": concept, "positive": [1], "negative": [30]})
            assert made.status_code == 201
        return client

    @pytest.mark.parametrize(
        "address",
        [
            *(
                "/",
                "/worst",
                "/photos/5",
                "/photos/6",
                "/photos/1",
                "/concepts",
                "/discover",
                "/upload",
            ),
            *(f"/search?text={SCRIPT}", f"/search?text=%22{TAG}", f"/{SCRIPT}", f"/?state={SCRIPT}", f"/photos/{TAG}"),
            *(f"/search?segment=1&text={SCRIPT}", f"/discover?state={SCRIPT}", f"/login?next=/{SCRIPT}"),
        ],
    )
    def test_pages(self, named: FlaskClient, address: str) -> None:
        page = named.get(address).text
        for raw in ("<script>alert", "<img src=x", '" onfocus', "'<img"):
            assert raw not in page, raw

    def test_they_are_there_as_text(self, named: FlaskClient) -> None:
        """So that the test above tests something."""
        assert "&lt;img src=x onerror=alert(1)&gt;.png" in named.get("/photos/5").text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in named.get("/photos/6").text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in named.get("/concepts").text
        assert "&lt;script&gt;" in named.get(f"/search?text={SCRIPT}").text

    def test_on_the_page_where_one_signs_in(self, app: Flask, users: Accounts) -> None:
        own = {"Origin": "http://localhost"}
        client = app.test_client()
        page = client.post("/login", data={"name": f'">{SCRIPT}', "password": "x", "next": f'/">{SCRIPT}'}, headers=own)
        assert "&lt;script&gt;alert(1)" in page.text
        assert "<script>alert" not in page.text

    @pytest.mark.parametrize("call", ["/api/v1/images", "/api/v1/concepts", "/api/v1/images/6"])
    def test_json_is_never_taken_for_a_page(self, named: FlaskClient, call: str) -> None:
        answer = named.get(call, headers={"Accept": "text/html"})
        assert answer.mimetype == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_scripts_make_elements_and_no_markup(self) -> None:
        sinks = re.compile(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|createContextualFragment"
            r"|javascript:|set(Timeout|Interval)\(\s*[\"'`]"
        )
        files = list((Path(webui.__file__).parent / "static" / "js").glob("*.js"))
        assert len(files) > 20
        for path in files:
            assert not sinks.search(path.read_text()), path.name

    def test_templates_escape_everything(self, app: Flask) -> None:
        for path in (Path(webui.__file__).parent / "templates").glob("*.html"):
            assert not re.search(r"\|\s*safe\b|autoescape\s+false|Markup", path.read_text()), path.name
            assert (
                app.jinja_env.autoescape(path.name) if callable(app.jinja_env.autoescape) else app.jinja_env.autoescape
            )


class TestHeadersOfRequests:
    @pytest.mark.parametrize(
        "name",
        [
            "a\r\nSet-Cookie: x=1\r\n.png",
            'a"; filename="evil.html.png',
            "a;b=c\\.png",
            "\u202egnp.exe.png",
            "é\u2028ü.png",
            "x" * 250 + ".png",
        ],
    )
    def test_names_of_files_stay_in_their_header(self, library: Library, client: FlaskClient, name: str) -> None:
        image_id = library.add(name, encoded(drawing(("teal", "pink"))))
        answer = client.get(f"/api/v1/images/{image_id}/file")
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        written = answer.headers["Content-Disposition"]
        assert not re.search(r"[\r\n]", written)
        kind, options = parse_options_header(written)
        assert kind == "inline"
        assert set(options) == {"filename"}

    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ("bytes=0-3", 206),
            ("bytes=-4", 206),
            ("bytes=5-", 206),
            ("bytes=99999999-", 416),
            ("bytes=5-2", (200, 416)),
            ("bytes=0-1,3-4", (200, 416)),
            ("bytes=" + ",".join("0-9" for _ in range(2000)), (200, 416)),
            ("bytes=-0", (200, 206, 416)),
            ("bytes=--1", (200, 416)),
            ("bytes=0-" + "9" * 400, (200, 206, 416)),
            ("lines=1-2", (200, 416)),
            ("bytes=\u00b2-", (200, 416)),
        ],
    )
    def test_ranges(self, reader: FlaskClient, asked: str, status: int | tuple[int, ...]) -> None:
        whole = reader.get("/api/v1/images/1/file").data
        answer = reader.get("/api/v1/images/1/file", headers={"Range": asked})
        assert answer.status_code in (status if isinstance(status, tuple) else (status,))
        assert len(answer.data) <= max(len(whole), 2000)
        if answer.status_code == 206:
            assert answer.data in whole
            assert answer.mimetype == "image/png"

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Forwarded-Host": "evil.example"},
            {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil"},
            {"Forwarded": "host=evil.example;proto=https"},
            {"X-Original-Url": "/api/v1/users", "X-Rewrite-Url": "/api/v1/users"},
            {"X-HTTP-Method-Override": "DELETE"},
        ],
    )
    def test_claims_of_proxies_change_nothing(self, reader: FlaskClient, headers: dict[str, str]) -> None:
        plain, claimed = reader.get("/"), reader.get("/", headers=headers)
        assert claimed.data == plain.data
        assert b"evil" not in claimed.data
        assert reader.get("/api/v1/images/1/", headers=headers).status_code == 404

    @pytest.mark.parametrize(
        "body",
        [
            b'{"positive":' + b"[" * 400_000,
            b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
            b'{"limit": ' + b"9" * 500_000 + b"}",
            b'{"text": "' + b"x" * 2**20 + b'"}',
            b'{"text": "\\ud800"}',
            b"\xff\xfe{",
        ],
        ids=["open", "deep", "long number", "large", "half a character", "no text"],
    )
    def test_bodies_that_are_meant_to_hurt(self, reader: FlaskClient, body: bytes) -> None:
        answer = reader.post("/api/v1/search", data=body, content_type="application/json")
        assert answer.status_code in (400, 413, 422)
        assert answer.mimetype == "application/problem+json"
