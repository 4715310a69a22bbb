"""The library: a timeline that holds only what is in sight, its order, its keys, and what is selected in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import numpy as np
import pytest
from browsing import PHOTOS, Complaints, Site, drawing
from playwright.sync_api import Browser, Locator, Page, Route, expect

from retrieval.catalog.models import Segment
from retrieval.catalog.records import View

pytestmark = pytest.mark.browser

MANY = 100_000
YEARS = range(2024, 2004, -1)
OF_A_MONTH = MANY // (12 * len(YEARS))
TOPS = (
    "[...document.querySelectorAll('.block .card')].map((card) => [card.dataset.id, card.getBoundingClientRect().top])"
)
SHAPES = (4 / 3, 0.75, 1.5, 1, 16 / 9, 3, 2 / 3)


def ready(page: Page) -> None:
    """Wait until the timeline has what is in sight."""
    page.locator("#photos.live .card").first.wait_for()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
    expect(page.locator(".block .waiting")).to_have_count(0)


def ids(cards: Locator) -> list[int]:
    """Ids of the photos on cards."""
    return [int(found) for found in cards.evaluate_all("cards => cards.map((card) => card.dataset.id)")]


def in_sight(page: Page) -> list[int]:
    """Ids of the cards that are whole in the window."""
    whole = """cards => cards.filter((card) => {
      const { top, bottom } = card.getBoundingClientRect();
      return top >= document.querySelector(".bar").offsetHeight && bottom <= innerHeight;
    }).map((card) => Number(card.dataset.id))"""
    found: list[int] = page.locator(".block .card").evaluate_all(whole)
    return found


def until(page: Page, expression: str) -> None:
    """Wait until something is true; Playwright's own way needs an `eval`, which the pages forbid."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never true: {expression}")


@pytest.fixture
def many(page: Page, complaints: Complaints) -> Iterator[Page]:
    """The library of a catalogue of `MANY` photos without pictures, as the server would tell of it."""
    complaints.expected = ("404",)
    months = [f"{year}-{month:02}" for year in YEARS for month in range(12, 0, -1)]

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path.endswith("/timeline"):
            told = [{"month": month, "photos": OF_A_MONTH, "aspect": 1.4} for month in months]
            return route.fulfill(content_type="application/json", body=json.dumps({"months": told}))
        asked = {key: value[0] for key, value in parse_qs(url.query).items()}
        first = months.index(asked["month"]) * OF_A_MONTH
        numbers = range(int(asked["skip"]), min(OF_A_MONTH, int(asked["skip"]) + int(asked["limit"])))
        photos = [
            {
                "id": 1_000_000 + first + number,
                "aspect": SHAPES[(first + number) % len(SHAPES)],
                "state": "indexed",
                "name": f"{asked['month']} {number}.jpg",
                "segments": 9,
                "missing": False,
                "error": None,
            }
            for number in numbers
        ]
        return route.fulfill(content_type="application/json", body=json.dumps({"photos": photos}))

    page.route(re.compile(r"/api/v1/timeline(\?|/photos)"), answer)
    page.goto("/")
    ready(page)
    return page


def test_only_what_is_in_sight_is_in_the_document(many: Page) -> None:
    """At any place of very many photos, and the page knows at once how high they all are."""
    height = many.evaluate("document.documentElement.scrollHeight")
    assert height > MANY * 20
    scrubber = many.locator("#scrubber")
    frame = scrubber.bounding_box()
    assert frame is not None
    for share in (0.0, 0.11, 0.5, 0.77, 0.999):
        many.mouse.click(frame["x"] + 20, frame["y"] + share * frame["height"])
        ready(many)
        assert many.evaluate("document.getElementsByTagName('*').length") < 400
        assert len(in_sight(many)) > 3
    expect(many.locator(".block[data-key^='2005-01/']").first).to_be_visible()
    assert many.evaluate("document.documentElement.scrollHeight") == pytest.approx(height, rel=0.02)


def test_photos_stay_where_they_are_while_others_come(many: Page) -> None:
    """Blocks above are not as high as was thought; what one looks at does not jump."""
    many.evaluate("scrollTo({ top: 500000, behavior: 'instant' })")
    ready(many)
    for _ in range(30):
        before = many.evaluate(TOPS)
        many.mouse.wheel(0, -300)
        ready(many)
        after = dict(many.evaluate(TOPS))
        moved = [after[key] - top for key, top in before if key in after]
        assert moved
        assert max(moved) - min(moved) < 1, "they move together"
        assert moved[0] == pytest.approx(300, abs=3)


def test_every_photo_once_in_its_order(page: Page, site: Site) -> None:
    """Newest first, month by month; without a date by the day when it was added."""
    page.goto("/")
    ready(page)
    seen: dict[int, None] = {}
    for _ in range(40):
        seen.update(dict.fromkeys(ids(page.locator(".block .card"))))
        page.mouse.wheel(0, 400)
        ready(page)
        if page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 1"):
            break
    seen.update(dict.fromkeys(ids(page.locator(".block .card"))))
    assert list(seen) == site.assembly.catalog.timeline.ids(View())
    expect(page.get_by_role("heading", name="July 2015")).to_be_visible()


def test_the_scrubber_by_keyboard(page: Page) -> None:
    """It says which month one sees, and goes to the others."""
    page.goto("/?state=indexed")
    ready(page)
    scrubber = page.get_by_role("slider", name="Month")
    scrubber.focus()
    page.keyboard.press("End")
    expect(scrubber).to_have_attribute("aria-valuetext", "July 2015, 25 photos")
    expect(page.get_by_role("heading", name="July 2015")).to_be_in_viewport()
    page.keyboard.press("PageUp")
    expect(scrubber).to_have_attribute("aria-valuetext", "July 2016, 25 photos")
    page.keyboard.press("Home")
    until(page, "scrollY === 0")


def test_arrow_keys(page: Page, site: Site) -> None:
    """To the neighbours, the rows above and below, and both ends, also where nothing is in the document yet."""
    page.goto("/?state=indexed")
    ready(page)
    order = site.assembly.catalog.timeline.ids(View(state="indexed"))
    focused = "Number(document.activeElement.closest('.card')?.dataset.id)"
    page.keyboard.press("ArrowRight")
    until(page, f"{focused} === {order[0]}")
    page.keyboard.press("ArrowRight")
    until(page, f"{focused} === {order[1]}")
    top = "document.activeElement.getBoundingClientRect().top + scrollY"
    above = page.evaluate(top)
    page.keyboard.press("ArrowDown")
    until(page, f"{top} > {above} + 10")
    page.keyboard.press("ArrowUp")  # the nearest above, which need not be the one that was left
    until(page, f"Math.abs({top} - {above}) < 1")
    page.keyboard.press("End")
    until(page, f"{focused} === {order[-1]}")
    assert order[-1] in in_sight(page)
    page.keyboard.press("Home")
    until(page, f"{focused} === {order[0]}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/photos/{order[0]}")


def test_the_first_arrow_key_goes_to_the_first_photo_in_sight(page: Page, site: Site) -> None:
    """Also when the photos below it came before it did."""
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if "month=" in route.request.url and not held:
            held.append(route)
        else:
            route.continue_()

    page.set_viewport_size({"width": 1280, "height": 2000})
    page.route(re.compile("/api/v1/timeline"), hold_the_first)
    page.goto("/?state=indexed")
    page.locator("#photos.live .card").first.wait_for()
    held[0].continue_()
    ready(page)
    page.keyboard.press("ArrowRight")
    first = site.assembly.catalog.timeline.ids(View(state="indexed"))[0]
    until(page, f"Number(document.activeElement.closest('.card')?.dataset.id) === {first}")


def test_going_back_restores_the_place(page: Page) -> None:
    """Also in a window of another width, where it is at another height."""
    page.goto("/")
    ready(page)
    page.evaluate("scrollTo({ top: 1500, behavior: 'instant' })")
    ready(page)
    chosen = in_sight(page)[0]
    page.wait_for_timeout(300)
    page.locator(f".card[data-id='{chosen}'] a").click()
    page.wait_for_url(f"**/photos/{chosen}")
    page.set_viewport_size({"width": 1000, "height": 800})
    page.go_back()
    ready(page)
    until(
        page,
        f"""() => {{
      const frame = document.querySelector(".card[data-id='{chosen}']")?.getBoundingClientRect();
      return frame && frame.bottom > 64 && frame.top < innerHeight;
    }}""",
    )


def test_the_size_of_thumbnails_is_remembered(page: Page) -> None:
    """Photos in sight stay in sight."""
    page.goto("/")
    ready(page)
    page.evaluate("scrollTo({ top: 1500, behavior: 'instant' })")
    ready(page)
    chosen = in_sight(page)[0]
    height = "document.querySelector('.block .card').getBoundingClientRect().height"
    before = page.evaluate(height)
    page.get_by_role("button", name="Small").evaluate("button => button.click()")
    ready(page)
    assert page.evaluate(height) < before
    assert chosen in ids(page.locator(".block .card"))
    page.reload()
    ready(page)
    expect(page.get_by_role("button", name="Small")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(height) < before


def test_order_and_folder_are_in_the_address(page: Page, site: Site) -> None:
    """They are chosen from lists; what is usual is left out."""
    folder = site.photos / "Holiday & more"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        drawing(800 + number).save(path)
    site.enter(paths)
    page.goto("/?state=indexed")
    ready(page)
    page.get_by_label("Order").select_option("Oldest taken")
    page.wait_for_url("**/?state=indexed&order=oldest")
    ready(page)
    assert ids(page.locator(".block .card"))[0] == 1
    page.get_by_label("Folder").focus()
    page.get_by_label("Folder").select_option("Holiday & more")
    page.wait_for_url("**folder=Holiday*")
    ready(page)
    assert ids(page.locator(".block .card")) == site.assembly.catalog.timeline.ids(
        View(order="oldest", folder=folder.name)
    )
    page.get_by_label("Folder").select_option("All folders")
    page.wait_for_url("**/?state=indexed&order=oldest")
    page.get_by_label("Order").select_option("Newest taken")
    page.wait_for_url("**/?state=indexed")


def test_thumbnails_hold_their_place(page: Page, complaints: Complaints) -> None:
    """A card is as large without its picture, which its name stands for, as with it."""
    complaints.expected = ("net::ERR_FAILED",)
    page.route("**/thumbnail", lambda route: route.abort())
    page.goto("/?state=indexed")
    ready(page)
    card = page.locator(".block .card").first
    expect(card).to_contain_text(".png")
    without = card.bounding_box()
    page.unroute("**/thumbnail")
    page.reload()
    ready(page)
    page.wait_for_load_state("networkidle")
    assert card.bounding_box() == without


def test_photos_are_selected_deleted_and_restored(page: Page, site: Site) -> None:
    """By mark, by range, by key and all; what is deleted comes back by Undo."""
    paths = [site.photos / f"to select {number}.png" for number in range(4)]
    for number, path in enumerate(paths):
        drawing(900 + number).save(path)
    site.enter(paths)
    order = site.assembly.catalog.timeline.ids(View())
    page.goto("/")
    ready(page)
    selected = page.locator("#selected")
    cards = page.locator(".block .card")
    cards.nth(0).hover()
    cards.nth(0).get_by_role("checkbox").click()
    expect(selected).to_have_text("1 selected")
    cards.nth(3).locator("a").click(modifiers=["Shift"])
    expect(selected).to_have_text("4 selected")
    cards.nth(1).locator("a").focus()
    page.keyboard.press("x")
    expect(selected).to_have_text("3 selected")
    page.keyboard.press("Control+a")
    expect(selected).to_have_text(f"{len(order)} selected")
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_hidden()
    cards.nth(1).locator("a").focus()
    page.keyboard.press("x")
    cards.nth(2).hover()
    cards.nth(2).get_by_role("checkbox").click()
    left = [key for at, key in enumerate(order) if at not in (1, 2)]
    page.keyboard.press("Delete")
    expect(page.locator("#toasts")).to_contain_text("2 photos moved to the trash.")
    expect(page.locator(f".card[data-id='{order[1]}']")).to_have_count(0)
    assert site.assembly.catalog.timeline.ids(View()) == left
    assert ids(cards)[:2] == left[:2]
    assert page.locator("#selection").is_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("2 photos restored.")
    expect(page.locator(f".card[data-id='{order[1]}']")).to_have_count(1)
    assert site.assembly.catalog.timeline.ids(View()) == order
    cards.nth(1).locator("a").focus()
    page.keyboard.press("x")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(f".card[data-id='{order[1]}']")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator(f".card[data-id='{order[1]}']")).to_have_count(1)


def test_dragging_from_a_mark_selects_what_it_goes_over(page: Page) -> None:
    """And back again takes out what it leaves; from a selected one it takes out."""
    page.goto("/?state=indexed")
    ready(page)
    cards, selected = page.locator(".block .card"), page.locator("#selected")
    marks = [cards.nth(row).get_by_role("checkbox") for row in range(4)]

    def middle(row: int) -> tuple[float, float]:
        frame = cards.nth(row).bounding_box()
        assert frame
        return frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2

    marks[0].hover()
    page.mouse.down()
    page.mouse.move(*middle(3), steps=5)
    expect(selected).to_have_text("4 selected")
    page.mouse.move(*middle(1), steps=5)
    expect(selected).to_have_text("2 selected")
    page.mouse.up()
    page.mouse.move(*middle(3))
    expect(selected).to_have_text("2 selected")
    marks[1].hover()
    page.mouse.down()
    page.mouse.move(*middle(0), steps=5)
    page.mouse.up()
    expect(page.locator("#selection")).to_be_hidden()
    marks[2].click()
    expect(selected).to_have_text("1 selected")
    expect(marks[2]).to_be_checked()


def test_selected_photos_are_tagged_and_downloaded(page: Page, site: Site) -> None:
    """And found by the tag; segmenting again says when there is nothing to do."""
    first, second = site.assembly.catalog.timeline.ids(View(state="indexed"))[:2]
    page.goto("/?state=indexed")
    ready(page)
    cards = page.locator(".block .card")

    def select() -> None:
        for card in (0, 1):
            cards.nth(card).locator("a").focus()
            page.keyboard.press("x")

    select()
    page.get_by_role("button", name="Tag", exact=True).click()
    dialog = page.get_by_role("dialog", name="Tag 2 photos")
    dialog.get_by_role("button", name="Add tag").click()
    expect(dialog).to_be_visible()  # it needs a name
    page.keyboard.type("At the sea")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("2 photos tagged.")
    page.goto("/?tag=at the sea")
    ready(page)
    assert ids(cards) == [first, second]
    select()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    with ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 2
        assert archive.testzip() is None
    select()
    page.get_by_role("button", name="Segment again").click()
    expect(page.locator("#toasts")).to_contain_text("Nothing to do")
    select()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.keyboard.type("at the SEA")
    page.get_by_role("button", name="Remove tag").click()
    page.get_by_text("Nothing here").wait_for()
    assert site.assembly.tags.counts() == []


def test_photos_appear_as_they_are_finished(page: Page, site: Site) -> None:
    """With their progress, told by the server itself; what one looks at stays where it is."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.goto("/?order=added")
    ready(page)
    paths = [site.photos / f"to appear {number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        drawing(960 + number).save(path)
    site.register(paths)
    line = page.locator("#intake p")
    expect(line).to_have_text("Segmenting photos: 0 of 3")
    expect(page.locator(".block .card").first).to_have_attribute("data-state", "pending")
    page.mouse.wheel(0, 600)
    page.wait_for_timeout(200)
    before = page.evaluate(TOPS)
    site.work(1)
    expect(line).to_contain_text("1 of 3")
    page.wait_for_timeout(200)
    kept = set(map(tuple, before)) & set(map(tuple, page.evaluate(TOPS)))
    assert len(kept) > len(before) / 2
    page.evaluate("scrollTo(0, 0)")
    site.work()
    expect(page.locator("#intake")).to_be_hidden()
    newest = site.assembly.catalog.timeline.ids(View(order="added"))[:3]
    assert ids(page.locator(".block .card"))[:3] == newest
    expect(page.locator(".block .card").first.locator("img")).to_be_visible()
    assert "/api/v1/events" in asked
    assert "/api/v1/status" not in asked
    page.goto("about:blank")  # which asks for no picture of a photo that is gone
    for key in newest:
        site.assembly.catalog.images.delete(key)


def test_without_events_the_server_is_asked(page: Page, site: Site, complaints: Complaints) -> None:
    complaints.expected = ("503",)
    page.route("**/events", lambda route: route.fulfill(status=503, body="{}"))
    page.goto("/")
    ready(page)
    path = site.photos / "to be asked after.png"
    drawing(970).save(path)
    site.register([path])
    expect(page.locator("#intake p")).to_have_text("Segmenting photos: 0 of 1")
    site.work()
    expect(page.locator("#intake")).to_be_hidden()
    page.goto("about:blank")
    site.assembly.catalog.images.delete(site.assembly.catalog.timeline.ids(View(order="added"))[0])


def test_the_pace_of_an_ingest(page: Page) -> None:
    page.goto("/")
    told = page.evaluate("""async () => {
      const { progressOf } = await import("/static/js/intake.js");
      const of = (entered, waiting, rate) => progressOf({ entered, waiting, rate });
      return [of(0, 3, null), of(312, 892, 4.13), of(10, 10, 0.05), of(0, 90000, 12), of(1, 1, 50), of(5, 100, 0.01)];
    }""")
    assert told == [
        "0 of 3", "312 of 1,204, 4.1 a second, 4 min left", "10 of 20, 3.0 a minute, 3 min left",
        "0 of 90,000, 12 a second, 2 h left", "1 of 2, 50 a second, 1 s left", "5 of 105, 0.6 a minute, 3 h left",
    ]  # fmt: skip


def test_the_library_is_narrowed_by_facets(page: Page, site: Site) -> None:
    """By label, tag and folder; a month is gone to. They are beside the photos, or behind a button in a narrow window."""
    shown = site.assembly.catalog.timeline.ids(View(state="indexed"))
    site.assembly.tags.change(shown[:3], add=["rare"])
    segments = [site.assembly.catalog.segments.of_image(key)[0].id for key in shown[:2]]
    with site.assembly.catalog.images._sessions.begin() as session:
        for key in segments:
            session.get_one(Segment, key).label = "zebra"
    page.goto("/")
    ready(page)
    facets = page.get_by_role("complementary", name="Filters")
    expect(facets.get_by_role("link", name="zebra 2")).to_be_visible()
    facets.get_by_role("link", name="rare 3").click()
    page.wait_for_url("**/?tag=rare")
    ready(page)
    assert ids(page.locator(".block .card")) == shown[:3]
    facets.get_by_role("link", name="zebra 2").click()
    page.wait_for_url("**/?*label=zebra*")
    ready(page)
    assert ids(page.locator(".block .card")) == shown[:2]
    page.get_by_role("link", name="Tag rare").click()
    page.wait_for_url("**/?label=zebra")
    ready(page)
    facets.get_by_role("link", name="zebra 2").click()
    page.wait_for_url(re.compile(r"/$"))
    ready(page)
    facets.locator("summary", has_text="2015").click()
    facets.get_by_role("button", name="Jul 25").click()
    oldest = site.assembly.catalog.timeline.page(View(), "2015-07", limit=1)[0].id
    expect(page.locator(f".card[data-id='{oldest}']")).to_be_in_viewport()
    page.get_by_role("button", name="Filters").click()
    expect(facets).to_be_hidden()
    page.reload()
    ready(page)
    expect(facets).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 800})
    page.get_by_role("button", name="Filters").click()
    expect(facets.get_by_role("link", name="rare 3")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    site.assembly.tags.change(shown[:3], remove=["rare"])
    with site.assembly.catalog.images._sessions.begin() as session:
        for key in segments:
            session.get_one(Segment, key).label = None


def test_the_trash(page: Page, site: Site) -> None:
    """Photos in it are restored, deleted for good, or all deleted."""
    paths = [site.photos / f"to throw away {number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        drawing(930 + number).save(path)
    site.assembly.trash.empty()
    before = site.assembly.catalog.timeline.ids(View())
    site.enter(paths)
    new = [key for key in site.assembly.catalog.timeline.ids(View()) if key not in before]
    site.assembly.trash.put(new)
    page.goto("/?state=trash")
    ready(page)
    cards = page.locator(".block .card")
    assert ids(cards) == new
    cards.nth(0).locator("a").focus()
    page.keyboard.press("x")
    page.get_by_role("button", name="Restore").click()
    expect(page.locator("#toasts")).to_contain_text("1 photo restored.")
    expect(cards).to_have_count(2)
    cards.nth(0).locator("a").focus()
    page.keyboard.press("x")
    page.keyboard.press("Delete")
    dialog = page.get_by_role("dialog", name="Delete 1 photo for good?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(cards).to_have_count(2)
    page.keyboard.press("Delete")
    dialog.get_by_role("button", name="Delete 1 photo").click()
    expect(cards).to_have_count(1)
    page.get_by_role("button", name="Empty the trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Empty the trash").click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()
    assert site.assembly.catalog.images.find(new).keys() == {new[0]}
    assert all(path.exists() for path in paths)
    page.goto("about:blank")
    site.assembly.catalog.images.delete(new[0])


def test_a_click_opens_a_photo_unless_photos_are_selected(page: Page) -> None:
    page.goto("/?state=indexed")
    ready(page)
    first = page.locator(".block .card").first
    first.hover()
    first.get_by_role("checkbox").click()
    page.locator(".block .card a").nth(1).click()
    expect(page.locator("#selected")).to_have_text("2 selected")
    page.get_by_role("button", name="Clear the selection").click()
    page.locator(".block .card a").nth(1).click()
    page.wait_for_url("**/photos/*")


def test_without_scripts_there_are_pages(browser: Browser, site: Site) -> None:
    """The first photos by month, with a link to the next ones; order and folder are sent by a form."""
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/?state=indexed&order=oldest")
    assert ids(page.locator(".card"))[:60] == list(range(1, 61))
    expect(page.get_by_role("heading", name="July 2017")).to_be_visible()
    page.get_by_role("link", name="More photos").click()
    assert ids(page.locator(".card"))[: PHOTOS - 60] == list(range(61, PHOTOS + 1))
    page.get_by_label("Order").select_option("Newest taken")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**order=newest*")
    context.close()


@pytest.mark.parametrize("width", [300, 358, 1360, 2480])
@pytest.mark.parametrize("is_last", [False, True])
def test_rows_are_as_wide_as_the_page(page: Page, width: int, is_last: bool) -> None:
    """Every photo in its shape and its order, side by side; only what is left over at the end of a month is shorter."""
    rng = np.random.default_rng(width)
    row_height = 125 if width < 400 else 190
    page.goto("/upload")
    for count in (1, 2, 7, 200):
        aspects = np.exp(rng.normal(0.2, 0.4, count)).clip(0.4, 3)
        laid = page.evaluate(
            """async ([aspects, width, row, isLast]) => {
              const { justify } = await import("/static/js/blocks.js");
              return justify(aspects, { width, row }, isLast);
            }""",
            [aspects.tolist(), width, row_height, is_last],
        )
        boxes = laid["boxes"]
        assert len(boxes) == count
        assert np.allclose([box["width"] / box["height"] for box in boxes], aspects)
        rows: dict[float, list[dict[str, float]]] = {}
        for box in boxes:
            rows.setdefault(box["y"], []).append(box)
        assert list(rows) == sorted(rows)
        ends = []
        for row in rows.values():
            assert len({box["height"] for box in row}) == 1
            lefts = [box["x"] for box in row]
            rights = [box["x"] + box["width"] for box in row]
            assert lefts[0] == 0
            assert np.allclose(lefts[1:], np.add(rights[:-1], 8))
            ends.append(rights[-1])
        assert max(ends) <= width + 0.01
        tops = list(rows)
        heights = [row[0]["height"] for row in rows.values()]
        if count == 200:
            whole = list(zip(ends, heights, strict=True))[: -1 if is_last else None]
            short = [end for end, height in whole if height < 1.79 * row_height and end < width - 0.01]
            assert short == [], "a row ends before the page does only if its one photo would be too tall"
            assert np.median(heights) == pytest.approx(row_height, rel=0.25)
        assert np.allclose(tops, np.cumsum([0, *np.add(heights, 8)])[:-1])
        assert laid["height"] == pytest.approx(tops[-1] + heights[-1] + 8)
