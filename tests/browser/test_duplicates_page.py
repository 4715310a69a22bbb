"""The page Duplicates: groups side by side, kept, dismissed, and brought back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import Site
from playwright.sync_api import Locator, Page, expect
from test_accessibility import check

from retrieval.catalog.records import Comparison, DuplicatePair

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COPIES = (11, 12, 13)


@pytest.fixture
def copies(site: Site) -> Iterator[Site]:
    """Photos 11 to 13 are near-duplicates, and 13 shows the most; afterwards they are not any more."""
    pairs = DuplicatePair(11, 12, 0.9), DuplicatePair(11, 13, 0.95), DuplicatePair(12, 13, 0.99)
    duplicates = site.assembly.duplicates
    duplicates.undismiss(COPIES)
    found = Comparison(COPIES, pairs, {11: 1e8, 12: 2e8, 13: 9e8})
    duplicates.record(found, site.assembly.recipe_spec.space)
    yield site
    site.assembly.trash.restore(COPIES)
    duplicates.dismiss(COPIES)


def group(page: Page) -> Locator:
    return page.locator(".group", has=page.locator('.copy[data-id="13"]'))


def shown(page: Page) -> list[str | None]:
    copies = group(page).locator(".copy")
    return [copies.nth(at).get_attribute("data-id") for at in range(copies.count())]


def test_the_best_is_in_front_and_is_kept(page: Page, copies: Site) -> None:
    page.goto("/duplicates")
    assert shown(page) == ["13", "12", "11"]
    expect(group(page).get_by_role("radio").first).to_be_checked()
    check(page, "duplicates")
    total = int(page.locator("#total").inner_text().split()[0])
    group(page).get_by_role("button", name="Keep the marked one, delete 2").click()
    expect(page.locator(".toast")).to_contain_text("2 photos moved to the trash.")
    expect(group(page)).to_have_count(0)
    expect(page.locator("#total")).to_have_text(re.compile(rf"^{total - 1} group"))
    assert copies.assembly.trash.count() >= 2
    page.get_by_role("button", name="Undo").click()
    expect(group(page)).to_be_visible()
    expect(page.locator("#total")).to_have_text(re.compile(rf"^{total} group"))
    assert copies.assembly.catalog.images.get(12).deleted_at is None


def test_another_one_is_kept(page: Page, copies: Site) -> None:
    page.goto("/duplicates")
    group(page).locator('.copy[data-id="12"]').get_by_role("radio").check()
    group(page).get_by_role("button", name="Keep the marked one, delete 2").click()
    expect(page.locator(".toast")).to_contain_text("2 photos moved to the trash.")
    images = copies.assembly.catalog.images
    assert [images.get(key).deleted_at is None for key in COPIES] == [False, True, False]


def test_dismissing_and_back(page: Page, copies: Site) -> None:
    page.goto("/duplicates")
    group(page).get_by_role("button", name="Not duplicates").click()
    expect(page.locator(".toast")).to_contain_text("Not shown as duplicates any more.")
    expect(group(page)).to_have_count(0)
    page.reload()
    expect(page.locator("h1")).to_have_text("Duplicates")
    expect(group(page)).to_have_count(0)
    copies.assembly.duplicates.undismiss(COPIES)
    page.reload()
    group(page).get_by_role("button", name="Not duplicates").click()
    page.get_by_role("button", name="Undo").click()
    expect(group(page)).to_be_visible()
    page.reload()
    expect(group(page)).to_be_visible()
