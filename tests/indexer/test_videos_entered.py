"""Videos that are ingested: one thing to whoever lists or deletes it, and frames to whoever searches."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_videos import moving, scene, write_sound, write_video
from PIL import Image

from indexer.clean import clean
from indexer.report import IngestReport
from indexer.verify import verify
from indexer.videos import VideoIntake
from indexer.worker import ingest_paths
from retrieval.assembly import Assembly
from retrieval.catalog.records import ImageRecord, View
from retrieval.query.filters import Filters
from retrieval.query.request import Ref, SearchRequest
from retrieval.videos.limits import VideoLimits

pytestmark = pytest.mark.slow

LENGTHS = [20, 15, 25]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "films"
    made.mkdir()
    return made


@pytest.fixture
def film(folder: Path) -> Path:
    """Three scenes in six seconds."""
    frames = [frame for seed, length in enumerate(LENGTHS) for frame in moving(scene(seed), length)]
    return write_video(folder / "film.mp4", frames)


def counts(report: IngestReport) -> dict[str, int]:
    return {name: count for name, count in report.counts.items() if count}


def only(assembly: Assembly) -> ImageRecord:
    (video,) = assembly.catalog.images.page()
    return video


def frames_of(assembly: Assembly, video: ImageRecord) -> list[ImageRecord]:
    return assembly.catalog.images.page(video_id=video.id, limit=500)


def test_a_video_is_listed_once_and_its_frames_are_found(assembly: Assembly, film: Path, folder: Path) -> None:
    Image.fromarray(scene(1)).save(folder / "photo.png")
    assert counts(ingest_paths(assembly, [folder])) == {"indexed": 2}
    video = next(each for each in assembly.catalog.images.page() if each.is_video)
    frames = frames_of(assembly, video)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 2, 3.5, 5.5])
    assert all(frame.video_id == video.id and frame.state == "indexed" and frame.segment_count for frame in frames)
    assert frames[1].place is not None
    assert frames[1].place.name == "film.mp4 0:02"
    assert video.duration_s == pytest.approx(6)
    assert (video.format, video.error, video.width, video.height) == ("MP4", None, 320, 180)

    assert len(assembly.catalog.timeline.ids(View())) == 2
    assert sum(month.photos for month in assembly.catalog.timeline.months(View())) == 2
    assert assembly.catalog.images.counts()["indexed"] == 2
    assert assembly.catalog.videos.count() == (1, 4)
    assert verify(assembly) == []

    photo = next(each for each in assembly.catalog.images.page() if not each.is_video)
    found = assembly.engine().search(SearchRequest(positive=(Ref(image=photo.id),)))
    assert found.results[0].image_id in {frames[1].id, frames[2].id}, "the second scene is that of the photo"
    inside = SearchRequest(positive=(Ref(image=photo.id),), filters=Filters(folder=str(folder)))
    assert [match.video_id for match in assembly.engine().search(inside).results] == [video.id]


def test_a_video_again_elsewhere_and_gone(assembly: Assembly, film: Path, folder: Path) -> None:
    ingest_paths(assembly, [folder])
    assert counts(ingest_paths(assembly, [folder])) == {"unchanged": 1}
    shutil.copy(film, folder / "copy.mp4")
    assert counts(ingest_paths(assembly, [folder])) == {"unchanged": 1, "duplicate": 1}
    (folder / "copy.mp4").unlink()
    film.rename(folder / "renamed.mp4")
    assert counts(ingest_paths(assembly, [folder])) == {"duplicate": 1}
    assert only(assembly).path == folder / "renamed.mp4"
    (folder / "renamed.mp4").unlink()
    ingest_paths(assembly, [folder])
    assert only(assembly).is_missing
    assert not any(frame.is_missing for frame in frames_of(assembly, only(assembly))), "their pictures are there"


def test_another_video_in_its_place_takes_its_frames_away(assembly: Assembly, film: Path, folder: Path) -> None:
    ingest_paths(assembly, [folder])
    write_video(film, moving(scene(9), 10))
    assert counts(ingest_paths(assembly, [folder])) == {"indexed": 1}
    assert assembly.catalog.videos.count() == (1, 1)
    assert verify(assembly) == []


def test_a_video_is_deleted_and_restored_with_its_frames(assembly: Assembly, film: Path, folder: Path) -> None:
    ingest_paths(assembly, [folder])
    video = only(assembly)
    frames = frames_of(assembly, video)
    pictures = [frame.path for frame in frames]

    def searchable() -> int:
        return assembly.engine().segments.stats().count

    assert searchable() > 0
    assert assembly.trash.put([frames[2].id]) == 1, "a frame's video is deleted as a whole"
    assert (assembly.trash.count(), assembly.catalog.images.page(), searchable()) == (1, [], 0)
    assert [each.id for each in assembly.catalog.timeline.page(View(state="trash"))] == [video.id]
    assert counts(ingest_paths(assembly, [folder])) == {"deleted": 1}
    assert assembly.trash.restore([video.id]) == 1
    assert (assembly.trash.count(), len(frames_of(assembly, video))) == (0, len(frames))
    assert searchable() > 0
    assembly.trash.put([video.id])
    assert counts(ingest_paths(assembly, [film])) == {"restored": 1}
    assert len(frames_of(assembly, video)) == len(frames)

    assembly.trash.put([video.id])
    assert assembly.trash.empty() == 1
    assert assembly.catalog.videos.count() == (0, 0)
    assert film.exists()
    assert not any(path.exists() for path in pictures if path)
    assert counts(ingest_paths(assembly, [folder])) == {"deleted": 1}


def test_files_that_cannot_be_used_are_accounted_for(assembly: Assembly, film: Path, folder: Path) -> None:
    whole = film.read_bytes()
    film.unlink()
    (folder / "empty.mp4").touch()
    (folder / "half.mov").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + np.random.default_rng(0).bytes(4000))
    write_sound(folder / "sound.mp4")
    (folder / "notes.txt").write_text("nothing to see")
    (folder / "song.m4a").write_bytes(b"\0\0\0\x18ftypM4A \0\0\0\0" + bytes(100))
    report = ingest_paths(assembly, [folder])
    assert counts(report) == {"failed": 4, "skipped": 2}
    reasons = {Path(failure.path).name: failure.reason for failure in report.failures}
    assert "0 bytes" in reasons["empty.mp4"]
    assert "truncated" in reasons["half.mov"]
    assert "damaged" in reasons["noise.mkv"]
    assert "only sound" in reasons["sound.mp4"]
    assert not any("/proc/" in reason for reason in reasons.values())
    (folder / "half.mov").write_bytes(whole)
    assert assembly.ingest_queue.retry_failed() == 4
    assert counts(ingest_paths(assembly, [folder]))["indexed"] == 1


def test_what_is_before_a_break_is_found_and_the_fault_is_noted(assembly: Assembly, folder: Path) -> None:
    frames = [frame for seed in range(6) for frame in moving(scene(seed), 50)]
    path = write_video(folder / "long.mp4", frames, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert counts(ingest_paths(assembly, [folder])) == {"indexed": 1}
    video = only(assembly)
    assert "breaks off" in str(video.error)
    assert len(frames_of(assembly, video)) >= 3


def test_the_interval_is_a_setting(assembly: Assembly, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(folder / "shot.mp4", moving(scene(1), 80))
    monkeypatch.setattr(VideoIntake, "of", lambda made: VideoIntake(
        made.catalog.videos, made.own_files, made.storage, interval=4.0, limits=VideoLimits()
    ))  # fmt: skip
    ingest_paths(assembly, [path])
    assert [frame.time_s for frame in frames_of(assembly, only(assembly))] == pytest.approx([0, 4])


def test_a_worker_that_stops_leaves_the_video_to_the_next(assembly: Assembly, film: Path, folder: Path) -> None:
    """The second one enters no frame twice."""
    from indexer.report import Tally
    from indexer.scan import register_files

    register_files(assembly, [folder], Tally())
    (job,) = assembly.ingest_queue.claim("first", 5)
    intake, seen = VideoIntake.of(assembly), []
    with film.open("rb") as file:
        assert not intake.enter("first", job, file, lambda: len(seen) >= 2, lambda: seen.append(1))
    before = {frame.id for frame in frames_of(assembly, only(assembly))}
    assert len(before) >= 2
    assembly.ingest_queue.release("first")
    ingest_paths(assembly, [folder])
    frames = frames_of(assembly, only(assembly))
    assert before <= {frame.id for frame in frames}
    assert [frame.time_s for frame in frames] == pytest.approx([0, 2, 3.5, 5.5])


def test_a_worker_without_the_lease_enters_nothing(assembly: Assembly, film: Path, folder: Path) -> None:
    from indexer.report import Tally
    from indexer.scan import register_files

    register_files(assembly, [folder], Tally())
    (job,) = assembly.ingest_queue.claim("first", 5)
    with film.open("rb") as file:
        assert not VideoIntake.of(assembly).enter("another", job, file, lambda: False)
    assert assembly.catalog.videos.count() == (0, 0)


def test_a_cancelled_video_goes_with_the_frames_it_has(assembly: Assembly, film: Path, folder: Path) -> None:
    from indexer.report import Tally
    from indexer.scan import register_files

    register_files(assembly, [folder], Tally())
    (job,) = assembly.ingest_queue.claim("first", 5)
    seen: list[int] = []
    with film.open("rb") as file:
        VideoIntake.of(assembly).enter("first", job, file, lambda: bool(seen), lambda: seen.append(1))
    assembly.ingest_queue.release("first")
    assert len(assembly.ingest_queue.cancel()) >= 2
    assert assembly.catalog.videos.count() == (0, 0)
    assert assembly.catalog.images.page() == []


def test_frames_are_no_near_duplicates_of_one_another(assembly: Assembly, film: Path, folder: Path) -> None:
    ingest_paths(assembly, [folder])
    assert assembly.duplicates.pairs() == []
    assert assembly.duplicates.waiting(assembly.recipe_spec.space) == 0


def test_pictures_of_frames_are_no_waste(assembly: Assembly, film: Path, folder: Path, tmp_path: Path) -> None:
    import os

    ingest_paths(assembly, [folder])
    for path in assembly.settings.uploads_dir.rglob("*.jpg"):
        os.utime(path, (0, 0))
    assert clean(assembly) == []
    assert verify(assembly) == []
