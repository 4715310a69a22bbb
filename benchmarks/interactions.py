"""How soon pages answer a click: from each click to the next frame, as the browser's own Event Timing tells it.

The worst of them is a page's INP (Interaction to Next Paint), which should be at most 200 ms. Clicks are real ones, on
a processor that Chromium slows down. None of them changes the collection.

References
----------
W3C, "Event Timing API"; https://web.dev/articles/inp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from playwright.sync_api import Browser, Page

SLOWDOWN = 4
OBSERVE = """
globalThis.interactions = [];
new PerformanceObserver((list) => {
  for (const { interactionId, duration } of list.getEntries())
    if (interactionId) globalThis.interactions.push(duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
SETTLED = """() => new Promise((resolve) =>
  requestAnimationFrame(() => requestIdleCallback(() => setTimeout(resolve, 50), { timeout: 2000 })))"""
"""Entries come after the frame that they are about."""

Act = Callable[[Page], None]


def _click(selector: str, page: Page) -> None:
    page.locator(selector).first.click()


def _hovered(card: str, selector: str, page: Page) -> None:
    page.locator(card).first.hover()
    page.locator(f"{card} {selector}").first.click()


def _spot(x: float, y: float, page: Page) -> None:
    frame = page.locator("#stage").bounding_box()
    if frame is None:
        raise ValueError("the photo is not shown: choose another one with --photo")
    page.mouse.click(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])


def _key(key: str, page: Page) -> None:
    page.keyboard.press(key)


LIBRARY: Mapping[str, Act] = {
    "filters": partial(_click, "#show-facets"),
    "large thumbnails": partial(_click, "#sizes [value=large]"),
    "medium thumbnails": partial(_click, "#sizes [value=medium]"),
    "select a photo": partial(_hovered, "#photos .card", ".pick"),
    "select all": partial(_click, "#select-all"),
    "select none": partial(_click, "#select-none"),
    "theme": partial(_click, "#theme"),
}
RESULTS: Mapping[str, Act] = {
    "preview": partial(_hovered, "#results .result", ".score"),
    "close the preview": partial(_key, "Escape"),
    "select a result": partial(_hovered, "#results .result", ".pick"),
    "select all": partial(_click, "#select-all"),
    "select none": partial(_click, "#select-none"),
    "as segments": partial(_click, "#summary [name=segment]"),
    "theme": partial(_click, "#theme"),
}
PHOTO: Mapping[str, Act] = {
    "a segment": partial(_spot, 0.5, 0.5),
    "another segment": partial(_spot, 0.2, 0.3),
    "the next level": partial(_spot, 0.2, 0.3),
    "no outlines": partial(_click, "#outlines"),
    "outlines": partial(_click, "#outlines"),
    "box": partial(_click, "[data-tool=box]"),
    "more": partial(_click, ".actions summary"),
    "theme": partial(_click, "#theme"),
}


def times(browser: Browser, address: str, ready: str, acts: Mapping[str, Act]) -> dict[str, float]:
    """Milliseconds of each act on a page; 0 for less than 16, which browsers do not tell.

    Parameters
    ----------
    browser : Browser
    address : str
        Of the page.
    ready : str
        A selector of what is there once the page can be used.
    acts : mapping of str to function
        In their order.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(OBSERVE)
    page.goto(address)
    page.locator(ready).first.wait_for()
    page.wait_for_load_state("networkidle")
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    found: dict[str, float] = {}
    for name, act in acts.items():
        page.evaluate("globalThis.interactions.length = 0")
        act(page)
        page.evaluate(SETTLED)
        found[name] = page.evaluate("Math.max(0, ...globalThis.interactions)")
    context.close()
    return found


def interactions(browser: Browser, pages: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """The times of all acts on the pages, whose addresses `pages` has by name: library, search by words and photo."""
    acts = {"library": LIBRARY, "search by words": RESULTS, "photo": PHOTO}
    ready = {
        "library": "#photos .card",
        "search by words": "#results .result .overlay",
        "photo": "#stage .overlay",
    }
    return {name: times(browser, pages[name], ready[name], each) for name, each in acts.items()}
