"""The HTML pages as the server makes them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from databases import ON_POSTGRESQL
from flask import Flask
from flask.testing import FlaskClient
from installation import Library, drawing, encoded

from retrieval.analysis.local import LocalAnalyzer
from retrieval.catalog.dialects import postgresql, sqlite
from retrieval.images.decoder_pool import DecoderPool
from retrieval.storage.locations import uri_of
from webui import create_app
from webui.context import WebContext

STATIC = Path(__file__).parents[2] / "webui" / "static"
TEMPLATES = STATIC.parent / "templates"


def ids_in(html: str) -> list[int]:
    return [int(found) for found in re.findall(r'class="card [^"]*" data-id="(\d+)"', html)]


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/", "Library"),
        ("/photos/1", "photo1.png"),
        ("/search", "Search"),
        ("/search?segment=1&not=2&limit=x&image=&box=1,2", "Search"),
        ("/upload", "Add photos"),
        ("/worst", "Worst segmented"),
        ("/worst?skip=9999", "Worst segmented"),
        ("/worst?skip=-5", "Worst segmented"),
        ("/worst?skip=x", "Worst segmented"),
    ],
)
def test_pages(client: FlaskClient, address: str, title: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    assert re.search(rf"<title>{re.escape(title)}", answer.text)
    assert "<h1" in answer.text


def test_policy_allows_what_the_pages_use(client: FlaskClient) -> None:
    """No inline scripts or styles: the Content-Security-Policy forbids them. Data is none."""
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy
    for template in TEMPLATES.glob("*.html"):
        source = template.read_text()
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\s(?:src=|type=.application/json.))", source), (
            template.name
        )


def test_every_static_file_that_is_named_is_there(client: FlaskClient) -> None:
    names = {
        name
        for address in ("/", "/photos/1", "/search", "/upload")
        for name in re.findall(r'"(/(?:static|bundles)/[^"#]+)', client.get(address).text)
    }
    assert len(names) > 10
    for name in names:
        assert client.get(name).status_code == 200, name
    sprite = (STATIC / "icons" / "sprite.svg").read_text()
    used = {
        name
        for source in (*STATIC.glob("js/*.js"), *TEMPLATES.glob("*.html"))
        for name in re.findall(r'icon\("(\w+)"', source.read_text())
    }
    assert {name for name in used if f'id="{name}"' not in sprite} == set()


def test_scripts_import_what_is_there() -> None:
    for script in STATIC.glob("js/*.js"):
        source = script.read_text()
        for names, module in re.findall(r'import \{([^}]+)\} from "\./([\w.]+)"', source):
            exported = (STATIC / "js" / module).read_text()
            for name in (part.strip() for part in names.split(",")):
                assert re.search(rf"export (async )?(function|class|const) {re.escape(name)}(?!\w)", exported), (
                    script.name,
                    name,
                )
        assert len(source.splitlines()) <= 200, script.name


def test_ratio_classes_are_in_the_style_sheet(client: FlaskClient, library: Library) -> None:
    wide, tall = (
        library.add(name, encoded(drawing(("red", "blue"), size)))
        for name, size in (("w.png", (900, 40)), ("t.png", (40, 900)))
    )
    text = client.get("/").text
    sheet = (STATIC / "css" / "ratios.css").read_text()
    shapes = dict(re.findall(r'class="card (r-?\d+)" data-id="(\d+)"', text))
    assert set(shapes.values()) >= {str(wide), str(tall)}
    assert all(f".{shape} {{" in sheet for shape in shapes)


def test_library_is_newest_first(client: FlaskClient) -> None:
    assert ids_in(client.get("/").text) == [4, 3, 2, 1]
    assert ids_in(client.get("/?order=oldest").text) == [1, 2, 3, 4]
    assert ids_in(client.get("/?skip=3").text) == [1]
    assert "There are no more photos." in client.get("/?skip=4").text


@pytest.mark.parametrize("skip", ["-1", "x", "99999999999999999999"])
def test_library_takes_any_skip(client: FlaskClient, skip: str) -> None:
    assert client.get(f"/?skip={skip}").status_code == 200


def test_library_by_state(client: FlaskClient, library: Library) -> None:
    path = library.photos / "later.png"
    path.write_bytes(encoded(drawing(("pink", "gray"))))
    waiting = library.register(path)
    assert ids_in(client.get("/?state=pending").text) == [waiting]
    library.assembly.ingest_queue.claim("someone", 1)
    assert ids_in(client.get("/?state=pending").text) == [waiting], "what is being worked on is waiting, too"
    library.assembly.ingest_queue.fail("someone", waiting, f"{path}: truncated; copy it again")
    failed = client.get("/?state=failed").text
    assert ids_in(failed) == [waiting]
    assert "truncated; copy it again" in failed
    assert f"{path}: truncated" not in failed, "the path stands beside it already"
    assert ids_in(client.get("/?state=nonsense").text) == [waiting, 4, 3, 2, 1]
    photo = client.get(f"/photos/{waiting}").text
    assert "could not be added" in photo
    assert "retry-failed" in photo
    assert 'id="stage"' not in photo


def test_empty_library_says_how_to_begin(client: FlaskClient, library: Library) -> None:
    for image_id in (1, 2, 3, 4):
        library.assembly.catalog.images.delete(image_id)
    text = client.get("/").text
    assert "Your library is empty" in text
    assert "segsearch ingest" in text


@pytest.mark.parametrize("name", ['<script>alert("1")</script>.png', "a&b'c\".png", "naïve 写真.png"])
def test_file_names_are_text(client: FlaskClient, library: Library, name: str) -> None:
    name = name.replace("/", "_")
    image_id = library.add(name, encoded(drawing(("pink", "gray"))))
    for address in ("/", f"/photos/{image_id}", "/search"):
        text = client.get(address).text
        assert "<script>alert" not in text
    assert client.get(f"/photos/{image_id}").status_code == 200


def test_file_name_that_is_not_utf8(client: FlaskClient, library: Library) -> None:
    path = Path(os.fsdecode(os.fsencode(library.photos) + b"/z\xfcrich.png"))
    path.write_bytes(encoded(drawing(("pink", "gray"))))
    image_id = library.register(path)
    library.process()
    assert r"z\xfcrich.png" in client.get(f"/photos/{image_id}").text
    assert client.get("/").status_code == 200


def test_missing_file_has_a_badge(client: FlaskClient, library: Library) -> None:
    library.assembly.catalog.locations.note_lost([uri_of(library.photos / "photo2.png")])
    assert "file missing" in client.get("/").text
    assert "The file is missing" in client.get("/photos/2").text


def test_photo_links_segments_and_neighbours(client: FlaskClient, parts: WebContext) -> None:
    text = client.get("/photos/2").text
    for segment in parts.catalog.segments.of_image(2):
        assert f'href="/search?segment={segment.id}"' in text
    assert re.search(r'data-key="k" href="/photos/3"', text)
    assert re.search(r'data-key="j" href="/photos/1"', text)
    assert 'data-key="j"' not in client.get("/photos/1").text
    assert 'data-key="k"' not in client.get("/photos/4").text


def test_search_shell_knows_whose_segments_are_named(client: FlaskClient, parts: WebContext) -> None:
    segment = parts.catalog.segments.of_image(3)[0]
    text = client.get(f"/search?segment={segment.id}&segment=999999&segment=x").text
    assert f'data-owners="{{&#34;{segment.id}&#34;: 3}}"' in text


def test_words_are_escaped(client: FlaskClient) -> None:
    text = client.get("/search", query_string={"text": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in text
    assert 'value="&#34;&gt;&lt;script&gt;' in text


@pytest.mark.parametrize("address", ["/nowhere", "/photos/999", "/photos/9999999999999999999", "/photos/x"])
def test_not_found_is_a_page(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "Not found" in answer.text


def test_deleted_photo_is_said_to_be(client: FlaskClient) -> None:
    assert "it was deleted" in client.get("/photos/999").text


def test_wrong_method_is_a_page(client: FlaskClient) -> None:
    answer = client.post("/upload")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert "Method not allowed" in answer.text


def test_unexpected_error_is_a_page(app: Flask, parts: WebContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    app.testing = False
    monkeypatch.setattr(type(parts.catalog.timeline), "page", fail)
    answer = app.test_client().get("/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "secret" not in answer.text


def test_errors_of_the_api_are_no_pages(client: FlaskClient) -> None:
    assert client.get("/api/v1/nowhere").mimetype == "application/problem+json"


def test_no_page_and_no_call_holds_two_connections(
    copy_template: Callable[[Path], Library], tmp_path: Path, decoders: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that each hold one and wait for another would wait for ever."""
    kind = postgresql if ON_POSTGRESQL else sqlite
    monkeypatch.setattr(
        kind, "create_engine", partial(kind.create_engine, pool_size=1, max_overflow=0, pool_timeout=0.2)
    )
    assembly = copy_template(tmp_path).assembly
    app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
    app.testing, client = True, app.test_client()
    teach = client.post("/api/v1/concepts", json={"name": "thing", "positive": [1, 2], "negative": [30]})
    assert teach.status_code == 201, teach.text
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "static":
            values = dict.fromkeys(rule.arguments, 1)
            assert client.get(rule.build(values)[1]).status_code < 500, rule
    for body in ({"text": "thing"}, {"positive": [{"segment": 1}]}, {"positive": [{"image": 1, "point": [9, 9]}]}):
        for path in ("search", "feedback"):
            asked = {**body, "facets": True, "filters": {"concept": 1}, "masks": True}
            assert client.post(f"/api/v1/{path}", json=asked).status_code in (200, 201)
    assert client.delete("/api/v1/images/1").status_code == 204
