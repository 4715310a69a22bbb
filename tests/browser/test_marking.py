"""Marking a thing on a photo: by a box, a lasso, and points that can be taken back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def spot(overlay: Locator, x: float, y: float) -> tuple[float, float]:
    """A place in shares of the photo, in pixels of the page."""
    frame = overlay.bounding_box()
    assert frame is not None
    return frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]


def drag(page: Page, overlay: Locator, *places: tuple[float, float]) -> None:
    page.mouse.move(*spot(overlay, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*spot(overlay, *place), steps=5)
    page.mouse.up()


def opened(page: Page) -> Locator:
    page.goto("/search?image=5")
    expect(page.locator(".result").first).to_be_visible()
    overlay = page.locator(".picker .overlay")
    expect(overlay).to_be_visible()
    return overlay


def part(page: Page, name: str) -> list[list[int]]:
    """Places in the address."""
    found = re.search(rf"[?&]{name}=([-\d,]+)", page.url)
    assert found is not None, page.url
    numbers = [int(value) for value in found[1].split(",")]
    return [numbers[at : at + 2] for at in range(0, len(numbers), 2)]


def test_a_box_is_outlined_with_what_came_of_it(page: Page) -> None:
    overlay = opened(page)
    drag(page, overlay, (0.1, 0.1), (0.6, 0.6))
    page.wait_for_url("**box=*")
    expect(page.locator(".picker .chosen rect.asked")).to_have_count(1)
    expect(page.locator(".picker .chosen path:not(.rest)")).to_have_count(1)
    expect(page.locator(".picker .caption")).to_contain_text("quality")


def test_a_lasso_that_crosses_itself_keeps_its_loop(page: Page) -> None:
    overlay = opened(page)
    page.get_by_role("button", name="Lasso").click()
    drag(page, overlay, (0.1, 0.1), (0.8, 0.1), (0.8, 0.8), (0.15, 0.8), (0.15, 0.05))
    page.wait_for_url("**lasso=*")
    corners = part(page, "lasso")
    assert 3 <= len(corners) <= 100
    expect(page.locator(".picker .chosen path.asked")).to_have_count(1)
    expect(page.locator(".example").first).to_be_visible()
    expect(page.locator("#blank")).to_be_hidden()


def test_points_on_and_beside_a_thing(page: Page) -> None:
    overlay = opened(page)
    page.get_by_role("button", name="Points", exact=True).click()
    page.mouse.click(*spot(overlay, 0.3, 0.3))
    page.wait_for_url("**on=*")
    expect(page.locator(".picker .chosen .dot.plus")).to_have_count(1)
    page.keyboard.down("Alt")
    page.mouse.click(*spot(overlay, 0.9, 0.9))
    page.keyboard.up("Alt")
    page.wait_for_url("**off=*")
    expect(page.locator(".picker .chosen .dot.minus")).to_have_count(1)
    page.get_by_role("button", name="Not this").click()
    drag(page, overlay, (0.7, 0.9), (0.9, 0.7))
    expect(page.locator(".picker .chosen .dot.minus")).not_to_have_count(1)
    assert len(part(page, "off")) > 2
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(".picker .chosen .dot.minus")).to_have_count(1)
    page.reload()
    expect(page.locator(".picker .chosen .dot.plus")).to_have_count(1)
    assert len(part(page, "off")) == 1
    page.get_by_role("button", name="Points", exact=True).click()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_url(re.compile(r"/search\?image=5$"))
    expect(page.locator(".picker .chosen .dot")).to_have_count(0)


def test_points_by_keys(page: Page) -> None:
    opened(page)
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Points", exact=True)).to_have_attribute("aria-pressed", "true")
    page.locator(".picker .stage").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**on=*")
    expect(page.locator(".picker .chosen .dot.plus")).to_have_count(1)


def test_the_photo_page_searches_by_a_lasso(page: Page) -> None:
    page.goto("/photos/5")
    overlay = page.locator(".stage .overlay")
    page.get_by_role("button", name="Lasso").click()
    drag(page, overlay, (0.2, 0.2), (0.7, 0.25), (0.5, 0.7), (0.2, 0.3))
    page.wait_for_url("**/search?image=5&lasso=*")
    expect(page.locator(".result").first).to_be_visible()
