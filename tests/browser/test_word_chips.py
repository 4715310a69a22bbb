"""The words of a search as chips that are switched and taken away."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from retrieval.text.reading import Reading
from retrieval.text.vocabulary import Vocabulary
from webui.api.answers import _words

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WRITTEN = """async ([words, must, beside]) => {
  const { partsOf, written } = await import("/static/js/wording.js");
  return written(partsOf(words, { must, beside }));
}"""

TEXTS = [
    "dog",
    "dog on a couch, not people",
    "find all red cars left of a black and white dog without people or cats",
    "a man with a hat on a horse",
    "a man with a hat under an umbrella and a dog -cat",
    "two kayaks left of motorcicle",
    "dog left of cat, dog above couch, cat below dog",
    "poodle dog; hot-dog / pizza",
    "no dog",
    "without",
    "xyzzy, plugh",
    "car in front of a bus",
    "dog on dog",
    "not person but dog",
]


def words_of(reading: Reading) -> Any:
    return _words(reading).model_dump(mode="json")


def meaning(reading: Reading) -> Any:
    """What a text says, whatever the order of its things."""
    terms = [(term.name, term.colors) for term in reading.understood]
    links = {(terms[link.subject], link.relation, terms[link.object]) for link in reading.links}
    unwanted = {(term.name, term.colors) for term in reading.unwanted}
    return sorted(terms), links, unwanted, set(reading.unknown), set(reading.unsupported)


@pytest.mark.parametrize("text", TEXTS)
def test_chips_say_what_the_words_said(page: Page, text: str) -> None:
    """Writing them anew changes nothing of what is understood, and a second time not even the text."""
    vocabulary = Vocabulary.load()
    reading = vocabulary.read(text)
    page.goto("/search")
    said = page.evaluate(WRITTEN, [words_of(reading), "", False])
    assert said["must"] == ""
    again = vocabulary.read(said["text"])
    assert meaning(again) == meaning(reading)
    assert page.evaluate(WRITTEN, [words_of(again), "", False])["text"] == said["text"]


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def chips(page: Page) -> Locator:
    return page.locator(".word-chip")


def test_words_become_chips_that_change_the_words(page: Page) -> None:
    page.goto("/search?text=dog+on+a+couch+without+cats")
    expect(chips(page)).to_have_text(
        [re.compile(text) for text in ("with ?dog", "^on$", "with ?couch", "without ?cats")]
    )
    expect(page.locator("#words")).to_have_value("dog on a couch without cats")
    page.get_by_role("button", name="Remove dog on couch").click()
    expect(page.locator("#words")).to_have_value("dog, couch, not cats")
    expect(chips(page)).to_have_count(3)
    page.get_by_role("button", name="with couch: switch to without").click()
    expect(page.locator("#words")).to_have_value("dog, not couch, not cats")
    expect(page.locator(".word-chip.without")).to_have_count(2)
    page.get_by_role("button", name="without cats: switch to with").click()
    expect(page.locator(".word-chip.with")).to_have_count(2)
    assert asked(page)["text"] == "dog, cats, not couch"
    page.go_back()
    expect(page.locator(".word-chip.without")).to_have_count(2)
    page.get_by_role("button", name="Remove dog", exact=True).click()
    expect(page.locator("#blank")).to_contain_text("is excluded")


def test_quick_clicks_are_taken_one_after_the_other(page: Page) -> None:
    """A chip that was taken away does not come back with the next, though the server has not answered in between."""
    page.goto("/search?text=dog,+couch,+cat,+bird")
    expect(chips(page)).to_have_count(4)
    page.evaluate("""() => {
      for (const name of ["dog", "cat"]) document.querySelector(`[aria-label="Remove ${name}"]`).click();
    }""")
    expect(page.locator("#words")).to_have_value("couch, bird")
    expect(chips(page)).to_have_count(2)


def test_an_unknown_word_offers_its_own_suggestions(page: Page) -> None:
    page.goto("/search?text=dog,+motorcicle,+xyzzyx")
    unknown = page.locator(".word-chip.unknown")
    expect(unknown).to_have_count(2)
    expect(unknown.nth(0).locator(".instead").first).to_have_text("motorcycle")
    expect(unknown.nth(1).locator(".instead")).to_have_count(0)
    unknown.nth(0).get_by_role("button", name="Use motorcycle instead of motorcicle").click()
    expect(page.locator(".word-chip.with")).to_have_count(2)
    assert asked(page)["text"] == "dog, motorcycle, xyzzyx"
    page.get_by_role("button", name="Remove xyzzyx").click()
    expect(unknown).to_have_count(0)


def test_what_is_ignored_and_what_others_stand_for_is_seen(page: Page) -> None:
    page.goto("/search?text=two+kayaks")
    expect(page.locator(".word-chip.substituted")).to_have_text(re.compile("kayaks"))
    expect(page.locator(".word-chip.ignored")).to_have_text(re.compile("two"))
    page.get_by_role("button", name="Remove two").click()
    expect(page.locator(".word-chip.ignored")).to_have_count(0)
    assert asked(page)["text"] == "kayaks"


def test_chips_by_keyboard(page: Page) -> None:
    """The focus stays on the chip that is switched, and goes to its neighbour when one is taken away."""
    page.goto("/search?text=dog,+couch")
    page.get_by_role("button", name="with couch").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="without couch")).to_be_focused()
    expect(page.locator("#results .result").first).to_be_visible()
    expect(page.get_by_role("button", name="without couch")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_count(1)
    expect(page.locator("#word-chips button:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#words")).to_be_focused()


def test_beside_an_example_words_are_like_with_or_without(page: Page) -> None:
    """Like: what is found resembles both; with: the photo shows that, too."""
    page.goto("/search?segment=1&text=dog,+cat")
    expect(page.locator(".word-chip.like")).to_have_count(2)
    with page.expect_request("**/api/v1/search") as sent:
        page.get_by_role("button", name="like cat: switch to with").click()
    assert sent.value.post_data_json["text"] == "dog"
    assert sent.value.post_data_json["also"] == [{"text": "cat"}]
    expect(page.locator(".legend li")).to_have_count(2)
    assert (asked(page)["text"], asked(page)["must"]) == ("dog", "cat")
    page.reload()
    expect(page.locator(".word-chip.with")).to_have_text(re.compile("cat"))
    page.get_by_role("button", name="with cat: switch to without").click()
    expect(page.locator(".word-chip.without")).to_have_count(1)
    assert asked(page)["text"] == "dog, not cat"
    page.get_by_role("button", name="without cat: switch to like").click()
    expect(page.locator(".word-chip.like")).to_have_count(2)


def test_without_examples_what_must_be_there_is_among_the_words(page: Page) -> None:
    page.goto("/search?text=dog&must=cat")
    expect(page.locator(".word-chip.with")).to_have_count(2)
    page.goto("/search?segment=1&text=dog&must=cat&group=segment")
    expect(page.locator(".word-chip.like")).to_have_count(2)
