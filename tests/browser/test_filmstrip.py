"""The filmstrip on the page of a photo: of the results or the library that one came from, and back to the same place."""

from __future__ import annotations

import re

import pytest
from browsing import Complaints, Site
from photo_page import opened
from playwright.sync_api import Locator, Page, expect

from retrieval.catalog.records import View

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def shown(page: Page) -> list[int]:
    """Ids of the photos in the filmstrip."""
    page.locator("#filmstrip li").first.wait_for()
    links = page.locator("#filmstrip li a")
    return [number(links.nth(at).get_attribute("href") or "") for at in range(links.count())]


def number(address: str) -> int:
    found = re.search(r"/photos/(\d+)", address)
    assert found is not None, address
    return int(found[1])


def current(page: Page) -> int:
    mark = page.locator("#filmstrip [aria-current=page]")
    expect(mark).to_have_count(1)
    return number(mark.get_attribute("href") or "")


def back(page: Page) -> Locator:
    return page.locator("#filmstrip > a")


def top(element: Locator) -> float:
    """How far below the top of the window it is."""
    frame = element.bounding_box()
    assert frame is not None
    return frame["y"]


def scrolled(page: Page) -> float:
    return float(page.evaluate("scrollY"))


def test_results_are_gone_through_and_come_back_to(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto("/search?segment=1&text=red")
    results = page.locator("#results .result a.shot")
    expect(results.nth(20)).to_be_attached()
    found = [number(results.nth(at).get_attribute("href") or "") for at in range(results.count())]
    assert found != sorted(found)
    assert len(found) == len(set(found))
    results.nth(20).scroll_into_view_if_needed()
    assert scrolled(page) > 100
    target = results.nth(20).get_attribute("href")
    page.wait_for_load_state("networkidle")
    place = top(results.nth(20))
    results.nth(20).dispatch_event("click")  # a click might scroll
    page.wait_for_url(f"**{target}")
    ids = shown(page)
    assert ids == found[max(0, 20 - 30) : 20 + 31]
    assert current(page) == found[20]
    page.keyboard.press("j")
    page.wait_for_url(re.compile(rf"/photos/{found[21]}(#|$)"))
    assert current(page) == found[21]
    shown(page)
    page.keyboard.press("k")
    page.wait_for_url(re.compile(rf"/photos/{found[20]}(#|$)"))
    shown(page)
    page.get_by_role("link", name="Previous photo").click()
    page.wait_for_url(re.compile(rf"/photos/{found[19]}(#|$)"))
    shown(page)
    expect(back(page)).to_have_text("Results for “red”")
    back(page).click()
    page.wait_for_url("**/search?segment=1&text=red")
    expect(results.nth(20)).to_be_attached()
    for _ in range(60):
        if abs(top(results.nth(20)) - place) < 3:
            break
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")
    expect(results.nth(20)).to_be_focused()
    assert top(results.nth(20)) == pytest.approx(place, abs=3)


def test_segments_of_one_photo_are_one_step(page: Page) -> None:
    page.goto("/search?segment=1&group=segment")
    results = page.locator("#results .result a.shot")
    expect(results.nth(20)).to_be_attached()
    found = [number(results.nth(at).get_attribute("href") or "") for at in range(results.count())]
    results.first.click()
    page.wait_for_url("**/photos/*")
    assert shown(page) == list(dict.fromkeys(found))[:31]


def test_the_library_is_gone_through_in_its_order(page: Page) -> None:
    page.goto("/?order=oldest")
    cards = page.locator(".timeline.live .card")
    cards.nth(5).wait_for()
    first, second, third = (int(cards.nth(at).get_attribute("data-id") or 0) for at in range(3))
    cards.nth(1).locator("a").click()
    page.wait_for_url(f"**/photos/{second}")
    assert shown(page)[:3] == [first, second, third]
    assert current(page) == second
    expect(back(page)).to_have_text("Library")
    page.keyboard.press("k")
    page.wait_for_url(f"**/photos/{first}")
    shown(page)
    expect(page.locator("#steps a")).to_have_count(1)
    page.keyboard.press("j")
    page.wait_for_url(f"**/photos/{second}")
    shown(page)
    back(page).click()
    page.wait_for_url("**/?order=oldest")


def test_back_to_the_same_place_of_the_library(page: Page) -> None:
    page.goto("/")
    page.locator(".timeline.live .card").first.wait_for()
    page.evaluate("scrollTo({ top: 1500, behavior: 'instant' })")
    page.wait_for_timeout(400)
    cards = page.locator(".timeline.live .card").filter(visible=True)
    card = page.locator(f".timeline.live .card[data-id='{cards.nth(8).get_attribute('data-id')}']")
    place = top(card)
    card.locator("a").dispatch_event("click")
    page.wait_for_url("**/photos/*")
    shown(page)
    back(page).click()
    card.wait_for()
    for _ in range(60):
        if abs(top(card) - place) < 3:
            break
        page.wait_for_timeout(50)
    assert scrolled(page) > 1000
    assert top(card) == pytest.approx(place, abs=3)


def test_without_an_origin_it_is_the_library(page: Page) -> None:
    """And from results that the photo is not in, too."""
    opened(page, "/photos/5")
    ids = shown(page)
    assert current(page) == 5
    at = ids.index(5)
    expect(page.locator("[data-key=j]")).to_have_attribute("href", f"/photos/{ids[at + 1]}")
    expect(back(page)).to_have_attribute("href", "/")
    page.evaluate("""sessionStorage.setItem("origin", JSON.stringify(
        { address: "/search?text=x", title: "Results", links: ["/photos/1"], place: null }))""")
    opened(page, "/photos/5")
    assert shown(page) == ids
    page.evaluate("""sessionStorage.setItem("origin", JSON.stringify(
        { address: "/?tag=none", title: "Library: none", view: { tag: "none" }, place: null }))""")
    opened(page, "/photos/5")
    assert shown(page) == ids


def test_a_photo_without_a_picture_has_a_sign(page: Page, site: Site) -> None:
    (failed,) = site.assembly.catalog.timeline.ids(View(state="failed"))
    page.goto(f"/photos/{failed}")
    shown(page)
    assert current(page) == failed
    expect(page.locator("#filmstrip [aria-current] svg")).to_have_count(1)
    expect(page.locator("#filmstrip [aria-current]")).to_have_attribute("aria-label", "torn <b>.png")


def test_without_the_server_the_page_does_without(page: Page, complaints: Complaints) -> None:
    complaints.expected = ("503",)
    page.route("**/timeline/around?*", lambda route: route.fulfill(status=503, body="{}"))
    opened(page, "/photos/5")
    expect(page.locator("#filmstrip")).to_be_hidden()
    expect(page.locator("[data-key=j]")).to_have_attribute("href", re.compile(r"^/photos/\d+$"))


def test_on_a_phone_it_fits_and_the_photo_is_in_sight(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/search?segment=1")
    page.locator("#results .result a.shot").nth(3).click()
    page.wait_for_url("**/photos/*#s*")
    shown(page)
    page.locator(".segment-bar").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert scrolled(page) == 0
    strip, mark = page.locator("#filmstrip ul").bounding_box(), page.locator("#filmstrip [aria-current]").bounding_box()
    assert strip is not None
    assert mark is not None
    assert strip["x"] <= mark["x"]
    assert mark["x"] + mark["width"] <= strip["x"] + strip["width"]
