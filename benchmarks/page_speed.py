"""How fast the pages are in a browser: Lighthouse's figures, and the times from queries and clicks to what they show.

::

    python -m benchmarks.page_speed DATA_DIR [--lighthouse FILE] [--photo ID] [--segment ID] [--word W …]
                                    [--rounds 3] [--out FILE]

A server of its own, without a worker, serves DATA_DIR. FILE is Lighthouse's program, for example
``node_modules/.bin/lighthouse`` after ``npm install lighthouse``; without it only the queries are timed. Lighthouse
simulates a slow network and, for phones, a slow processor; of each page the round with the median performance counts.
Queries are typed into the box of a page that is open, over loopback without throttling: from Enter until the photo of
the first result is painted, the page of results loaded meanwhile. Clicks are made on a processor slowed down four
times (`benchmarks.interactions`).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import Page, sync_playwright

from indexer.bench.results import OUT, report

from .interactions import interactions
from .servers import serving
from .timeline import CHROMIUM

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
CATEGORIES = ("performance", "accessibility", "best-practices")
AUDITS = {
    "first-contentful-paint": "first paint, ms",
    "largest-contentful-paint": "largest paint, ms",
    "total-blocking-time": "blocked, ms",
    "cumulative-layout-shift": "layout shift",
}
WORDS = ("dog", "animal", "food", "red car", "person")
PAINTED = """() => {
  const picture = document.querySelector("#results .result img");
  return location.search.includes("text=") && picture?.complete && picture.naturalWidth > 0;
}"""


def lighthouse(program: Path, address: str, *, is_phone: bool) -> dict[str, float]:
    """Scores of 100, and times, of one visit."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "report.json"
        command = [
            str(program), address, "--quiet", "--output=json", f"--output-path={told}",
            f"--only-categories={','.join(CATEGORIES)}", f"--chrome-flags=--headless=new {' '.join(FLAGS)}",
            *([] if is_phone else ["--preset=desktop"]),
        ]  # fmt: skip
        subprocess.run(command, env={**os.environ, "CHROME_PATH": CHROMIUM}, check=True, capture_output=True)
        found = json.loads(told.read_text(encoding="utf-8"))
    scores = {name: round(100 * found["categories"][name]["score"]) for name in CATEGORIES}
    return scores | {words: round(found["audits"][name]["numericValue"], 3) for name, words in AUDITS.items()}


def median_visit(program: Path, address: str, *, is_phone: bool, rounds: int) -> dict[str, float]:
    """The visit with the median performance."""
    visits = [lighthouse(program, address, is_phone=is_phone) for _ in range(rounds)]
    return sorted(visits, key=lambda visit: visit["performance"])[len(visits) // 2]


def query(page: Page, address: str, word: str) -> float:
    """Milliseconds from Enter until the first result is painted."""
    page.goto(f"{address}/search?text=cat")
    page.wait_for_function(PAINTED)
    page.wait_for_load_state("networkidle")
    box = page.locator("#words")
    box.fill(word)
    started = time.perf_counter()
    with page.expect_navigation(wait_until="commit"):
        box.press("Enter")
    page.wait_for_function(PAINTED, polling="raf")
    return 1000 * (time.perf_counter() - started)


def queries(address: str, words: Sequence[str], rounds: int) -> dict[str, float]:
    """The median of each word."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        query(page, address, "zebra")  # everything is cached once
        found = {word: statistics.median(query(page, address, word) for _ in range(rounds)) for word in words}
        browser.close()
    return {word: round(took) for word, took in found.items()}


def clicks(addresses: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Of each page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        found = interactions(browser, addresses)
        browser.close()
    return found


@click.command()
@click.argument("data_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--lighthouse", "program", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--photo", default=1, show_default=True, help="A photo to look at.")
@click.option("--segment", default=1, show_default=True, help="A segment to search by.")
@click.option("--word", "words", multiple=True, default=WORDS, show_default=True, help="To be typed; several times.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@OUT
def main(  # its options
    data_dir: Path,
    program: Path | None,
    photo: int,
    segment: int,
    words: tuple[str, ...],
    rounds: int,
    out: Path | None,
) -> None:
    """Measure the pages over a collection."""
    pages = {
        "library": "/",
        "search by words": "/search?text=dog",
        "search by segment": f"/search?segment={segment}",
        "photo": f"/photos/{photo}",
    }
    figures: dict[str, Any] = {"rounds": rounds}
    with serving(data_dir, recipe="lite", worker=False) as server:
        address = f"http://127.0.0.1:{server.port}"
        figures["from Enter until the first result is painted, ms"] = queries(address, words, rounds)
        figures["from a click to the next frame, ms"] = clicks({name: address + path for name, path in pages.items()})
        for form in ("desktop", "phone") if program else ():
            figures[form] = {
                name: median_visit(program, address + path, is_phone=form == "phone", rounds=rounds)
                for name, path in pages.items()
            }
    report(figures, out)


if __name__ == "__main__":
    main()
