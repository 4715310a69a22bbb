"""How much frames differ, and which of them are taken: the first after a cut, and those that show something new.

References
----------
J. S. Boreczky, L. A. Rowe, "Comparison of video shot boundary detection techniques", J. Electronic Imaging 5(2), 1996:
pairwise differences of colours against an adaptive threshold.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SMALL_HW = (36, 64)
"""Height and width of the copies that are compared."""

CUT_DIFFERENCE = 24.0
CUT_RATIO = 2.0
"""At a cut, neighbouring frames differ by at least so many levels, and so much more than those just before."""

SAME_MEAN, SAME_MOST = 2.0, 32
"""Frames are near-equal if they differ by at most so many levels on average, and nowhere by more than so many."""

CUT_SECONDS = 0.25
"""Cuts follow one another more slowly; what flickers faster gives no frames."""

_BEFORE = 8
_BINS = 8

Small = NDArray[np.int16]
"""A frame's small copy, of shape (36, 64, 3), 0 to 255."""


def difference(first: Small, second: Small) -> float:
    """How much two frames differ, in levels of 255: the mean of pixels and of histograms.

    Things that move change pixels and hardly the histogram; a cut changes both.
    """
    pixels = float(np.abs(first - second).mean())
    histogram = float(np.abs(_histogram(first) - _histogram(second)).sum()) / 2
    return (pixels + 128 * histogram) / 2


def near_equal(first: Small, second: Small) -> bool:
    """Whether two frames show the same."""
    apart = np.abs(first - second)
    return float(apart.mean()) <= SAME_MEAN and int(apart.max()) <= SAME_MOST


@dataclass(slots=True)
class FrameSelector:
    """Decides which frames of a video are taken, one after another.

    Attributes
    ----------
    interval : float
        Between cuts, frames are taken at most so often, in seconds.
    """

    interval: float
    _last: Small | None = None
    _taken: Small | None = None
    _taken_at: float = 0.0
    _before: deque[float] = field(default_factory=lambda: deque(maxlen=_BEFORE))

    def takes(self, time_s: float, small: Small) -> bool:
        """Whether the next frame is taken."""
        is_cut = self._is_cut(small)
        if self._taken is not None:
            since = time_s - self._taken_at
            due = since >= (CUT_SECONDS if is_cut else self.interval)
            if not due or near_equal(small, self._taken):
                return False
        self._taken, self._taken_at = small, time_s
        return True

    def _is_cut(self, small: Small) -> bool:
        last, self._last = self._last, small
        if last is None:
            return False
        apart = difference(last, small)
        usual = float(np.mean(self._before)) if self._before else 0.0
        is_cut = apart >= CUT_DIFFERENCE and apart >= CUT_RATIO * usual
        if is_cut:
            self._before.clear()
        else:
            self._before.append(apart)
        return is_cut


def _histogram(small: Small) -> NDArray[np.float64]:
    """Shares of the colours in 8 x 8 x 8 bins."""
    binned = small.astype(np.int32) // (256 // _BINS)
    keys = (binned[..., 0] * _BINS + binned[..., 1]) * _BINS + binned[..., 2]
    return np.bincount(keys.ravel(), minlength=_BINS**3) / keys.size
