"""Cropping a query photo: to the region itself, or to the things inside."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from browsing import drawing
from playwright.sync_api import Locator, Page, expect
from pycocotools import mask as coco

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MASK = """async (region) => {
  const { maskOf } = await import("/static/js/region.js");
  return maskOf(region);
}"""


def spot(handle: Locator) -> tuple[float, float]:
    frame = handle.bounding_box()
    assert frame is not None
    return frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2


def drag(page: Page, handle: Locator, x: float, y: float) -> None:
    """Drag a handle to a place of the photo, in shares of it."""
    photo = page.locator(".picker .stage").bounding_box()
    assert photo is not None
    page.mouse.move(*spot(handle))
    page.mouse.down()
    page.mouse.move(photo["x"] + x * photo["width"], photo["y"] + y * photo["height"], steps=4)
    page.mouse.up()


def opened(page: Page, number: int) -> Locator:
    """A photo of one's own that is being cropped."""
    buffer = io.BytesIO()
    drawing(number).save(buffer, "PNG")
    page.goto("/search")
    page.locator("#file").set_input_files([{"name": "a.png", "mimeType": "image/png", "buffer": buffer.getvalue()}])
    expect(page.locator(".dots [aria-pressed=true]")).to_have_count(1)
    page.get_by_role("button", name="Crop").click()
    frame = page.locator(".crop-frame")
    expect(frame).to_be_visible()
    return frame


def numbers(page: Page, name: str) -> list[int]:
    found = re.search(rf"[?&]{name}=([\d,]+)", page.url)
    assert found is not None, page.url
    return [int(value) for value in found[1].split(",")]


@pytest.mark.parametrize(
    "region",
    [
        [10, 20, 60, 70, 100, 100],
        [0, 0, 100, 80, 100, 80],
        [0, 0, 30, 80, 100, 80],
        [99, 79, 100, 80, 100, 80],
        [37, 0, 38, 4000, 3000, 4000],
        [500, 100, 2000, 3999, 3000, 4000],
        [0, 0, 1, 1, 1, 1],
    ],
)
def test_a_region_is_a_mask(page: Page, region: list[int]) -> None:
    """As pycocotools reads it, it covers the rectangle and has the photo's proportions."""
    page.goto("/search")
    made = page.evaluate(MASK, region)
    mask = coco.decode({"size": made["size"], "counts": made["counts"].encode()})
    x0, y0, x1, y1, width, height = region
    scale = min(1, 512 / max(width, height))
    assert mask.shape == (round(height * scale), round(width * scale))
    inside = np.argwhere(mask)
    (top, left), (bottom, right) = inside.min(0), inside.max(0) + 1
    assert mask.sum() == (bottom - top) * (right - left)
    wanted = np.array([x0, y0, x1, y1]) * scale
    assert np.abs(wanted - [left, top, right, bottom]).max() <= 1


def test_crop_a_query_photo_to_two_things(page: Page) -> None:
    """The handles take hold of the region; the things inside are answered one by one, and only they."""
    frame = opened(page, 711)
    expect(page.locator(".dots")).to_be_hidden()
    drag(page, frame.get_by_label("Top left corner"), 0, 0)
    drag(page, frame.get_by_label("Bottom right corner"), 1, 1)
    with page.expect_request("**/api/v1/search/things"):
        page.get_by_role("button", name="Search the things inside").click()
    page.wait_for_url("**&things=1&within=0,0,*")
    expect(page.locator(".thing .shot").first).to_be_visible()
    count = page.locator(".thing").count()
    assert count >= 2
    expect(frame).to_have_count(0)
    expect(page.locator(".picker .chosen rect.asked")).to_have_count(1)
    page.get_by_role("button", name="Crop").click()
    drag(page, frame.get_by_label("Top left corner"), 0.4, 0.4)
    drag(page, frame.get_by_label("Bottom right corner"), 1, 1)
    page.get_by_role("button", name="Search the things inside").click()
    page.wait_for_url(re.compile(r"within=1\d\d,"))
    expect(page.locator(".thing")).not_to_have_count(count)
    expect(page.locator(".thing .shot").first).to_be_visible()
    assert page.locator(".thing").count() < count


def test_search_with_a_region_as_it_is(page: Page) -> None:
    """It is sent as a mask; the address keeps it."""
    frame = opened(page, 712)
    drag(page, frame.get_by_label("Left side"), 0.3, 0.5)
    drag(page, frame.get_by_label("Bottom side"), 0.5, 0.9)
    with page.expect_request("**/api/v1/search") as sent:
        page.get_by_role("button", name="Search this region").click()
    (reference,) = json.loads(sent.value.post_data or "")["positive"]
    assert set(reference) == {"query", "mask"}
    x0, y0, x1, y1, width, height = numbers(page, "region")
    assert (width, height) == (320, 240)
    assert abs(x0 - 96) <= 3
    assert abs(y1 - 216) <= 3
    assert (y0, x1) == (36, 272)
    expect(page.locator(".result").first).to_be_visible()
    expect(page.locator(".example")).to_contain_text("the region")
    page.reload()
    expect(page.locator(".result").first).to_be_visible()
    expect(page.locator(".picker .chosen rect.asked")).to_have_count(1)


def test_cropping_by_keyboard(page: Page) -> None:
    """Arrow keys move sides, corners and all of it, not out of the photo; Escape takes back, and the focus is on the button."""
    frame = opened(page, 713)
    corner = frame.get_by_label("Top left corner")
    expect(corner).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    frame.get_by_label("The region: arrow keys").focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Escape")
    expect(frame).to_have_count(0)
    crop = page.get_by_role("button", name="Crop")
    expect(crop).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowRight")
    frame.get_by_label("The region: arrow keys").focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    page.get_by_role("button", name="Search this region").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**region=*")
    assert numbers(page, "region") == [80, 72, 272, 240, 320, 240]


def test_another_tool_ends_cropping(page: Page) -> None:
    frame = opened(page, 714)
    page.get_by_role("button", name="Lasso").click()
    expect(frame).to_have_count(0)
    page.get_by_role("button", name="Crop").click()
    expect(frame).to_be_visible()
    expect(page.get_by_role("button", name="Lasso")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("region", ["", "1,2,3,4", "5,5,2,2,100,100", "0,0,900,900,100,100", "a,b,c,d,e,f"])
def test_a_region_that_cannot_be_read_is_left_out(page: Page, region: str) -> None:
    """The rest of the address counts."""
    page.goto(f"/search?image=5&region={region}")
    expect(page.locator(".numbers")).to_contain_text("whole photos compared")
