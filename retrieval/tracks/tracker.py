"""Finds the tracks of the videos of a catalogue."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..catalog import Catalog
from ..embed.projection import unit
from .linking import FrameSegments, TrackLinker


class Tracker:
    """Links the segments of each video whose frames have all been analysed.

    Parameters
    ----------
    catalog : Catalog
    stopped : callable
        Whether to stop before the next video.
    """

    def __init__(self, catalog: Catalog, stopped: Callable[[], bool] = lambda: False) -> None:
        self._catalog, self._stopped = catalog, stopped

    def update(self) -> bool:
        """Link what is not linked yet, or was analysed again; returns whether there is more to do."""
        for video_id in self._catalog.tracks.unlinked():
            if self._stopped():
                return True
            self.link(video_id)
        return False

    def link(self, video_id: int) -> int:
        """Link the segments of a video; returns how many tracks it has. About a millisecond a frame and more."""
        linker, tracks = TrackLinker(), dict[int, int]()
        frames = [each.image_id for each in self._catalog.videos.moments(video_id)]
        for image_id in frames:
            segments = self._segments(image_id)
            if segments is not None:
                found = linker.add(segments)
                tracks.update(zip(segments.ids.tolist(), found.tolist(), strict=True))
        self._catalog.tracks.write(frames, tracks)
        return len(set(tracks.values()))

    def _segments(self, image_id: int) -> FrameSegments | None:
        """The segments of a frame that have vectors, and masks of the same size; None if it has none."""
        records = [each for each in self._catalog.segments.of_image(image_id) if not each.is_imported]
        vectors = self._catalog.segments.vectors([each.id for each in records])
        records = [each for each in records if each.id in vectors]
        if not records:
            return None
        return FrameSegments(
            ids=np.array([each.id for each in records], np.int64),
            vectors=unit(np.stack([vectors[each.id][0] for each in records])),
            masks=[(each.mask_size_hw, each.mask_counts) for each in records],
            areas=np.array([each.area for each in records], np.float64),
        )
