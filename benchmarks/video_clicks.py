"""Whether a click on the moving object finds it in the other frames of its video.

::

    python -m benchmarks.video_clicks --data DATA --keep DIR [--out FILE]

The library has the frames of ``davis-dev`` and all photos of ``coco-dev``, as the program segments and embeds them. In
each frame the object is clicked in its middle. A result is right if its segment has an IoU of at least .5 with the
object in another frame of the same video. Results are listed by photo, each with its best segment, and by segment; of
both are told the share of the other frames that are right among as many first results, and the mean average precision.
Searches are exact, and rank as `retrieval.search.example_ranking` does. DIR is that of `benchmarks.click_gain`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from indexer.bench.results import OUT, report
from retrieval.index.ranking import average_precision
from retrieval.recipes.lite import unfitted

from .click_gain import SearchedLibrary
from .click_losses import FIT
from .refitted import shipped
from .unfitted_photos import described, wanted_photos

Figures = dict[str, float]


def clicked(library: SearchedLibrary, frames: int) -> Iterator[tuple[str, Figures]]:
    """The video of each frame, and the figures of a click in it; the first `frames` photos are those of videos."""
    owners, names = library.collection.objects.photos, library.collection.names
    videos = np.full(library.searched.count, "", names.dtype)
    videos[owners[owners < frames]] = names[owners < frames]
    for row in np.flatnonzero(owners < frames).tolist():
        own, video = int(owners[row]), str(names[row])
        others = int((videos == video).sum()) - 1
        by_photo, by_segment = library.by_click(row)
        found = {
            "photos": listed_photos(library, by_photo, by_segment, videos == video, own),
            "segments": library.searched.found(by_segment, video, own),
        }
        segments = library.collection.segments
        fitting = np.unique(segments.photos[segments.fits[:, 0] >= FIT])
        figures = {
            "picked segment fits": float(segments.fits[library.collection.picked[row], 0] >= FIT),
            "other frames with a segment that fits": float((videos[fitting[fitting != own]] == video).sum() / others),
        }
        for kind, right in found.items():
            figures[f"{kind}, first {others}"] = float(right[:others].sum() / others)
            figures[f"{kind}, mAP"] = average_precision(right, others)
        yield video, figures


def listed_photos(
    library: SearchedLibrary, by_photo: NDArray[Any], by_segment: NDArray[Any], of_video: NDArray[np.bool_], own: int
) -> NDArray[np.bool_]:
    """Whether each listed photo but an own one is of the video, and its best segment fits the object."""
    segments = library.collection.segments
    order = np.argsort(-by_photo, kind="stable")
    right = np.zeros(len(order), bool)
    for place, photo in enumerate(order.tolist()):
        start, end = np.searchsorted(segments.photos, [photo, photo + 1])
        if of_video[photo] and end > start:
            right[place] = segments.fits[start + int(by_segment[start:end].argmax()), 0] >= FIT
    return right[order != own]


def summary(found: list[tuple[str, Figures]]) -> dict[str, Any]:
    """The mean of each video's clicks, then over videos with the spread."""
    by_video: dict[str, list[list[float]]] = defaultdict(list)
    for video, figures in found:
        by_video[video].append(list(figures.values()))
    measures = list(found[0][1])
    means = np.array([np.mean(each, axis=0) for each in by_video.values()])
    told = {
        video: dict(zip(measures, row.round(3).tolist(), strict=True))
        for video, row in zip(by_video, means, strict=True)
    }
    mean, spread = means.mean(axis=0).round(3).tolist(), means.std(axis=0, ddof=1).round(3).tolist()
    return {
        "clicks": len(found),
        "mean over videos, spread": {name: list(each) for name, *each in zip(measures, mean, spread, strict=True)},
        "videos": told,
    }


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), required=True)
@OUT
def main(data: Path, keep: Path, out: Path | None) -> None:
    """Click moving objects."""
    cv2.setNumThreads(1)
    paths = described(unfitted("lite", "auto"), wanted_photos(data), keep)
    frames = paths["davis-dev"]
    library = SearchedLibrary.of([*frames, *paths["coco-dev"]], shipped())
    report({"photos": library.searched.count, **summary(list(clicked(library, len(frames))))}, out)


if __name__ == "__main__":
    main()
