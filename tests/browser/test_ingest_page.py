"""The page for adding photos, and what it tells of those on their way in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import Site, drawing
from playwright.sync_api import Page, expect

from retrieval.catalog.owners import new_owner
from retrieval.storage import file_names
from retrieval.storage.locations import path_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def three(site: Site) -> Iterator[list[int]]:
    """Three pending photos; they are deleted at the end."""
    paths = [site.photos / f"on its way {number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        drawing(3000 + number).save(path)
    site.register(paths)
    ids = sorted(photo.id for photo in site.assembly.catalog.images.page(limit=3, newest_first=True))
    yield ids
    site.assembly.ingest_queue.resume()
    for image_id in site.assembly.catalog.images.find(ids):
        site.assembly.catalog.images.delete(image_id)


def test_the_queue_and_what_each_worker_does(page: Page, site: Site, three: list[int]) -> None:
    """A pause says what is still finished; then nothing is claimed."""
    queue, owner = site.assembly.ingest_queue, new_owner()
    queue.claim(owner, 1)
    page.goto("/upload")
    ingest, line = page.locator("#ingest"), page.locator("#intake")
    expect(line).to_contain_text("Segmenting photos: 0 of 3")
    expect(ingest).to_contain_text("2 photos")
    expect(ingest.get_by_role("link", name="on its way 0.png")).to_be_visible()
    line.get_by_role("button", name="Pause").click()
    expect(line).to_contain_text("Pausing once 1 photo in progress is finished")
    expect(ingest).to_contain_text("These are finished before the pause.")
    queue.fail(owner, three[0], "truncated; copy it again")
    page.mouse.click(5, 400)  # nobody is at work in the list
    expect(line).to_contain_text("Paused: 1 of 3")
    expect(ingest).not_to_contain_text("before the pause")
    assert queue.claim(owner, 5) == []
    line.get_by_role("button", name="Resume").click()
    expect(line).to_contain_text("Segmenting photos")


def test_pending_photos_are_cancelled(page: Page, site: Site, three: list[int]) -> None:
    page.goto("/upload")
    page.get_by_role("button", name="Cancel pending").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
    assert len(site.assembly.catalog.images.find(three)) == 3
    page.get_by_role("button", name="Cancel pending").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel pending photos").click()
    expect(page.locator("#toasts")).to_contain_text("3 photos cancelled")
    expect(page.locator("#ingest")).to_contain_text("No photos are waiting")
    assert site.assembly.catalog.images.find(three) == {}


def test_failures_with_picture_reason_and_retry(page: Page, site: Site, three: list[int]) -> None:
    """One at a time by keyboard, or all. A picture is shown if the photo could be decoded."""
    queue, settings = site.assembly.ingest_queue, site.assembly.settings
    for job in queue.claim("test", 2):
        queue.fail("test", job.image_id, f"{path_of(job.uris[0])}: too odd to segment; try another recipe")
    preview = settings.files_dir / file_names.thumbnail(job.sha256)
    preview.parent.mkdir(parents=True, exist_ok=True)
    drawing(3001).save(preview, "JPEG")
    page.goto("/upload")
    rows = page.locator(".failures li")
    expect(rows.first).to_contain_text("on its way 1.png")
    expect(rows.first).to_contain_text("too odd to segment; try another recipe")
    picture = rows.first.get_by_role("presentation").or_(rows.first.locator("img"))
    expect(picture.first).to_be_visible()
    assert picture.first.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 320
    expect(rows.nth(1).locator("img")).to_have_count(0)
    page.get_by_role("button", name="Retry on its way 0.png").focus()
    page.keyboard.press("Enter")
    expect(rows.filter(has_text="on its way 0.png")).to_have_count(0)
    expect(page.locator("#failures")).to_be_focused()
    assert queue.states([three[0]])[three[0]][0] == "pending"
    page.get_by_role("button", name="Retry all").click()
    expect(rows).to_have_count(0)
    for job in queue.claim("test", 100):  # the torn one of the library, too, which stays failed
        if job.image_id not in three:
            queue.fail("test", job.image_id, f"{path_of(job.uris[0])}: truncated; copy it again")
