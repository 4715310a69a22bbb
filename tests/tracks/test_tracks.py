"""Tracks: the segments of one thing in the frames of a video are one, and one result."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_videos import moving, scene, write_video
from PIL import Image

from indexer.worker import ingest_paths
from retrieval.assembly import Assembly
from retrieval.embed.projection import unit
from retrieval.images.masks import encode_mask
from retrieval.query.request import Ref, SearchRequest
from retrieval.settings import Settings
from retrieval.storage.locations import path_of
from retrieval.tracks.linking import FrameSegments, TrackLinker
from retrieval.tracks.tracker import Tracker

DAVIS = Path(__file__).parents[3] / "shared/data/davis-dev/images"
SIZE = (60, 80)


def frame(first: int, *things: tuple[int, int, int]) -> FrameSegments:
    """Segments with ids from `first` on: squares of 20 pixels, each of a kind at a place."""
    masks, vectors = [], []
    for kind, x, y in things:
        mask = np.zeros(SIZE, np.uint8)
        cv2.rectangle(mask, (x, y), (x + 19, y + 19), 1, -1)
        masks.append((SIZE, encode_mask(mask.astype(bool))))
        vectors.append(np.random.default_rng(kind).normal(size=64))
    ids = np.arange(first, first + len(things))
    vectors = unit(np.array(vectors, np.float32).reshape(-1, 64))
    return FrameSegments(ids, vectors, masks, np.full(len(things), 400.0))


def test_things_are_followed_where_they_go() -> None:
    linker = TrackLinker()
    assert linker.add(frame(1, (0, 0, 0), (1, 40, 0))).tolist() == [1, 2]
    assert linker.add(frame(11, (1, 0, 30), (0, 50, 30))).tolist() == [2, 1], "by what they look like"
    assert linker.add(frame(21, (2, 0, 0), (1, 2, 30))).tolist() == [21, 2], "what is new begins a track"
    assert linker.add(frame(31, (0, 20, 20))).tolist() == [1], "also after it was out of sight"
    assert linker.add(frame(41)).tolist() == []


def test_equal_things_are_told_apart_by_where_they_are() -> None:
    linker = TrackLinker()
    linker.add(frame(1, (0, 0, 0), (0, 50, 30)))
    assert linker.add(frame(11, (0, 52, 31), (0, 1, 2))).tolist() == [2, 1]


def test_two_levels_of_a_thing_are_one_track() -> None:
    linker = TrackLinker()
    assert linker.add(frame(1, (0, 0, 0), (3, 2, 1))).tolist() == [1, 1]
    assert linker.add(frame(11, (3, 2, 1), (0, 0, 0))).tolist() == [1, 1]


def test_what_changes_in_size_is_another_thing() -> None:
    linker = TrackLinker()
    linker.add(frame(1, (0, 0, 0)))
    large = frame(11, (0, 0, 0))
    assert linker.add(FrameSegments(large.ids, large.vectors, large.masks, large.areas * 5)).tolist() == [11]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    frames = [*moving(scene(1), 60), *moving(scene(2), 40)]
    return write_video(tmp_path / "film.mp4", frames)


@pytest.mark.slow
def test_a_video_is_one_result_with_its_moments(assembly: Assembly, film: Path, tmp_path: Path) -> None:
    Image.fromarray(scene(1)).save(tmp_path / "photo.png")
    ingest_paths(assembly, [film, tmp_path / "photo.png"])
    video, photo = assembly.catalog.images.page()
    frames = {each.image_id: each.time_s for each in assembly.catalog.videos.moments(video.id)}
    assert list(frames.values()) == pytest.approx([0, 2, 4, 6, 8])
    assert assembly.catalog.tracks.unlinked() == []
    segment = assembly.catalog.segments.of_image(photo.id)[0]

    (result,) = assembly.engine().search(SearchRequest(positive=(Ref(segment=segment.id),))).results
    assert (result.video_id, result.time_s) == (video.id, frames[result.image_id])
    times = [moment.time_s for moment in result.moments]
    assert times == sorted(set(times))
    assert {0.0, 2.0, 4.0} <= {round(each) for each in times}
    assert all(frames[moment.image_id] == moment.time_s for moment in result.moments)

    by_thing = assembly.engine().search(SearchRequest(positive=(Ref(segment=segment.id),), group_by="segment", limit=9))
    tracks = assembly.catalog.tracks.of_segments([match.segment_id or 0 for match in by_thing.results])
    assert len(set(tracks.values())) == len(tracks) == len(by_thing.results), "each thing of it once"
    whole = assembly.engine().search(SearchRequest(positive=(Ref(image=photo.id),)))
    assert [match.video_id for match in whole.results] == [video.id]
    photos = assembly.engine().search(SearchRequest(positive=(Ref(image=next(iter(frames))),))).results
    assert {match.image_id: match.video_id for match in photos}[photo.id] is None


@pytest.mark.slow
def test_frames_that_are_analysed_again_are_linked_again(assembly: Assembly, film: Path) -> None:
    ingest_paths(assembly, [film])
    (video,) = assembly.catalog.images.page()
    first = assembly.catalog.videos.moments(video.id)[0].image_id
    analysed = assembly.ingest_queue.reanalyze("another", image_ids=[first])
    assert analysed == 1
    assert assembly.catalog.tracks.unlinked() == []
    (job,) = assembly.ingest_queue.claim("w", 1, "another")
    from retrieval.analysis.batch import analyze_batch
    from retrieval.images.decode import decode

    (found,) = analyze_batch(assembly.recipe, [decode(path_of(job.uris[0]), long_side=640)])
    assembly.ingest_queue.finish("w", {first: found}, "another", assembly.recipe_spec.space)
    assert assembly.catalog.tracks.unlinked() == [video.id]
    assert Tracker(assembly.catalog, lambda: True).update(), "told to stop, it says that there is more"
    assert not Tracker(assembly.catalog).update()
    assert assembly.catalog.tracks.unlinked() == []
    segments = [each.id for each in assembly.catalog.segments.of_image(first)]
    assert set(assembly.catalog.tracks.of_segments(segments)) == set(segments)


@pytest.mark.slow
@pytest.mark.skipif(not DAVIS.exists(), reason="needs the development photos")
def test_frames_of_a_filmed_thing_are_in_one_result(tmp_path: Path) -> None:
    names = ("blackswan", "car-shadow")
    for name in names:
        frames = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(DAVIS.glob(f"{name}_*"))]
        (tmp_path / "films").mkdir(exist_ok=True)
        write_video(tmp_path / "films" / f"{name}.mp4", frames, times=[2.0 * at for at in range(len(frames))])
    assembly = Assembly(Settings.in_data_dir(tmp_path / "data", device="cpu", recipe="lite"))
    ingest_paths(assembly, [tmp_path / "films"])
    engine = assembly.engine()
    for video in assembly.catalog.images.page():
        frames = assembly.catalog.videos.moments(video.id)
        assert len(frames) == 10
        best = assembly.catalog.segments.of_image(frames[4].image_id)[0]
        found = engine.search(SearchRequest(positive=(Ref(segment=best.id),))).results
        assert found[0].video_id == video.id
        assert len(found[0].moments) >= 0.9 * len(frames)
        assert len(found) == len({match.video_id for match in found})
    assembly.close()
