"""The page of a photo: the bar of the selected segment."""

from __future__ import annotations

import io
import re

import pytest
from browsing import Complaints, Site
from PIL import Image
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def opened(page: Page, address: str = "/photos/5") -> Locator:
    """The overlay of a photo, once there is one."""
    page.goto(address)
    overlay = page.locator("#stage .overlay")
    overlay.wait_for()
    return overlay


def spot(overlay: Locator, x: float, y: float) -> tuple[float, float]:
    """A place in shares of the photo, in pixels of the page."""
    frame = overlay.bounding_box()
    assert frame is not None
    return frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]


def selected(page: Page) -> int:
    """The id of the selected segment."""
    expect(page.get_by_role("toolbar")).to_be_visible()
    found = re.search(r"#s(\d+)$", page.url)
    assert found is not None, page.url
    return int(found[1])


def action(page: Page, name: str) -> Locator:
    return page.get_by_role("toolbar").get_by_role("button", name=name)


def test_a_click_opens_the_bar_beside_the_segment(page: Page) -> None:
    overlay = opened(page)
    expect(page.get_by_role("toolbar")).to_have_count(0)
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    segment = selected(page)
    assert "/photos/5" in page.url
    link = page.get_by_role("toolbar").get_by_role("link", name="Search")
    expect(link).to_have_attribute("href", f"/search?segment={segment}")
    bar, photo = page.get_by_role("toolbar").bounding_box(), page.locator("#board").bounding_box()
    assert bar is not None
    assert photo is not None
    assert photo["x"] <= bar["x"] and bar["x"] + bar["width"] <= photo["x"] + photo["width"]
    assert photo["y"] <= bar["y"] and bar["y"] + bar["height"] <= photo["y"] + photo["height"]
    page.reload()
    assert selected(page) == segment
    expect(page.locator("#stage .chosen path:not(.rest)")).to_have_count(1)


def test_the_same_click_again_takes_the_next_level(page: Page) -> None:
    overlay = opened(page)
    page.mouse.click(*spot(overlay, 0.4, 0.4))
    first = selected(page)
    page.mouse.click(*spot(overlay, 0.4, 0.4))
    page.wait_for_url(lambda url: not url.endswith(f"#s{first}"))


def test_the_bar_by_keyboard(page: Page) -> None:
    """Enter goes into it, arrows through it, Escape out of it and back to the photo."""
    opened(page)
    page.locator("#stage").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("toolbar").get_by_role("link", name="Search")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(action(page, "Add to query")).to_be_focused()
    page.keyboard.press("Enter")
    expect(action(page, "Add to query")).to_be_focused()
    expect(page.locator("#draft")).to_contain_text("1 example")
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar")).to_have_count(0)
    expect(page.locator("#stage")).to_be_focused()
    assert page.url.endswith("/photos/5")
    page.locator("#segments a").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("toolbar").get_by_role("link", name="Search")).to_be_focused()


def test_segments_are_added_to_a_query_and_excluded_from_it(page: Page) -> None:
    """The query is the last search; from another photo more is added to it."""
    page.goto("/search?segment=1&text=red")
    expect(page.locator(".result").first).to_be_visible()
    overlay = opened(page)
    expect(page.locator("#draft")).to_be_hidden()
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    liked = selected(page)
    action(page, "Add to query").click()
    expect(page.locator("#draft")).to_contain_text("2 examples, “red”")
    overlay = opened(page, "/photos/6")
    expect(page.locator("#draft")).to_contain_text("2 examples, “red”")
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    unwanted = selected(page)
    action(page, "Not this").click()
    expect(page.locator("#draft")).to_contain_text("not 1 example")
    page.locator("#draft").get_by_role("link", name="Show results").click()
    page.wait_for_url(f"**/search?segment=1&segment={liked}&not={unwanted}&text=red")
    expect(page.locator(".example")).to_have_count(4)
    opened(page)
    expect(page.locator("#draft")).to_be_hidden()


def test_a_query_of_exclusions_alone_is_no_query(page: Page) -> None:
    overlay = opened(page)
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    action(page, "Not this").click()
    expect(page.locator("#draft")).to_contain_text("Add what to look for, too")
    expect(page.locator("#draft a")).to_have_count(0)
    page.keyboard.down("Shift")
    page.mouse.click(*spot(overlay, 0.8, 0.8))
    page.keyboard.up("Shift")
    expect(page.locator("#draft a")).to_have_attribute("href", re.compile(r"segment=\d+&not=\d+"))
    page.locator("#draft").get_by_role("button", name="Clear").click()
    expect(page.locator("#draft")).to_be_hidden()


def test_the_cut_out_is_copied(page: Page, site: Site) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    overlay = opened(page)
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    segment = site.assembly.catalog.segments.get(selected(page))
    action(page, "Copy cut-out").click()
    expect(page.locator(".toast")).to_contain_text("in the clipboard")
    size = page.evaluate("""async () => {
      const [item] = await navigator.clipboard.read();
      const picture = await createImageBitmap(await item.getType("image/png"));
      return [picture.width, picture.height];
    }""")
    x0, y0, x1, y1 = segment.box_xyxy
    assert size == [x1 - x0, y1 - y0]


@pytest.mark.parametrize("clipboard", ["none", "refusing"])
def test_where_the_clipboard_takes_no_pictures_the_cut_out_is_downloaded(page: Page, clipboard: str) -> None:
    change = (
        "undefined"
        if clipboard == "none"
        else "{ write: () => Promise.reject(new DOMException('no', 'NotAllowedError')) }"
    )
    page.add_init_script(f"Object.defineProperty(navigator, 'clipboard', {{ value: {change} }})")
    overlay = opened(page)
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    name = "Download cut-out" if clipboard == "none" else "Copy cut-out"
    with page.expect_download() as downloaded:
        action(page, name).click()
    assert downloaded.value.suggested_filename == f"segment-{selected(page)}.png"
    picture = Image.open(io.BytesIO(downloaded.value.path().read_bytes()))
    assert (picture.format, picture.mode) == ("PNG", "RGBA")


def test_a_cut_out_that_cannot_be_had_is_explained(page: Page, site: Site, complaints: Complaints) -> None:
    complaints.expected = ("503",)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page.route("**/cutout.png", lambda route: route.fulfill(status=503, body="{}"))
    overlay = opened(page)
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    action(page, "Copy cut-out").click()
    expect(page.locator(".toast")).to_contain_text("could not be")


def test_on_a_phone_the_bar_is_below_the_photo(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    overlay = opened(page)
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    bar, photo = page.get_by_role("toolbar").bounding_box(), page.locator("#stage").bounding_box()
    assert bar is not None
    assert photo is not None
    assert bar["y"] >= photo["y"] + photo["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
