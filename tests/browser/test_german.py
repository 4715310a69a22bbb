"""The pages in German: a journey from a word to a concept, the choice of the language, and the layout."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import Complaints, Site, opened_page
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = (
    *("/", "/?state=trash", "/photos/1", "/search", "/search?text=dog", "/search?text=Motorrad", "/search?image=1"),
    *(
        "/concepts",
        "/discover",
        "/upload",
        "/health",
        "/recipes",
        "/account",
        "/worst",
        "/duplicates",
        "/login",
        "/nothing",
    ),
)


@pytest.fixture(params=[(1440, 900), (390, 844)], ids=["desktop", "phone"])
def german(request: pytest.FixtureRequest, browser: Browser, site: Site, complaints: Complaints) -> Iterator[Page]:
    """A page of a browser that prefers German."""
    with opened_page(browser, site, complaints, size=request.param, locale="de-DE") as page:
        yield page


def test_from_a_word_to_a_concept(german: Page, site: Site) -> None:
    """A word is searched for, results are judged and refined, and the search is saved; a result is opened."""
    german.goto("/")
    expect(german.get_by_role("heading", name="Bibliothek")).to_be_visible()
    word = german.get_by_role("combobox", name="Mit Wörtern suchen")
    word.fill("dog")
    word.press("Enter")
    expect(german.locator(".numbers")).to_contain_text("wahrscheinlich")
    results = german.locator("#results .result")
    expect(results.first).to_be_visible()
    for row, vote in ((0, "Richtig"), (1, "Richtig"), (2, "Falsch")):
        results.nth(row).locator(".votes").get_by_role("button", name=vote).click()
    expect(german.locator("#rounds")).to_contain_text("2 als richtig markiert, 1 als falsch markiert")
    german.get_by_role("button", name="Verfeinern", exact=True).click()
    expect(german.locator("#rounds")).to_contain_text("Runde 1")
    name = f"Hund {german.viewport_size['width']}"
    field = german.get_by_label("Name des Konzepts")
    field.fill(name)
    field.press("Enter")
    expect(german.get_by_text(f"Gespeichert. Jetzt kann nach „{name}“ gesucht werden.")).to_be_visible()
    try:
        german.goto("/concepts")
        expect(german.get_by_role("heading", name=name)).to_be_visible()
    finally:
        german.goto("/photos/1")  # the page of concepts may still be asking about this one
        site.assembly.concepts.delete(site.assembly.concepts.names()[name])
    expect(german.get_by_role("heading", name=re.compile(r"^\d+ Segmente$"))).to_be_visible()
    expect(german.get_by_role("link", name="Mit dem ganzen Foto suchen")).to_be_visible()


def test_an_unknown_word_says_which_language_is_understood(german: Page) -> None:
    german.goto("/search?text=Motorrad")
    expect(german.get_by_role("heading", name="„Motorrad“ ist kein bekanntes Wort.")).to_be_visible()
    expect(german.locator("#blank")).to_contain_text("Suchen verstehen englische Wörter")


def test_the_language_is_switched_and_the_search_stays(german: Page) -> None:
    german.goto("/search?text=dog")
    expect(german.locator(".numbers")).to_contain_text("wahrscheinlich")
    german.locator("summary[aria-label='Verwaltung und Sprache']").click()
    german.get_by_role("button", name="English").click()
    expect(german.locator("html")).to_have_attribute("lang", "en")
    expect(german.locator(".numbers")).to_contain_text("likely of")
    expect(german).to_have_url(re.compile(r"/search\?text=dog$"))


def test_nothing_is_wider_than_the_window(german: Page, complaints: Complaints) -> None:
    complaints.expected = ("404",)
    for address in PAGES:
        german.goto(address)
        expect(german.locator("html")).to_have_attribute("lang", "de")
        expect(german.locator("main")).not_to_be_empty()
        width = german.evaluate("document.documentElement.scrollWidth")
        assert width <= german.viewport_size["width"], address
