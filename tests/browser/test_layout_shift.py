"""Pages do not jump while they load.

References
----------
W3C, "Layout Instability API", https://wicg.github.io/layout-instability/; a cumulative shift of at most 0.1 is good:
https://web.dev/articles/cls
"""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Site, drawing
from playwright.sync_api import Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GOOD = 0.1

OBSERVER = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) window.shifts.push(entry.value);
  }
}).observe({ type: "layout-shift", buffered: true });
"""

PAINTED = """() => new Promise((resolve) => {
  new PerformanceObserver(() => resolve()).observe({ type: "paint", buffered: true });
})"""


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("/", ".timeline.live .card"),
        ("/search?text=dog", "#results .result"),
        ("/search?segment=1", "#results .result"),
        ("/search?image=5&things=1", ".thing .shot"),
        ("/search?image=5&by=things", "#results .result"),
        ("/photos/5", "#filmstrip a"),
    ],
)
def test_nothing_jumps(page: Page, address: str, there: str, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.add_init_script(OBSERVER)
    page.goto(address)
    expect(page.locator(there).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shifts.reduce((sum, each) => sum + each, 0)") <= GOOD


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_nothing_jumps_while_photos_wait(page: Page, site: Site, tmp_path: Path, size: tuple[int, int]) -> None:
    """The line that says so is there from the start."""
    waiting = tmp_path / f"waiting {size[0]}.png"
    drawing(size[0]).save(waiting)
    site.register([waiting])
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.add_init_script(OBSERVER)
    page.goto("/")
    expect(page.locator(".timeline.live .card").first).to_be_visible()
    expect(page.locator("#intake")).to_contain_text("Segmenting photos: 0 of")
    page.wait_for_load_state("networkidle")
    site.work()
    assert page.evaluate("window.shifts.reduce((sum, each) => sum + each, 0)") <= GOOD


@pytest.mark.parametrize("address", ["/", "/search?text=dog", "/photos/5"])
def test_nothing_jumps_when_the_typeface_comes_late(page: Page, address: str) -> None:
    """What stands in its place has its width and height."""
    held: list[Route] = []
    page.route("**/*.woff2*", lambda route: held.append(route))
    page.add_init_script(OBSERVER)
    page.goto(address, wait_until="commit")
    page.evaluate(PAINTED)
    assert not page.evaluate("document.fonts.check('15px Inter')")
    assert len(held) == 1, "the other half is not needed"
    held[0].continue_()
    page.evaluate("document.fonts.load('15px Inter').then(() => null)")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shifts.reduce((sum, each) => sum + each, 0)") <= GOOD


def test_no_room_is_kept_for_filters_that_were_closed(page: Page) -> None:
    """Also after the page is loaded again."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/")
    photos, filters = page.locator("#photos"), page.locator("#facets")
    expect(filters).to_be_visible()
    beside = photos.bounding_box()
    page.locator("#show-facets").click()
    expect(filters).to_be_hidden()
    alone = photos.bounding_box()
    page.reload()
    expect(page.locator(".timeline.live .card").first).to_be_visible()
    again = photos.bounding_box()
    assert beside is not None
    assert alone is not None
    assert again is not None
    assert alone["x"] == again["x"] < beside["x"]
