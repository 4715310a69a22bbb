"""Uploads of folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from segsearch.client import Client, ForbiddenError, Progress

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(pictures, tmp_path: Path) -> Path:
    """Five photos in folders, one of them twice, a torn file, a text, and a text with a photo's name."""
    place = tmp_path / "Holiday"
    for number in range(4):
        pictures(f"{place}/Day {number % 2}/{number}.png", seed=200 + number)
    shutil.copy(place / "Day 0" / "0.png", place / "again.png")
    (place / "notes.txt").write_text("notes")
    (place / "text.jpg").write_text("no picture")
    return place


def test_a_folder_and_the_rest_of_it(either, served, folder: Path) -> None:
    told: list[Progress] = []
    report = either.ask(served.url, lambda client: client.upload_folder(folder, progress=told.append))
    assert (report.sent, report.known, report.restored) == (4, 1, 0)
    assert list(report.refused) == [folder / "text.jpg"]
    assert "not a supported image" in report.refused[folder / "text.jpg"]
    assert report.left_out == [folder / "notes.txt"]
    assert [each.done for each in told] == [1, 2, 3, 4, 5, 6]
    assert told[-1].done_bytes == told[-1].total_bytes
    assert {each.total for each in told} == {6}
    names = [photo.filename for photo in either.ask(served.url, lambda client: client.photos.all())]
    assert len(names) == 10
    assert {"1.png", "2.png", "3.png"} < set(names)

    shutil.copy(served.library.paths[0], folder / "known.png")
    (folder / "text.jpg").unlink()
    again = either.ask(served.url, lambda client: client.upload_folder(folder))
    assert (again.sent, again.known, again.refused) == (0, 6, {}), "one is known by another way than an upload"


def test_a_second_time_nothing_is_sent(served, folder: Path, monkeypatch) -> None:
    with Client(served.url) as client:
        client.upload_folder(folder)
        (folder / "text.jpg").unlink()
        sent = []
        run = client._connection.run
        monkeypatch.setattr(client._connection, "run", lambda call: sent.append(call.method) or run(call))
        assert client.upload_folder(folder).known == 5
    assert "POST" not in sent


def test_where_photos_were_is_kept(served, folder: Path) -> None:
    with Client(served.url) as client:
        client.upload_folder(folder, concurrency=1)
        counted = {each.name: each.photos for each in client.concepts.folders()}
    assert counted == {"photos": 6, "Day 0": 2, "Day 1": 2}, "of equal bytes, the place of the first"


def test_photos_of_the_trash_come_back(either, served, folder: Path) -> None:
    either.ask(served.url, lambda client: client.upload_folder(folder))
    new = [photo.id for photo in either.ask(served.url, lambda client: client.photos.all()) if photo.id > 6]
    either.ask(served.url, lambda client: client.photos.delete_many(new))
    report = either.ask(served.url, lambda client: client.upload_folder(folder))
    assert (report.sent, report.restored) == (0, 4)


def test_what_stops_all_is_raised(either, served, folder: Path) -> None:
    token = served.tokens()["viewer"]
    with pytest.raises(ForbiddenError):
        either.ask(served.url, lambda client: client.upload_folder(folder), token=token)


def test_a_callback_that_fails_stops_it(either, served, folder: Path) -> None:
    def fail(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        either.ask(served.url, lambda client: client.upload_folder(folder, progress=fail, concurrency=1))
    assert len(either.ask(served.url, lambda client: client.photos.all())) < 10
    assert either.ask(served.url, lambda client: client.upload_folder(folder)).sent > 0


def test_a_file_that_vanishes_is_noted(served, folder: Path) -> None:
    def vanish(progress: Progress) -> None:
        (folder / "again.png").unlink(missing_ok=True)
        (folder / "Day 1" / "3.png").unlink(missing_ok=True)

    with Client(served.url) as client:
        report = client.upload_folder(folder, progress=vanish, concurrency=1)
    assert folder / "again.png" in report.refused


def test_no_folder(either, served, folder: Path) -> None:
    for path in (folder / "nowhere", folder / "notes.txt"):
        with pytest.raises(NotADirectoryError, match="give the folder"):
            either.ask(served.url, lambda client, path=path: client.upload_folder(path))
