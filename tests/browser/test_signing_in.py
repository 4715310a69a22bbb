"""Signing in and out, and what a viewer is shown, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import PASSWORD, Complaints, Site, sign_in
from photo_page import more
from playwright.sync_api import Browser, Page, expect

from retrieval.catalog.records import ConceptModel
from webui.auth import passwords

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, closed: Site, complaints: Complaints) -> Iterator[Page]:
    context = browser.new_context(base_url=closed.url, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", complaints.hear)
    page.on("pageerror", lambda error: complaints.found.append(str(error)))
    yield page
    context.close()
    assert [each for each in complaints.unexpected if "Clear-Site-Data" not in each] == []


def test_in_back_to_where_one_was_going_and_out(page: Page, complaints: Complaints) -> None:
    page.goto("/photos/1")
    expect(page).to_have_title("Sign in – SegSearch")
    complaints.expected = ("401",)
    sign_in(page, "editor", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("Wrong user name or password")
    expect(page.get_by_label("Password")).to_be_focused()
    sign_in(page, "editor")
    page.wait_for_url("**/photos/1")
    more(page)
    expect(page.get_by_role("button", name="Delete").first).to_be_visible()
    cookie = page.context.cookies()[0]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert page.evaluate("document.cookie") == ""
    page.evaluate("sessionStorage.setItem('query', '{}')")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    assert page.evaluate("sessionStorage.length") == 0
    assert page.request.get("/api/v1/images").status == 401


def test_a_viewer_looks_and_searches(page: Page, closed: Site) -> None:
    page.goto("/login")
    sign_in(page, "viewer")
    expect(page.locator("#photos .card")).to_have_count(3)
    expect(page.get_by_role("link", name="Add", exact=True)).to_have_count(0)
    page.goto("/search?segment=1")
    expect(page.locator("#results .card").first).to_be_visible()
    expect(page.locator("#results .votes")).to_have_count(0)
    for address in ("/photos/1", "/concepts", "/discover"):
        page.goto(address)
        expect(page.locator("button.danger, #import, #merge, #update")).to_have_count(0)
    sees_names_and_gives_none(page, closed)


def sees_names_and_gives_none(page: Page, closed: Site) -> None:
    """On the page of a photo."""
    segment = closed.assembly.catalog.segments.of_image(1)[0].id
    vectors = closed.assembly.catalog.vectors.of_segments([segment]).vectors
    space = closed.assembly.recipe_spec.space
    model = ConceptModel(space=space, directions=vectors, threshold=-2.0, query=None, positive=(segment,), negative=())
    concept = closed.assembly.concepts.add("corner", model)
    page.goto(f"/photos/1#s{segment}")
    bar = page.get_by_role("toolbar")
    expect(bar.locator(".tag")).to_have_text("corner")
    expect(bar.get_by_role("link", name="Search")).to_be_visible()
    expect(bar.get_by_role("button", name="cut-out")).to_be_visible()
    expect(bar.get_by_role("button", name="Name")).to_have_count(0)
    expect(bar.locator(".tag button, form")).to_have_count(0)
    closed.assembly.concepts.delete(concept)


def test_a_session_that_ends_while_a_page_is_open(page: Page, closed: Site, complaints: Complaints) -> None:
    page.goto("/login?next=/worst")
    sign_in(page, "viewer")
    page.wait_for_url(f"{closed.url}/worst")
    closed.assembly.accounts.change("viewer", password_hash=passwords.hashed(PASSWORD))
    complaints.expected = ("401",)
    page.locator("#words").press_sequentially("do")
    page.wait_for_url(re.compile(r"/login\?next=%2Fworst$"))


def test_an_admin_adds_changes_and_removes_a_user(page: Page, closed: Site, complaints: Complaints) -> None:
    """By the keyboard alone, but for the choice of a role."""
    accounts = closed.assembly.accounts
    page.goto("/login?next=/users")
    sign_in(page, "admin")
    page.wait_for_url("**/users")  # and until its scripts have run
    add = page.get_by_role("button", name="Add user")
    add.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Add user")
    expect(dialog.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Viewer")
    dialog.get_by_label("Role").select_option("editor")
    dialog.get_by_label("Password", exact=True).fill("pass phrase of ben")
    complaints.expected = ("422",)
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("there is already a user Viewer")
    dialog.get_by_label("Name").fill("ben")
    with page.expect_event("load"):
        page.keyboard.press("Enter")
    row = page.locator("[data-user=ben]")
    expect(row).to_contain_text("editor, since")
    change = row.get_by_role("button", name="Change ben")
    change.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Change ben")
    dialog.get_by_label("Role").select_option("viewer")
    dialog.get_by_label("New password").fill("another phrase")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("viewer, since")
    expect(change).to_be_focused()
    ben = accounts.named("ben")
    assert ben is not None
    assert ben.role == "viewer"
    assert passwords.matches("another phrase", ben.password_hash)
    assert page.locator("[data-user=admin] button").count() == 0, "nobody removes or demotes themselves"
    page.on("dialog", lambda asked: asked.accept())
    accounts.add_token("ben", "script")
    page.reload()
    page.get_by_role("button", name="Revoke script of ben").click()
    expect(page.locator("[data-token]")).to_have_count(0)
    assert accounts.tokens() == []
    row.get_by_role("button", name="Remove ben").click()
    expect(row).to_have_count(0)
    assert accounts.named("ben") is None


def test_ones_own_password_and_tokens(page: Page, closed: Site, complaints: Complaints) -> None:
    accounts = closed.assembly.accounts
    page.goto("/login?next=/account")
    sign_in(page, "editor")
    page.wait_for_url("**/account")  # and until its scripts have run
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    page.get_by_label("Name of the new token").fill("script")
    page.keyboard.press("Enter")
    secret = page.get_by_label("Token script created")
    expect(secret).to_be_focused()
    user = accounts.by_token(secret.input_value())
    assert user is not None
    assert user.name == "editor"
    page.reload()
    expect(page.locator("[data-token] strong")).to_have_text("script")
    expect(page.locator("#secret")).to_be_hidden()
    expect(page.locator("#secret")).to_have_value("")
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Revoke script").click()
    expect(page.locator("[data-token]")).to_have_count(0)
    complaints.expected = ("422",)
    page.get_by_label("Current password").fill("wrong")
    new = page.get_by_label("New password")
    new.fill("a new pass phrase")
    page.get_by_label("Show password").check()
    expect(new).to_have_attribute("type", "text")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_contain_text("current password is wrong")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Password changed.")).to_be_visible()
    expect(new).to_have_attribute("type", "password")
    page.reload()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    accounts.change("editor", password_hash=passwords.hashed(PASSWORD))


def test_a_foreign_page_cannot_ask_in_ones_name(page: Page, closed: Site, complaints: Complaints) -> None:
    """A page of another origin on the same machine: its cookies go along, as of the same site."""
    page.goto("/login")
    sign_in(page, "editor")
    expect(page.locator("#photos .card")).to_have_count(3)
    complaints.expected = ("403", "404", "CORS", "ERR_FAILED", "Content Security Policy", "NotSameOrigin")
    elsewhere = page.context.new_page()
    elsewhere.goto(closed.url.replace("127.0.0.1", "localhost") + "/static/js/theme.js")
    status = elsewhere.evaluate(
        """async (url) => {
            try { return (await fetch(url, {method: "DELETE", credentials: "include"})).status } catch (e) { return String(e) }
        }""",
        f"{closed.url}/api/v1/images/1",
    )
    assert "TypeError" in str(status)
    assert page.request.get("/api/v1/images/1").status == 200


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    """Where one signs in, and after."""
    page.set_viewport_size({"width": width, "height": 740})
    page.goto("/login")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sign_in(page, "admin")
    page.get_by_role("link", name="Account of admin").click()
    expect(page.get_by_role("button", name="Sign out").last).to_be_visible()
    page.wait_for_load_state("load")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/users")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Add user").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
