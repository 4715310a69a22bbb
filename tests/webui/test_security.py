"""What keeps foreign web pages out, and uploads and addresses in their place."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from installation import drawing, encoded
from werkzeug.test import TestResponse

from webui.context import WebContext
from webui.security import HostRule

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
        assert "unsafe" not in policy
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
