"""The answer that comes with a page of results is shown without another search."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Page, expect
from werkzeug.datastructures import MultiDict

from webui.pages.first_answer import URGENT, request_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BODY = """async (address) => {
  const { body, folds, parse } = await import("/static/js/refs.js");
  const asked = parse(address);
  return JSON.parse(JSON.stringify({ ...body(asked), fold_duplicates: folds(asked) }));
}"""


def test_results_are_there_without_a_search(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.method) if each.url.endswith("/api/v1/search") else None)
    page.goto("/search?segment=1")
    expect(page.locator("#results .result").first).to_be_visible()
    expect(page.locator("#summary")).to_be_visible()
    assert asked == []
    page.get_by_role("button", name="Segments", exact=True).click()
    expect(page.get_by_role("button", name="Segments", exact=True)).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(page.get_by_role("button", name="Photos", exact=True)).to_have_attribute("aria-pressed", "true")
    assert asked == ["POST", "POST"], "it is the answer to the first address only"


@pytest.mark.parametrize("query", ["text=dog", "text=red+car+%26+caf%C3%A9", "segment=12"])
def test_the_server_asks_as_the_script_would(page: Page, query: str) -> None:
    page.goto("/")
    assert request_of(MultiDict(parse_qsl(query))) == page.evaluate(BODY, f"?{query}")


def test_as_many_photos_come_first_as_the_script_marks(page: Page) -> None:
    page.goto("/search?segment=1")
    expect(page.locator("#results .result").nth(URGENT)).to_be_attached()
    assert page.locator('link[rel="preload"][as="image"]').count() == URGENT
    assert page.locator('#results img[fetchpriority="high"]').count() == URGENT
