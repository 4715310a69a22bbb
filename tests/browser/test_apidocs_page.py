"""The page of the API: drawn from files of this server alone, within its content security policy."""

from __future__ import annotations

import pytest
from browsing import Site
from playwright.sync_api import Page, expect

pytest.importorskip("flask_openapi3_swagger", reason="the package with Swagger UI is not installed")

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_calls_can_be_read_and_tried(page: Page, site: Site, width: int, scheme: str) -> None:
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith((site.url, "data:")) else elsewhere.append(request.url),
    )
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{site.url}/api/v1/docs")
    page.locator(".opblock-tag").first.wait_for()
    expect(page.locator("html")).to_have_class("dark-mode" if scheme == "dark" else "")
    page.locator(".opblock-tag", has_text="installation").click()
    page.locator(".opblock-summary-path", has_text="/status").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tr.response .response-col_status")).to_contain_text("200")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert elsewhere == []


def test_it_is_linked_from_the_help(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.keyboard.press("?")
    page.get_by_role("link", name="the API").click()
    expect(page).to_have_url(f"{site.url}/api/v1/docs")
