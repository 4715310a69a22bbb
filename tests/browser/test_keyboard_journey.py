"""From the library to a refined search, without a pointer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FOCUSED = "() => document.activeElement !== null && document.activeElement !== document.body"


def has_focus(page: Page) -> bool:
    return bool(page.evaluate(FOCUSED))


def tab_to(page: Page, selector: str, most: int) -> int:
    """Press Tab until an element has the focus; how often that was."""
    for presses in range(1, most + 1):
        page.keyboard.press("Tab")
        assert has_focus(page)
        if page.locator(f"{selector}:focus").count():
            return presses
    raise AssertionError(f"{selector} is more than {most} stops away")


def test_from_the_library_to_a_refined_search(page: Page) -> None:
    """The first result is two stops away: the words, and the result. Keys that act keep the focus."""
    page.goto("/")
    expect(page.locator(".timeline.live .card").first).to_be_visible()

    page.keyboard.press("/")
    expect(page.locator("#words")).to_be_focused()
    page.keyboard.type("dog")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?text=dog")
    results = page.locator("#results .result .shot")
    expect(results.first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(results.first).to_be_focused()

    page.keyboard.press("Enter")
    page.wait_for_url("**/photos/*")
    page.locator("#stage .overlay").wait_for()
    tab_to(page, "#segments a", 2)
    page.keyboard.press("Enter")
    expect(page.get_by_role("toolbar").get_by_role("link", name="Search")).to_be_focused()

    page.keyboard.press("Enter")
    page.wait_for_url("**/search?segment=*")
    expect(results.first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(results.first).to_be_focused()
    page.keyboard.press("y")
    expect(page.locator("#results .result").first).to_have_class(re.compile("right"))
    expect(results.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(results.nth(1)).to_be_focused()
    page.keyboard.press("n")
    expect(page.locator("#results .result").nth(1)).to_have_class(re.compile("wrong"))

    page.keyboard.press("r")
    expect(page.locator("#rounds")).to_contain_text("Round 1")
    assert has_focus(page)


def test_by_tab_alone_a_result_is_near(page: Page) -> None:
    """From the words: past the skip link of the page to what was found."""
    page.goto("/search?text=dog")
    expect(page.locator("#results .result").first).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to results")).to_be_focused()
    page.keyboard.press("Enter")
    assert tab_to(page, "#results .result .shot", 2) <= 2
