"""The page of a photo, as a visitor uses it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


def opened(page: Page, address: str = "/photos/5") -> Locator:
    """The overlay of a photo, once there is one."""
    page.goto(address)
    overlay = page.locator("#stage .overlay")
    overlay.wait_for()
    return overlay


def more(page: Page) -> None:
    """Open the menu of what is done less often."""
    page.get_by_title("More actions").click()


def spot(overlay: Locator, x: float, y: float) -> tuple[float, float]:
    """A place in shares of the photo, in pixels of the page."""
    frame = overlay.bounding_box()
    assert frame is not None
    return frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]


def selected(page: Page) -> int:
    """The id of the selected segment."""
    expect(page.get_by_role("toolbar")).to_be_visible()
    found = re.search(r"#s(\d+)$", page.url)
    assert found is not None, page.url
    return int(found[1])


def action(page: Page, name: str) -> Locator:
    return page.get_by_role("toolbar").get_by_role("button", name=name)
