"""Files that come, move, change and go."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import ToyLibrary, analysis

from retrieval.catalog import locations as module
from retrieval.errors import UnknownImageError
from retrieval.storage.locations import SeenFile, path_of, uri_of

X, Y = (1, 0, 0, 0), (0, 1, 0, 0)


def seen(name: str, content: str, *, size: int = 10, mtime_ns: int = 1) -> SeenFile:
    """A file as `discover` meets it, its digest told by its content."""
    return SeenFile(f"file:///toys/{name}", f"{content:0>64}", size, mtime_ns)


def outcomes(toys: ToyLibrary, *files: SeenFile) -> list[str]:
    return [registered.outcome for registered in toys.catalog.locations.register(files)]


def names(toys: ToyLibrary) -> dict[str, list[str]]:
    """Where the bytes of every photo are, by their digest without its zeros."""
    return {
        image.sha256.lstrip("0"): sorted(Path(place.path).name for place in image.locations)
        for image in toys.catalog.images.page(limit=500)
    }


class TestRegistering:
    def test_a_new_file_is_pending(self, toys: ToyLibrary) -> None:
        (registered,) = toys.catalog.locations.register([seen("a", "1")])
        assert registered.outcome == "new"
        image = toys.catalog.images.get(registered.image_id)
        assert (image.state, image.attempts, image.segment_count, image.recipe) == ("pending", 0, 0, None)
        assert [place.uri for place in image.locations] == ["file:///toys/a"]

    def test_the_same_file_again_is_unchanged(self, toys: ToyLibrary) -> None:
        first = toys.catalog.locations.register([seen("a", "1")])
        toys.ingest_queue.claim("toys", 1)
        toys.finish(first[0].image_id, analysis([X]))
        again = toys.catalog.locations.register([seen("a", "1", mtime_ns=2)])
        assert again[0].outcome == "unchanged"
        assert again[0].image_id == first[0].image_id
        assert toys.catalog.locations.known(["file:///toys/a"])["file:///toys/a"].mtime_ns == 2

    def test_one_that_still_waits_says_so(self, toys: ToyLibrary) -> None:
        first = toys.catalog.locations.register([seen("a", "1")])[0]
        again = toys.catalog.locations.register([seen("a", "1", mtime_ns=2)])[0]
        assert (first.outcome, again.outcome) == ("new", "unchanged")
        assert (again.image_id, again.waits) == (first.image_id, True)

    def test_the_same_bytes_elsewhere_are_a_duplicate(self, toys: ToyLibrary) -> None:
        assert outcomes(toys, seen("a", "1")) == ["new"]
        assert outcomes(toys, seen("b", "1")) == ["duplicate"]
        assert names(toys) == {"1": ["a", "b"]}

    def test_within_one_call_too(self, toys: ToyLibrary) -> None:
        assert outcomes(toys, seen("a", "1"), seen("b", "1"), seen("c", "2")) == ["new", "duplicate", "new"]

    def test_changed_bytes_are_a_new_photo_and_the_old_one_goes(self, toys: ToyLibrary) -> None:
        old = toys.catalog.locations.register([seen("a", "1")])[0].image_id
        assert outcomes(toys, seen("a", "2")) == ["new"]
        assert names(toys) == {"2": ["a"]}
        with pytest.raises(UnknownImageError):
            toys.catalog.images.get(old)

    def test_the_old_photo_stays_while_it_is_elsewhere(self, toys: ToyLibrary) -> None:
        outcomes(toys, seen("a", "1"), seen("b", "1"))
        assert outcomes(toys, seen("a", "2")) == ["new"]
        assert names(toys) == {"1": ["b"], "2": ["a"]}

    def test_changed_to_bytes_that_are_known(self, toys: ToyLibrary) -> None:
        outcomes(toys, seen("a", "1"), seen("b", "2"))
        assert outcomes(toys, seen("a", "2")) == ["duplicate"]
        assert names(toys) == {"2": ["a", "b"]}

    def test_segments_of_the_old_bytes_go_with_them(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X, Y]))
        (place,) = toys.catalog.images.get(image).locations
        toys.catalog.locations.register([SeenFile(place.uri, "f" * 64, 1, 1)])
        assert toys.catalog.segments.hits([1, 2]) == {}
        assert toys.catalog.vectors.contents(toys.recipe).segments == 0

    def test_two_files_that_changed_places(self, toys: ToyLibrary) -> None:
        before = [each.image_id for each in toys.catalog.locations.register([seen("a", "1"), seen("b", "2")])]
        swapped = toys.catalog.locations.register([seen("a", "2"), seen("b", "1")])
        assert names(toys) == {"1": ["b"], "2": ["a"]}
        assert [each.image_id for each in swapped] == before[::-1], "nothing is analysed again"

    def test_files_that_were_renumbered(self, toys: ToyLibrary) -> None:
        photos = [
            each.image_id for each in toys.catalog.locations.register([seen(str(n), str(n)) for n in range(1, 5)])
        ]
        moved = toys.catalog.locations.register([seen(str(n + 1), str(n)) for n in range(1, 5)])
        assert {key: value[-1:] for key, value in names(toys).items()} == {str(n): [str(n + 1)] for n in range(1, 5)}
        assert [each.image_id for each in moved] == photos

    def test_nothing(self, toys: ToyLibrary) -> None:
        assert toys.catalog.locations.register([]) == []
        assert toys.catalog.locations.known([]) == {}

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from("1234")), max_size=4))
    @pytest.mark.slow
    def test_the_last_bytes_of_every_place_are_what_is_known(
        self, toys: ToyLibrary, rounds: list[dict[str, str]]
    ) -> None:
        for image in toys.catalog.images.page(limit=500):
            toys.catalog.images.delete(image.id)
        last: dict[str, str] = {}
        for files in rounds:
            toys.catalog.locations.register([seen(name, content) for name, content in files.items()])
            last.update(files)
        expected: dict[str, list[str]] = {}
        for name, content in sorted(last.items()):
            expected.setdefault(content, []).append(name)
        assert names(toys) == expected


class TestKnown:
    def test_what_is_known_of_places(self, toys: ToyLibrary) -> None:
        image = toys.catalog.locations.register([seen("a", "1", size=7, mtime_ns=9)])[0].image_id
        known = toys.catalog.locations.known(["file:///toys/a", "file:///toys/b"])
        assert list(known) == ["file:///toys/a"]
        found = known["file:///toys/a"]
        assert (found.image_id, found.size, found.mtime_ns, found.state, found.is_missing) == (
            image,
            7,
            9,
            "pending",
            False,
        )

    def test_more_places_than_one_question_holds(self, toys: ToyLibrary) -> None:
        toys.catalog.locations.register([seen(f"{n}", f"{n}") for n in range(600)])
        assert len(toys.catalog.locations.known([f"file:///toys/{n}" for n in range(700)])) == 600

    @given(st.binary(min_size=1, max_size=20).filter(lambda name: b"/" not in name and b"\0" not in name))
    def test_every_name_survives_as_a_uri(self, name: bytes) -> None:
        if name in (b".", b".."):
            return
        path = Path(os.fsdecode(b"/photos/" + name))
        uri = uri_of(path)
        assert uri == path.as_uri()
        assert uri.isascii()
        assert path_of(uri) == path

    def test_names_that_are_not_utf8(self, toys: ToyLibrary, tmp_path: Path) -> None:
        path = tmp_path / os.fsdecode(b"caf\xe9 100% #1?.jpg")
        path.write_bytes(b"x")
        image = toys.catalog.locations.register([SeenFile(uri_of(path), "a" * 64, 1, 1)])[0].image_id
        assert toys.catalog.images.get(image).path == path
        (job,) = toys.ingest_queue.claim("w", 1)
        assert job.uris == (uri_of(path),)
        assert path_of(job.uris[0]).read_bytes() == b"x"
        toys.ingest_queue.fail("w", image, f"{path}: broken")
        assert "caf" in str(toys.catalog.images.get(image).error)


class TestMissing:
    @pytest.fixture
    def folder(self, toys: ToyLibrary, tmp_path: Path) -> Path:
        """Two photos in a folder, one in a folder whose name begins alike."""
        for number, name in enumerate(("photos/a", "photos/b", "photos2/c")):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.touch()
            toys.catalog.locations.register([SeenFile(uri_of(path), f"{number:064}", 0, 1)])
        return tmp_path / "photos"

    def missing(self, toys: ToyLibrary) -> list[bool]:
        return [image.is_missing for image in toys.catalog.images.page()]

    def test_what_is_gone_below_a_folder_is_noted_once(self, toys: ToyLibrary, folder: Path) -> None:
        (folder / "a").unlink()
        (folder.parent / "photos2" / "c").unlink()
        assert toys.catalog.locations.note_missing(uri_of(folder)) == 1
        assert self.missing(toys) == [True, False, False]
        assert toys.catalog.locations.note_missing(uri_of(folder)) == 0

    def test_files_that_were_just_seen_are_not_looked_for(self, toys: ToyLibrary, folder: Path) -> None:
        places = toys.catalog.locations.known([uri_of(folder / name) for name in "ab"])
        for name in "ab":
            (folder / name).unlink()
        seen = np.array([places[uri_of(folder / "a")].id], np.int64)
        assert toys.catalog.locations.note_missing(uri_of(folder), seen) == 1
        assert self.missing(toys) == [False, True, False]

    def test_more_places_than_one_block_holds(
        self, toys: ToyLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "BLOCK", 2)
        toys.catalog.locations.register([SeenFile(uri_of(folder / f"gone{n}"), f"{n + 9:064}", 0, 1) for n in range(5)])
        assert toys.catalog.locations.note_missing(uri_of(folder)) == 5

    def test_a_single_file(self, toys: ToyLibrary, folder: Path) -> None:
        (folder / "a").unlink()
        (folder / "b").unlink()
        assert toys.catalog.locations.note_missing(uri_of(folder / "b")) == 1
        assert self.missing(toys) == [False, True, False]

    def test_what_is_registered_again_is_there_again(self, toys: ToyLibrary, folder: Path) -> None:
        (folder / "a").unlink()
        toys.catalog.locations.note_missing(uri_of(folder))
        assert toys.catalog.locations.known([uri_of(folder / "a")])[uri_of(folder / "a")].is_missing
        toys.catalog.locations.register([SeenFile(uri_of(folder / "a"), f"{0:064}", 0, 1)])
        assert self.missing(toys) == [False, False, False]

    def test_a_photo_with_a_place_left_is_not_missing(self, toys: ToyLibrary, folder: Path) -> None:
        toys.catalog.locations.register([SeenFile(uri_of(folder / "b"), f"{0:064}", 0, 1)])
        (folder / "a").unlink()
        toys.catalog.locations.note_missing(uri_of(folder))
        image = toys.catalog.images.page()[0]
        assert not image.is_missing
        assert image.path == folder / "b"

    def test_a_folder_that_may_not_be_looked_into_is_no_reason_to_stop(
        self, toys: ToyLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forbidden(*_: object, **__: object) -> os.stat_result:
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", forbidden)
            assert toys.catalog.locations.note_missing(uri_of(folder)) == 2

    def test_others_write_while_the_disk_is_asked_for_files(
        self, toys: ToyLibrary, writes: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        toys.add(analysis([X]))
        asked = []

        def exists(path: Path) -> bool:
            writes()
            asked.append(path)
            return False

        with monkeypatch.context() as patch:
            patch.setattr(module.os.path, "exists", exists)
            assert toys.catalog.locations.note_missing(uri_of(Path("/toys"))) == 1
        assert len(asked) == 1
        assert toys.catalog.images.page()[0].is_missing


class TestMoving:
    def test_all_that_is_below(self, toys: ToyLibrary) -> None:
        locations = toys.catalog.locations
        locations.register([seen("a/1", "1"), seen("ab/1", "2")])
        assert locations.move("file:///toys/a", "s3://bucket/x") == 1
        assert {uri for _, uri in locations.all()} == {"s3://bucket/x/1", "file:///toys/ab/1"}
        assert locations.move("s3://bucket/x", "s3://bucket/x") == 0
        assert len(locations.all()) == 2

    def test_a_file_that_was_at_both_places_is_at_one(self, toys: ToyLibrary) -> None:
        locations = toys.catalog.locations
        locations.register([seen("a/1", "1"), seen("b/1", "1"), seen("a/2", "2")])
        assert locations.move("file:///toys/a", "file:///toys/b") == 2
        assert sorted(uri for _, uri in locations.all()) == [f"file:///toys/b/{n}" for n in (1, 2)]
