"""What is found on a disk, whatever lies about there."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from toys import Pictures

from indexer import registering
from indexer import scan as discover
from indexer.report import Tally
from indexer.scan import register_files
from indexer.walk import find_files
from retrieval.assembly import Assembly
from retrieval.catalog import locations
from retrieval.catalog.records import KnownLocation
from retrieval.storage.locations import Registered, SeenFile


def found(*paths: Path) -> list[str]:
    """Names of the files below the first path, in order."""
    return [os.path.relpath(path, paths[0]) for path in find_files(paths)]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def seen(assembly: Assembly, *paths: Path) -> Tally:
    tally = Tally()
    register_files(assembly, paths, tally)
    return tally


def outcomes(assembly: Assembly, *paths: Path) -> dict[str, int]:
    """What became of the files; ``entered`` are those that have to be worked on."""
    tally = seen(assembly, *paths)
    counts = {"entered": len(tally.photos), "failed": len(tally.failures), **tally._counts}
    assert sum(counts.values()) == tally.files
    return {name: count for name, count in counts.items() if count}


class TestFinding:
    def test_everything_below_sorted_within_a_folder(self, tmp_path: Path) -> None:
        touch(tmp_path, "b.jpg", "a/z.jpg", "a/b/c.png", "c", "B.txt")
        assert found(tmp_path) == ["B.txt", "a/b/c.png", "a/z.jpg", "b.jpg", "c"]

    def test_a_file_is_itself(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.jpg", "b.jpg")
        assert list(find_files([tmp_path / "b.jpg"])) == [tmp_path / "b.jpg"]

    def test_hidden_folders_are_not_entered(self, tmp_path: Path) -> None:
        touch(tmp_path, ".git/a.jpg", "a/.thumbnails/b.jpg", "a/c.jpg", ".hidden.jpg")
        assert found(tmp_path) == [".hidden.jpg", "a/c.jpg"]

    def test_links_in_a_circle_are_followed_once(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/photo.jpg")
        (tmp_path / "a" / "up").symlink_to(tmp_path)
        (tmp_path / "a" / "same").symlink_to(".")
        assert found(tmp_path) == ["a/photo.jpg"]

    def test_a_link_to_a_folder_elsewhere_is_followed(self, tmp_path: Path) -> None:
        touch(tmp_path, "other/photo.jpg")
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "link").symlink_to(tmp_path / "other")
        assert found(tmp_path / "in") == ["link/photo.jpg"]

    def test_links_out_of_the_folders_can_be_left_alone(self, tmp_path: Path) -> None:
        touch(tmp_path, "other/photo.jpg", "other/secret.jpg", "in/own.jpg", "in/sub/own.jpg", "too/own.jpg")
        folder = tmp_path / "in"
        (folder / "folder").symlink_to(tmp_path / "other")
        (folder / "file.jpg").symlink_to(tmp_path / "other" / "secret.jpg")
        (folder / "up.jpg").symlink_to("../other/secret.jpg")
        (folder / "chain.jpg").symlink_to("file.jpg")
        (folder / "circle.jpg").symlink_to("circle.jpg")
        (folder / "inner.jpg").symlink_to("sub/own.jpg")
        (folder / "to-the-other.jpg").symlink_to(tmp_path / "too" / "own.jpg")

        def names(*paths: Path) -> list[str]:
            return [os.path.relpath(path, folder) for path in find_files(paths, within=True)]

        assert names(folder) == ["inner.jpg", "own.jpg", "sub/own.jpg"]
        assert "to-the-other.jpg" in names(folder, tmp_path / "too")
        (tmp_path / "here").symlink_to(folder)
        assert len(names(tmp_path / "here")) == 3

    def test_links_that_lead_nowhere_are_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        touch(tmp_path, "z.jpg")
        (tmp_path / "a").symlink_to(tmp_path / "a")
        (tmp_path / "b").symlink_to(tmp_path / "gone")
        assert found(tmp_path) == ["a", "b", "z.jpg"]

    def test_a_folder_given_twice_is_entered_once(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/b.jpg")
        assert found(tmp_path, tmp_path / "a", tmp_path) == ["a/b.jpg"]

    def test_what_is_not_there_is_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        assert list(find_files([tmp_path / "gone" / "a.jpg"])) == [tmp_path / "gone" / "a.jpg"]

    def test_a_folder_that_cannot_be_read_is_passed_over_and_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        touch(tmp_path, "closed/a.jpg", "open/b.jpg")
        scandir = os.scandir

        def forbidden(path: Path) -> object:
            if Path(path).name == "closed":
                raise PermissionError(13, "Permission denied")
            return scandir(path)

        monkeypatch.setattr(discover.os, "scandir", forbidden)
        with caplog.at_level(logging.WARNING):
            assert found(tmp_path) == ["open/b.jpg"]
        assert "closed, which cannot be read: Permission denied" in caplog.text

    def test_names_that_are_not_utf8(self, tmp_path: Path) -> None:
        name = os.fsdecode(b"caf\xe9.jpg")
        touch(tmp_path, name, "cafe.jpg")
        assert sorted(found(tmp_path)) == sorted([name, "cafe.jpg"])


def nest(folder: Path, levels: int, name: str) -> int:
    """Folders in each other, below one that is there; returns a handle of the innermost."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=handle)
        below = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    return handle


class TestDepth:
    """What is made here is deeper than what Python's recursion, a path, or a process's open files allow for."""

    @pytest.fixture(autouse=True)
    def removed(self, pictures: Pictures) -> Iterator[None]:
        """What Python's own means cannot remove."""
        yield
        subprocess.run(["rm", "-rf", pictures.folder], check=True)

    def test_a_photo_below_as_many_folders_as_a_path_can_name(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures("top.png")
        handle = nest(pictures.folder, 1900, "d")
        os.link(pictures("deep.png"), "deep.png", dst_dir_fd=handle)
        os.close(handle)
        assert outcomes(assembly, pictures.folder) == {"entered": 2, "duplicate": 1}
        assert outcomes(assembly, pictures.folder) == {"entered": 2, "duplicate": 1}
        assert not any(image.is_missing for image in assembly.catalog.images.page())

    @pytest.mark.parametrize("within", [False, True])
    def test_what_is_deeper_than_a_path_can_name_is_told(
        self, assembly: Assembly, pictures: Pictures, within: bool
    ) -> None:
        top = pictures("top.png")
        handle = nest(pictures.folder, 3000, "folder")
        os.link(top, "one.png", dst_dir_fd=handle)
        os.symlink("..", "up", dir_fd=handle)
        os.mkdir("more", dir_fd=handle)
        below = os.open("more", os.O_RDONLY, dir_fd=handle)
        os.link(top, "two.png", dst_dir_fd=below)
        tally = Tally()
        register_files(assembly, [pictures.folder], tally, within=within)
        assert len(tally.photos) == 1
        assert sorted(os.path.basename(each.path) for each in tally.failures) == ["one.png", "two.png"]
        assert {each.reason for each in tally.failures} == {
            "its path has more than 4095 bytes: move it to a folder with a shorter path"
        }
        assert tally.files == 3
        os.close(handle)
        os.close(below)

    def test_names_of_every_byte(self, assembly: Assembly, pictures: Pictures) -> None:
        picture = pictures("0.png")
        for byte in set(range(1, 256)) - {ord("/"), ord(".")}:
            os.link(picture, os.fsencode(pictures.folder) + b"/" + bytes([byte]))
            os.mkdir(os.fsencode(pictures.folder) + b"/d" + bytes([byte]))
            os.link(picture, os.fsencode(pictures.folder) + b"/d" + bytes([byte]) + b"/x.png")
        assert outcomes(assembly, pictures.folder) == {"entered": 1, "duplicate": 2 * 253}
        (image,) = assembly.catalog.images.page()
        assert len({place.path for place in image.locations}) == 1 + 2 * 253
        assert all(place.path.is_file() for place in image.locations)


class TestRegistering:
    def test_pictures_are_told_by_their_content(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures("a.jpg").rename(pictures.folder / "a.txt")
        pictures("b.png").rename(pictures.folder / "b")
        touch(pictures.folder, "empty.txt", "empty")
        (pictures.folder / "text.jpg").write_text("This is not a picture, whatever it is called.")
        (pictures.folder / "page.html").write_text("<html>")
        assert outcomes(assembly, pictures.folder) == {"entered": 2, "skipped": 4}

    def test_an_empty_file_that_was_meant_to_be_one_is_entered_to_fail(
        self, assembly: Assembly, pictures: Pictures
    ) -> None:
        touch(pictures.folder, "empty.JPG", "empty.heic")
        assert outcomes(assembly, pictures.folder) == {"entered": 1, "duplicate": 1}

    def test_hidden_files_are_skipped(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures("a.jpg").rename(pictures.folder / ".a.jpg")
        assert outcomes(assembly, pictures.folder, pictures.folder / ".a.jpg") == {"skipped": 1}

    def test_what_cannot_be_read_fails_with_its_reason(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures.folder.mkdir()
        (pictures.folder / "loop").symlink_to("loop")
        (pictures.folder / "nowhere.jpg").symlink_to("gone.jpg")
        os.mkfifo(pictures.folder / "pipe.jpg")
        tally = seen(assembly, pictures.folder)
        assert {Path(each.path).name: each.reason for each in tally.failures} == {
            "loop": "cannot be read: Too many levels of symbolic links",
            "nowhere.jpg": "cannot be read: No such file or directory",
            "pipe.jpg": "cannot be read: not a regular file",
        }

    def test_a_file_without_permission(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forbidden(path: Path) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        path = pictures("a.jpg")
        monkeypatch.setattr(discover, "_digest_of_picture", forbidden)
        (failure,) = seen(assembly, pictures.folder).failures
        assert (failure.path, failure.reason) == (str(path), "cannot be read: Permission denied")

    def test_twice(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures.many(3)
        assert outcomes(assembly, pictures.folder) == {"entered": 3}
        assert outcomes(assembly, pictures.folder) == {"entered": 3}, "they still wait"
        for job in assembly.ingest_queue.claim("w", 9):
            assembly.ingest_queue.fail("w", job.image_id, "broken")
        assert outcomes(assembly, pictures.folder) == {"unchanged": 3}

    def test_unchanged_files_are_not_read_again(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pictures.many(2)
        seen(assembly, pictures.folder)
        monkeypatch.setattr(discover, "_digest_of_picture", lambda path: pytest.fail(f"{path} was read"))
        assert outcomes(assembly, pictures.folder) == {"entered": 2}

    def test_the_same_bytes_at_two_places(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures("a.png", seed=1)
        pictures("b/a.png", seed=1)
        assert outcomes(assembly, pictures.folder) == {"entered": 1, "duplicate": 1}
        assert len(assembly.catalog.images.page()[0].locations) == 2

    def test_a_link_to_a_file_is_another_place(self, assembly: Assembly, pictures: Pictures) -> None:
        (pictures("a.png").parent / "b.png").symlink_to("a.png")
        assert outcomes(assembly, pictures.folder) == {"entered": 1, "duplicate": 1}

    def test_files_named_beside_their_folder_count_once(self, assembly: Assembly, pictures: Pictures) -> None:
        first, *_ = pictures.many(3)
        assert outcomes(assembly, first, pictures.folder, first) == {"entered": 3}

    def test_more_files_than_one_chunk(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registering, "CHUNK", 4)
        first, *_ = pictures.many(10)
        assert outcomes(assembly, pictures.folder, first) == {"entered": 10}
        assert len(assembly.catalog.images.page()) == 10

    def test_few_files_are_registered_at_first(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registering, "FIRST_CHUNK", 2)
        monkeypatch.setattr(registering, "CHUNK", 5)
        register, sizes = assembly.catalog.locations.register, []

        def noting(files: Sequence[SeenFile]) -> list[Registered]:
            sizes.append(len(files))
            return register(files)

        monkeypatch.setattr(assembly.catalog.locations, "register", noting)
        pictures.many(13)
        assert outcomes(assembly, pictures.folder) == {"entered": 13}
        assert sizes == [2, 4, 5, 2]

    def test_files_are_read_at_the_same_time(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registering, "CHUNK", 1)
        digest, together = discover._digest_of_picture, threading.Barrier(discover.READERS, timeout=20)

        def waiting(found: Any) -> str | None:
            together.wait()
            return digest(found)

        monkeypatch.setattr(discover, "_digest_of_picture", waiting)
        pictures.many(discover.READERS)
        assert outcomes(assembly, pictures.folder) == {"entered": discover.READERS}

    def test_the_disk_is_asked_once_for_unchanged_files(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, *_ = pictures.many(4)
        seen(assembly, pictures.folder)
        first.unlink()
        asked: list[Path] = []
        monkeypatch.setattr(locations.os.path, "exists", lambda path: asked.append(path) is not None)
        assert outcomes(assembly, pictures.folder) == {"entered": 3}
        assert asked == [first]
        assert [image.is_missing for image in assembly.catalog.images.page()] == [True, False, False, False]

    def test_a_name_that_is_not_utf8(self, assembly: Assembly, pictures: Pictures) -> None:
        path = pictures("a.png").rename(pictures.folder / os.fsdecode(b"caf\xe9.png"))
        assert outcomes(assembly, pictures.folder) == {"entered": 1}
        assert assembly.catalog.images.page()[0].path == path

    def test_files_that_are_gone_are_noted(self, assembly: Assembly, pictures: Pictures) -> None:
        first, second = pictures.many(2)
        seen(assembly, pictures.folder)
        first.unlink()
        seen(assembly, second)
        assert not any(image.is_missing for image in assembly.catalog.images.page()), "nobody asked for them"
        seen(assembly, pictures.folder)
        assert [image.is_missing for image in assembly.catalog.images.page()] == [True, False]
        pictures("000.jpg")  # another picture at the old place
        seen(assembly, pictures.folder)
        assert not any(image.is_missing for image in assembly.catalog.images.page())

    def test_a_photo_that_is_no_picture_any_more(self, assembly: Assembly, pictures: Pictures) -> None:
        path = pictures("a.png")
        seen(assembly, pictures.folder)
        path.write_text("overwritten")
        assert outcomes(assembly, pictures.folder) == {"skipped": 1}
        assert assembly.catalog.images.page()[0].is_missing


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_out_that_comes_after_the_look_is_not_followed(
    assembly: Assembly, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Between the finding of a file and its reading, whoever can write to the folder puts a link in its place."""
    path, secret = pictures("sub/a.png", seed=1), pictures("../private/a.png", seed=2)
    known = assembly.catalog.locations.known

    def exchanging(uris: list[str]) -> dict[str, KnownLocation]:
        if path.is_symlink() or path.parent.is_symlink():
            return known(uris)
        path.unlink()
        if what == "file":
            path.symlink_to(secret)
        else:
            path.parent.rmdir()
            path.parent.symlink_to(secret.parent)
        return known(uris)

    monkeypatch.setattr(assembly.catalog.locations, "known", exchanging)
    tally = Tally()
    register_files(assembly, [pictures.folder], tally, within=True)
    (failure,) = tally.failures
    assert failure.reason == "cannot be read: it is a link to somewhere outside the given folders"
    assert assembly.catalog.images.page() == []
