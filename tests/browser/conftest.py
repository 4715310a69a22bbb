"""A real browser against a live server: the `grid` recipe over pictures that are drawn here.

Skipped, with the reason, where there is no Chromium; with SEGSEARCH_REQUIRE_BROWSER=1 that is a failure.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from waitress.server import create_server

from retrieval.analyzer import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.catalog.records import Entry, SeenFile, uri_of
from retrieval.decoding import DecoderPool
from retrieval.images import decode_with_renditions
from retrieval.settings import Settings
from webui import create_app

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PHOTOS = 75
"""More than the library shows at first."""


def drawing(number: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A picture with two rectangles, in colours of its own."""
    rng = np.random.default_rng(number)
    back, left, right = (tuple(int(level) for level in rng.integers(0, 256, 3)) for _ in range(3))
    picture = Image.new("RGB", size, back)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, size[0] // 3, size[1] // 2), fill=left)
    pen.rectangle((size[0] // 2, size[1] // 2, size[0], size[1]), fill=right)
    return picture


@dataclass(frozen=True, slots=True)
class Site:
    """A server that runs, and the installation behind it."""

    assembly: Assembly
    photos: Path
    url: str = ""

    def enter(self, paths: list[Path]) -> None:
        """Register files and analyse them."""
        seen = []
        for path in paths:
            status, digest = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
            seen.append(SeenFile(uri_of(path), digest, status.st_size, status.st_mtime_ns))
        self.assembly.intake.register(seen)
        self.work()

    def work(self) -> None:
        """Do what a worker does, until nothing is pending."""
        recipe, settings, intake = self.assembly.recipe, self.assembly.settings, self.assembly.intake
        while jobs := intake.claim("test", 100):
            for job in jobs:
                renditions = {"preview": settings.preview(job.sha256), "thumbnail": settings.thumbnail(job.sha256)}
                decoded = decode_with_renditions(job.paths[0], long_side=1024, **renditions)
                features = recipe.extract([decoded.rgb])[0]
                segments = recipe.segment(decoded.rgb, features)
                entry = Entry(
                    image_id=job.image_id,
                    format=decoded.format,
                    size_hw=decoded.size_hw,
                    taken_at=decoded.taken_at,
                    analysis=recipe.embed(decoded.rgb, features, segments),
                )
                intake.finish("test", [entry], recipe.fingerprint)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A library of drawn photos, one of which is broken, and a server on a free port. Words have random directions."""
    home = tmp_path_factory.mktemp("site")
    assembly = Assembly(Settings.in_home(home / "home", device="cpu", recipe="grid"))
    directions = np.random.default_rng(0).normal(size=(1000, assembly.card.segment_dim)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assembly.card = replace(assembly.card, word_vectors=directions)
    site = Site(assembly, home)
    site.enter([_saved(home / f"drawing {number}.png", number) for number in range(PHOTOS)])
    _fail(site, home)
    with DecoderPool(1) as decoders:
        server = create_server(
            create_app(assembly, LocalAnalyzer(assembly.recipe, decoders)), host="127.0.0.1", port=0, threads=6
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield replace(site, url=f"http://127.0.0.1:{server.effective_port}")
        server.close()


def _saved(path: Path, number: int) -> Path:
    drawing(number).save(path)
    return path


def _fail(site: Site, home: Path) -> None:
    path = home / "torn <b>.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    site.assembly.intake.register([SeenFile(uri_of(path), "f" * 64, 15, 1)])
    job = site.assembly.intake.claim("test", 1)[0]
    site.assembly.intake.fail("test", job.image_id, f"{path}: truncated; copy it again")


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


@dataclass
class Complaints:
    """What the browser complained about: errors of scripts, refused resources, broken policies."""

    found: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def hear(self, message: ConsoleMessage) -> None:
        """Note an error or a warning."""
        if message.type in ("error", "warning"):
            self.found.append(message.text)

    @property
    def unexpected(self) -> list[str]:
        """Those that the test did not provoke."""
        return [text for text in self.found if not any(part in text for part in self.expected)]


@pytest.fixture
def complaints() -> Complaints:
    """Filled by `page`; a test that provokes an error says so in `expected`."""
    return Complaints()


@pytest.fixture
def page(browser: Browser, site: Site, complaints: Complaints) -> Iterator[Page]:
    """A fresh page; at the end nothing may have been complained about."""
    context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 800}, color_scheme="light")
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", complaints.hear)
    page.on("pageerror", lambda error: complaints.found.append(str(error)))
    yield page
    context.close()
    assert complaints.unexpected == []
