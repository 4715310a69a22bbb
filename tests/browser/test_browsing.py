"""The pages as people use them, in a real browser."""

from __future__ import annotations

import io
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Complaints, Site, drawing
from photo_page import more
from playwright.sync_api import Locator, Page, Route, expect
from pycocotools import mask as coco

from retrieval.storage.locations import path_of
from webui.pages.views import LISTED_AT_LEAST

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/photos/1",
    "/search",
    "/search?segment=1",
    "/search?text=dog",
    "/upload",
    "/concepts",
    "/discover",
    "/duplicates",
    "/?state=failed",
]

UNNAMED = """() => [...document.querySelectorAll("a[href], button, input, img, [role=group], dialog")]
  .filter((element) => element.checkVisibility())
  .filter((element) => element.matches("img")
    ? !element.hasAttribute("alt")
    : !(element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") || element.textContent.trim()
        || element.labels?.[0]?.textContent.trim() || element.querySelector("img[alt]:not([alt=''])")))
  .map((element) => element.outerHTML.slice(0, 200))"""

COMPARE = """async ([width, height, counts]) => {
  const { Mask } = await import("/static/js/rle.js");
  const mask = new Mask({ size: [height, width], counts });
  const covered = [], drawn = [];
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  const shape = new Path2D(mask.outline);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    covered.push(mask.covers(x + 0.5, y + 0.5));
    drawn.push(canvas.isPointInPath(shape, x + 0.5, y + 0.5, "evenodd"));
  }
  return { covered, drawn, bounds: mask.bounds };
}"""


def picture(number: int) -> dict[str, Any]:
    """A drawn photo as a file to choose."""
    buffer = io.BytesIO()
    drawing(number).save(buffer, "PNG")
    return {"name": f"mine {number}.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def rect(element: Locator) -> dict[str, float]:
    """Where an element is."""
    frame = element.bounding_box()
    assert frame is not None
    return {key: float(value) for key, value in frame.items()}


@pytest.mark.parametrize("address", PAGES)
def test_everything_has_a_name(page: Page, address: str) -> None:
    """Every picture has an alternative text, every control a name, there is one h1, and nothing sticks out."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(UNNAMED) == []
    assert page.locator("h1").count() == 1
    for width in (360, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} at {width} px"


def test_library_says_why_photos_failed(page: Page) -> None:
    """The filter shows failed photos with their reason, and a file's name is text."""
    page.goto("/")
    page.get_by_role("link", name=re.compile("Failed")).click()
    tile = page.locator(".card[data-state=failed]")
    expect(tile).to_contain_text("truncated; copy it again")
    expect(tile).to_contain_text("torn <b>.png")


def test_photo_page_searches_with_the_segment_that_is_clicked(page: Page) -> None:
    """Hovering puts a segment in the light, there and in the list; a click selects it, and its bar searches with it."""
    page.goto("/photos/5")
    overlay = page.locator(".stage .overlay")
    frame = rect(overlay)
    with page.expect_response("**/levels?*") as answered:
        page.mouse.move(frame["x"] + 40, frame["y"] + 40)
    segment = answered.value.json()["levels"][0]["segment"]
    expect(page.locator(".overlay .active path")).to_have_count(1)
    expect(page.locator("#segments .active")).to_have_attribute("data-segment", str(segment))
    page.mouse.click(frame["x"] + 40, frame["y"] + 40)
    page.get_by_role("toolbar").get_by_role("link", name="Search").click()
    page.wait_for_url(f"**/search?segment={segment}")
    expect(page.locator(".result").first).to_be_visible()
    expect(page.locator(".picker .chosen path:not(.rest)")).to_have_count(1)
    expect(page.locator(f".strip [data-segment='{segment}']")).to_have_attribute("aria-pressed", "true")


def test_photo_page_by_keyboard(page: Page) -> None:
    """Arrow keys walk through the segments, on the photo and in the list; Enter selects one, and again searches."""
    page.goto("/photos/5")
    page.locator(".stage .overlay").wait_for()
    page.locator("#stage").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#segments a.active")).to_have_count(1)
    second = page.locator("#segments a").nth(1)
    page.locator("#segments a").first.focus()
    page.keyboard.press("ArrowDown")
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("toolbar").get_by_role("link", name="Search")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?segment=*")


def level_of(page: Page) -> tuple[int, int]:
    """What the corner of the photo says: "2 of 5"."""
    badge = page.locator(".stage .level")
    expect(badge).to_have_text(re.compile(r"^\d+ of \d+$"))
    place, of = badge.inner_text().split(" of ")
    return int(place), int(of)


def picked(page: Page) -> str:
    """The segment that is searched with, once the page shows it."""
    pressed = page.locator(".strip [aria-pressed=true]")
    expect(pressed).to_have_count(1)
    return pressed.get_attribute("data-segment") or ""


def test_the_same_click_again_takes_the_next_level(page: Page) -> None:
    """Around all levels of a spot and back to the first, each searched with, each said in the corner of the photo."""
    page.goto("/search?image=5")
    frame = rect(page.locator(".picker .overlay"))
    spot = frame["x"] + 0.4 * frame["width"], frame["y"] + 0.4 * frame["height"]
    page.mouse.click(*spot)
    page.wait_for_url("**/search?segment=*")
    first = picked(page)
    place, of = level_of(page)
    assert place == 1
    assert of > 2
    seen = [first]
    for expected in range(2, of + 1):
        page.mouse.move(spot[0] + expected % 2, spot[1])  # a hand is never quite still
        page.mouse.click(spot[0] + expected % 2, spot[1])
        page.wait_for_url(lambda url, before=seen[-1]: not url.endswith(f"segment={before}"))
        assert level_of(page) == (expected, of)
        expect(page.locator(".picker .caption")).to_contain_text(f"{expected} of {of} here")
        seen.append(page.url.split("segment=")[1])
    assert len(set(seen)) == of
    page.mouse.click(*spot)
    page.wait_for_url(f"**/search?segment={first}")
    page.mouse.click(frame["x"] + 0.9 * frame["width"], frame["y"] + 0.9 * frame["height"])
    page.wait_for_url(lambda url: not url.endswith(f"segment={first}"))
    assert level_of(page)[0] == 1, "elsewhere it begins anew"


def test_alt_and_the_wheel_go_through_the_levels(page: Page) -> None:
    """Nothing is searched until one clicks; then it is the level that is shown."""
    page.goto("/search?image=5")
    frame = rect(page.locator(".picker .overlay"))
    with page.expect_response("**/levels?*") as answered:
        page.mouse.move(frame["x"] + 0.4 * frame["width"], frame["y"] + 0.4 * frame["height"])
    first = answered.value.json()["levels"][0]["segment"]
    expect(page.locator(".strip .active")).to_have_attribute("data-segment", str(first))
    _, of = level_of(page)
    page.keyboard.down("Alt")
    for wheel, place in ((100, 2), (100, 3), (-100, 2)):
        page.wait_for_timeout(80)
        page.mouse.wheel(0, wheel)
        expect(page.locator(".stage .level")).to_have_text(f"{place} of {of}")
    page.keyboard.up("Alt")
    assert page.url.endswith("/search?image=5")
    active = page.locator(".strip .active").get_attribute("data-segment")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url(f"**/search?segment={active}")
    assert level_of(page) == (2, of)


def test_levels_by_keyboard(page: Page) -> None:
    """Arrows come to a segment, the full stop to the next level there, Enter again to the one after it."""
    page.goto("/search?image=5")
    page.locator(".picker .stage").focus()
    page.keyboard.press("ArrowRight")
    first = page.locator(".strip .active").get_attribute("data-segment")
    page.keyboard.press(".")
    expect(page.locator(f".strip .active:not([data-segment='{first}'])")).to_have_count(1)
    second = page.locator(".strip .active").get_attribute("data-segment")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/search?segment={second}")
    place, of = level_of(page)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith(f"segment={second}"))
    assert level_of(page) == (place % of + 1, of)


def test_parts_or_wholes_are_preferred(page: Page, site: Site) -> None:
    """What was clicked is picked anew, and is larger or smaller."""
    page.goto("/search?image=5")
    areas = {str(each.id): each.area for each in site.assembly.catalog.segments.of_image(5)}
    frame = rect(page.locator(".picker .overlay"))
    choice = page.get_by_role("group", name="What a click picks")
    expect(choice.get_by_role("button", name="Auto")).to_have_attribute("aria-pressed", "true")
    choice.get_by_role("button", name="Part").click()
    page.mouse.click(frame["x"] + 0.4 * frame["width"], frame["y"] + 0.4 * frame["height"])
    page.wait_for_url("**/search?segment=*")
    part = picked(page)
    choice.get_by_role("button", name="Whole").click()
    page.wait_for_url(lambda url: not url.endswith(f"segment={part}"))
    assert areas[picked(page)] > areas[part]
    expect(choice.get_by_role("button", name="Whole")).to_have_attribute("aria-pressed", "true")
    expect(choice.get_by_role("button", name="Part")).to_have_attribute("aria-pressed", "false")


def test_without_an_answer_the_best_segment_is_picked(page: Page, complaints: Complaints) -> None:
    """A server that cannot rank does not keep anybody from searching."""
    complaints.expected = ("503",)
    page.route("**/levels?*", lambda route: route.fulfill(status=503, body="{}"))
    page.goto("/search?image=5")
    frame = rect(page.locator(".picker .overlay"))
    page.mouse.click(frame["x"] + 0.4 * frame["width"], frame["y"] + 0.4 * frame["height"])
    page.wait_for_url("**/search?segment=*")
    assert level_of(page)[0] == 1


def test_photo_page_searches_with_a_drawn_box(page: Page) -> None:
    """Dragging draws a box, in pixels of the photo."""
    page.goto("/photos/5")
    frame = rect(page.locator(".stage .overlay"))
    scale = 320 / frame["width"]
    page.mouse.move(frame["x"] + 10, frame["y"] + 10)
    page.mouse.down()
    page.mouse.move(frame["x"] + 110, frame["y"] + 90, steps=4)
    page.mouse.up()
    page.wait_for_url("**/search?image=5&box=*")
    box = [int(value) for value in page.url.split("box=")[1].split(",")]
    assert np.allclose(box, np.array([10, 10, 110, 90]) * scale, atol=2)
    expect(page.locator(".result").first).to_be_visible()


def test_a_deleted_photo_can_be_restored_from_the_next_page(page: Page, site: Site) -> None:
    """And from its own page in the trash, where it can also be deleted for good."""
    path = site.photos / "to delete.png"
    drawing(990).save(path)
    site.enter([path])
    image_id = site.assembly.catalog.images.page(limit=1, newest_first=True)[0].id
    page.goto(f"/photos/{image_id}")
    more(page)
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(lambda url: not url.endswith(f"/photos/{image_id}"))
    assert site.assembly.trash.count() == 1
    with page.expect_event("load"):
        page.get_by_role("button", name="Undo").click()
    assert site.assembly.trash.count() == 0
    site.assembly.trash.put([image_id])
    page.goto(f"/photos/{image_id}")
    with page.expect_event("load"):
        page.get_by_role("button", name="Restore").click()
    more(page)
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_visible()
    site.assembly.trash.put([image_id])
    page.reload()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_role("button", name="Cancel").click()
    assert site.assembly.trash.count() == 1
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/?state=trash")
    assert site.assembly.catalog.images.find([image_id]) == {}
    assert path.exists()


def test_search_by_a_photo_of_ones_own(page: Page) -> None:
    """Choose a photo, pick a segment, refine with a result, take it back; the address has it all."""
    page.goto("/search")
    page.locator("#file").set_input_files([picture(500)])
    page.wait_for_url("**/search?query=*")
    page.locator(".strip button").first.click()
    page.wait_for_url("**&row=0")
    results = page.locator(".result")
    expect(results.first).to_be_visible()
    expect(results.first.locator(".overlay .found")).to_have_attribute("d", re.compile("^M"))
    expect(page.locator(".numbers")).to_contain_text("segments searched")
    expect(page.locator(".score").first).to_have_text(re.compile(r"^(likely|less likely)"))
    page.goto(f"{page.url}&segment=1&not=5")
    expect(page.locator(".example")).to_have_count(3)
    page.get_by_role("button", name="Remove not like").click()
    expect(page.locator(".example.not")).to_have_count(0)
    page.go_back()
    expect(page.locator(".example.not")).to_have_count(1)
    assert page.url.count("not=") == 1


def test_results_are_judged_in_rounds(page: Page, site: Site) -> None:
    """Mark by button and by key, refine, compare with the start, undo; the address has the round."""
    page.goto("/search?segment=1")
    results = page.locator("#results .result")
    expect(results).to_have_count(50)
    right, wrong = (results.nth(row).get_attribute("data-segment") for row in (0, 1))
    expect(page.locator("#rounds")).to_be_hidden()
    results.nth(0).get_by_role("button", name="Right").click()
    results.nth(1).locator(".shot").focus()
    page.keyboard.press("n")
    expect(results.nth(1).get_by_role("button", name="Wrong")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#rounds")).to_contain_text("1 marked right, 1 marked wrong")
    page.keyboard.press("r")
    page.wait_for_url("**feedback=*&round=1")
    expect(page.locator("#rounds")).to_contain_text("Round 1")
    expect(page.locator("#rounds")).to_contain_text("2 marked results")
    refined = page.url
    for segment in (right, wrong):
        expect(page.locator(f"#results [data-segment='{segment}']")).to_have_count(0)
    expect(page.locator("#ask .result").first).to_be_visible()
    page.reload()
    expect(page.locator("#rounds")).to_contain_text("Round 1")
    page.get_by_role("button", name="Compare with round 0").click()
    expect(page.locator(f"#results [data-segment='{right}']")).to_have_count(1)
    page.get_by_role("button", name="Back to round 1").click()
    expect(page.locator(f"#results [data-segment='{right}']")).to_have_count(0)
    page.get_by_role("textbox", name="Name of the concept").fill("Left half")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Left half")
    page.goto("/concepts")
    expect(page.locator(".concept")).to_contain_text("2 positive, 1 negative")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Left half").click()
    expect(page.locator(".understood")).to_contain_text("your concept Left half")
    page.goto("/concepts")
    act_on_concept(page, "Left half", "Rename")
    page.get_by_role("textbox", name="Name of Left half").fill("Right half")
    with page.expect_event("load"):
        page.locator(".rename").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("link", name="Right half")).to_be_visible()
    move_threshold(page, site)
    page.on("dialog", lambda dialog: dialog.accept())
    act_on_concept(page, "Right half", "Delete")
    expect(page.get_by_role("heading", name="No concepts yet")).to_be_visible()
    page.goto(refined)
    page.get_by_role("button", name="Undo round").click()
    expect(page.locator(f"#results [data-segment='{right}']")).to_have_count(1)
    assert "feedback" not in page.url


def test_a_name_being_typed_stays_while_the_change_of_a_round_is_found(page: Page) -> None:
    """What a round changed is asked for after its results: the field for a name keeps its text and the focus."""
    held: list[Route] = []
    page.route(re.compile(r"/feedback/\d+\?.*masks=none"), lambda route: held.append(route))
    page.goto("/search?segment=1")
    results = page.locator("#results .result")
    expect(results).to_have_count(50)
    results.nth(0).get_by_role("button", name="Right").click()
    with page.expect_request(re.compile(r"/feedback/\d+\?.*masks=none")) as asked:
        page.keyboard.press("r")
    name = page.get_by_role("textbox", name="Name of the concept")
    name.fill("Half typed")
    expect(page.locator(".change")).to_have_text("")
    assert asked.value.url
    held[0].continue_()
    expect(page.locator(".change")).to_have_text(re.compile(r"^ *\d+ new, \d+ gone\.$"))
    expect(name).to_have_value("Half typed")
    expect(name).to_be_focused()


def test_what_was_marked_stays_in_a_tray(page: Page) -> None:
    """Over rounds, with what a round changed; each mark can be switched, taken back and restored."""
    page.goto("/search?segment=1")
    results = page.locator("#results .result")
    expect(results).to_have_count(50)
    first, second, third = (results.nth(row).get_attribute("data-segment") for row in range(3))
    for row, name in enumerate(("Right", "Right", "Wrong")):
        results.nth(row).get_by_role("button", name=name).click()
    right, wrong = (page.get_by_role("region", name=f"Marked {side}") for side in ("right", "wrong"))
    expect(right.locator("li.changed")).to_have_count(2)
    page.get_by_role("button", name="Show more").click()
    expect(results.nth(60)).to_be_visible()
    expect(right.locator("li")).to_have_count(2)
    page.keyboard.press("r")
    page.wait_for_url("**feedback=*&round=1")
    expect(right.locator("li")).to_have_count(2)
    expect(wrong.locator("li")).to_have_count(1)
    expect(page.locator(".tray .changed")).to_have_count(0)
    expect(page.locator(".change")).to_have_text(re.compile(r"^ *\d+ new, \d+ gone\.$"))
    expect(page.locator(f".tray [data-segment='{first}'] img")).to_have_js_property("complete", True)
    wrong.get_by_role("button", name=f"Mark right instead: segment {third}").click()
    expect(right.locator("li")).to_have_count(3)
    expect(wrong).to_have_count(0)
    right.get_by_role("button", name=f"Take back: segment {first}").click()
    expect(right.get_by_role("heading")).to_have_text("Right (2)")
    expect(page.locator("#rounds")).to_contain_text("1 marked right, 0 marked wrong, 1 taken back")
    back = right.get_by_role("button", name=f"Mark it again: segment {first}")
    expect(back).to_be_focused()
    page.keyboard.press("Enter")
    expect(right.get_by_role("heading")).to_have_text("Right (3)")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Refine", exact=True).click()
    page.wait_for_url("**&round=2")
    expect(right.locator("li")).to_have_count(2)
    assert {each.get_attribute("data-segment") for each in right.locator("li").all()} == {second, third}
    page.get_by_role("button", name="Compare with round 0").click()
    expect(page.locator(".tray")).to_have_count(0)
    page.go_back()
    page.get_by_role("button", name="Undo round").click()
    page.wait_for_url("**&round=1")
    expect(wrong.locator(f"[data-segment='{third}']")).to_have_count(1)
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def act_on_concept(page: Page, name: str, action: str) -> None:
    """Choose from the menu of a tile."""
    page.locator(f"summary[aria-label='Actions for {name}']").click()
    page.locator(".menu[open]").get_by_role("button", name=action).click()


def move_threshold(page: Page, site: Site) -> None:
    """With a preview of what comes and goes; Escape closes a menu, and Cancel keeps the threshold."""
    (concept,) = site.assembly.concepts.all()
    tile = page.locator(".concept")
    counted = int(re.match(r"[\d,]+", tile.locator("[data-photos]:has-text('photo')").inner_text())[0])  # type: ignore[index]
    page.locator(".concept summary").click()
    page.keyboard.press("Escape")
    expect(page.locator(".menu[open]")).to_have_count(0)
    act_on_concept(page, concept.name, "Set threshold")
    dialog = page.get_by_role("dialog", name=f"Threshold of “{concept.name}”")
    expect(dialog.get_by_role("status")).to_contain_text(f"{counted} photo")
    page.keyboard.press("End")
    expect(dialog.get_by_role("status")).to_have_text(re.compile(r"^[1-3] photos? with"))  # other tests add copies
    left = int(dialog.get_by_role("status").inner_text().split()[0])
    expect(dialog.locator("[data-side=inside] img")).to_have_count(left)
    with page.expect_event("load"):
        dialog.get_by_role("button", name="Save").click()
    expect(tile.locator("[data-photos]")).to_have_text(re.compile(rf"^{left} photos?,"))
    (changed,) = site.assembly.concepts.all()
    assert changed.model.threshold > concept.model.threshold
    assert changed.model.positive == concept.model.positive


def test_fragments_are_listed_when_asked_for(page: Page, site: Site, tmp_path: Path) -> None:
    """At first only what is likely to be a whole object; one that the address names is always shown."""
    drawing(901).save(tmp_path / "fragments.png")
    site.enter([tmp_path / "fragments.png"])
    photo = max(each.id for each in site.assembly.catalog.images.page(limit=500))
    with closing(sqlite3.connect(site.assembly.settings.data_dir / "catalog.db")) as database, database:
        database.execute("UPDATE segment SET quality = quality / 100 WHERE image_id = ?", [photo])
    segments = site.assembly.catalog.segments.of_image(photo)
    page.goto(f"/photos/{photo}")
    shown = page.locator("#segments li:visible")
    expect(shown).to_have_count(LISTED_AT_LEAST)
    expect(shown.first.locator(".quality")).to_have_text("poor")
    page.locator("#segments a").first.focus()
    page.keyboard.press("End")
    expect(shown.last.locator("a")).to_be_focused()
    page.get_by_role("button", name=f"Show all {len(segments)}").click()
    expect(shown).to_have_count(len(segments))
    expect(page.locator("#segments li[data-fragment] a").first).to_be_focused()
    page.goto(f"/photos/{photo}?again#s{segments[-1].id}")
    expect(page.locator("#segments .active")).to_be_visible()


def test_on_a_phone_the_pages_have_names(page: Page) -> None:
    """At the bottom, where nothing covers what is below them on the page."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/concepts")
    nav = page.get_by_role("navigation", name="Main")
    for name in ("Library", "By photo", "Discover", "Concepts", "Add"):
        expect(nav.get_by_text(name, exact=True)).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("combobox", name="Search by words")).to_be_in_viewport(ratio=1)
    page.goto("/photos/1")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.evaluate(
        "document.querySelector('main').lastElementChild.lastElementChild.getBoundingClientRect().bottom"
    )
    assert last <= page.evaluate("document.querySelector('.bar nav').getBoundingClientRect().top")


def test_names_of_folders_are_offered(page: Page) -> None:
    """What cannot be learnt is told with its reason."""
    page.goto("/concepts")
    page.get_by_role("button", name="Learn from folders").click()
    dialog = page.get_by_role("dialog", name="Learn from folders")
    learn = dialog.get_by_role("button", name="Learn", exact=True)
    expect(learn).to_be_disabled()
    expect(dialog.get_by_role("checkbox").first).to_be_visible()
    dialog.get_by_role("button", name="All").click()
    learn.click()
    expect(dialog.get_by_role("status")).to_contain_text("0 learned.")
    reasons = re.compile("nothing to tell it from|no segments tell its photos from others")  # others may be there
    expect(dialog.get_by_role("status")).to_contain_text(reasons)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_unknown_things_get_a_name(page: Page, site: Site) -> None:
    """Looked for, named by keyboard, dismissed and restored, merged and split."""
    page.goto("/discover")
    if page.get_by_role("button", name="Find clusters").is_visible():
        with page.expect_event("load", timeout=60_000):
            page.get_by_role("button", name="Find clusters").click()
    cards = page.locator(".cluster")
    expect(cards.nth(2)).to_be_visible()
    before = cards.count()
    first, second = (cards.nth(at).get_attribute("data-id") for at in range(2))
    page.get_by_label(f"Name of cluster {first}", exact=True).fill("  Patch ")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Saved. You can now search for “Patch”")
    expect(cards).to_have_count(before - 1)
    expect(page.get_by_label(f"Name of cluster {second}", exact=True)).to_be_focused()
    dialogs: list[str] = []
    page.once("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.keyboard.type("patch")
    page.keyboard.press("Enter")
    expect(cards).to_have_count(before - 1)
    assert "Add these examples" in dialogs[0]
    page.get_by_role("button", name=f"Dismiss cluster {second}", exact=True).click()
    expect(cards).to_have_count(before - 2)
    page.goto("/discover?state=dismissed")
    page.get_by_role("button", name=f"Restore cluster {second}", exact=True).click()
    expect(page.get_by_role("heading", name="No dismissed clusters")).to_be_visible()
    page.goto("/discover?state=named")
    page.get_by_role("link", name="Patch", exact=True).click()
    expect(page.locator(".understood")).to_contain_text("your concept Patch")
    for concept in site.assembly.concepts.names().values():
        site.assembly.concepts.delete(concept)

    page.goto("/discover")
    expect(page.get_by_role("button", name="Merge selected")).to_be_disabled()
    one, other = sorted(int(str(cards.nth(at).get_attribute("data-id"))) for at in range(2))
    for key in (one, other):
        page.get_by_role("checkbox", name=f"Select cluster {key}", exact=True).check()
    with page.expect_event("load"):
        page.get_by_role("button", name="Merge selected").click()
    expect(page.locator(f".cluster[data-id='{other}']")).to_have_count(0)
    page.get_by_role("button", name=f"Split cluster {one}", exact=True).click()
    page.wait_for_url("**/discover?id=*")
    expect(cards).to_have_count(2)
    expect(page.locator(f".cluster[data-id='{one}']")).to_be_visible()
    page.get_by_role("link", name="Show all unnamed clusters").click()
    expect(cards.nth(2)).to_be_visible()


def test_search_groups_and_grows(page: Page) -> None:
    """Results by photo or segment by segment, and more of them."""
    page.goto("/search?segment=1")
    results = page.locator(".result")
    expect(results).to_have_count(50)
    page.get_by_role("button", name="Segments", exact=True).click()
    page.wait_for_url("**group=segment")
    expect(results.first.locator("img")).to_have_attribute("src", re.compile("/crop$"))
    page.get_by_role("button", name="Show more").click()
    expect(results).to_have_count(100)


def test_search_for_segments_of_some_quality(page: Page) -> None:
    """By keyboard: the choice is in the address, keeps the focus, and is still there where nothing was found."""
    page.goto("/search?segment=1")
    results = page.locator(".result")
    expect(results).to_have_count(50)
    choice = page.get_by_label("Quality")
    choice.focus()
    with page.expect_request("**/search") as sent:
        page.keyboard.press("ArrowDown")
    assert sent.value.post_data_json["min_quality"] == 0.1
    page.wait_for_url("**quality=0.1*")
    expect(choice).to_be_focused()
    expect(choice).to_have_value("0.1")
    page.goto("/search?segment=1&quality=0.75")
    expect(page.get_by_text("Choose a lower quality")).to_be_visible()
    page.get_by_label("Quality").select_option("any")
    expect(results).to_have_count(50)


def test_search_for_several_things(page: Page) -> None:
    """Two examples are one thing or two in one photo; how they lie is added, shown in the address and taken away."""
    page.goto("/search?segment=1&segment=2")
    expect(page.locator(".result").first).to_be_visible()
    expect(page.locator("#combine .legend")).to_have_count(0)
    with page.expect_request("**/search") as sent:
        page.get_by_role("button", name="All in one photo").click()
    assert sent.value.post_data_json["also"] == [{"positive": [{"segment": 2}]}]
    page.wait_for_url("**all=1")
    expect(page.locator("#combine .legend li")).to_have_count(2)
    first = page.locator(".result").first
    expect(first.locator(".found.part-1")).to_have_count(1)
    page.get_by_label("Relation").select_option("left of")
    page.get_by_role("button", name="Add", exact=True).last.click()
    page.wait_for_url("**lies=0.left_of.1")
    page.get_by_role("button", name=re.compile("^Remove .* left of ")).click()
    page.wait_for_url("**all=1")
    page.get_by_role("button", name="One thing").click()
    page.wait_for_url("**/search?segment=1&segment=2")
    expect(page.locator("#combine .legend")).to_have_count(0)


def test_search_is_narrowed(page: Page) -> None:
    """Filters say how many likely results they leave, stay in the address, and can be cleared."""
    page.goto("/search?segment=1")
    expect(page.locator(".result").first).to_be_visible()
    page.locator("#filters summary").click()
    choice = page.get_by_label("Position")
    option = choice.locator("option").nth(1)
    expect(option).to_have_text(re.compile(r"\(\d+\)$"))
    value = option.get_attribute("value")
    with page.expect_request("**/search") as sent:
        choice.select_option(value)
    assert sent.value.post_data_json["filters"] == {"position": value}
    page.wait_for_url(f"**place={value}")
    expect(page.locator("#filters summary")).to_have_text("Filters (1)")
    expect(page.get_by_label("Position")).to_have_value(str(value))
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_url("**/search?segment=1")
    page.goto("/search?segment=1&folder=/nowhere")
    expect(page.locator("#blank")).to_contain_text("No photo matches the filters")


def test_results_do_not_wait_for_what_they_can_be_narrowed_to(page: Page, complaints: Complaints) -> None:
    """Facets are asked for apart, once there are results, and are missed by nobody if they fail."""
    complaints.expected = ("net::ERR_FAILED",)
    held: list[Route] = []
    page.route("**/api/v1/search/facets", lambda route: held.append(route))
    with page.expect_request("**/api/v1/search") as sent:
        page.goto("/search?segment=1&group=segment")  # its first answer does not come with the page
    assert not sent.value.post_data_json.get("facets")
    expect(page.locator(".result").first).to_be_visible()
    expect(page.locator("#filters")).to_be_hidden()
    held[0].continue_()
    expect(page.locator("#filters summary")).to_be_visible()
    expect(page.locator("#filters details")).to_have_attribute("title", re.compile(r"top \d+ results"))
    page.goto("/search?segment=2")
    expect(page.locator(".result").first).to_be_visible()
    held[1].abort()
    expect(page.locator(".result").first).to_be_visible()
    expect(page.locator("#filters")).to_be_hidden()


def test_search_by_whole_photo(page: Page) -> None:
    """A whole photo is compared with whole photos: no segments, no words beside it."""
    page.goto("/photos/5")
    page.get_by_role("link", name="Search with the whole photo").click()
    page.wait_for_url("**/search?image=5")
    expect(page.locator(".result").first).to_be_visible()
    expect(page.locator(".numbers")).to_contain_text("whole photos compared")
    assert page.locator(".addwords").count() == 0


def test_search_by_words(page: Page) -> None:
    """The words complete, and the page says what they were understood as."""
    page.goto("/")
    page.keyboard.press("/")
    expect(page.locator("#words")).to_be_focused()
    page.keyboard.type("motorc")
    option = page.get_by_role("option", name="motorcycle", exact=True)
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?text=motorcycle")
    expect(page.locator(".understood")).to_have_text(re.compile("motorcycle.*→.*moped"))
    expect(page.locator(".result").first).to_be_visible()


def test_unknown_words_bring_suggestions(page: Page) -> None:
    """A word that nothing explains is named, and what it may mean is a link."""
    page.goto("/search?text=motorcicle")
    expect(page.locator("#blank")).to_contain_text("“motorcicle” is not a known word")
    page.locator("#blank").get_by_role("link", name="motorcycle").click()
    page.wait_for_url("**/search?text=motorcycle")


def test_words_that_known_ones_stand_for_and_phrases(page: Page) -> None:
    """The page says what is searched instead of a word, what is not wanted, and what is ignored."""
    page.goto("/search?text=two+kayaks+left+of+a+dog+without+people")
    line = page.locator(".understood")
    expect(line).to_contain_text("no word for kayaks; nearest known: canoe, boat")
    expect(page.locator(".word-chip.without")).to_contain_text("people")
    expect(line).to_contain_text("“left of” read as: kayaks left of dog")
    expect(page.locator(".word-chip.ignored")).to_contain_text("two")
    line.get_by_role("link", name="canoe").click()
    page.wait_for_url("**/search?text=canoe")


def test_nothing_is_an_answer(page: Page) -> None:
    """Where probably nothing shows what was asked for, the page says so above the nearest; likely photos come first."""
    likely = iter([[], [2]])

    def answer(route: Any) -> None:
        response = route.fetch()
        found, rows = response.json(), next(likely)
        for row, result in enumerate(found["results"]):
            certain = {"probability": 0.75, "certainty": "likely"}
            result.update(
                {"likely": row in rows, **(certain if row in rows else {"probability": 0.25, "certainty": "weak"})}
            )
        route.fulfill(response=response, json={**found, "none_likely": not rows})

    page.route("**/api/v1/search", answer)
    page.goto("/search?text=accordions&copies=1")  # its first answer does not come with the page
    divider = page.locator("#results .divider .words")
    expect(divider).to_have_text("Probably nothing here shows “accordions”. The nearest:")
    expect(page.locator("#results > li").nth(1)).to_have_class(re.compile("divider"))
    expect(page.locator(".result .score").first).to_have_attribute("title", re.compile("shows it: 25%"))
    page.reload()
    expect(divider).to_have_text("Less likely")
    first, second = (page.locator(".result .score").nth(row) for row in (0, 1))
    expect(first).to_have_attribute("title", re.compile("shows it: 75%"))
    expect(first).to_have_text(re.compile("^likely"))
    expect(second).to_have_text(re.compile("^weak"))


def test_what_is_only_excluded(page: Page) -> None:
    """Without anything that is wanted there is nothing to find."""
    page.goto("/search?text=no+dog")
    expect(page.locator("#blank")).to_contain_text("Only “dog” is excluded")


def test_waits_for_the_analyzer(page: Page, complaints: Complaints) -> None:
    """While the analyzer is starting, the page says so and tries again by itself."""
    complaints.expected = ("503",)
    answers = iter([503, 200])

    def answer(route: Any) -> None:
        if next(answers) == 200:
            return route.fallback()
        body = '{"detail": "the analyzer is starting"}'
        return route.fulfill(
            status=503, headers={"Retry-After": "1"}, content_type="application/problem+json", body=body
        )

    page.route("**/api/v1/queries", answer)
    page.goto("/search")
    page.locator("#file").set_input_files([picture(501)])
    expect(page.locator(".picker .caption")).to_have_text("the analyzer is starting")
    page.wait_for_url("**/search?query=*")


def test_an_expired_query_photo_is_explained(page: Page, complaints: Complaints) -> None:
    """An old address of a query photo leads to choosing it again."""
    complaints.expected = ("404",)
    page.goto("/search?query=987654&row=1")
    expect(page.locator("#blank")).to_contain_text("has expired")
    expect(page.get_by_text("Choose a photo")).to_be_visible()


def test_help_opens_and_closes(page: Page) -> None:
    """The question mark shows the shortcuts, Esc closes them."""
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_dark_theme_is_remembered(page: Page) -> None:
    """The switch changes the colours and lasts."""
    page.goto("/")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate(colour)
    assert dark != light
    page.goto("/upload")
    assert page.evaluate(colour) == dark
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")


def test_upload_tells_each_files_outcome(page: Page, site: Site, complaints: Complaints) -> None:
    """New, already there, not a picture; and then until the new one is searchable. The library shows it by itself."""
    complaints.expected = ("415",)
    library = page.context.new_page()
    library.goto("/")
    known = {**picture(0), "buffer": (site.photos / "drawing 0.png").read_bytes(), "name": "known.png"}
    note = {"name": "note.png", "mimeType": "image/png", "buffer": b"just words"}
    page.goto("/upload")
    page.locator("#files").set_input_files([picture(600), known, note])
    rows = page.locator(".files li")
    expect(rows.nth(1)).to_contain_text("already in the library")
    expect(rows.nth(2)).to_contain_text("not a supported image")
    expect(rows.nth(0)).to_contain_text("being segmented")
    expect(library.locator("#intake")).to_be_visible()
    expect(library.locator(".card").first).to_have_attribute("data-state", re.compile("pending|working"))
    site.work()
    expect(rows.nth(0)).to_contain_text("searchable")
    expect(library.locator(".card").first).to_have_attribute("data-state", "indexed")
    expect(library.locator("#intake")).to_be_hidden()
    page.get_by_role("link", name="mine 600.png").click()
    page.wait_for_url("**/photos/*")
    expect(page.get_by_role("heading", level=1)).to_have_text("mine 600.png")


def test_a_folder_keeps_its_name(page: Page, site: Site, tmp_path: Path) -> None:
    """Chosen or dropped, with the folders in it."""
    inner = tmp_path / "Summer" / "Day 1"
    inner.mkdir(parents=True)
    drawing(610).save(inner / "beach.png")
    page.goto("/upload")
    page.locator("#folder").set_input_files(str(tmp_path / "Summer"))
    expect(page.locator(".files li")).to_contain_text("being segmented")
    site.work()
    expect(page.locator(".files li")).to_contain_text("searchable")
    page.get_by_role("link", name="beach.png").click()
    expect(page.locator(".facts")).to_contain_text("uploaded as Summer/Day 1/beach.png")


@pytest.mark.parametrize("seed", range(2))
def test_masks_are_read_and_outlined(page: Page, seed: int) -> None:
    """Decoding agrees with pycocotools pixel by pixel, and the outline encloses nearly the same pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((6, 9)) < 0.5
    mask = np.kron(coarse, np.ones((8, 7), bool))[: 40 + seed, : 50 + seed]
    counts = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    page.goto("/upload")
    told = page.evaluate(COMPARE, [mask.shape[1], mask.shape[0], counts])
    covered = np.array(told["covered"]).reshape(mask.shape)
    drawn = np.array(told["drawn"]).reshape(mask.shape)
    rows, columns = np.nonzero(mask)
    assert (covered == mask).all()
    assert (drawn & mask).sum() / (drawn | mask).sum() > 0.97
    assert told["bounds"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_pausing_cancelling_and_trying_again(page: Page, site: Site) -> None:
    page.goto("/")
    site.assembly.ingest_queue.pause()
    expect(page.locator("#intake p")).to_have_text("Paused.")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#intake")).to_be_hidden()
    assert not site.assembly.ingest_queue.orders().paused
    page.goto("/?state=failed")
    page.get_by_role("button", name="Retry all failed").click()
    expect(page.locator("#toasts")).to_contain_text("1 photo will be retried.")
    page.goto("/")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#intake p")).to_contain_text("Paused: 0 of 1")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    job = site.assembly.ingest_queue.claim("test", 1)[0]
    site.assembly.ingest_queue.fail("test", job.image_id, f"{path_of(job.uris[0])}: truncated; copy it again")
    expect(page.locator("#intake")).to_be_hidden()
