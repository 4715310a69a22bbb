"""Makes the pictures of the documents from the running program: ``python -m tools.documentation.pictures``.

It draws scenes, ingests and serves them, does in Chromium what the tutorial says, and writes ``docs/pictures``.
"""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect, sync_playwright

from demo.drawings import draw_scenes
from retrieval.processes.program import own_command, own_environment
from tools.documentation.paths import DOCS

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
VIEWPORT = (1280, 800)
ANIMATED_WIDTH = 800
FRAME_MS = 1800
STARTED_WITHIN_S = 120
MARKED = 12
"""Results that are marked right, all of them cars."""

Points = dict[Path, dict[str, tuple[int, int]]]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server over the photos of a folder, which are ingested first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = own_environment(SEGSEARCH_DATA_DIR=str(folder.parent / "var"))
    subprocess.run(own_command("ingest", str(folder)), env=environment, check=True)
    server = subprocess.Popen(own_command("serve", "--port", str(port)), env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(address) as answer:  # noqa: S310  # our own server, on loopback
                if answer.status == 200:
                    return
        except URLError:  # not listening, or not ready yet
            time.sleep(0.5)
    raise RuntimeError(f"the server is not ready at {address}: try `serve` by hand")


@dataclass
class Tour:
    """What a reader of the tutorial does, step by step.

    Attributes
    ----------
    page : Page
    points : dict
        The scenes with a point on each of their things.
    frames : list of Image
        Pictures of the steps, with the pointer.
    """

    page: Page
    points: Points
    frames: list[Image.Image] = field(default_factory=list)

    def take(self, name: str) -> None:
        """Write a picture of the page, and keep a frame of it."""
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        picture.save(DOCS / "pictures" / f"{name}.webp", quality=72, method=6)
        self.frames.append(picture)

    def point_at(self, x: float, y: float) -> None:
        """Keep another frame of the page with a pointer at a place."""
        self.page.mouse.move(x, y)
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        pen = ImageDraw.Draw(picture)
        pen.polygon([(x, y), (x, y + 24), (x + 6, y + 18), (x + 16, y + 17)], fill="black", outline="white", width=2)
        self.frames.append(picture)

    def look_around(self) -> None:
        """The library."""
        self.page.goto("/")
        self._loaded(self.page.locator("main img"))
        self.take("library")

    def search_by_word(self) -> None:
        """The results of a word that is known, and of one that nothing shows."""
        for word in ("umbrella", "house"):
            self._found(f"/search?text={word}")
            self.take(f"word-{word}")
        self.frames.pop()

    def click_a_car(self) -> None:
        """A car is selected on its photo, and searched with."""
        at, (path, things) = next(
            (number, each) for number, each in enumerate(self.points.items(), 1) if list(each[1]) == ["car"]
        )
        self.page.goto(f"/photos/{at}")
        overlay = self.page.locator("#stage .overlay")
        overlay.wait_for()
        frame = overlay.bounding_box()
        if frame is None:
            raise RuntimeError(f"the photo of {path.name} is not shown")
        with Image.open(path) as photo:
            width, height = photo.size
        x = frame["x"] + frame["width"] * things["car"][0] / width
        y = frame["y"] + frame["height"] * things["car"][1] / height
        self.point_at(x, y)
        self.page.mouse.click(x, y)
        bar = self.page.get_by_role("toolbar")
        expect(bar).to_be_visible()
        self.take("photo")
        search = bar.get_by_role("link", name="Search")
        self.point_at(*_middle(search))
        search.click()
        self._found()
        self.take("results")

    def teach(self, name: str) -> None:
        """Results are judged, the search is refined, and its outcome is named."""
        results = self.page.locator("#results .result")
        for number in range(MARKED):
            if not self._shows(results.nth(number), "car"):
                raise RuntimeError(f"result {number + 1} is no car, but the tutorial says so: change one of the two")
            results.nth(number).hover()
            results.nth(number).get_by_role("button", name="Right").click()
        self.page.evaluate("scrollTo(0, 0)")
        self.take("marks")
        self.page.get_by_role("button", name="Refine").click()
        field = self.page.get_by_role("textbox", name="Name of the concept")
        expect(field).to_be_visible()
        self._loaded(results.locator("img"))
        field.fill(name)
        self.take("round")
        self.page.get_by_role("button", name="Save").click()
        expect(self.page.locator("#toasts")).to_contain_text(name)
        self._found(f"/search?text={name}")
        cars = sum("car" in things for things in self.points.values())
        copies = self.page.locator("#results .result:not(.unlikely) .alike").all_inner_texts()
        folded = sum(int(words.removeprefix("+").split()[0]) for words in copies)
        expect(self.page.locator("#summary")).to_contain_text(f"{cars - folded} likely")
        self.take("concept")

    def _shows(self, result: Locator, thing: str) -> bool:
        number = int((result.get_attribute("data-key") or "").split("-")[0])
        return thing in list(self.points.values())[number - 1]

    def _found(self, address: str | None = None) -> None:
        if address:
            self.page.goto(address)
        results = self.page.locator("#results .result")
        expect(results.first).to_be_visible()
        expect(self.page.locator(".answer")).to_have_attribute("aria-busy", "false")
        self._loaded(results.locator("img"))

    def _loaded(self, pictures: Locator) -> None:
        """Wait until the pictures in the window are there."""
        expect(pictures.first).to_be_visible()
        self.page.wait_for_function(
            "[...document.querySelectorAll('main img')]"
            ".filter((each) => each.getBoundingClientRect().top < innerHeight).every((each) => each.complete)"
        )


def _middle(place: Locator) -> tuple[float, float]:
    frame = place.bounding_box()
    if frame is None:
        raise RuntimeError(f"{place} is not shown")
    return frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2


def _animate(frames: list[Image.Image]) -> None:
    """Write the frames as a moving picture."""
    size = ANIMATED_WIDTH, ANIMATED_WIDTH * VIEWPORT[1] // VIEWPORT[0]
    small = [frame.resize(size, Image.Resampling.LANCZOS) for frame in frames]
    small[0].save(
        DOCS / "pictures" / "tour.webp",
        save_all=True,
        append_images=small[1:],
        duration=FRAME_MS,
        loop=0,
        quality=60,
        method=6,
    )


def main() -> None:
    """Make all pictures anew."""
    if not Path(CHROMIUM).exists():
        sys.exit(f"there is no browser at {CHROMIUM}: install chromium to make the pictures")
    (DOCS / "pictures").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        points = draw_scenes(Path(work) / "scenes")
        with served(Path(work) / "scenes") as address:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            width, height = VIEWPORT
            context = browser.new_context(
                base_url=address,
                viewport={"width": width, "height": height},
                color_scheme="light",
                reduced_motion="reduce",
            )
            tour = Tour(context.new_page(), points)
            tour.look_around()
            tour.search_by_word()
            tour.click_a_car()
            tour.teach("toy car")
            browser.close()
    _animate(tour.frames)


if __name__ == "__main__":
    main()
