"""The things in videos as YouTube-VIS has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from drawn_videos import moving, scene, write_video
from PIL import Image
from pycocotools import mask as coco

from indexer.worker import ingest_paths
from retrieval.assembly import Assembly
from retrieval.formats.dataset import Dataset
from retrieval.formats.selection import Selection
from retrieval.formats.youtube_vis import youtube_vis_json
from retrieval.query.filters import Filters

pytestmark = pytest.mark.slow


@pytest.fixture
def films(assembly: Assembly, tmp_path: Path) -> list[int]:
    """Ids of two videos, of five frames and of three, beside a photo."""
    write_video(tmp_path / "a.mp4", [*moving(scene(1), 60), *moving(scene(2), 40)])
    (tmp_path / "sub").mkdir()
    write_video(tmp_path / "sub" / "b.mp4", moving(scene(3), 60))
    Image.fromarray(scene(1)).save(tmp_path / "photo.png")
    ingest_paths(assembly, [tmp_path])
    return [each.id for each in assembly.catalog.images.page() if each.is_video]


def written(assembly: Assembly, selection: Selection) -> dict:
    dataset = Dataset(assembly.catalog, assembly.concepts, assembly.recipe_spec.space, selection)
    return json.loads(b"".join(youtube_vis_json(dataset)))


def test_all_videos(assembly: Assembly, films: list[int]) -> None:
    found = written(assembly, Selection())
    assert [each["id"] for each in found["videos"]] == films
    for video in found["videos"]:
        moments = assembly.catalog.videos.moments(video["id"])
        assert video["times_s"] == [each.time_s for each in moments]
        assert len(video["file_names"]) == video["length"] == len(moments) > 1
        assert all((assembly.settings.uploads_dir / name[:2] / name).is_file() for name in video["file_names"])
    lengths = {each["id"]: each for each in found["videos"]}
    names = {each["id"] for each in found["categories"]}
    assert len({each["id"] for each in found["annotations"]}) == len(found["annotations"]) > 0
    seen_often = 0
    for annotation in found["annotations"]:
        video = lengths[annotation["video_id"]]
        lists = [annotation[name] for name in ("segmentations", "bboxes", "areas")]
        assert {len(each) for each in lists} == {video["length"]}
        assert annotation["category_id"] in names
        there = [each is not None for each in lists[0]]
        assert all([each is not None for each in some] == there for some in lists)
        seen_often += sum(there) > 1
        for run, box, area in zip(*lists, strict=True):
            if run is not None:
                mask = coco.decode(run)
                assert mask.shape == (video["height"], video["width"])
                assert (int(mask.sum()), [int(each) for each in coco.toBbox(run)]) == (area, box)
    assert seen_often, "things are followed from frame to frame"
    every = [
        key
        for film in films
        for each in assembly.catalog.videos.moments(film)
        for key in ids_of(assembly, each.image_id)
    ]
    assert sum(run is not None for each in found["annotations"] for run in each["segmentations"]) == len(every)


def ids_of(assembly: Assembly, image_id: int) -> list[int]:
    return [each.id for each in assembly.catalog.segments.of_image(image_id)]


def test_the_tracks_of_selected_segments_are_whole(assembly: Assembly, films: list[int]) -> None:
    frames = assembly.catalog.videos.moments(films[0])
    keys = ids_of(assembly, frames[1].image_id)
    tracks = assembly.catalog.tracks.of_segments(keys)
    sightings = assembly.catalog.tracks.sightings(tracks.values())
    key = max(keys, key=lambda each: len(sightings[tracks[each]]))
    assert len(sightings[tracks[key]]) > 1
    found = written(assembly, Selection.of_segments(assembly.catalog, [key]))
    assert [each["id"] for each in found["videos"]] == films[:1]
    (annotation,) = found["annotations"]
    numbers = [number for number, run in enumerate(annotation["segmentations"]) if run is not None]
    assert [frames[number].image_id for number in numbers] == [each.image_id for each in sightings[tracks[key]]]


def test_videos_by_their_frames_filters_and_the_trash(assembly: Assembly, films: list[int], tmp_path: Path) -> None:
    frame = assembly.catalog.videos.moments(films[1])[0].image_id
    for chosen in ([films[1]], [frame], [frame, films[1]]):
        found = written(assembly, Selection.of_photos(assembly.catalog, chosen))
        assert [each["id"] for each in found["videos"]] == films[1:]
    below = written(assembly, Selection(filters=Filters(folder=str(tmp_path / "sub"))))
    assert [each["id"] for each in below["videos"]] == films[1:]
    assembly.trash.put([films[0]])
    assert [each["id"] for each in written(assembly, Selection())["videos"]] == films[1:]


def test_a_library_without_videos(assembly: Assembly, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "photo.png")
    ingest_paths(assembly, [tmp_path / "photo.png"])
    found = written(assembly, Selection())
    assert (found["videos"], found["annotations"], found["categories"]) == ([], [], [])
