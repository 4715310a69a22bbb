"""Collections in the browser: made, filled, searched together with the library, shared with nobody, deleted and restored."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Complaints, Site, drawing, opened_page
from playwright.sync_api import Browser, Page, expect

from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.settings import Settings
from webui import create_app
from webui.serving.server import listen

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A library of three drawings, and a collection "Rome" with two."""
    home = tmp_path_factory.mktemp("apart")
    assembly = Assembly(Settings.in_data_dir(home / "home", device="cpu", recipe="grid"))
    site = Site(assembly, home)
    inside = Site(assembly.of_collection(assembly.collections.add("Rome", None)), home)
    paths = [home / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        drawing(number).save(path)
    site.enter(paths[:3])
    inside.enter([paths[0], paths[4]])
    with DecoderPool(1) as decoders:
        listening = listen(create_app(assembly, LocalAnalyzer(assembly.recipe, decoders)), "127.0.0.1", 0)
        threading.Thread(target=listening.run, daemon=True).start()
        yield Site(assembly, home, url=f"http://127.0.0.1:{listening.port}")
        listening.stop()


@pytest.fixture
def page(browser: Browser, apart: Site, complaints: Complaints) -> Iterator[Page]:
    """A fresh page of that site."""
    with opened_page(browser, apart, complaints, size=(1280, 800), color_scheme="light") as page:
        yield page


def test_one_is_made_and_gone_to(page: Page, complaints: Complaints) -> None:
    complaints.expected = ("422",)
    page.goto("/collections")
    page.get_by_role("button", name="New collection").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("rome")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("there is already a collection 'rome'")
    page.get_by_role("textbox", name="Name", exact=True).fill("Paris")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/c/2/")
    expect(page.locator(".brand")).to_have_text("Paris")
    page.locator(".places summary").click()
    page.get_by_role("navigation", name="Collections").get_by_role("link", name="Rome").click()
    page.wait_for_url("**/c/1/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rome")
    expect(page.locator(".card")).to_have_count(2)


def test_all_are_searched_and_gone_on_in(page: Page) -> None:
    page.goto("/search?segment=1")
    expect(page.locator(".result")).to_have_count(2)
    page.get_by_role("group", name="Where to search").get_by_role("button", name="All collections").click()
    page.wait_for_url("**everywhere=1**")
    expect(page.locator(".result")).to_have_count(4)
    first = page.locator(".result").first
    expect(first.locator(".where")).to_have_text("Rome")
    expect(first.locator(".pick")).to_have_count(0)
    expect(page.locator(".result", has_text="Library").first.locator(".pick")).to_have_count(1)
    assert first.locator(".shot").get_attribute("href") == "/c/1/photos/1#s1"
    first.hover()
    first.get_by_role("button", name="More like this").click()
    page.wait_for_url("**/c/1/search?*everywhere=1*")
    expect(page.locator(".result").first.locator(".where")).to_have_text("Library")
    page.get_by_role("button", name="Here").click()
    expect(page.locator(".result")).to_have_count(1)
    page.locator(".result .shot").click()
    page.wait_for_url("**/c/1/photos/2**")
    expect(page.locator("#filmstrip img").first).to_have_js_property("complete", True)


def test_it_is_renamed_deleted_and_restored(page: Page) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/collections")
    page.get_by_role("button", name="Rename Rome").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Roma")
    page.get_by_role("button", name="Save").click()
    row = page.locator("[data-collection='1']")
    expect(row).to_contain_text("Roma")
    expect(row).to_contain_text("2 photos")
    row.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Trash")).to_be_visible()
    expect(page.locator(".places")).to_have_count(0)
    page.get_by_role("button", name="Restore Roma").click()
    expect(row.get_by_role("link", name="Roma")).to_be_visible()


def test_it_is_accessible(page: Page) -> None:
    for address in ("/collections", "/c/1/", "/c/1/search?segment=1&everywhere=1"):
        page.goto(address)
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                page.wait_for_timeout(200)  # colours have transitions
                assert Axe().run(page).response["violations"] == [], f"{address}, {theme}, {width}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
