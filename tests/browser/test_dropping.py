"""Files that are dropped on any page, and ZIP files that are unpacked in the page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from browsing import Complaints, Site, drawing
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

DRAG = """([files, types]) => {
  const transfer = new DataTransfer();
  for (const [name, type, content] of files) transfer.items.add(new File([new Uint8Array(content)], name, { type }));
  for (const [event, selector] of types) document.querySelector(selector).dispatchEvent(
    new DragEvent(event, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    drawing(number).save(buffer, "PNG")
    return buffer.getvalue()


def drag(page: Page, files: Sequence[tuple[str, str, bytes]], *events: tuple[str, str]) -> None:
    """Drag files over a page: events, each with where."""
    page.evaluate(DRAG, [[[name, kind, list(content)] for name, kind, content in files], events])


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def choose(page: Page, content: bytes, name: str = "photos.zip") -> Any:
    """Choose a ZIP file on the page for adding photos; returns the rows of what became of its files."""
    page.goto("/upload")
    page.locator("#files").set_input_files([{"name": name, "mimeType": "application/zip", "buffer": content}])
    return page.locator(".files li")


@pytest.fixture(autouse=True)
def as_it_was(site: Site) -> Iterator[None]:
    """Photos that a test adds are deleted after it."""
    before = {image.id for image in site.assembly.catalog.images.page(limit=500)}
    yield
    for image in site.assembly.catalog.images.page(limit=500):
        if image.id not in before:
            site.assembly.catalog.images.delete(image.id)


@pytest.mark.parametrize("address", ["/", "/photos/3", "/concepts", "/discover"])
def test_files_can_be_dropped_on_every_page(page: Page, site: Site, address: str) -> None:
    page.goto(address)
    photo, other = (("dropped.png", "image/png", png(number)) for number in (620, 621))
    drag(page, [photo], ("dragenter", "body"))
    expect(page.locator(".veil")).to_contain_text("Add to the library")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    drag(page, [photo], ("dragleave", "body"))
    expect(page.locator(".veil")).to_have_count(0)
    drag(page, [photo, other], ("dragenter", "body"), ("dragover", ".zone"), ("drop", ".zone"))
    expect(page.locator(".veil")).to_have_count(0)
    rows = page.locator(".uploads .files li")
    expect(rows).to_have_count(2)
    expect(page.locator(".uploads .tally")).to_contain_text("2 files")
    expect(rows.first).to_contain_text("being segmented")
    site.work()
    expect(rows.first).to_contain_text("searchable")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".uploads")).to_be_hidden()


def test_a_photo_on_the_search_page_is_the_query_or_is_added(page: Page, site: Site) -> None:
    photo = ("dropped.png", "image/png", png(502))
    page.goto("/search")
    drag(page, [photo], ("dragenter", "body"), ("drop", "body"))
    page.wait_for_url("**/search?query=*")
    drag(page, [photo], ("dragenter", "body"))
    zones = page.locator(".zone")
    assert [text.split("\n")[0] for text in zones.all_inner_texts()] == ["Search with this photo", "Add to the library"]
    drag(page, [photo], ("dragover", ".zone:last-child"))
    expect(zones.last).to_have_class("zone over")
    drag(page, [photo], ("drop", ".zone:last-child"))
    expect(page.locator(".uploads .files li")).to_contain_text("being segmented")
    site.work()
    drag(page, [photo, photo], ("dragenter", "body"))
    expect(zones).to_have_count(1)
    expect(zones).to_contain_text("Add to the library")


def test_zip_files_are_unpacked(page: Page, site: Site, complaints: Complaints) -> None:
    """With their folders, whatever their names are; what is no photo is said to be none."""
    complaints.expected = ("415",)
    content = zipped(
        {
            "sea.png": png(640),
            "Day 1/": b"",
            "../../Day 1/é/beach.png": png(641),
            "__MACOSX/._sea.png": b"x",
            "Day 1/.DS_Store": b"x",
            "inner.zip": zipped({"a.png": png(642)}),
            "note.txt": b"words",
        }
    )
    rows = choose(page, content, "Holiday.zip")
    expect(rows).to_have_count(4)
    expect(rows.filter(has_text="inner.zip")).to_contain_text("ZIP files in ZIP files are not unpacked")
    expect(rows.filter(has_text="note.txt")).to_contain_text("not a supported image")
    expect(rows.filter(has_text="being segmented")).to_have_count(2)
    site.work()
    expect(rows.filter(has_text="searchable")).to_have_count(2)
    names = {
        place.uploaded_as
        for image in site.assembly.catalog.images.page(limit=2, newest_first=True)
        for place in image.locations
    }
    assert names == {"Holiday/sea.png", "Day 1/é/beach.png"}


def test_stored_entries_and_large_directories(page: Page, site: Site) -> None:
    """Entries that are not compressed, and numbers of 64 bits."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive,
        archive.open("big.png", "w", force_zip64=True) as entry,
    ):
        entry.write(png(650))
    content = bytearray(buffer.getvalue())
    at = content.rindex(b"PK\x01\x02")
    sizes = content[at + 20 : at + 28]
    name, extra = (int.from_bytes(content[at + place : at + place + 2], "little") for place in (28, 30))
    assert extra == 0
    wide = b"\x01\x00\x10\x00" + sizes[4:] + bytes(4) + sizes[:4] + bytes(4)
    content[at + 20 : at + 28] = b"\xff" * 8
    content[at + 30 : at + 32] = len(wide).to_bytes(2, "little")
    content[at + 46 + name : at + 46 + name] = wide
    end = content.rindex(b"PK\x05\x06")
    record = b"PK\x06\x06" + (44).to_bytes(8, "little") + bytes(12) + (1).to_bytes(8, "little") * 2
    record += (end - at).to_bytes(8, "little") + at.to_bytes(8, "little")
    locator = b"PK\x06\x07" + bytes(4) + end.to_bytes(8, "little") + (1).to_bytes(4, "little")
    rows = choose(page, bytes(content[:end]) + record + locator + bytes(content[end:]))
    expect(rows).to_contain_text("being segmented")
    site.work()
    expect(rows).to_contain_text("searchable")


def damaged(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """A ZIP file with other bytes at a place of its last record of a kind."""
    at = content.rindex(mark) + offset
    return content[:at] + value + content[at + len(value) :]


PHOTO = zipped({"a.png": png(660)})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04 and no more", "it is no ZIP file, or not a whole one"),
        (PHOTO[:-30], "it is no ZIP file, or not a whole one"),
        (damaged(PHOTO, b"PK\x05\x06", 16, b"\xff\xff\x00\x00"), "its directory is damaged"),
        (damaged(PHOTO, b"PK\x05\x06", 10, b"\x09\x00"), "its directory is damaged"),
        (damaged(PHOTO, b"PK\x01\x02", 0, b"XX"), "its directory is damaged"),
        (damaged(PHOTO, b"PK\x05\x06", 10, b"\xff\xff"), "up to 20,000 are unpacked here"),
        (damaged(PHOTO, b"PK\x01\x02", 8, b"\x01\x00"), "it is encrypted"),
        (damaged(PHOTO, b"PK\x01\x02", 10, b"\x0c\x00"), "packed by a method that is not known here"),
        (damaged(PHOTO, b"PK\x01\x02", 24, b"\x10\x00\x00\x00"), "it unpacks to more than the ZIP file says"),
        (damaged(PHOTO, b"PK\x03\x04", 0, b"XX"), "the ZIP file is damaged here"),
        (damaged(PHOTO, b"PK\x03\x04", 45, b"\xff\xff\xff\xff"), "the ZIP file is damaged here"),
        (zipped({"a.png": bytes(10_000_000)}), "it would unpack to far more than a photo has"),
        (zipped({}), "There is nothing in it."),
        (zipped({".hidden": b"x"}), "There is nothing in it."),
    ],
)
def test_bad_zip_files_are_told(page: Page, site: Site, content: bytes, why: str) -> None:
    before = site.assembly.catalog.images.counts()
    expect(choose(page, content)).to_contain_text(why)
    assert site.assembly.catalog.images.counts() == before
