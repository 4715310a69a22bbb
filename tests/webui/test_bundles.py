"""Static files and bundles: what is in them, how long browsers keep them, and what is refused."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import brotli
import pytest
from flask.testing import FlaskClient

from webui.serving import assets, bundles

TEMPLATES = Path(bundles.STATIC).parent / "templates"
YEAR = f"public, max-age={assets.YEAR}, immutable"


@pytest.mark.parametrize("page", sorted(bundles.SHEETS))
def test_every_page_can_be_bundled(client: FlaskClient, page: str) -> None:
    script, sheet = client.get(f"/bundles/{page}.js"), client.get(f"/bundles/{page}.css")
    assert (script.mimetype, sheet.mimetype) == ("text/javascript", "text/css")
    needed, made = (set(re.findall(found, script.text)) for found in (r'need\("([\w.]+)"\)', r'makers\["([\w.]+)"\]'))
    assert needed <= made
    assert f"{page}.js" in made
    assert not re.search(r"^(import|export)\b|\bimport\(", script.text, re.MULTILINE)


def test_every_script_is_in_a_bundle_and_every_page_names_one() -> None:
    bundled = {name for page in bundles.SHEETS for name in re.findall(r'makers\["([\w.]+)"\]', bundles.script(page))}
    assert {path.name for path in (bundles.STATIC / "js").iterdir()} - bundled == {"theme.js"}  # runs before the rest
    named = {
        name
        for path in TEMPLATES.glob("*.html")
        for name in re.findall(r'\{% set bundle = "(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert named | {"shell"} == set(bundles.SHEETS)


@pytest.mark.parametrize(
    "line",
    [
        'import * as dom from "./dom.js";',
        'import thing from "./dom.js";',
        "export default 1;",
        "export { a };",
        "const made = await import(name);",
    ],
)
def test_another_form_of_import_or_export_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "shell.js").write_text(f"{line}\n")
    monkeypatch.setattr(bundles, "STATIC", tmp_path)
    with pytest.raises(ValueError, match="bundles know no other form"):
        bundles.script("shell")


@pytest.mark.parametrize(
    "name", ["search", "search.html", "nothing.js", "..%2fjs%2fsearch.js", "search.js.map", "dom.js"]
)
def test_there_are_no_other_bundles(client: FlaskClient, name: str) -> None:
    assert client.get(f"/bundles/{name}").status_code == 404


def test_files_with_their_digest_are_kept_and_others_are_asked_for_again(client: FlaskClient) -> None:
    addresses = re.findall(r'(?:src|href)="(/(?:static|bundles)/[^"#]+)', client.get("/").text)
    assert len(addresses) > 5
    for address in addresses:
        assert client.get(address).headers["Cache-Control"] == YEAR, address
    for address in ("/static/js/theme.js", "/bundles/shell.js?v=0123456789abcdef"):
        asked = client.get(address)
        assert asked.headers["Cache-Control"] == "no-cache"
        again = client.get(address, headers={"If-None-Match": asked.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_the_fonts_of_a_style_sheet_are_those_that_the_page_fetches_first(client: FlaskClient) -> None:
    (font,) = re.findall(r'as="font"[^>]+href="([^"]+)"', client.get("/").text)
    assert f'url("{font}")' in client.get("/bundles/shell.css").text


def test_each_client_gets_the_encoding_that_it_takes(client: FlaskClient) -> None:
    address = "/bundles/shell.js"
    plain, packed, zipped = (
        client.get(address, headers={"Accept-Encoding": taken}) for taken in ("identity", "gzip, deflate, br", "gzip")
    )
    assert "Content-Encoding" not in plain.headers
    assert brotli.decompress(packed.data) == plain.data == gzip.decompress(zipped.data)
    assert len({answer.headers["ETag"] for answer in (plain, packed, zipped)}) == 3
    assert all("Accept-Encoding" in answer.headers["Vary"] for answer in (plain, packed, zipped))


def test_nothing_is_compressed_twice(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"Accept-Encoding": "br"}
    first = client.get("/bundles/shell.js", headers=headers).data
    monkeypatch.setattr(assets.brotli, "compress", lambda *_, **__: pytest.fail("compressed again"))
    assert client.get("/bundles/shell.js", headers=headers).data == first
