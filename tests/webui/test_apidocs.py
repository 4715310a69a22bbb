"""The page of the API and the files it is drawn with."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from retrieval.catalog import Accounts
from webui.pages import apidocs


def test_the_page_uses_files_of_this_server_only(reader: FlaskClient) -> None:
    page = reader.get("/api/v1/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    sources = re.findall(r'(?:src|href)="([^"#]+)', page.text)
    assert all(each.startswith("/") for each in sources)
    assert {each for each in sources if each.startswith("/api/v1/docs/")} == {
        f"/api/v1/docs/{name}" for name in apidocs.FILES
    }
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=", page.text), "nothing inline, which the policy forbids"


@pytest.mark.parametrize(
    ("name", "mimetype"), [("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript")]
)
def test_files_of_the_package(reader: FlaskClient, name: str, mimetype: str) -> None:
    pytest.importorskip(apidocs.PACKAGE, reason="the package with Swagger UI is not installed")
    found = reader.get(f"/api/v1/docs/{name}")
    assert (found.status_code, found.mimetype) == (200, mimetype)
    assert len(found.data) > 100_000
    assert found.cache_control.max_age == apidocs.DAY


def test_no_other_file_is_served(reader: FlaskClient) -> None:
    for name in ("__init__.py", "swagger.svg", "..%2f__init__.py", "x" * 1000):
        told = reader.get(f"/api/v1/docs/{name}")
        assert (told.status_code, told.mimetype) == (404, "application/problem+json")


def test_without_the_package_it_is_said(reader: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apidocs, "PACKAGE", "there_is_no_such_package")
    told = reader.get("/api/v1/docs/swagger-ui.css")
    assert told.status_code == 501
    assert "flask-openapi3-swagger" in told.get_json()["detail"]
    assert "Install the package flask-openapi3-swagger" in reader.get("/static/js/apidocs.js").text


def test_people_are_sent_to_sign_in(client: FlaskClient, users: Accounts) -> None:
    told = client.get("/api/v1/docs", headers={"Sec-Fetch-Mode": "navigate"})
    assert (told.status_code, told.headers["Location"]) == (302, "/login?next=/api/v1/docs")
    assert client.get("/api/v1/docs/swagger-ui.css").status_code == 401
    assert client.get("/api/v1/openapi.json").status_code == 401
