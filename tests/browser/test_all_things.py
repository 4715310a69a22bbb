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
    assert [url.rpartition("/")[2] for url in asked] == ["batch"]
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


def test_a_search_that_fails_is_told_in_its_row(page: Page) -> None:
    """The others are answered."""

    def answer(route: Route) -> None:
        fetched = route.fetch()
        content = fetched.json()
        content["answers"][0] = {"error": {"detail": "The disk is full.", "status": 500}}
        route.fulfill(response=fetched, json=content)

    page.route("**/api/v1/search/batch", answer)
    page.goto("/search?image=5&things=1")
    expect(page.locator(".thing .told", has_text="The disk is full.")).to_have_count(1)
    expect(page.locator(".thing .shot").first).to_be_visible()


def test_a_request_that_fails_is_told_in_every_row(page: Page, complaints: Complaints) -> None:
    complaints.expected = ("500",)
    page.route("**/api/v1/search/batch", lambda route: route.fulfill(status=500, json={"detail": "The disk is full."}))
    page.goto("/search?image=5&things=1")
    rows = page.locator(".thing")
    expect(rows.first.locator(".told")).to_have_text("The disk is full.")
    count = rows.count()
    assert count > 1
    expect(rows.locator(".told", has_text="The disk is full.")).to_have_count(count)


@pytest.mark.parametrize("within", ["", "x,y", "1,2,3", "NaN,0,1,1"])
def test_a_region_that_cannot_be_read_is_left_out(page: Page, within: str) -> None:
    page.goto(f"/search?image=5&things=1&within={within}")
    expect(page.locator(".thing .shot").first).to_be_visible()
