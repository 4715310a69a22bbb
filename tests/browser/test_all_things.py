"""Searching with all things of a photo: a row of results for each, or photos that share most of them."""

from __future__ import annotations

import re

import pytest
from browsing import Complaints
from photo_page import more
from playwright.sync_api import Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_photo_of_the_library_is_answered_thing_by_thing(page: Page) -> None:
    """From its page; all things are asked for in one request; a row leads to all results of its thing."""
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "/api/v1/search" in each.url else None)
    page.goto("/photos/5")
    more(page)
    page.get_by_role("link", name="Search with all things").click()
    page.wait_for_url("**/search?image=5&things=1")
    rows = page.locator(".thing")
    expect(rows.nth(1).locator(".found-row .shot").first).to_be_visible()
    count = rows.count()
    assert 2 <= count <= 8
    for row in rows.all():
        expect(row.locator(".told")).to_have_text(re.compile("likely|nearest"))
    assert [url.rpartition("/")[2] for url in asked] == ["things"]
    expect(page.get_by_role("button", name="All things")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#results > li")).to_have_count(0)
    segment = rows.nth(1).get_attribute("data-thing")
    rows.nth(1).get_by_role("link", name="Show all").click()
    page.wait_for_url(f"**/search?segment={segment}")
    expect(page.locator("#results .result").first).to_be_visible()
    page.go_back()
    expect(rows).to_have_count(count)


def test_a_row_outlines_its_thing_and_leads_to_photos(page: Page) -> None:
    page.goto("/search?image=5&things=1")
    row = page.locator(".thing").first
    expect(row.locator(".shot").first).to_be_visible()
    row.hover()
    expect(page.locator(".picker .overlay .active path")).to_have_count(1)
    page.locator("#help-button").hover()
    expect(page.locator(".picker .overlay .active path")).to_have_count(0)
    row.locator(".shot").first.click()
    page.wait_for_url("**/photos/*")
    expect(page.locator("#filmstrip a").first).to_be_visible()


def test_things_of_a_region_and_a_region_without_things(page: Page) -> None:
    page.goto("/search?image=5&things=1")
    expect(page.locator(".thing .shot").first).to_be_visible()
    count = page.locator(".thing").count()
    page.goto("/search?image=5&things=1&within=0,0,120,130")
    expect(page.locator(".thing .shot").first).to_be_visible()
    assert page.locator(".thing").count() < count
    page.goto("/search?image=5&things=1&within=0,0,2,2")
    expect(page.locator("#blank")).to_contain_text("No things were found there")
    page.locator(".dots .dot").first.click()
    expect(page.locator("#results .result").first).to_be_visible()
    expect(page.locator(".thing")).to_have_count(0)


def test_a_request_that_fails_is_told(page: Page, complaints: Complaints) -> None:
    complaints.expected = ("500",)
    page.route("**/api/v1/search/things", lambda route: route.fulfill(status=500, json={"detail": "The disk is full."}))
    page.goto("/search?image=5&things=1")
    expect(page.locator("#things .told")).to_have_text("The disk is full.")
    expect(page.locator("#blank")).to_be_hidden()


def test_a_photo_without_things_is_compared_as_a_whole(page: Page) -> None:
    """It is said why, and what is alike is there."""

    def answer(route: Route) -> None:
        asked = {"positive": [{"image": 5}], "limit": 12}
        whole = page.request.post("/api/v1/search", data=asked).json()
        route.fulfill(json={"things": [], "whole": whole, "note": "…", "took_ms": 1.0})

    page.route("**/api/v1/search/things", answer)
    page.goto("/search?image=5&things=1")
    row = page.locator(".thing")
    expect(row).to_have_count(1)
    expect(row.locator("h2")).to_have_text("The whole photo")
    expect(row.locator(".hint")).to_contain_text("clearly a thing")
    expect(row.locator(".shot").first).to_be_visible()
    row.get_by_role("link", name="Show all").click()
    page.wait_for_url("**/search?image=5")
    expect(page.locator("#results .result").first).to_be_visible()


@pytest.mark.parametrize("within", ["", "x,y", "1,2,3", "NaN,0,1,1"])
def test_a_region_that_cannot_be_read_is_left_out(page: Page, within: str) -> None:
    page.goto(f"/search?image=5&things=1&within={within}")
    expect(page.locator(".thing .shot").first).to_be_visible()


def test_photos_by_the_things_in_them(page: Page) -> None:
    """Beside comparing photos as a whole; what they share is outlined and named, and the address keeps the choice."""
    page.goto("/search?image=5")
    numbers = page.locator("#summary .numbers")
    expect(numbers).to_contain_text("whole photos compared")
    expect(page.get_by_role("button", name="As a whole")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".result .overlay")).to_have_count(0)
    by_things = page.get_by_role("button", name="By the things in it")
    by_things.click()
    page.wait_for_url("**/search?image=5&by=things")
    expect(numbers).to_contain_text(re.compile(r"compared by \d+ things?"))
    expect(by_things).to_have_attribute("aria-pressed", "true")
    expect(by_things).to_be_focused()
    first = page.locator(".result").first
    expect(first.locator(".overlay path.found").first).to_be_attached()
    expect(first.locator(".score")).to_contain_text(re.compile(r"\d+ things?$"))  # none of them has a name
    first.locator(".score").click()
    expect(page.locator(".preview .reasons li").first).to_have_text(re.compile("^Shares "))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="As a whole").click()
    page.wait_for_url(re.compile(r"/search\?image=5$"))
    expect(numbers).to_contain_text("whole photos compared")
    expect(page.locator(".result .overlay")).to_have_count(0)


def test_a_photo_without_things_says_that_it_was_compared_as_a_whole(page: Page) -> None:
    def answer(route: Route) -> None:
        asked = route.request.post_data_json
        assert asked["compare"] == "things"
        route.fulfill(json=page.request.post("/api/v1/search", data={**asked, "compare": "whole"}).json())

    page.route("**/api/v1/search", answer)
    page.goto("/search?image=5&by=things")
    expect(page.locator("#summary .numbers")).to_contain_text("no thing was found in it")
