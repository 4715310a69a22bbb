"""Searching with all things of a photo: a row of results for each."""

from __future__ import annotations

import re

import pytest
from browsing import Complaints
from playwright.sync_api import Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_photo_of_the_library_is_answered_thing_by_thing(page: Page) -> None:
    """From its page; all things are asked for in one request; a row leads to all results of its thing."""
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "/api/v1/search" in each.url else None)
    page.goto("/photos/5")
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
