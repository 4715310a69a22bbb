"""On the page of a photo, its segments beside those of another recipe."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import Complaints, Site, drawing, opened_page
from photo_page import more
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from test_accessibility import check
from toy_recipes import CoarseRecipe, offer_coarse

from retrieval.analysis.local import LocalAnalyzer
from retrieval.assembly import Assembly
from retrieval.errors import QueryError
from retrieval.images.decoder_pool import DecoderPool
from retrieval.settings import Settings
from webui import create_app
from webui.serving.server import listen

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True)
class Choosing:
    """A server of one photo, and its second recipe."""

    site: Site
    recipe: CoarseRecipe


@pytest.fixture
def choosing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Choosing]:
    """An installation on `grid` that knows the recipe `coarse`, too."""
    offer_coarse(monkeypatch)
    assembly = Assembly(Settings.in_data_dir(tmp_path / "home", device="cpu", recipe="grid"))
    site, recipe = Site(assembly, tmp_path), CoarseRecipe()
    drawing(1).save(tmp_path / "1.png")
    site.enter([tmp_path / "1.png"])
    with DecoderPool(1) as decoders:
        app = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders, others=recipe))  # type: ignore[arg-type]
        listening = listen(app, "127.0.0.1", 0)
        threading.Thread(target=listening.run, daemon=True).start()
        yield Choosing(Site(assembly, tmp_path, url=f"http://127.0.0.1:{listening.port}"), recipe)
        listening.stop()


@pytest.fixture
def page(browser: Browser, choosing: Choosing, complaints: Complaints) -> Iterator[Page]:
    """A page of that server."""
    with opened_page(browser, choosing.site, complaints, size=(1280, 800), color_scheme="light") as page:
        yield page


def opened(page: Page) -> Locator:
    """The dialog, opened by the keyboard."""
    page.goto("/photos/1")
    page.locator("#stage .overlay").wait_for()
    page.get_by_title("More actions").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Segment again")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Segment again with another recipe")
    expect(dialog).to_be_visible()
    return dialog


def side(dialog: Locator, number: int) -> Locator:
    return dialog.locator("figure").nth(number)


def count(choosing: Choosing) -> int:
    return len(choosing.site.assembly.catalog.segments.of_image(1))


def test_both_are_seen_and_one_is_kept(page: Page, choosing: Choosing) -> None:
    before = count(choosing)
    dialog = opened(page)
    expect(side(dialog, 0)).to_contain_text(f"Now: grid{before} segments")
    expect(side(dialog, 1)).to_contain_text("Choose a recipe to see its segments.")
    use = dialog.get_by_role("button", name="Use the new segments")
    expect(use).to_be_disabled()
    recipes = dialog.get_by_label("Recipe", exact=True)
    expect(recipes).to_be_focused()
    expect(recipes.locator("option[value=heavy]")).to_be_disabled()
    expect(recipes.locator("option[value=lite]")).to_have_count(0)
    recipes.select_option("coarse")
    expect(side(dialog, 1).locator(".overlay")).to_be_visible()
    expect(side(dialog, 1)).to_contain_text("With coarse")
    check(page, "segments of two recipes")
    assert count(choosing) == before, "nothing is stored yet"
    use.click()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#segments li")).not_to_have_count(before)
    page.locator("#stage .overlay").wait_for()
    assert page.locator("#segments li").count() == count(choosing) < before


def test_the_present_ones_are_kept(page: Page, choosing: Choosing) -> None:
    before = count(choosing)
    dialog = opened(page)
    dialog.get_by_label("Recipe", exact=True).select_option("coarse")
    expect(side(dialog, 1).locator(".overlay")).to_be_visible()
    dialog.get_by_role("button", name="Keep the present segments").click()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.get_by_title("More actions")).to_be_focused()
    assert count(choosing) == before


def test_both_sides_are_zoomed_and_pointed_at_together(page: Page) -> None:
    dialog = opened(page)
    dialog.get_by_label("Recipe", exact=True).select_option("coarse")
    overlays = [side(dialog, number).locator(".overlay") for number in (0, 1)]
    expect(overlays[1]).to_be_visible()
    overlays[1].hover(position={"x": 30, "y": 30})
    for number in (0, 1):
        expect(side(dialog, number).locator(".active path")).to_have_count(1)
        expect(side(dialog, number).locator(".caption")).to_contain_text("Segment")
    page.mouse.wheel(0, -400)
    expect(side(dialog, 0).locator(".stage")).to_have_class(re.compile("zoomed"))
    views = [
        side(dialog, number)
        .locator(".stage")
        .evaluate("stage => ['--zoom', '--x', '--y'].map((name) => stage.style.getPropertyValue(name))")
        for number in (0, 1)
    ]
    assert views[0] == views[1]
    assert float(views[0][0]) > 1


def test_what_goes_wrong_is_told_and_tried_again(page: Page, choosing: Choosing, complaints: Complaints) -> None:
    complaints.expected = ("422",)
    choosing.recipe.fault = QueryError("the recipe coarse took longer than 240 s for this photo: choose a faster one")
    dialog = opened(page)
    dialog.get_by_label("Recipe", exact=True).select_option("coarse")
    expect(dialog.get_by_role("alert")).to_contain_text("choose a faster one")
    expect(dialog.get_by_role("button", name="Use the new segments")).to_be_disabled()
    check(page, "a recipe that fails")
    choosing.recipe.fault = None
    dialog.get_by_role("button", name="Try again").click()
    expect(side(dialog, 1).locator(".overlay")).to_be_visible()
    expect(dialog.get_by_role("button", name="Use the new segments")).to_be_enabled()


def test_a_photo_without_segments(page: Page, choosing: Choosing) -> None:
    flat = choosing.site.photos / "flat.png"
    Image.new("RGB", (320, 240), "grey").save(flat)
    choosing.site.enter([flat])
    page.goto("/photos/2")
    more(page)
    page.get_by_role("button", name="Segment again").click()
    dialog = page.get_by_role("dialog")
    expect(side(dialog, 0)).to_contain_text("Now: grid0 segments")
    dialog.get_by_label("Recipe", exact=True).select_option("coarse")
    expect(side(dialog, 1)).to_contain_text("It finds no segments in this photo.")
    with page.expect_event("load"):
        dialog.get_by_role("button", name="Use the new segments").click()
    more(page)
    page.get_by_role("button", name="Segment again").click()
    expect(side(dialog, 0)).to_contain_text("Now: coarse0 segments")


def test_photos_in_the_trash_have_no_button(page: Page, choosing: Choosing) -> None:
    choosing.site.assembly.trash.put([1])
    page.goto("/photos/1")
    expect(page.get_by_role("button", name="Restore")).to_be_visible()
    more(page)
    expect(page.get_by_role("link", name="Original")).to_be_visible()
    expect(page.get_by_role("button", name="Segment again")).to_have_count(0)
