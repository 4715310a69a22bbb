"""An installation on the `grid` recipe with drawn photos, and what a browser complains about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, ConsoleMessage, Page

from retrieval.analysis.batch import analyze_batch
from retrieval.assembly import Assembly
from retrieval.images.decode import decode_with_renditions
from retrieval.storage import file_names
from retrieval.storage.locations import SeenFile, path_of, uri_of

PHOTOS = 75
"""More than the library shows at first."""

PASSWORD = "correct horse battery"


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
        self.register(paths)
        self.work()

    def register(self, paths: list[Path]) -> None:
        """Register files as pending."""
        seen = []
        for path in paths:
            status, digest = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
            seen.append(SeenFile(uri_of(path), digest, status.st_size, status.st_mtime_ns))
        self.assembly.catalog.locations.register(seen)

    def work(self, most: int = 10_000) -> None:
        """Do what a worker does, until nothing is pending or `most` photos are done."""
        recipe, settings, ingest_queue = self.assembly.recipe, self.assembly.settings, self.assembly.ingest_queue
        while most > 0 and (jobs := ingest_queue.claim("test", min(most, 100))):
            most -= len(jobs)
            for job in jobs:
                renditions = {
                    "preview": settings.files_dir / file_names.preview(job.sha256),
                    "thumbnail": settings.files_dir / file_names.thumbnail(job.sha256),
                }
                decoded = decode_with_renditions(path_of(job.uris[0]), long_side=1024, **renditions)
                (analyzed,) = analyze_batch(recipe, [decoded])
                ingest_queue.finish("test", {job.image_id: analyzed}, recipe.fingerprint)


@dataclass
class Complaints:
    """What the browser complained about: errors of scripts, refused resources, broken policies."""

    found: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def hear(self, message: ConsoleMessage) -> None:
        """Note an error or a warning."""
        if message.type in ("error", "warning"):
            self.found.append(f"{message.text} ({urlsplit(message.location['url']).path})")

    @property
    def unexpected(self) -> list[str]:
        """Those that the test did not provoke."""
        return [text for text in self.found if not any(part in text for part in self.expected)]


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in the form, and send it."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@contextmanager
def opened_page(
    browser: Browser, site: Site, complaints: Complaints, *, size: tuple[int, int], **options: Any
) -> Iterator[Page]:
    """A fresh page of a window of some size; at the end nothing may have been complained about."""
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(base_url=site.url, viewport=viewport, reduced_motion="reduce", **options)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", complaints.hear)
    page.on("pageerror", lambda error: complaints.found.append(str(error)))
    yield page
    context.close()
    assert complaints.unexpected == []
