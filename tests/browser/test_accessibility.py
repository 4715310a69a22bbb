"""Every page, its dialogs and its menus, checked by axe-core in both themes on a desktop, and on a phone.

References
----------
Deque Systems, axe-core, https://github.com/dequelabs/axe-core; W3C, "Web Content Accessibility Guidelines 2.2", 2023.
"""

from __future__ import annotations

import io
import re
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Complaints, Site, drawing
from playwright.sync_api import Browser, Page, expect

Theme = Literal["light", "dark"]

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

LOOKS: tuple[tuple[str, tuple[int, int], Theme], ...] = (
    ("desktop", (1440, 900), "light"),
    ("desktop", (1440, 900), "dark"),
    ("phone", (390, 844), "dark"),
)
"""A phone has the colours of a desktop: one theme is enough for what else is different there."""

PAGES = [
    "/",
    "/?state=failed",
    "/?state=trash",
    "/?folder=nothing",
    "/worst",
    "/photos/1",
    "/search",
    "/search?segment=1",
    "/search?image=5",
    "/search?image=5&things=1",
    "/search?image=5&by=things",
    "/search?text=dog",
    "/upload",
    "/concepts",
    "/discover",
    "/duplicates",
    "/account",
    "/health",
    "/recipes",
    "/nothing",
    "/api/v1/docs",
]


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, a line for each element."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


def check(page: Page, where: str) -> None:
    """Check what is shown, in the looks that differ."""
    for size, (width, height), theme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(200)  # colours and sizes have transitions
        assert violations(page) == [], f"{where}, {theme}, {size}"


@pytest.mark.parametrize("address", PAGES)
def test_pages(page: Page, complaints: Complaints, address: str) -> None:
    complaints.expected = ("404",) if address == "/nothing" else ()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    check(page, address)


def test_faults_are_found(page: Page) -> None:
    """A picture without a text, and a text in the colour of the page."""
    page.goto("/upload")
    assert violations(page) == []
    page.evaluate("""() => {
      const text = Object.assign(document.createElement("p"), { textContent: "pale" });
      text.style.setProperty("color", "#eee");
      document.querySelector("main").append(document.createElement("img"), text);
    }""")
    assert {each.partition(":")[0] for each in violations(page)} == {"image-alt", "color-contrast"}


def test_help_and_suggestions(page: Page) -> None:
    page.goto("/")
    page.locator("#help-button").click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    check(page, "help")
    page.keyboard.press("Escape")
    page.locator("#words").press_sequentially("do")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    check(page, "suggestions")


def test_selecting_and_tagging(page: Page) -> None:
    page.goto("/?state=indexed")
    page.locator(".live .card").first.locator("a").focus()
    page.keyboard.press("x")
    expect(page.get_by_role("toolbar", name="Selected photos")).to_be_visible()
    if page.locator("#facets").is_hidden():
        page.locator("#show-facets").click()
    expect(page.locator("#facets section").first).to_be_visible()
    check(page, "selection and filters")
    page.get_by_role("button", name="Tag", exact=True).click()
    expect(page.get_by_role("dialog", name="Tag 1 photo")).to_be_visible()
    check(page, "tags")


def test_a_refused_file(page: Page, complaints: Complaints) -> None:
    complaints.expected = ("415",)
    page.goto("/upload")
    file = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    page.locator("#files").set_input_files([file])  # type: ignore[list-item]
    expect(page.locator(".files .bad").first).to_be_visible()
    check(page, "a refused file")


def test_concepts(page: Page, site: Site) -> None:
    """Tiles, the menu of one of them, and the dialogs."""
    keys = [segment.id for segment in site.assembly.catalog.segments.of_image(5)[:4]]
    trainer = site.assembly.trainer(site.assembly.engine())
    made = [trainer.teach(name, keys[at : at + 2], []) for at, name in ((0, "Left"), (2, "Right"))]
    try:
        page.goto("/concepts")
        page.get_by_label("Actions for Left").click()
        check(page, "the menu of a concept")
        page.get_by_role("button", name="Set threshold").click()
        expect(page.get_by_role("dialog", name="Left")).to_be_visible()
        expect(page.locator("#threshold .crops img").first).to_be_visible()
        check(page, "threshold")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Learn from folders").click()
        check(page, "learning from folders")
    finally:
        for concept in made:
            site.assembly.concepts.delete(concept)


def test_clusters(page: Page) -> None:
    page.goto("/discover")
    if page.get_by_role("button", name="Find clusters").is_visible():
        with page.expect_event("load", timeout=60_000):
            page.get_by_role("button", name="Find clusters").click()
    expect(page.locator(".cluster").first).to_be_visible()
    page.get_by_role("checkbox").first.check()
    check(page, "clusters")


def test_analysing_again(page: Page) -> None:
    page.goto("/recipes")
    page.get_by_role("button", name="Analyse again with lite", exact=True).click()
    expect(page.locator("#again-count")).to_contain_text("photos will be analysed again")
    check(page, "analysing again")


def test_cropping(page: Page) -> None:
    """The frame over a photo of one's own, with its buttons."""
    buffer = io.BytesIO()
    drawing(960).save(buffer, "PNG")
    page.goto("/search")
    page.locator("#file").set_input_files([{"name": "a.png", "mimeType": "image/png", "buffer": buffer.getvalue()}])
    expect(page.locator(".dots [aria-pressed=true]")).to_have_count(1)
    page.get_by_role("button", name="Crop").click()
    expect(page.locator(".crop-frame")).to_be_visible()
    check(page, "cropping")
    expect(page.locator(".crop-frame")).to_be_visible()


def test_filters_of_results(page: Page) -> None:
    """Open, and with one that was chosen."""
    page.goto("/search?segment=1")
    expect(page.locator("#results .result").first).to_be_visible()
    page.locator("#filters summary").click()
    size = page.locator("#filters select[name=size]")
    expect(size).to_be_visible()
    check(page, "filters of results")
    size.select_option(index=1)
    expect(page).to_have_url(re.compile("size="))
    expect(page.locator("#filters")).to_be_visible()
    check(page, "results that are filtered")


def test_filtering_segments_by_name(page: Page) -> None:
    """The field is in use, and no segment has the name."""
    page.goto("/photos/5")
    page.locator("#stage .overlay").wait_for()
    field = page.get_by_label("Filter the segments by name")
    field.press_sequentially("Segment 1")
    expect(page.locator("#segments li").first).to_be_visible()
    check(page, "segments by name")
    field.fill("no such name")
    expect(page.locator("#no-segments")).to_be_visible()
    check(page, "no segment of a name")


def test_signing_in(browser: Browser, closed: Site) -> None:
    context = browser.new_context(base_url=closed.url, reduced_motion="reduce")
    page = context.new_page()
    page.goto("/login")
    check(page, "signing in")
    context.close()


def test_users(browser: Browser, closed: Site) -> None:
    """What an administrator sees; with a token, for sign-ins are limited."""
    token, secret = closed.assembly.accounts.add_token("admin", "accessibility")
    headers = {"Authorization": f"Bearer {secret}"}
    context = browser.new_context(base_url=closed.url, reduced_motion="reduce", extra_http_headers=headers)
    page = context.new_page()
    page.goto("/users")
    check(page, "users")
    page.get_by_label("Administration").first.click()
    expect(page.get_by_role("navigation", name="Administration")).to_be_visible()
    check(page, "the menu of administration")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add user").click()
    check(page, "adding a user")
    page.goto("/account")
    check(page, "an account")
    context.close()
    closed.assembly.accounts.revoke(token.id)
