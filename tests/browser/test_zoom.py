"""Zooming on the page of a photo: what is pointed at, picked and marked is exact at every zoom."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from browsing import Site, drawing
from photo_page import opened, selected, spot
from playwright.sync_api import CDPSession, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTH, HEIGHT = 3000, 2250
ZOOMED = re.compile(r"\bzoomed\b")


@pytest.fixture
def large(site: Site) -> Iterator[int]:
    """A photo with more pixels than its preview."""
    path = site.photos / "large.png"
    drawing(77, (WIDTH, HEIGHT)).save(path)
    site.enter([path])
    image_id = max(each.id for each in site.assembly.catalog.images.page(limit=500))
    yield image_id
    site.assembly.trash.put([image_id])
    site.assembly.trash.delete([image_id])
    path.unlink()


@pytest.fixture
def page(large: int, page: Page) -> Page:
    """It is closed before the photo is deleted: it may still load pictures of its segments."""
    return page


def zoom_of(page: Page) -> float:
    """How many times as large as the stage the overlay is."""
    overlay, stage = page.locator("#stage .overlay").bounding_box(), page.locator("#stage").bounding_box()
    assert overlay is not None
    assert stage is not None
    return overlay["width"] / stage["width"]


def level(page: Page) -> float:
    return float(page.locator(".zoom .percent").inner_text().removesuffix("%"))


def on_photo(page: Page, x: float, y: float) -> list[float]:
    """The point of the photo, in shares, that is at a place of the page."""
    frame = page.locator("#stage .overlay").bounding_box()
    assert frame is not None
    return [(x - frame["x"]) / frame["width"], (y - frame["y"]) / frame["height"]]


def pressed_and_moved(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=6)
    page.mouse.up()


def test_the_wheel_zooms_at_the_pointer(page: Page) -> None:
    overlay = opened(page)
    x, y = spot(overlay, 0.7, 0.4)
    page.mouse.move(x, y)
    before = on_photo(page, x, y)
    page.mouse.wheel(0, -300)
    expect(page.locator("#stage")).to_have_class(ZOOMED)
    assert zoom_of(page) > 1.5
    assert on_photo(page, x, y) == pytest.approx(before, abs=0.002)
    picture = page.locator("#stage img").first.bounding_box()
    assert picture == pytest.approx(overlay.bounding_box(), abs=0.5), "the outlines lie on the picture"
    for _ in range(5):
        page.mouse.wheel(0, 400)
    expect(page.locator("#stage")).not_to_have_class(ZOOMED)
    assert zoom_of(page) == pytest.approx(1)


def test_at_fit_the_wheel_scrolls_the_page(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 500})
    overlay = opened(page)
    page.mouse.move(*spot(overlay, 0.5, 0.5))
    page.mouse.wheel(0, 200)
    for _ in range(20):
        page.wait_for_timeout(50)
        if page.evaluate("scrollY") > 100:
            break
    assert page.evaluate("scrollY") > 100
    assert zoom_of(page) == pytest.approx(1)


def test_what_is_picked_and_marked_at_zoom(page: Page, site: Site) -> None:
    """The same point of the photo picks the same segment; a drag pans, and with Box it draws one."""
    overlay = opened(page)
    with page.expect_response("**/levels?*"):
        page.mouse.click(*spot(overlay, 0.2, 0.2))
    picked = selected(page)
    overlay = opened(page)
    page.mouse.move(*spot(overlay, 0.2, 0.2))
    page.mouse.wheel(0, -500)
    expect(page.locator("#stage")).to_have_class(ZOOMED)
    page.mouse.move(*spot(overlay, 0.21, 0.21))
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    assert selected(page) == picked
    before = on_photo(page, *spot(page.locator("#stage"), 0.5, 0.5))
    pressed_and_moved(page, spot(page.locator("#stage"), 0.5, 0.5), (-100, -60))
    after = on_photo(page, *spot(page.locator("#stage"), 0.5, 0.5))
    frame = overlay.bounding_box()
    assert frame is not None
    assert after == pytest.approx([before[0] + 100 / frame["width"], before[1] + 60 / frame["height"]], abs=0.002)
    assert "/photos/5" in page.url
    assert selected(page) == picked, "a pan is no click"
    page.get_by_role("button", name="Box", exact=True).click()
    corner = spot(page.locator("#stage"), 0.3, 0.3)
    first = on_photo(page, *corner)
    last = on_photo(page, corner[0] + 150, corner[1] + 90)
    pressed_and_moved(page, corner, (150, 90))
    page.wait_for_url("**/search?image=5&box=*")
    box = [int(value) for value in page.url.split("box=")[1].split(",")]
    assert box == pytest.approx([320 * first[0], 240 * first[1], 320 * last[0], 240 * last[1]], abs=1)


def test_keys_and_buttons(page: Page) -> None:
    opened(page)
    fit = page.get_by_role("button", name="Fit")
    expect(fit).to_be_disabled()
    page.keyboard.press("+")
    assert zoom_of(page) == pytest.approx(1.5)
    expect(fit).to_be_enabled()
    page.keyboard.press("+")
    page.keyboard.press("-")
    assert zoom_of(page) == pytest.approx(1.5)
    page.keyboard.press("0")
    assert zoom_of(page) == pytest.approx(1)
    zoom_in = page.get_by_role("button", name="Zoom in")
    for _ in range(12):
        if zoom_in.is_enabled():
            zoom_in.click()
    expect(zoom_in).to_be_disabled()
    assert zoom_of(page) == pytest.approx(4)
    expect(page.get_by_role("button", name="1:1")).to_be_hidden()  # the photo is smaller than the stage
    page.locator("#words").fill("0")
    assert zoom_of(page) == pytest.approx(4), "it was typed"


def test_what_the_keys_come_to_is_brought_into_sight(page: Page, site: Site) -> None:
    opened(page)
    for _ in range(3):
        page.keyboard.press("+")
    page.locator("#stage").focus()
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    for segment in site.assembly.catalog.segments.of_image(5)[:8]:
        page.keyboard.press("ArrowRight")
        expect(page.locator(f"#s{segment.id}")).to_have_class("active")
        x, y = (segment.box_xyxy[0] + segment.box_xyxy[2]) / 640, (segment.box_xyxy[1] + segment.box_xyxy[3]) / 480
        middle = spot(page.locator("#stage .overlay"), x, y)
        whole = segment.box_xyxy[2] - segment.box_xyxy[0] > 200
        assert whole or stage["x"] <= middle[0] <= stage["x"] + stage["width"]


def test_the_original_is_loaded_only_beyond_the_preview(page: Page, large: int) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/file") else None)
    opened(page, f"/photos/{large}")
    assert level(page) < 60
    page.wait_for_timeout(200)
    assert asked == []
    page.keyboard.press("1")
    full = page.locator("#stage .full")
    expect(full).to_have_count(1)
    assert len(asked) == 1
    assert full.evaluate("picture => picture.naturalWidth") == WIDTH
    assert level(page) == pytest.approx(100)
    expect(page.get_by_role("button", name="1:1")).to_have_attribute("aria-pressed", "true")
    frames = [page.locator("#stage img").first.bounding_box(), full.bounding_box()]
    assert frames[0] == pytest.approx(frames[1], abs=0.5)
    assert frames[1] == pytest.approx(page.locator("#stage .overlay").bounding_box(), abs=0.5)
    assert frames[1]["width"] == pytest.approx(WIDTH, abs=0.5)
    page.keyboard.press("1")
    assert zoom_of(page) == pytest.approx(1)
    page.keyboard.press("1")
    assert level(page) == pytest.approx(100)
    assert len(asked) == 1


def test_one_to_one_shows_the_selected_segment(page: Page, site: Site, large: int) -> None:
    segments = site.assembly.catalog.segments.of_image(large)
    corner = min(segments, key=lambda each: (each.box_xyxy[2] - each.box_xyxy[0]) + each.box_xyxy[0] + each.box_xyxy[1])
    opened(page, f"/photos/{large}#s{corner.id}")
    assert selected(page) == corner.id
    page.keyboard.press("1")
    stage, overlay = page.locator("#stage").bounding_box(), page.locator("#stage .overlay").bounding_box()
    assert stage is not None
    assert overlay is not None
    x0, y0, x1, y1 = corner.box_xyxy
    x = overlay["x"] + (x0 + x1) / 2 * overlay["width"] / WIDTH
    y = overlay["y"] + (y0 + y1) / 2 * overlay["height"] / HEIGHT
    assert stage["x"] <= x <= stage["x"] + stage["width"]
    assert stage["y"] <= y <= stage["y"] + stage["height"]


def test_without_the_original_the_preview_stays(page: Page, site: Site, large: int) -> None:
    page.route("**/file", lambda route: route.fulfill(body=b"no picture", content_type="image/png"))
    opened(page, f"/photos/{large}")
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    expect(page.locator("#stage .full")).to_have_count(0)
    assert level(page) == pytest.approx(100)


def test_a_photo_without_segments_is_zoomed_too(page: Page, site: Site, large: int) -> None:
    with closing(sqlite3.connect(site.assembly.settings.data_dir / "catalog.db")) as database, database:
        database.execute("DELETE FROM segment WHERE image_id = ?", [large])
    page.goto(f"/photos/{large}")
    expect(page.locator("#stage .overlay")).to_have_count(0)
    page.keyboard.press("1")
    expect(page.locator("#stage .full")).to_have_count(1)
    expect(page.locator(".zoom .percent")).to_have_text("100%")


def touches(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    """What fingers do."""
    places = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


def test_a_pinch_zooms_and_is_no_pick(page: Page) -> None:
    overlay = opened(page)
    middle = spot(overlay, 0.5, 0.5)
    before = on_photo(page, *middle)
    session = page.context.new_cdp_session(page)
    fingers = lambda apart: [(middle[0] - apart, middle[1]), (middle[0] + apart, middle[1])]  # noqa: E731
    touches(session, "touchStart", fingers(40)[0])
    touches(session, "touchStart", *fingers(40))
    for apart in (50, 70, 90, 120):
        touches(session, "touchMove", *fingers(apart))
    touches(session, "touchEnd", fingers(120)[0])
    touches(session, "touchEnd")
    assert zoom_of(page) == pytest.approx(3, rel=0.1)
    assert on_photo(page, *middle) == pytest.approx(before, abs=0.02)
    expect(page.get_by_role("toolbar")).to_have_count(0)
    at = on_photo(page, *middle)
    touches(session, "touchStart", middle)
    for step in (10, 30, 60):
        touches(session, "touchMove", (middle[0] - step, middle[1]))
    touches(session, "touchEnd")
    frame = overlay.bounding_box()
    assert frame is not None
    assert on_photo(page, *middle)[0] == pytest.approx(at[0] + 60 / frame["width"], abs=0.02)
    expect(page.get_by_role("toolbar")).to_have_count(0)
