"""The main journeys in Firefox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Site
from firefox import FIREFOX, Firefox, firefox

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path(FIREFOX).exists(), reason="there is no Firefox: apt install firefox-esr"),
]
ENTER, ESCAPE = "\ue007", "\ue00c"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """A window of Firefox."""
    with firefox(tmp_path_factory.mktemp("firefox")) as window:
        yield window


@pytest.fixture(autouse=True)
def no_complaints(window: Firefox) -> Iterator[None]:
    """Nothing may be complained about in a test."""
    window.complaints.clear()
    yield
    assert window.complaints == []


def test_from_the_library_to_a_saved_concept(window: Firefox, site: Site) -> None:
    window.goto(f"{site.url}/")
    window.wait("document.querySelector('#photos .card img')?.naturalWidth > 0")
    window.click("#words")
    window.type(f"dog{ENTER}")
    window.wait("location.search === '?text=dog'")
    window.wait("document.querySelector('#results .result img')?.naturalWidth > 0")
    window.see("#results .result .overlay path")
    window.click("#results .result .shot")
    window.wait("location.pathname.startsWith('/photos/')")
    window.see("#stage .overlay")
    window.click("#stage")
    window.see(".segment-bar")
    segment = window.wait("Number(location.hash.match(/^#s(\\d+)$/)?.[1])")
    window.click(f'.segment-bar a[href="/search?segment={segment}"]')
    window.wait(f"location.search === '?segment={segment}'")
    window.see("#picker .overlay")
    window.see("#results .result")
    window.click("#results .result:first-child .votes .relevant")
    window.click("#results .result:nth-child(2) .votes .irrelevant")
    window.wait("document.querySelectorAll('#results .votes [aria-pressed=true]').length === 2")
    window.type("r")
    window.wait("new URLSearchParams(location.search).get('round') === '1'")
    window.click("#rounds .addwords input")
    window.type(f"Seen in Firefox{ENTER}")
    window.wait("document.querySelector('#toasts')?.textContent.includes('Seen in Firefox')")
    (concept,) = (each for each in site.assembly.concepts.all() if each.name == "Seen in Firefox")
    site.assembly.concepts.delete(concept.id)


def test_a_photo_is_zoomed_and_its_menu_is_used_by_keys(window: Firefox, site: Site) -> None:
    window.goto(f"{site.url}/photos/5")
    window.see("#stage .overlay")
    before = window.evaluate("document.querySelector('#stage img').getBoundingClientRect().width")
    window.type("+")
    window.wait(f"document.querySelector('#stage img').getBoundingClientRect().width > {before}")
    window.click(".actions summary")
    window.see(".actions .menu[open] a[download]")
    window.type(ESCAPE)
    window.wait("document.querySelector('.actions .menu').open === false")
    assert window.evaluate("document.activeElement.tagName") == "SUMMARY"


@pytest.mark.parametrize(
    "path", ["/", "/search", "/discover", "/concepts", "/upload", "/health", "/recipes", "/duplicates"]
)
def test_pages_in_the_dark_are_as_wide_as_the_window(window: Firefox, site: Site, path: str) -> None:
    window.goto(f"{site.url}{path}")
    window.click("#theme")
    window.wait("document.documentElement.dataset.theme !== undefined")
    assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")
    window.click("#theme")
