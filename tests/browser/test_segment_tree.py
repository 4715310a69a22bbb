"""The tree of segments beside a photo."""

from __future__ import annotations

import pytest
from browsing import Site
from photo_page import opened
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_parts_are_under_their_wholes(page: Page, site: Site) -> None:
    """Each is followed by its parts; the segment under the focus is outlined; arrow keys go on."""
    opened(page)
    parents = {str(each.id): str(each.parent_id) for each in site.assembly.catalog.segments.of_image(5)}
    rows = page.locator("#segments a")
    order = [row.get_attribute("data-segment") or "" for row in rows.all()]
    assert sorted(order) == sorted(parents)
    assert any(parents[each] in parents for each in order)
    for place, each in enumerate(order):
        if parents[each] in parents:
            assert order.index(parents[each]) < place
    rows.first.focus()
    outline = page.locator(".overlay .active path")
    expect(outline).to_have_count(1)
    first = outline.get_attribute("d") or ""
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    expect(outline).not_to_have_attribute("d", first)
    assert "0." not in page.locator("#segments .quality").first.inner_text()


def test_segments_are_filtered_by_name(page: Page) -> None:
    """Whatever the case of the letters; Escape shows all again, and the arrow goes to the first that is left."""
    opened(page)
    shown = page.locator("#segments li:visible")
    count = shown.count()
    field = page.get_by_label("Filter the segments by name")
    field.fill("sEgment 1")
    expect(shown.first).to_contain_text("Segment 1")
    assert 1 <= shown.count() < count
    page.keyboard.press("ArrowDown")
    expect(shown.first.locator("a")).to_be_focused()
    field.fill("no such thing")
    expect(shown).to_have_count(0)
    expect(page.locator("#no-segments")).to_be_visible()
    field.press("Escape")
    expect(shown).to_have_count(count)
    expect(page.locator("#no-segments")).to_be_hidden()
