"""Searching for the very object of an example in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import Site, drawing
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAME = "This very object"
COMPARED = 60_000
"""Milliseconds until 75 photos are compared next to other tests."""


def test_its_kind_or_this_very_object(page: Page, site: Site, tmp_path: Path) -> None:
    """The choice is kept in the address, the probability and its reasons are shown, and a judgement goes back to kinds."""
    again = tmp_path / "again.png"
    drawing(7, (330, 250)).save(again)
    site.enter([again])
    first = site.assembly.catalog.images.page(limit=1, after=7)[0]
    segment = site.assembly.catalog.segments.of_image(first.id)[0]
    page.goto(f"/search?segment={segment.id}")
    expect(page.get_by_role("button", name="Its kind")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name=SAME).click()
    page.wait_for_url(f"**/search?segment={segment.id}&match=same")
    expect(page.get_by_role("button", name=SAME)).to_have_attribute("aria-pressed", "true", timeout=COMPARED)
    expect(page.get_by_role("button", name=SAME)).to_be_focused()
    card = page.locator(".result").first
    expect(card.locator(".score")).to_have_text(re.compile("^(sure|likely|weak)$"), timeout=COMPARED)
    card.locator(".score").click()
    reasons = page.locator(".preview .reasons")
    expect(reasons).to_contain_text(re.compile(r"Colours agree by \d+ ?%"))
    expect(reasons).to_contain_text(re.compile(r"\d+ details? agrees?"))
    page.keyboard.press("Escape")
    card.hover()
    card.get_by_role("button", name=re.compile("^Right")).click()
    page.get_by_role("button", name="Refine").click()
    page.wait_for_url(re.compile(r"feedback=\d+"))
    assert "match=" not in page.url
    expect(page.get_by_role("button", name=SAME)).to_have_count(0)


def test_words_and_whole_photos_have_no_such_choice(page: Page) -> None:
    for address in ("/search?text=dog", "/search?image=5"):
        page.goto(address)
        expect(page.locator("#summary .numbers")).to_be_visible()
        expect(page.get_by_role("button", name=SAME)).to_have_count(0)


def test_where_nothing_is_the_same(page: Page) -> None:
    def answer(route) -> None:
        body = page.request.post("/api/v1/search", data=route.request.post_data_json, timeout=COMPARED).json()
        weak = [{**each, "likely": False, "probability": 0.1, "certainty": "weak"} for each in body["results"]]
        route.fulfill(json={**body, "results": weak, "none_likely": True})

    page.route("**/api/v1/search", answer)
    page.goto("/search?segment=5&match=same")
    expect(page.locator(".answer")).to_contain_text("Probably no photo here shows this very object", timeout=COMPARED)
