"""A photo of one's own as the query: its likeliest thing is searched for at once, and others are a dot away."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from browsing import Site, drawing
from playwright.sync_api import Browser, Page, expect
from pycocotools import mask as coco

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BEST = """async ([photo, most, within]) => {
  const { bestThings } = await import("/static/js/things.js");
  return bestThings(photo, most, within).map((segment) => segment.id);
}"""


def picture(number: int) -> dict[str, Any]:
    """A drawn photo as a file to choose."""
    buffer = io.BytesIO()
    drawing(number).save(buffer, "PNG")
    return {"name": f"mine {number}.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def segment(number: int, quality: float, box: tuple[int, int, int, int], shape: tuple[int, int]) -> dict[str, Any]:
    """A rectangle as a segment of the API, on a photo of 100 x 100 pixels with masks of another size."""
    x0, y0, x1, y1 = box
    mask = np.zeros((100, 100), np.uint8)
    mask[y0:y1, x0:x1] = 1
    rows, columns = (np.linspace(0, 99, side).round().astype(int) for side in shape)
    counts = coco.encode(np.asfortranarray(mask[np.ix_(rows, columns)]))["counts"].decode()
    area = (x1 - x0) * (y1 - y0)
    mask_of = {"size": list(shape), "counts": counts}
    return {"id": number, "quality": quality, "box_xyxy": list(box), "area": area, "label": None, "mask": mask_of}


def photo(
    *segments: tuple[float, tuple[int, int, int, int]], shapes: tuple[tuple[int, int], ...] = ()
) -> dict[str, Any]:
    made = [
        segment(number, quality, box, shapes[number] if shapes else (50, 50))
        for number, (quality, box) in enumerate(segments)
    ]
    return {"width": 100, "height": 100, "segments": made}


THINGS = (
    (0.95, (0, 0, 100, 100)),  # all of the photo
    (0.9, (10, 10, 50, 50)),
    (0.8, (12, 12, 30, 30)),  # a part of the one before
    (0.7, (5, 5, 60, 60)),  # around it
    (0.6, (60, 60, 90, 90)),
    (0.01, (60, 10, 90, 40)),  # hardly a thing
)


@pytest.mark.parametrize("shapes", [(), tuple((50, 50) if number % 2 else (40, 60) for number in range(6))])
def test_the_best_things_are_no_parts_of_each_other(page: Page, shapes: tuple[tuple[int, int], ...]) -> None:
    """Whether their masks have one frame or, as those of imported segments, others."""
    page.goto("/search")
    assert page.evaluate(BEST, [photo(*THINGS, shapes=shapes), 5, None]) == [1, 4]
    assert page.evaluate(BEST, [photo(*THINGS, shapes=shapes), 1, None]) == [1]
    assert page.evaluate(BEST, [photo(*THINGS, shapes=shapes), 5, [55, 55, 95, 95]]) == [4]


@pytest.mark.parametrize(("segments", "found"), [((), []), (THINGS[:1], [0]), (THINGS[5:], [0])])
def test_without_a_likely_thing_the_best_segment_is_taken(page: Page, segments: Any, found: list[int]) -> None:
    page.goto("/search")
    assert page.evaluate(BEST, [photo(*segments), 5, None]) == found


def test_the_likeliest_thing_is_searched_for_at_once(page: Page) -> None:
    """Another is one click away, and the address has it."""
    page.goto("/search")
    page.locator("#file").set_input_files([picture(700)])
    page.wait_for_url(re.compile(r"query=\d+&row=\d+$"))
    expect(page.locator(".result").first).to_be_visible()
    dots = page.locator(".dots .dot")
    pressed = page.locator(".dots [aria-pressed=true]")
    expect(dots.first).to_have_attribute("aria-pressed", "true")
    assert 2 <= dots.count() <= 5
    row = dots.nth(1).get_attribute("data-segment")
    dots.nth(1).click()
    page.wait_for_url(f"**&row={row}")
    expect(dots.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(pressed).to_have_count(1)
    page.reload()
    expect(pressed).to_have_attribute("data-segment", str(row))
    expect(page.locator(".result").first).to_be_visible()


def test_dots_by_keyboard(page: Page) -> None:
    """The thing under the dot that has the focus is outlined; the focus stays on the dot that searches."""
    page.goto("/search")
    page.locator("#file").set_input_files([picture(701)])
    dots = page.locator(".dots .dot")
    expect(dots.first).to_have_attribute("aria-pressed", "true")
    dots.first.focus()
    page.keyboard.press("ArrowRight")
    expect(dots.nth(1)).to_be_focused()
    expect(page.locator(".overlay .active path")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(dots.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(dots.nth(1)).to_be_focused()


def test_dots_by_touch(browser: Browser, site: Site) -> None:
    context = browser.new_context(base_url=site.url, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto("/search")
    page.locator("#file").set_input_files([picture(702)])
    dots = page.locator(".dots .dot")
    expect(dots.first).to_have_attribute("aria-pressed", "true")
    frame = dots.nth(1).bounding_box()
    assert frame is not None
    assert min(frame["width"], frame["height"]) >= 44
    dots.nth(1).tap()
    expect(dots.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".result").first).to_be_visible()
    context.close()


def test_a_photo_without_segments_is_compared_as_a_whole(page: Page) -> None:
    """Nothing can be picked on it, and results are there nevertheless."""
    page.route("**/api/v1/queries", lambda route: _without_segments(route))
    page.goto("/search")
    page.locator("#file").set_input_files([picture(703)])
    page.wait_for_url(re.compile(r"query=\d+&whole=1$"))
    expect(page.locator(".numbers")).to_contain_text("whole photos compared")


def _without_segments(route: Any) -> None:
    response = route.fetch()
    route.fulfill(response=response, json={**response.json(), "segments": []})
