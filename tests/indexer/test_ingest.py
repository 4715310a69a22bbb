"""An ingest from end to end: what every file came to."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toys import Ingested, Pictures

from indexer import upkeep
from indexer import worker as module
from indexer.commands.progress import print_report
from indexer.report import OUTCOMES, Failure, IngestReport, Tally
from indexer.scan import register_files
from indexer.verify import verify
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.errors import IndexFileError
from retrieval.images.masks import decode_mask
from retrieval.query.request import Ref, SearchRequest
from retrieval.storage import file_names


def enter(assembly: Assembly, *paths: Path) -> IngestReport:
    """Ingest paths."""
    return ingest(assembly, Worker(assembly), paths, Tally())


def counts(report: IngestReport) -> dict[str, int]:
    """Outcomes that occurred."""
    return {outcome: count for outcome, count in report.counts.items() if count}


@pytest.fixture
def mixture(pictures: Pictures) -> Path:
    """A folder with everything a folder may hold."""
    pictures.many(4)
    pictures("same.png", seed=7)
    pictures("elsewhere/same again.png", seed=7)
    pictures.flat()
    whole = pictures("broken.jpg").read_bytes()
    (pictures.folder / "broken.jpg").write_bytes(whole[: len(whole) // 3])
    (pictures.folder / "empty.jpg").touch()
    (pictures.folder / "notes.txt").write_text("not a picture")
    (pictures.folder / ".hidden.png").write_bytes(pictures("x.png").read_bytes())
    (pictures.folder / "x.png").unlink()
    (pictures.folder / "nowhere.jpg").symlink_to("gone.jpg")
    pictures("thin.png", size=(400, 8))
    return pictures.folder


class TestOutcomes:
    def test_every_file_is_in_exactly_one_count(self, assembly: Assembly, mixture: Path) -> None:
        report = enter(assembly, mixture)
        assert counts(report) == {"indexed": 5, "duplicate": 1, "empty": 1, "failed": 4, "skipped": 2}
        assert sum(report.counts.values()) == sum(len(files) for _, _, files in os.walk(mixture))
        assert {Path(failure.path).name for failure in report.failures} == {
            "broken.jpg",
            "empty.jpg",
            "nowhere.jpg",
            "thin.png",
        }
        assert all(failure.reason for failure in report.failures)
        states = assembly.catalog.images.counts()
        assert states == {"pending": 0, "working": 0, "indexed": 5, "empty": 1, "failed": 3}
        assert verify(assembly) == []

    def test_again(self, ingested: Ingested) -> None:
        report = enter(ingested.assembly, ingested.photos)
        assert counts(report) == {"unchanged": len(ingested.paths)}
        assert ingested.assembly.catalog.vectors.contents(ingested.assembly.recipe_spec.fingerprint).segments == 150

    def test_known_bytes_at_a_new_place(self, ingested: Ingested, tmp_path: Path) -> None:
        (tmp_path / "copy").mkdir()
        (tmp_path / "copy" / "a.jpg").write_bytes(ingested.paths[0].read_bytes())
        assert counts(enter(ingested.assembly, tmp_path / "copy")) == {"duplicate": 1}

    def test_a_file_that_was_moved_keeps_its_segments(self, ingested: Ingested) -> None:
        image = ingested.ids[0]
        segments = [segment.id for segment in ingested.assembly.catalog.segments.of_image(image)]
        moved = ingested.paths[0].rename(ingested.photos / "moved.jpg")
        assert counts(enter(ingested.assembly, ingested.photos)) == {"unchanged": 5, "duplicate": 1}
        found = ingested.assembly.catalog.images.get(image)
        assert found.path == moved
        assert not found.is_missing
        assert [segment.id for segment in ingested.assembly.catalog.segments.of_image(image)] == segments

    def test_a_changed_file_is_a_new_photo(self, ingested: Ingested, pictures: Pictures) -> None:
        old = ingested.ids[1]
        pictures(ingested.paths[1].name, seed=99)
        assert counts(enter(ingested.assembly, ingested.photos)) == {"indexed": 1, "unchanged": 5}
        new = ingested.ids[1]
        assert new != old
        assert ingested.assembly.catalog.images.find([old]) == {}
        assert len(ingested.assembly.catalog.segments.of_image(new)) == 25
        assert verify(ingested.assembly) == []

    def test_two_files_that_changed_places(self, ingested: Ingested, tmp_path: Path) -> None:
        before = ingested.ids
        first, second = ingested.paths[1], ingested.paths[3]
        first.rename(tmp_path / "aside")
        second.rename(first)
        (tmp_path / "aside").rename(second)
        assert enter(ingested.assembly, ingested.photos).counts["failed"] == 0
        assert sorted(ingested.ids) == sorted(before)
        assert (ingested.ids[1], ingested.ids[3]) == (before[3], before[1])

    def test_a_file_that_vanished_is_missing_and_still_found(self, ingested: Ingested) -> None:
        gone = ingested.ids[0]
        ingested.paths[0].unlink()
        assert counts(enter(ingested.assembly, ingested.photos)) == {"unchanged": 5}
        assert ingested.assembly.catalog.images.get(gone).is_missing
        ref = Ref(image=ingested.ids[1] if ingested.ids[1] != gone else gone)
        answer = ingested.assembly.engine().search(SearchRequest(positive=(ref,)))
        assert gone in {match.image_id for match in answer.results}

    def test_a_file_that_vanishes_before_its_turn_fails(self, assembly: Assembly, pictures: Pictures) -> None:
        path, _ = pictures.many(2)
        tally = Tally()
        register_files(assembly, [pictures.folder], tally)
        path.unlink()
        Worker(assembly).work(lambda: True)
        report = tally.close(assembly.ingest_queue)
        assert counts(report) == {"indexed": 1, "failed": 1}
        assert "cannot be opened" in report.failures[0].reason

    def test_a_photo_deleted_while_it_is_entered_is_told(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures.many(1)
        tally = Tally()
        ingest(assembly, Worker(assembly), [pictures.folder], tally)
        assembly.catalog.images.delete(1)
        report = tally.close(assembly.ingest_queue)
        assert "cancelled or deleted during the ingest" in report.failures[0].reason

    def test_names_that_are_not_utf8(self, assembly: Assembly, pictures: Pictures) -> None:
        good = pictures("a.png").rename(pictures.folder / os.fsdecode(b"caf\xe9.png"))
        bad = pictures.folder / os.fsdecode(b"broken\xff.jpg")
        bad.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
        report = enter(assembly, pictures.folder)
        assert counts(report) == {"indexed": 1, "failed": 1}
        assert report.failures[0].path == str(bad)
        assert assembly.catalog.images.page(state="indexed")[0].path == good
        assert assembly.catalog.images.page(state="failed")[0].path == bad

    def test_nothing_to_do(self, assembly: Assembly, tmp_path: Path) -> None:
        (tmp_path / "none").mkdir()
        report = enter(assembly, tmp_path / "none")
        assert counts(report) == {}
        assert verify(assembly) == []


class TestReport:
    def test_the_object_that_json_ends_with(self) -> None:
        tally = dict.fromkeys(OUTCOMES, 0) | {"indexed": 2, "failed": 1}
        report = IngestReport(counts=tally, failures=(Failure("/a.jpg", "broken"),), seconds=1.23456)
        assert list(report.as_json()) == [*OUTCOMES, "seconds", "failures"]
        assert OUTCOMES[:6] == ("indexed", "unchanged", "duplicate", "empty", "failed", "skipped")
        assert OUTCOMES[6:] == ("restored", "deleted", "waiting")
        assert report.as_json()["failures"] == [{"path": "/a.jpg", "reason": "broken"}]
        assert report.as_json()["seconds"] == 1.235

    def test_failures_are_in_the_order_of_their_paths(self, assembly: Assembly) -> None:
        tally = Tally()
        for name in ("c", "a", "b"):
            tally.failed(Failure(name, "broken"))
        assert [failure.path for failure in tally.close(assembly.ingest_queue).failures] == ["a", "b", "c"]

    def test_photos_that_were_not_reached_wait(
        self, assembly: Assembly, pictures: Pictures, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pictures.many(2)
        tally = Tally()
        register_files(assembly, [pictures.folder], tally)
        report = tally.close(assembly.ingest_queue)
        assert {name: count for name, count in report.counts.items() if count} == {"waiting": 2}
        assert not report.failures
        print_report(report)
        assert "stopped: 2 photos wait; run the same command again" in capsys.readouterr().out

    def test_one_that_is_stopped_can_be_run_again(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures.many(3)
        worker, tally = Worker(assembly), Tally()
        worker.stop()
        stopped = ingest(assembly, worker, [pictures.folder], tally)
        assert (stopped.counts["waiting"], stopped.counts["failed"]) == (3, 0)
        assert counts(enter(assembly, pictures.folder)) == {"indexed": 3}


class TestWhatIsStored:
    def test_masks_boxes_and_renditions(self, assembly: Assembly, pictures: Pictures) -> None:
        pictures("large.png", size=(1200, 900))
        enter(assembly, pictures.folder)
        (image,) = assembly.catalog.images.page()
        assert (image.width, image.height, image.format) == (1200, 900, "PNG")
        segments = assembly.catalog.segments.of_image(image.id)
        assert len(segments) == image.segment_count == 25
        assert [segment.id for segment in segments] == sorted(segment.id for segment in segments)
        assert (np.diff([segment.quality for segment in segments]) <= 0).all()
        for segment in segments:
            mask = decode_mask(segment.mask_size_hw, segment.mask_counts)
            assert mask.shape == (96, 128)
            assert segment.area == pytest.approx(mask.sum() * 1200 * 900 / mask.size, abs=1)
            x0, y0, x1, y1 = segment.box_xyxy
            assert (x1 - x0) * (y1 - y0) == pytest.approx(segment.area, rel=0.05), "the cells are rectangles"
        assert (assembly.settings.files_dir / file_names.preview(image.sha256)).is_file()
        assert (assembly.settings.files_dir / file_names.thumbnail(image.sha256)).is_file()

    def test_an_upright_photo_whatever_its_orientation(self, assembly: Assembly, pictures: Pictures) -> None:
        from PIL import Image

        path = pictures.halves("lying.jpg", "red", "blue")
        with Image.open(path) as picture:
            exif = picture.getexif()
            exif[0x0112] = 6  # a quarter turn to the right: red comes up
            picture.save(path, exif=exif)
        enter(assembly, pictures.folder)
        (image,) = assembly.catalog.images.page()
        assert (image.width, image.height) == (72, 96)
        reddest = max(
            assembly.catalog.segments.of_image(image.id),
            key=lambda each: float(assembly.catalog.segments.example(each.id)[1][0]),
        )
        assert reddest.box_xyxy[3] <= 48 + 2

    def test_the_nearest_segment_is_of_the_same_colour(self, assembly: Assembly, pictures: Pictures) -> None:
        for name, colors in {"a": ("red", "blue"), "b": ("green", "red"), "c": ("yellow", "blue")}.items():
            pictures.halves(f"{name}.png", *colors)
        enter(assembly, pictures.folder)
        engine = assembly.engine()
        names = {image.id: image.path.stem for image in assembly.catalog.images.page() if image.path}
        keys = {name: key for key, name in names.items()}

        def order(ref: Ref) -> list[str]:
            return [names[match.image_id] for match in engine.search(SearchRequest(positive=(ref,))).results]

        assert order(Ref(image=keys["a"], point=(10, 30)))[0] == "b"
        assert order(Ref(image=keys["a"], point=(90, 30)))[0] == "c"


class TestIndex:
    def test_a_failing_index_does_not_fail_the_ingest(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def full(_: object) -> None:
            raise IndexFileError("the disk is full")

        pictures.many(2)
        monkeypatch.setattr(upkeep.Publisher, "publish", full)
        with caplog.at_level(logging.ERROR):
            assert counts(enter(assembly, pictures.folder)) == {"indexed": 2}
        assert "the index cannot be published: the disk is full" in caplog.text
        assert assembly.engine().segments.stats().count == 50, "the catalogue has everything"

    def test_while_another_process_writes_it(
        self, assembly: Assembly, pictures: Pictures, caplog: pytest.LogCaptureFixture
    ) -> None:
        pictures.many(2)
        with assembly.indexes.segment_files.writing():
            assert counts(enter(assembly, pictures.folder)) == {"indexed": 2}
        assert verify(assembly) != []
        enter(assembly, pictures.folder)
        assert verify(assembly) == []

    def test_an_error_while_registering_stops_everything(
        self, assembly: Assembly, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object, **_options: object) -> None:
            raise RuntimeError("the catalogue is gone")

        monkeypatch.setattr(module, "register_files", broken)
        with pytest.raises(RuntimeError, match="the catalogue is gone"):
            enter(assembly, pictures.folder)


def test_the_account_of_many_files_takes_no_memory() -> None:
    """It is spooled: what Python holds does not grow with files and failures, and the JSON is written as it is read."""
    # In a process of its own: tracemalloc counts what all threads of a process allocate.
    done = subprocess.run(
        [sys.executable, "-m", "tests.indexer.account_of_many_files"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    result = json.loads(done.stdout)
    count = result["files"]
    assert (result["counts"]["indexed"], result["counts"]["failed"]) == (count // 2, count + count // 2)
    assert result["written"] > count * 150
    assert result["peak"] < 2**23, "the paths alone are more"
