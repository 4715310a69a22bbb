"""Exports in the background: ordered, followed, fetched, given up, and what is said when they fail."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Complaints, Site
from playwright.sync_api import Locator, Page, Route, expect
from test_accessibility import check

from indexer.exports import Exporter
from retrieval.catalog.owners import new_owner
from retrieval.catalog.records import ExportRecord

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def exports(site: Site) -> Iterator[Site]:
    """Without any export, before and after."""

    def remove() -> None:
        for job in site.assembly.export_jobs.all(None):
            site.assembly.export_jobs.remove(job.id, None)

    remove()
    yield site
    remove()


def jobs(site: Site) -> list[ExportRecord]:
    return list(site.assembly.export_jobs.all(None))


def write(site: Site) -> None:
    """Do a worker's share."""
    assert Exporter(site.assembly, lambda: False).write_next()


def asked(page: Page, rows: tuple[int, ...] = (0, 2), address: str = "/search?segment=1&group=segment") -> Locator:
    """The dialog that asks for a format, for some results."""
    page.goto(address)
    results = page.locator("#results .result")
    for row in rows:
        results.nth(row).locator(".shot").focus()
        page.keyboard.press("x")
    page.get_by_role("button", name="Export", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_contain_text("Export")
    return dialog


def ordered(page: Page, kind: str = "CSV") -> Locator:
    """The list of exports, after one was ordered."""
    dialog = asked(page)
    dialog.get_by_role("radio", name=kind).check()
    dialog.get_by_label("Write it in the background").check()
    dialog.get_by_role("button", name="Export", exact=True).click()
    shown = page.get_by_role("dialog", name="Exports")
    expect(shown.locator(".row")).to_have_count(1)
    return shown


def test_it_is_ordered_followed_fetched_and_deleted(page: Page, exports: Site) -> None:
    shown = ordered(page)
    expect(shown.locator(".row")).to_contain_text("waits for a worker")
    expect(shown.get_by_role("progressbar")).to_be_visible()
    check(page, "an export that waits")
    write(exports)
    fetch = shown.get_by_role("link", name="Download CSV")
    expect(fetch).to_be_visible()
    expect(shown.get_by_role("progressbar")).to_be_hidden()
    check(page, "an export that is done")
    with page.expect_download() as download:
        fetch.click()
    rows = list(csv.reader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == 3
    shown.get_by_role("button", name="Delete: CSV").click()
    expect(shown.locator(".row")).to_have_count(0)
    expect(shown).to_contain_text("No export was ordered.")
    assert jobs(exports) == []


def test_its_end_is_told_on_another_page(page: Page, exports: Site) -> None:
    ordered(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto("/concepts")
    write(exports)
    toast = page.locator(".toast", has_text="The export as CSV is ready.")
    expect(toast).to_be_visible()
    with page.expect_download() as download:
        toast.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.endswith(".csv")
    page.goto("/")
    page.get_by_role("button", name="Exports").click()
    expect(page.get_by_role("dialog", name="Exports").get_by_role("link", name="Download CSV")).to_be_visible()


def test_it_is_given_up(page: Page, exports: Site) -> None:
    shown = ordered(page)
    shown.get_by_role("button", name="Cancel: CSV").click()
    expect(shown.locator(".row")).to_have_count(0)
    assert jobs(exports) == []


def test_a_failure_says_what_to_do(page: Page, exports: Site) -> None:
    shown = ordered(page)
    owner = new_owner()
    (job,) = jobs(exports)
    assert exports.assembly.export_jobs.claim(owner)
    exports.assembly.export_jobs.fail(job.id, owner, "the disk is full: make room, and order it anew")
    expect(shown.locator(".row")).to_contain_text("make room, and order it anew")
    expect(shown.get_by_role("button", name="Delete: CSV")).to_be_visible()


def test_too_many_are_refused(page: Page, exports: Site, complaints: Complaints) -> None:
    complaints.expected = ("409",)
    for _ in range(4):
        exports.assembly.export_jobs.add("", "csv", "{}", 1)
    dialog = asked(page)
    dialog.get_by_label("Write it in the background").check()
    dialog.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("The export failed: ")
    assert len(jobs(exports)) == 4


def test_large_ones_are_written_in_the_background(page: Page, exports: Site) -> None:
    """More than can be downloaded at once; here that is one."""

    def smaller(route: Route) -> None:
        answer = route.fetch()
        body = answer.text()
        assert "const MOST = 500;" in body
        route.fulfill(response=answer, body=body.replace("const MOST = 500;", "const MOST = 1;"))

    page.route("**/bundles/*.js?*", smaller)
    dialog = asked(page)
    background = dialog.get_by_label("Write it in the background")
    expect(background).to_be_checked()
    expect(background).to_be_disabled()
    expect(dialog).to_contain_text("An export of this size is written in the background.")
    check(page, "a large export")
    dialog.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("dialog", name="Exports").locator(".row")).to_have_count(1)
    (job,) = jobs(exports)
    assert (job.format, job.total) == ("coco", 2)


def test_what_a_concept_labels(page: Page, exports: Site) -> None:
    keys = [segment.id for segment in exports.assembly.catalog.segments.of_image(5)[:2]]
    concept = exports.assembly.trainer(exports.assembly.engine()).teach("Exported", keys, [])
    try:
        page.goto("/concepts")
        page.get_by_label("Actions for Exported").click()
        page.get_by_role("button", name="Export segments").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("heading")).to_have_text("Export what is labelled “Exported”")
        expect(dialog.get_by_label("Write it in the background")).to_be_checked()
        dialog.get_by_role("button", name="Export", exact=True).click()
        shown = page.get_by_role("dialog", name="Exports")
        expect(shown.locator(".row")).to_contain_text("COCO")
        write(exports)
        expect(shown.get_by_role("link", name="Download COCO")).to_be_visible()
    finally:
        exports.assembly.concepts.delete(concept)
