"""The library page with very many photos: elements in the document, frames, and the way to the last month.

::

    python -m benchmarks.timeline [--photos 100000] [--data-dir DIR] [--out FILE]

Photos are rows of a catalogue, of 12 years, in shapes that cameras take, with one segment each; they have no files, so
the browser shows their names. Chromium visits the page over HTTP: the top, many places on the way, and the end.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from indexer.bench.results import OUT, report
from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.settings import Settings
from retrieval.storage.locations import SeenFile, uri_of
from retrieval.types import Analysis, AnalyzedImage, Segments
from webui import create_app
from webui.serving.server import listen

CHROMIUM = "/usr/bin/chromium"
SHAPES_HW = ((3000, 4000), (4000, 3000), (2000, 3000), (3000, 2000), (3000, 3000), (1080, 1920), (1000, 3000))
SHARES = (0.4, 0.2, 0.15, 0.1, 0.05, 0.05, 0.05)
FIRST_DAY, DAYS = datetime(2013, 1, 1), 12 * 365
AT_ONCE = 500
WINDOWS = {"phone": (390, 844), "laptop": (1440, 900), "large": (2560, 1440)}
PLACES = 40
"""Places on the way where elements are counted."""

FRAMES = """() => new Promise((resolve) => {
  const times = [];
  let before = performance.now(), left = 180;
  const step = (now) => {
    times.push(now - before);
    before = now;
    scrollBy({ top: 60, behavior: "instant" });
    if (--left) requestAnimationFrame(step);
    else resolve(times.slice(1));
  };
  requestAnimationFrame(step);
})"""
"""Milliseconds of each frame while the page scrolls by 60 pixels a frame."""


def fill(assembly: Assembly, photos: int) -> None:
    """Enter photos up to a number; those that are there count."""
    rng = np.random.default_rng(0)
    shapes = rng.choice(len(SHAPES_HW), photos, p=SHARES)
    minutes = rng.integers(0, DAYS * 24 * 60, photos)
    vector = np.ones(assembly.recipe_spec.segment_dim, np.float32) / assembly.recipe_spec.segment_dim**0.5
    whole = np.ones(assembly.recipe_spec.photo_dim, np.float32) / assembly.recipe_spec.photo_dim**0.5
    segments = Segments(np.zeros((8, 8), np.int32), np.ones((1, 1), bool), np.ones(1, np.float32))
    found = Analysis(segments, vector[None], whole)
    there = sum(assembly.catalog.images.counts().values())
    for start in range(there, photos, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, photos))
        files = [SeenFile(uri_of(Path(f"/synthetic/{n // 1000}/{n}.jpg")), f"{n:064x}", 1, 1) for n in numbers]
        assembly.catalog.locations.register(files)
        jobs = assembly.ingest_queue.claim("bench", len(numbers))
        entries = {
            job.image_id: AnalyzedImage(
                format="JPEG",
                size_hw=SHAPES_HW[shapes[n]],
                taken_at=FIRST_DAY + timedelta(minutes=int(minutes[n])),
                analysis=found,
            )
            for job, n in zip(jobs, numbers, strict=True)
        }
        spec = assembly.recipe_spec
        assembly.ingest_queue.finish("bench", entries, spec.fingerprint, spec.space)


@contextmanager
def served(assembly: Assembly) -> Iterator[str]:
    """The address of a server, which stops at the end."""
    with DecoderPool(1) as decoders:
        app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders), follow=False)
        listening = listen(app, "127.0.0.1", 0)
        threading.Thread(target=listening.run, daemon=True).start()
        yield f"http://127.0.0.1:{listening.port}"
        listening.stop()


def elements(page: Page) -> int:
    """Elements in the document."""
    return int(page.evaluate("document.getElementsByTagName('*').length"))


def wait_for_photos(page: Page) -> None:
    """Until nothing in sight waits for its photos."""
    page.locator("#photos.live .card").first.wait_for()
    page.locator(".block .waiting").first.wait_for(state="detached")


def visit(browser: Browser, url: str, window: tuple[int, int]) -> dict[str, Any]:
    """What one window sees of the library."""
    context = browser.new_context(viewport={"width": window[0], "height": window[1]})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(url)
    wait_for_photos(page)
    shown = time.perf_counter() - start
    height = int(page.evaluate("document.documentElement.scrollHeight"))
    counts = [elements(page)]
    for place in range(1, PLACES):
        page.evaluate("(y) => scrollTo({ top: y, behavior: 'instant' })", height * place / PLACES)
        page.wait_for_timeout(150)
        wait_for_photos(page)
        counts.append(elements(page))
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    wait_for_photos(page)
    frames = page.evaluate(FRAMES)
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    wait_for_photos(page)
    scrubber = page.locator("#scrubber")
    frame = scrubber.bounding_box()
    assert frame is not None
    start = time.perf_counter()
    page.mouse.click(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] - 1)
    last = page.locator(".block[data-key^='2013-01/'] .card").last
    last.wait_for()
    wait_for_photos(page)
    at_the_end = time.perf_counter() - start
    context.close()
    return {
        "window": window,
        "until shown, s": round(shown, 3),
        "height, px": height,
        "elements, most": max(counts),
        "elements, median": statistics.median(counts),
        "frame, median, ms": round(statistics.median(frames), 1),
        "frame, p95, ms": round(float(np.percentile(frames, 95)), 1),
        "to the last month, s": round(at_the_end, 3),
    }


@click.command()
@click.option("--photos", default=100_000, show_default=True, type=click.IntRange(1000))
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep the catalogue there.")
@OUT
def main(photos: int, data_dir: Path | None, out: Path | None) -> None:
    """Print the figures of each window."""
    with tempfile.TemporaryDirectory(prefix="segsearch-timeline-") as temporary:
        assembly = Assembly(Settings.in_data_dir(data_dir or Path(temporary), device="cpu", recipe="grid"))
        fill(assembly, photos)
        figures: dict[str, Any] = {"photos": photos, "windows": {}}
        with served(assembly) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            for name, window in WINDOWS.items():
                figures["windows"][name] = visit(browser, url, window)
            browser.close()
    report(figures, out)


if __name__ == "__main__":
    main()
