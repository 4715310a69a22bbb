"""The pages of who operates the installation."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import Complaints, Site, drawing
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def waiting(site: Site) -> Iterator[int]:
    """A pending photo while ingest is paused; it is deleted at the end."""
    path = site.photos / "to wait.png"
    drawing(2000).save(path)
    site.assembly.ingest_queue.pause()
    site.register([path])
    image_id = site.assembly.catalog.images.page(limit=1, newest_first=True)[0].id
    yield image_id
    site.assembly.ingest_queue.resume()
    site.assembly.catalog.images.delete(image_id)


def test_the_menu_leads_to_health(page: Page) -> None:
    """By keyboard; Escape closes it, and so does leaving it. The phone's navigation stays as it is."""
    page.goto("/")
    summary = page.get_by_label("Administration").first
    summary.focus()
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Health")
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("#words").focus()
    expect(link).to_be_hidden()
    summary.click()
    link.click()
    page.wait_for_url("**/health")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("navigation", name="Main").get_by_role("link")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_wrong_is_cured(page: Page, site: Site, waiting: int) -> None:
    page.goto("/health")
    findings = page.get_by_role("list", name="Findings")
    expect(findings).to_contain_text("Ingest is paused; 1 photo waits.")
    findings.get_by_role("button", name="Resume").click()
    expect(findings).not_to_contain_text("paused")
    assert not site.assembly.ingest_queue.orders().paused
    expect(page.locator(".panel", has=page.get_by_role("heading", name="Photos"))).to_contain_text("torn <b>.png")


def test_it_is_kept_up_to_date(page: Page, site: Site) -> None:
    page.clock.install()
    page.goto("/health")
    findings = page.get_by_role("list", name="Findings")
    expect(findings).not_to_contain_text("paused")
    site.assembly.ingest_queue.pause()
    try:
        page.clock.run_for(11_000)
        expect(findings).to_contain_text(re.compile("Ingest is paused"))
    finally:
        site.assembly.ingest_queue.resume()


def test_photos_are_analysed_again(page: Page, site: Site, complaints: Complaints) -> None:
    """The dialog counts them; the card shows how many wait and what is to be done, until they are cancelled."""
    page.goto("/recipes")
    expect(page.locator(".recipe").first).to_contain_text("current")
    page.get_by_role("button", name="Analyse again with lite", exact=True).click()
    dialog = page.get_by_role("dialog", name="Analyse again with lite")
    expect(dialog.locator("#incomparable")).to_be_visible()
    counts = site.assembly.catalog.images.counts()
    analysed = counts["indexed"] + counts["empty"]  # those without a segment, too
    expect(dialog.locator("#again-count")).to_have_text(f"{analysed} photos will be analysed again.")
    dialog.get_by_label("Photos", exact=True).select_option("empty")
    expect(dialog.locator("#again-count")).to_contain_text("No photos fit")
    dialog.get_by_label("Photos", exact=True).select_option("")
    dialog.get_by_label("Folder").fill("photos")
    complaints.expected = ("422",)
    expect(dialog.locator("#again-count")).to_contain_text("not an absolute path")
    dialog.get_by_label("Folder").fill(str(site.photos))
    photos = [each for each in site.assembly.catalog.images.page(limit=1000) if each.state in ("indexed", "empty")]
    below = sum(any(place.path.is_relative_to(site.photos) for place in photo.locations) for photo in photos)
    expect(dialog.locator("#again-count")).to_have_text(f"{below} photos will be analysed again.")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    card = page.locator("[data-recipe='lite']")
    expect(card).to_contain_text(f"{below} photos to be analysed again with it")
    expect(card).to_contain_text("SEGSEARCH_RECIPE=lite")
    assert site.assembly.ingest_queue.claim("test", 10, site.assembly.recipe_spec.fingerprint) == []
    page.get_by_role("button", name="Cancel pending").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel pending photos").click()
    expect(card).not_to_contain_text("to be analysed again")
    assert site.assembly.catalog.images.counts() == counts


def test_the_bar_has_room_for_all_of_it(browser: Browser, closed: Site) -> None:
    """An administrator's bar has the most; the field for words stays usable beside it."""
    token, secret = closed.assembly.accounts.add_token("admin", "bar")
    context = browser.new_context(base_url=closed.url, extra_http_headers={"Authorization": f"Bearer {secret}"})
    page = context.new_page()
    for address in ("/health", "/recipes", "/upload"):
        page.goto(address)
        for width in (320, 640, 641, 800, 801, 1000, 1180, 1181, 1400, 1500, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (address, width)
            assert page.locator(".finder").evaluate("(form) => form.clientWidth") > 100, (address, width)
    context.close()
    closed.assembly.accounts.revoke(token.id)
