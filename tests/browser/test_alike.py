"""Results stand for their near-duplicates, which can be opened, and listed as results of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import Site
from playwright.sync_api import Locator, Page, expect
from test_accessibility import check

from retrieval.catalog.records import Comparison, DuplicatePair

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COPIES = (21, 22, 23)


@pytest.fixture
def copies(site: Site) -> Iterator[Site]:
    """Photos 21 to 23 are near-duplicates; afterwards they are not any more."""
    pairs = DuplicatePair(21, 22, 0.9), DuplicatePair(21, 23, 0.95), DuplicatePair(22, 23, 0.99)
    duplicates = site.assembly.duplicates
    duplicates.undismiss(COPIES)
    duplicates.record(Comparison(COPIES, pairs, dict.fromkeys(COPIES, 1e8)), site.assembly.recipe_spec.space)
    yield site
    duplicates.dismiss(COPIES)


def address(site: Site) -> str:
    """A search that finds all photos but 24."""
    return f"/search?segment={site.assembly.catalog.segments.of_image(24)[0].id}&limit=100"


def cards(page: Page, image_id: int) -> Locator:
    return page.locator(f"#results .result[data-key^='{image_id}-']")


def chips(page: Page) -> Locator:
    return page.locator("#results .alike")


def test_a_result_opens_what_it_stands_for(page: Page, copies: Site) -> None:
    page.goto(address(copies))
    expect(chips(page)).to_have_text(["+2 alike"])
    assert sum(cards(page, number).count() for number in COPIES) == 1
    check(page, "a result that stands for others")
    chips(page).click()
    dialog = page.get_by_role("dialog", name="2 near-duplicates")
    photos = dialog.get_by_role("link", name="Photo")
    expect(photos).to_have_count(3)
    expect(photos.first).to_contain_text("in the results")
    assert {photos.nth(at).get_attribute("href") for at in range(3)} == {f"/photos/{number}" for number in COPIES}
    check(page, "near-duplicates of a result")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    chips(page).focus()
    page.keyboard.press("Enter")
    dialog.get_by_role("link", name="Photo").nth(1).click()
    expect(page).to_have_url(re.compile(r"/photos/2[123]$"))


def test_they_are_listed_and_grouped_again(page: Page, copies: Site) -> None:
    page.goto(address(copies))
    expect(chips(page)).to_have_count(1)
    page.get_by_role("button", name="Show 2 near-duplicates").click()
    for number in COPIES:
        expect(cards(page, number)).to_have_count(1)
    expect(chips(page)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"[?&]copies=1\b"))
    again = page.get_by_role("button", name="Group near-duplicates")
    expect(again).to_be_focused()
    page.reload()
    again.click()
    expect(chips(page)).to_have_count(1)
    expect(page).not_to_have_url(re.compile("copies"))


def test_without_near_duplicates_nothing_is_said(page: Page, site: Site, copies: Site) -> None:
    """And segments are listed each for itself."""
    site.assembly.duplicates.dismiss(COPIES)
    page.goto(address(copies))
    expect(page.locator("#results .result").first).to_be_visible()
    expect(page.get_by_role("button", name="near-duplicate")).to_have_count(0)
    site.assembly.duplicates.undismiss(COPIES)
    page.goto(f"{address(copies)}&group=segment")
    expect(page.locator("#results .result").first).to_be_visible()
    expect(chips(page)).to_have_count(0)
