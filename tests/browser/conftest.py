"""A real browser against a live server: the `grid` recipe over pictures that are drawn here.

Skipped, with the reason, where there is no Chromium; with SEGSEARCH_REQUIRE_BROWSER=1 that is a failure.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browsing import PASSWORD, PHOTOS, Complaints, Site, drawing, opened_page
from playwright.sync_api import Browser, Page, sync_playwright

from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.settings import Settings
from retrieval.storage.locations import SeenFile, uri_of
from webui import create_app
from webui.auth import passwords
from webui.serving.server import listen

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a test of the browser a second time if it fails: a busy machine may halt Chromium for seconds."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A library of drawn photos, one of which is broken, and a server on a free port. Words have random directions."""
    home = tmp_path_factory.mktemp("site")
    assembly = Assembly(Settings.in_data_dir(home / "home", device="cpu", recipe="grid"))
    directions = np.random.default_rng(0).normal(size=(1000, assembly.recipe_spec.segment_dim)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assembly.recipe_spec = replace(assembly.recipe_spec, word_vectors=directions)
    site = Site(assembly, home)
    site.enter([_saved(home / f"drawing {number}.png", number) for number in range(PHOTOS)])
    _date(home / "home" / "catalog.db")
    _fail(site, home)
    with DecoderPool(1) as decoders:
        listening = listen(create_app(assembly, LocalAnalyzer(assembly.recipe, decoders)), "127.0.0.1", 0)
        thread = threading.Thread(target=listening.run, daemon=True)
        thread.start()
        yield replace(site, url=f"http://127.0.0.1:{listening.port}")
        listening.stop()


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A library of three photos with a user of each role."""
    home = tmp_path_factory.mktemp("closed")
    assembly = Assembly(Settings.in_data_dir(home / "home", device="cpu", recipe="grid"))
    kept = passwords.hashed(PASSWORD)
    for role in ("admin", "editor", "viewer"):
        assembly.accounts.add(role, role, kept)
    site = Site(assembly, home)
    paths = [home / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        drawing(number).save(path)
    site.enter(paths)
    with DecoderPool(1) as decoders:
        app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders))
        listening = listen(app, "127.0.0.1", 0)
        threading.Thread(target=listening.run, daemon=True).start()
        yield Site(assembly, home, url=f"http://127.0.0.1:{listening.port}")
        listening.stop()


def _date(catalog: Path) -> None:
    """Have the photos be of three years, 25 of each."""
    taken = [
        (f"{2015 + number // 25}-07-01 {number % 25 // 2:02}:00:00.000000", number + 1) for number in range(PHOTOS)
    ]
    with closing(sqlite3.connect(catalog)) as database, database:
        database.executemany("UPDATE image SET taken_at = ?1, dated_at = ?1 WHERE id = ?2", taken)


def _saved(path: Path, number: int) -> Path:
    drawing(number).save(path)
    return path


def _fail(site: Site, home: Path) -> None:
    path = home / "torn <b>.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    site.assembly.catalog.locations.register([SeenFile(uri_of(path), "f" * 64, 15, 1)])
    job = site.assembly.ingest_queue.claim("test", 1)[0]
    site.assembly.ingest_queue.fail("test", job.image_id, f"{path}: truncated; copy it again")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    if not Path(CHROMIUM).exists():
        reason = f"there is no browser at {CHROMIUM}: install chromium to test the pages"
        if os.environ.get("SEGSEARCH_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Complaints:
    """Filled by `page`; a test that provokes an error says so in `expected`."""
    return Complaints()


@pytest.fixture
def page(browser: Browser, site: Site, complaints: Complaints) -> Iterator[Page]:
    """A fresh page; at the end nothing may have been complained about."""
    with opened_page(browser, site, complaints, size=(1280, 800), color_scheme="light") as page:
        yield page
