"""What can be done with the results of a search, in a real browser."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from browsing import Complaints, Site, drawing
from playwright.sync_api import Locator, Page, expect

from retrieval.catalog.records import View

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def search(page: Page, address: str = "/search?segment=1") -> Locator:
    """The results of a search, once they are there."""
    page.goto(address)
    results = page.locator("#results .result")
    expect(results.first).to_be_visible()
    expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")
    return results


def key(card: Locator, name: str) -> str:
    """The data of a card."""
    return card.get_attribute(f"data-{name}") or ""


def middle(card: Locator) -> tuple[float, float]:
    """The middle of a card in the window."""
    frame = card.bounding_box()
    assert frame
    return frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2


def test_results_are_selected(page: Page) -> None:
    """By mark, by range, by dragging, by key and all; a click on a photo selects while others are selected."""
    results = search(page)
    selected, bar = page.locator("#selected"), page.locator("#selection")
    results.nth(0).hover()
    results.nth(0).get_by_role("checkbox").click()
    expect(selected).to_have_text("1 selected")
    results.nth(2).locator(".shot").click(modifiers=["Shift"])
    expect(selected).to_have_text("3 selected")
    results.nth(1).locator(".shot").click()
    expect(selected).to_have_text("2 selected")
    results.nth(1).get_by_role("button", name="Right").click()
    expect(selected).to_have_text("2 selected")
    assert "/search" in page.url
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    results.nth(0).get_by_role("checkbox").hover()
    page.mouse.down()
    page.mouse.move(*middle(results.nth(3)), steps=4)
    page.mouse.up()
    expect(selected).to_have_text("4 selected")
    page.get_by_role("button", name="Clear the selection").click()
    results.nth(1).locator(".shot").focus()
    page.keyboard.press("x")
    expect(selected).to_have_text("1 selected")
    page.keyboard.press("Control+a")
    expect(selected).to_have_text("50 selected")
    page.get_by_role("button", name="Show more").click()
    expect(results.nth(60)).to_be_visible()
    expect(selected).to_have_text("50 selected")
    page.locator(".summary").get_by_role("button", name="Segments").click()
    expect(bar).to_be_hidden()


def test_selected_results_are_tagged_downloaded_and_deleted(page: Page, site: Site) -> None:
    """The photos of all selected segments, each once; those deleted come back by Undo."""
    paths = [site.photos / f"to find {number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        drawing(950 + number).save(path)
    site.enter(paths)
    newest = site.assembly.catalog.timeline.ids(View(state="indexed", order="added"))[0]
    segment = site.assembly.catalog.segments.of_image(newest)[0].id
    results = search(page, f"/search?segment={segment}&group=segment")
    for row in (0, 1):
        results.nth(row).locator(".shot").focus()
        page.keyboard.press("x")
    photos = {int(key(results.nth(row), "key").split("-")[0]) for row in (0, 1)}
    page.get_by_role("button", name="Tag", exact=True).click()
    page.keyboard.type("Found")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("tagged.")
    assert set(site.assembly.catalog.timeline.ids(View(tag="found"))) == photos
    site.assembly.tags.change(photos, add=[], remove=["Found"])
    expect(page.locator("#selection")).to_be_hidden()
    results.nth(0).locator(".shot").focus()
    page.keyboard.press("x")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    with ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 1
    image = int(key(results.nth(0), "key").split("-")[0])
    results.nth(0).locator(".shot").focus()
    page.keyboard.press("x")
    page.keyboard.press("Delete")
    expect(page.locator("#toasts")).to_contain_text("1 photo moved to the trash.")
    expect(page.locator(f"#results .result[data-key^='{image}-']")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"#results .result[data-key^='{image}-']").first).to_be_visible()


def test_selected_results_are_exported(page: Page, site: Site) -> None:
    """Their segments, in the format that is chosen."""
    segment = site.assembly.catalog.segments.of_image(1)[0].id
    results = search(page, f"/search?segment={segment}&group=segment")
    chosen = set()
    for row in (0, 2):
        results.nth(row).locator(".shot").focus()
        page.keyboard.press("x")
        chosen.add(results.nth(row).get_attribute("data-segment"))
    page.get_by_role("button", name="Export", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Export 2 segments")
    expect(dialog.get_by_role("radio", name="COCO")).to_be_checked()
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator("#selection")).to_be_visible()
    page.get_by_role("button", name="Export", exact=True).click()
    dialog.get_by_role("radio", name="CSV").check()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export", exact=True).click()
    header, *rows = csv.reader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines())
    assert {row[header.index("segment_id")] for row in rows} == chosen


def test_selected_results_become_examples(page: Page, site: Site) -> None:
    """Of a new concept, then of one that is there; whole photos are refused, and so is a name of nothing."""
    results = search(page)
    segments = [int(key(results.nth(row), "segment")) for row in range(3)]

    def add(rows: tuple[int, ...], name: str) -> None:
        for row in rows:
            results.nth(row).locator(".shot").focus()
            page.keyboard.press("x")
        page.get_by_role("button", name="Add to concept").click()
        expect(page.get_by_role("dialog")).to_contain_text("to a concept")
        page.keyboard.type(name)
        page.keyboard.press("Enter")

    add((0, 1), "Corners")
    expect(page.locator("#toasts")).to_contain_text("“Corners” has 2 examples now.")
    add((2,), "corners")
    expect(page.locator("#toasts")).to_contain_text("“Corners” has 3 examples now.")
    (concept,) = site.assembly.concepts.all()
    assert set(concept.model.positive) == set(segments)
    add((0,), "   ")
    expect(page.locator("#selection")).to_be_visible()
    site.assembly.concepts.delete(concept.id)
    search(page, "/search?image=1")
    results.nth(0).locator(".shot").focus()
    page.keyboard.press("x")
    page.get_by_role("button", name="Add to concept").click()
    expect(page.locator("#toasts")).to_contain_text("Whole photos cannot be examples")
    expect(page.locator("#selection")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_the_bar_of_the_selection_fits(page: Page, width: int) -> None:
    """Nothing is wider than the window."""
    page.set_viewport_size({"width": width, "height": 844})
    results = search(page)
    results.nth(0).locator(".shot").focus()
    page.keyboard.press("x")
    expect(page.locator("#selected")).to_have_text(re.compile("1 selected"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "(() => { const bar = document.querySelector('#selection'); return bar.scrollWidth <= bar.clientWidth })()"
    )


def test_the_line_is_moved(page: Page, site: Site) -> None:
    """By keys and by the pointer, until it is reset; the address keeps it, and another search begins without."""
    results = search(page)
    line, numbers = page.get_by_role("slider"), page.locator(".numbers")
    usual = int(line.get_attribute("aria-valuenow") or -1)
    assert usual == page.locator("#results .result:not(.unlikely)").count()
    expect(page.get_by_role("button", name="Reset")).to_be_hidden()

    def is_at(count: int) -> None:
        expect(line).to_have_attribute("aria-valuenow", str(count))
        expect(page.locator("#results .result:not(.unlikely)")).to_have_count(count)
        expect(numbers).to_have_text(re.compile(rf"^{count} likely of"))

    line.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    is_at(49)
    expect(line).to_be_focused()
    assert page.url.endswith("&above=49")
    page.keyboard.press("PageUp")
    is_at(39)
    page.keyboard.press("Home")
    is_at(0)
    expect(line).to_be_focused()
    page.keyboard.press("ArrowUp")
    is_at(0)
    page.keyboard.press("End")
    is_at(50)
    page.keyboard.press("Home")
    page.reload()
    is_at(0)
    page.get_by_role("button", name="Show more").click()
    expect(results.nth(60)).to_be_visible()
    is_at(0)
    page.evaluate("scrollTo(0, 0)")
    grip = line.bounding_box()
    assert grip
    target = middle(results.nth(4))
    page.mouse.move(grip["x"] + 14, grip["y"] + 22)
    page.mouse.down()
    page.mouse.move(target[0] + 5, target[1], steps=4)
    expect(page.locator("#results .beyond")).to_have_count(results.count() - 5)
    expect(line).to_contain_text("5 above")
    page.keyboard.press("Escape")
    page.mouse.up()
    is_at(0)
    page.mouse.move(grip["x"] + 14, grip["y"] + 22)
    page.mouse.down()
    page.mouse.move(target[0] + 5, target[1], steps=4)
    page.mouse.up()
    is_at(5)
    expect(page.locator("#results .beyond, #results .cut")).to_have_count(0)
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("button", name="Reset")).to_be_hidden()
    assert "above" not in page.url
    line.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    is_at(1)
    page.locator(".summary").get_by_role("button", name="Segments").click()
    page.wait_for_url(lambda url: "above" not in url)
    search(page, "/search?segment=1&above=99999")
    expect(line).to_have_attribute("aria-valuenow", "50")
    search(page, "/search?segment=1&above=x")
    is_at(usual)


def test_what_is_offered_on_a_result(page: Page) -> None:
    """On hover and by keyboard: more like this, not this, add, open."""
    results = search(page)
    card = results.nth(2)
    segment, acts = key(card, "segment"), card.locator(".acts")
    expect(acts).not_to_be_visible()
    card.hover()
    expect(acts).to_be_visible()
    card.get_by_role("button", name="Add to the search").click()
    page.wait_for_url(f"**/search?segment=1&segment={segment}")
    expect(page.locator(".example.like")).to_have_count(2)
    search(page, "/search?text=dog")
    second = key(results.nth(1), "segment")
    results.nth(1).locator(".shot").focus()
    expect(results.nth(1).locator(".acts")).to_be_visible()
    results.nth(1).get_by_role("button", name="Not this").press("Enter")
    page.wait_for_url(f"**/search?not={second}&text=dog")
    expect(page.locator(".example.not")).to_have_count(1)
    card = search(page, "/search?segment=1&group=segment&above=3").nth(3)
    segment = key(card, "segment")
    card.hover()
    card.get_by_role("button", name="More like this").click()
    page.wait_for_url(f"**/search?segment={segment}&group=segment")
    card = search(page).nth(0)
    photo, segment = key(card, "key").split("-")[0], key(card, "segment")
    card.hover()
    card.get_by_role("link", name="Open the photo").click()
    page.wait_for_url(f"**/photos/{photo}#s{segment}")
    card = search(page, "/search?image=1").nth(0)
    photo = key(card, "key").split("-")[0]
    card.hover()
    card.get_by_role("button", name="More like this").click()
    page.wait_for_url(f"**/search?image={photo}")


def test_a_result_is_previewed(page: Page) -> None:
    """By Space and by its words; arrow keys go on, Y and N judge, Space and Escape go back to the card."""
    results = search(page)
    dialog = page.get_by_role("dialog", name="Preview")
    results.nth(1).locator(".shot").focus()
    page.keyboard.press("Space")
    expect(dialog.get_by_role("status")).to_contain_text("2 of 50")
    expect(dialog.locator("img")).to_have_attribute("src", re.compile("/preview$"))
    expect(dialog.locator("img")).to_have_js_property("complete", True)
    expect(dialog.locator(".overlay .found")).to_have_attribute("d", re.compile("^M"))
    expect(dialog.get_by_role("list", name="Reasons")).to_contain_text(re.compile(r"Similarity: -?\d\.\d\d"))
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("status")).to_contain_text("3 of 50")
    page.keyboard.press("y")
    expect(dialog.get_by_role("button", name="Right")).to_have_attribute("aria-pressed", "true")
    expect(results.nth(2)).to_have_class(re.compile("right"))
    for press in ("ArrowLeft", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(press)
    expect(dialog.get_by_role("status")).to_contain_text("1 of 50")
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(results.nth(0).locator(".shot")).to_be_focused()
    expect(page.locator("#rounds")).to_contain_text("1 marked right, 1 marked wrong")
    results.nth(0).locator(".score").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Space")
    expect(dialog).to_have_count(0)
    page.mouse.move(*middle(results.nth(3)))
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    expect(dialog.get_by_role("status")).to_contain_text("4 of 50")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    segment = key(results.nth(33), "segment")
    dialog.get_by_role("button", name="More like this").click()
    page.wait_for_url(f"**/search?segment={segment}")
    expect(dialog).to_have_count(0)
    assert page.evaluate("scrollY") == 0


def test_a_link_keeps_its_photo(page: Page, site: Site) -> None:
    """It works when the photo would have expired; where the clipboard cannot be had, the link is shown."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/search")
    picture = site.photos / "to share.png"
    drawing(970).save(picture)
    page.locator("#file").set_input_files(picture)
    page.wait_for_url("**/search?query=*")
    page.locator(".strip button").first.click()
    page.wait_for_url("**&row=0")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#toasts")).to_contain_text("Link copied. The photo you searched with is kept for it.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    site.assembly.queries.expire(datetime.now(UTC) + timedelta(days=30))
    page.goto("/search")
    page.goto(link)
    expect(page.locator("#results .result").first).to_be_visible()
    expect(page.locator(".picker img").first).to_be_visible()
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')))")
    page.get_by_role("button", name="Copy link").click()
    dialog = page.get_by_role("dialog", name="Copy this link")
    expect(dialog.get_by_role("textbox", name="Link")).to_have_value(link)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_link_to_a_photo_that_is_gone_is_not_copied(page: Page, site: Site, complaints: Complaints) -> None:
    """The page says so instead of copying a link that does not work."""
    complaints.expected = ("404",)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/search")
    picture = site.photos / "gone.png"
    drawing(971).save(picture)
    page.locator("#file").set_input_files(picture)
    page.wait_for_url("**/search?query=*&row=*")
    expect(page.locator("#results .result").first).to_be_visible()
    expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")
    site.assembly.queries.remove(int(re.findall(r"query=(\d+)", page.url)[0]))
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#toasts")).to_contain_text("The link was not copied")
    expect(page.locator("#toasts")).to_contain_text("upload the photo again")
    page.reload()
    expect(page.locator("#blank")).to_contain_text("if a link to the search was copied")


def test_a_search_without_a_photo_of_ones_own_is_just_copied(page: Page) -> None:
    """Words and stored segments need nothing to be kept."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for address in ("/search?text=dog", "/search?image=1"):
        search(page, address)
        page.get_by_role("button", name="Copy link").click()
        expect(page.locator("#toasts .toast").last).to_have_text("Link copied.")
