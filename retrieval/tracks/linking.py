"""Links the segments of a video's frames to tracks.

References
----------
A. Bewley et al., "Simple online and realtime tracking", ICIP 2016, and N. Wojke et al., "Simple online and realtime
tracking with a deep association metric", ICIP 2017: detections are assigned to tracks frame by frame, by overlap and by
vectors. Frames are seconds apart here, so vectors decide, and overlap adds to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..embed.projection import unit
from ..images.masks import MaskRun, mask_iou
from ..types import Ids, Vectors

OVERLAP_WEIGHT = 0.3
"""How much IoU counts beside cosine similarity."""

LEAST_AFFINITY = 0.7
"""Cosine similarity plus weighted IoU from which on a segment continues a track."""

SAME_THING = 0.35
"""Segments of a frame with this IoU are one thing."""

AREA_FACTOR = 4.0
"""Segments of a track differ from frame to frame by at most so much in area."""

GAP = 15
"""Frames for which a thing may be out of sight."""


@dataclass(frozen=True, eq=False, slots=True)
class FrameSegments:
    """The segments of a frame.

    Attributes
    ----------
    ids : ndarray of shape (N,), int64
    vectors : ndarray of shape (N, D), float32
        Of length one.
    masks : sequence of MaskRun
    areas : ndarray of shape (N,), float64
        In pixels of the frame.
    """

    ids: Ids
    vectors: Vectors
    masks: Sequence[MaskRun]
    areas: NDArray[np.float64]


@dataclass(slots=True)
class _Track:
    """A track so far: the sum of its vectors, and the masks and areas that it had last."""

    frame: int
    vector: Vectors
    masks: list[MaskRun]
    areas: list[float]


@dataclass(slots=True)
class TrackLinker:
    """Assigns the segments of one frame after another to tracks, which are named by their first segments."""

    _open: dict[int, _Track] = field(default_factory=dict)
    _frame: int = -1

    def add(self, frame: FrameSegments) -> Ids:
        """The track of each segment of the next frame, (N,).

        Segments of a frame that nearly cover each other are one thing at two levels, and in one track.

        Notes
        -----
        The likeliest pairs are taken first. The Hungarian algorithm would find the greatest sum of affinities, but
        gives each track one segment.
        """
        self._frame += 1
        self._open = {key: each for key, each in self._open.items() if self._frame - each.frame <= GAP + 1}
        inside = _overlaps(frame.masks, frame.masks) >= SAME_THING
        tracks, names = np.full(len(frame.ids), -1, np.int64), list(self._open)
        affinity = self._affinity(frame)
        order = np.argsort(-affinity, axis=None, kind="stable")[: int((affinity >= LEAST_AFFINITY).sum())]
        for row, column in zip(*np.unravel_index(order, affinity.shape), strict=True):
            if tracks[column] < 0 and inside[column][tracks == names[row]].all():
                tracks[column] = names[row]
        for column in np.flatnonzero(tracks < 0):
            same = np.flatnonzero(inside[column] & (tracks >= 0))
            tracks[column] = tracks[same[0]] if len(same) else frame.ids[column]
        self._note(frame, tracks)
        return tracks

    def _note(self, frame: FrameSegments, tracks: Ids) -> None:
        """Continue the tracks of a frame, and begin those that are new."""
        for track in np.unique(tracks).tolist():
            rows = np.flatnonzero(tracks == track).tolist()
            before = self._open.get(track)
            vector = frame.vectors[rows].mean(axis=0) + (0 if before is None else before.vector)
            masks, areas = [frame.masks[row] for row in rows], frame.areas[rows].tolist()
            self._open[track] = _Track(self._frame, vector, masks, areas)

    def _affinity(self, frame: FrameSegments) -> NDArray[np.float64]:
        """Of each open track with each segment, (T, N); -inf where the areas are too different."""
        if not self._open or not len(frame.ids):
            return np.zeros((len(self._open), len(frame.ids)))
        tracks = list(self._open.values())
        affinity = (unit(np.stack([each.vector for each in tracks])) @ frame.vectors.T).astype(np.float64)
        counts = [len(each.masks) for each in tracks]
        starts = np.cumsum([0, *counts[:-1]])
        overlaps = _overlaps([mask for each in tracks for mask in each.masks], frame.masks)
        affinity += OVERLAP_WEIGHT * np.maximum.reduceat(overlaps, starts, axis=0)
        low = np.array([min(each.areas) for each in tracks])[:, None] / AREA_FACTOR
        high = np.array([max(each.areas) for each in tracks])[:, None] * AREA_FACTOR
        affinity[(frame.areas < low) | (frame.areas > high)] = -np.inf
        return affinity


def _overlaps(first: Sequence[MaskRun], second: Sequence[MaskRun]) -> NDArray[np.float64]:
    """IoU of masks, (N, M); zero in videos that change in size."""
    if len({size for size, _ in (*first, *second)}) != 1:
        return np.zeros((len(first), len(second)))
    return np.asarray(mask_iou(first, second))
