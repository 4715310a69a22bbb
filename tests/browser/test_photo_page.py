"""The page of a photo: the bar of the selected segment, and its names."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from browsing import Complaints, Site
from photo_page import action, more, opened, selected, spot
from PIL import Image
from playwright.sync_api import Page, expect

from retrieval.catalog.records import ConceptModel

pytestmark = [pytest.mark.browser, pytest.mark.slow]


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


def test_escape_closes_the_bar_and_a_click_begins_anew(page: Page) -> None:
    overlay = opened(page)
    place = spot(overlay, 0.4, 0.4)
    page.mouse.click(*place)
    first = selected(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar")).to_have_count(0)
    expect(page.locator("#stage .chosen path")).to_have_count(0)
    page.mouse.move(place[0] + 30, place[1] + 30)
    page.mouse.click(*place)
    assert selected(page) == first


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


@pytest.fixture
def forgetting(site: Site) -> Iterator[None]:
    """Concepts that the test makes are deleted."""
    before = set(site.assembly.concepts.names().values())
    yield
    for key in set(site.assembly.concepts.names().values()) - before:
        site.assembly.concepts.delete(key)


def examples(site: Site, name: str) -> tuple[list[int], list[int]]:
    """The positive and the negative examples of a concept."""
    record = site.assembly.concepts.get(site.assembly.concepts.names()[name])
    return list(record.model.positive), list(record.model.negative)


def name_it(page: Page, name: str) -> None:
    action(page, "Name").click()
    expect(page.get_by_role("combobox", name="Name of the segment")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Enter")


@pytest.mark.usefixtures("forgetting")
def test_a_new_name_is_a_new_concept(page: Page, site: Site) -> None:
    overlay = opened(page)
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    segment = selected(page)
    name_it(page, "  red   corner ")
    tag = page.get_by_role("toolbar").locator(".tag")
    expect(tag).to_have_text("red corner")
    expect(tag.get_by_role("button", name="Right: red corner")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(f"#s{segment} .tag")).to_have_text("red corner")
    assert examples(site, "red corner") == ([segment], [])
    page.keyboard.press("Control+z")
    expect(tag).to_have_count(0)
    expect(page.locator(f"#s{segment} .tag")).to_have_count(0)
    assert "red corner" not in site.assembly.concepts.names()


@pytest.mark.usefixtures("forgetting")
def test_the_name_of_a_concept_is_completed_and_confirms_it(page: Page, site: Site) -> None:
    opened(page)
    first, second = (each.id for each in site.assembly.catalog.segments.of_image(5)[:2])
    site.assembly.concepts.add("Zebra crossing", model_of(site, [first]))
    page.locator(f"#s{second}").click()
    action(page, "Name").click()
    page.keyboard.type("zeb")
    option = page.locator("#name-list [role=option]", has_text="Zebra crossing")
    expect(option).to_be_visible()
    option.click()
    expect(page.locator(".toast")).to_contain_text("example of “Zebra crossing”")
    assert examples(site, "Zebra crossing") == ([first, second], [])
    name_it(page, "zebra CROSSING")
    expect(page.locator(".toast").last).to_contain_text("“Zebra crossing” was judged like this already")
    expect(page.get_by_role("toolbar").locator(".tag")).to_have_count(1)
    assert examples(site, "Zebra crossing") == ([first, second], [])
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_role("button", name="Right: Zebra crossing")).to_have_attribute("aria-pressed", "false")
    assert examples(site, "Zebra crossing") == ([first], [])


def model_of(site: Site, positive: list[int]) -> ConceptModel:
    """A concept that nearly everything is labelled with."""
    vectors = site.assembly.catalog.vectors.of_segments(positive).vectors
    space = site.assembly.recipe_spec.space
    return ConceptModel(
        space=space, directions=vectors, threshold=-2.0, query=None, positive=tuple(positive), negative=()
    )


@pytest.mark.usefixtures("forgetting")
def test_concepts_are_confirmed_and_rejected_in_place(page: Page, site: Site) -> None:
    first, second = (each.id for each in site.assembly.catalog.segments.of_image(5)[:2])
    site.assembly.concepts.add("everything", model_of(site, [first]))
    opened(page, f"/photos/5#s{second}")
    tag = page.get_by_role("toolbar").locator(".tag")
    right, wrong = (tag.get_by_role("button", name=f"{side}: everything") for side in ("Right", "Wrong"))
    expect(right).to_have_attribute("aria-pressed", "false")
    wrong.focus()
    page.keyboard.press("Enter")
    expect(wrong).to_have_attribute("aria-pressed", "true")
    expect(wrong).to_be_focused()
    assert examples(site, "everything") == ([first], [second])
    right.click()
    expect(right).to_have_attribute("aria-pressed", "true")
    expect(wrong).to_have_attribute("aria-pressed", "false")
    assert examples(site, "everything") == ([first, second], [])
    right.click()
    expect(right).to_have_attribute("aria-pressed", "false")
    assert examples(site, "everything") == ([first], [])


@pytest.mark.usefixtures("forgetting")
def test_the_only_example_cannot_be_rejected(page: Page, site: Site, complaints: Complaints) -> None:
    complaints.expected = ("422",)
    first = site.assembly.catalog.segments.of_image(5)[0].id
    site.assembly.concepts.add("lonely", model_of(site, [first]))
    opened(page, f"/photos/5#s{first}")
    page.get_by_role("button", name="Wrong: lonely").click()
    expect(page.locator(".toast")).to_contain_text("positive example")
    assert examples(site, "lonely") == ([first], [])


def test_escape_closes_the_field_before_the_bar(page: Page) -> None:
    overlay = opened(page)
    page.mouse.click(*spot(overlay, 0.2, 0.2))
    action(page, "Name").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox", name="Name of the segment")).to_be_hidden()
    expect(action(page, "Name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar")).to_have_count(0)
    expect(page.locator("#stage")).to_be_focused()


@pytest.mark.parametrize("width", [390, 768, 1000, 1440, 2560])
def test_what_can_be_done_is_one_row_and_a_menu(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page)
    page.get_by_role("button", name="Box").wait_for()
    boxes = page.locator(".actions > *").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect()).filter(({ width }) => width).map(({ top, bottom }) => [top, bottom])"
    )
    assert len(boxes) >= 5
    assert len({tuple(each) for each in boxes}) == 1
    assert boxes[0][1] - boxes[0][0] < 60
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    more(page)
    expect(page.get_by_role("link", name="Original")).to_be_visible()
    expect(page.get_by_role("link", name="Search with all things")).to_have_count(1)


def test_the_menu_is_used_by_keys(page: Page) -> None:
    opened(page)
    button = page.get_by_title("More actions")
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Search with all things")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(page.get_by_role("link", name="Original")).to_be_hidden()
