"""A photo of one's own as the query: its likeliest thing is searched for at once, and others are a dot away."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from browsing import Site, drawing
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def picture(number: int) -> dict[str, Any]:
    """A drawn photo as a file to choose."""
    buffer = io.BytesIO()
    drawing(number).save(buffer, "PNG")
    return {"name": f"mine {number}.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def test_the_likeliest_thing_is_searched_for_at_once(page: Page) -> None:
    """Another is one click away, and the address has it."""
    page.goto("/search")
    page.locator("#file").set_input_files([picture(700)])
    page.wait_for_url(re.compile(r"query=\d+&row=\d+$"))
    expect(page.locator(".result").first).to_be_visible()
    dots = page.locator(".dots .dot")
    pressed = page.locator(".dots [aria-pressed=true]")
    expect(dots.first).to_have_attribute("aria-pressed", "true")
    assert 2 <= dots.count() <= 5
    row = dots.nth(1).get_attribute("data-segment")
    dots.nth(1).click()
    page.wait_for_url(f"**&row={row}")
    expect(dots.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(pressed).to_have_count(1)
    page.reload()
    expect(pressed).to_have_attribute("data-segment", str(row))
    expect(page.locator(".result").first).to_be_visible()


def test_dots_by_keyboard(page: Page) -> None:
    """The thing under the dot that has the focus is outlined; the focus stays on the dot that searches."""
    page.goto("/search")
    page.locator("#file").set_input_files([picture(701)])
    dots = page.locator(".dots .dot")
    expect(dots.first).to_have_attribute("aria-pressed", "true")
    dots.first.focus()
    page.keyboard.press("ArrowRight")
    expect(dots.nth(1)).to_be_focused()
    expect(page.locator(".overlay .active path")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(dots.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(dots.nth(1)).to_be_focused()


def test_dots_by_touch(browser: Browser, site: Site) -> None:
    context = browser.new_context(base_url=site.url, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto("/search")
    page.locator("#file").set_input_files([picture(702)])
    dots = page.locator(".dots .dot")
    expect(dots.first).to_have_attribute("aria-pressed", "true")
    frame = dots.nth(1).bounding_box()
    assert frame is not None
    assert min(frame["width"], frame["height"]) >= 44
    dots.nth(1).tap()
    expect(dots.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".result").first).to_be_visible()
    context.close()


def test_a_photo_without_segments_is_compared_as_a_whole(page: Page) -> None:
    """Nothing can be picked on it, and results are there nevertheless."""
    page.route("**/api/v1/queries", lambda route: _without_segments(route))
    page.goto("/search")
    page.locator("#file").set_input_files([picture(703)])
    page.wait_for_url(re.compile(r"query=\d+&whole=1$"))
    expect(page.locator(".numbers")).to_contain_text("whole photos compared")


def _without_segments(route: Any) -> None:
    response = route.fetch()
    route.fulfill(response=response, json={**response.json(), "segments": [], "things": []})
