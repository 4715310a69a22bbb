"""The things in videos as YouTube-VIS has them: a mask of each for every frame.

References
----------
Yang, Fan and Xu, "Video Instance Segmentation", ICCV 2019, section 4. Fields beyond those of its data set are
``source``, ``sha256`` and ``times_s`` of videos and ``score`` of annotations.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ..catalog.records import ImageRecord
from ..images.masks import encode_mask, resized_mask
from .coco import bbox_of, json_row
from .dataset import Annotation, Dataset


def youtube_vis_json(dataset: Dataset) -> Iterator[bytes]:
    """A JSON file, part by part: the videos, the tracks of things in them, and the categories that occur.

    A track is what the worker linked: the segments of one thing in the frames that are kept of a video. Its category is
    that of its segment of the highest quality. If segments are selected, their tracks are written as a whole.

    Parameters
    ----------
    dataset : Dataset

    Notes
    -----
    Holds the annotations of one video. Videos that are added meanwhile are left out.
    """
    frames: dict[int, list[ImageRecord]] = {}
    categories: dict[str, int] = {}
    yield b'{"info": {"description": "SegSearch export"},\n"videos": ['
    for video in dataset.videos():
        kept = dataset.frames_of(video)
        if kept:
            yield json_row(_video(video, kept), is_first=not frames)
            frames[video.id] = kept
    yield b'],\n"annotations": ['
    written = 0
    for key, kept in frames.items():
        for track in _tracks(dataset, kept):
            written += 1
            yield json_row(_annotation(written, key, kept, track, categories), is_first=written == 1)
    rows = [{"id": key, "name": name} for name, key in categories.items()]
    yield f'],\n"categories": {json.dumps(rows)}}}\n'.encode()


def _video(video: ImageRecord, frames: list[ImageRecord]) -> dict[str, Any]:
    """Frames are named by the files that are kept of them, among the uploads."""
    height, width = _size(frames)
    return {
        "id": video.id,
        "source": video.displayed,
        "sha256": video.sha256,
        "width": width,
        "height": height,
        "length": len(frames),
        "file_names": [frame.path.name if frame.path is not None else "" for frame in frames],
        "times_s": [frame.time_s for frame in frames],
    }


def _tracks(dataset: Dataset, frames: list[ImageRecord]) -> Iterator[dict[int, Annotation]]:
    """The segments of each selected track, by the number of their frame; the best one, should a frame have several."""
    tracks: dict[int, dict[int, Annotation]] = defaultdict(dict)
    chosen, selected = dataset.selection.segments, set[int]()
    for number, frame in enumerate(frames):
        annotations = dataset.all_annotations(frame)
        track_of = dataset.catalog.tracks.of_segments([each.segment.id for each in annotations])
        for each in sorted(annotations, key=lambda each: -each.segment.quality):
            track = track_of.get(each.segment.id, each.segment.id)
            tracks[track].setdefault(number, each)
            if chosen is None or each.segment.id in chosen:
                selected.add(track)
    for track in sorted(selected):
        yield tracks[track]


def _annotation(
    key: int, video_id: int, frames: list[ImageRecord], track: dict[int, Annotation], categories: dict[str, int]
) -> dict[str, Any]:
    """Masks in the frame of the video; null where the thing was not found."""
    (height, width), best = _size(frames), max(track.values(), key=lambda each: each.segment.quality)
    masks: list[dict[str, Any] | None] = [None] * len(frames)
    boxes: list[list[int] | None] = [None] * len(frames)
    areas: list[int | None] = [None] * len(frames)
    for number, each in sorted(track.items()):
        mask = resized_mask((each.segment.mask_size_hw, each.segment.mask_counts), (height, width))
        masks[number] = {"size": [height, width], "counts": encode_mask(mask).decode("ascii")}
        boxes[number], areas[number] = bbox_of(mask), int(mask.sum())
    return {
        "id": key,
        "video_id": video_id,
        "category_id": categories.setdefault(best.category, len(categories) + 1),
        "iscrowd": 0,
        "width": width,
        "height": height,
        "length": len(frames),
        "score": round(best.segment.quality, 4),
        "segmentations": masks,
        "bboxes": boxes,
        "areas": areas,
    }


def _size(frames: list[ImageRecord]) -> tuple[int, int]:
    """Height and width of the frames of a video."""
    return frames[0].height or 1, frames[0].width or 1
