"""A small decoder on the frozen backbone: where boundaries run, and what belongs to which object.

Going from the coarsest map to the finest, each level adds a projection of the backbone's map to what comes from
below. At stride 2 it says how likely a pixel lies on a boundary that a person would draw (`perceptual`) and on the
outline of an object (`outline`); at stride 4 how likely it lies on an object (`objectness`) and where that object's
centre is, seen from the pixel, in shares of the image's long side (`centre_x`, `centre_y`).

Fitted by ``python -m training.fit_boundaries``; the model card is ``docs/models/boundaries.md``.

References
----------
Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015; Liu et al., "Richer Convolutional Features for Edge
Detection", CVPR 2017 (pixels that few annotators marked are ignored); Cheng et al., "Panoptic-DeepLab", CVPR 2020,
section 3.2 (class-agnostic centres).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .operators import Convolution, Operators, T
from .tensor_file import read_convolutions

CHANNELS = {2: 16, 4: 24, 8: 48, 16: 120, 32: 352}
"""Channels of EfficientNet-Lite2's maps."""

WIDTHS = {32: 64, 16: 48, 8: 32, 4: 24, 2: 16}
"""Channels of the decoder at each stride, in the order they are made."""

SHAPES = {
    **{f"lateral.{s}": (WIDTHS[s], CHANNELS[s], 1, 1) for s in WIDTHS},
    **{f"below.{s}": (WIDTHS[s], WIDTHS[2 * s], 1, 1) for s in WIDTHS if 2 * s in WIDTHS},
    **{f"mix.{s}": (WIDTHS[s], WIDTHS[s], 3, 3) for s in WIDTHS},
    "edges": (2, WIDTHS[2], 3, 3),
    "objects": (3, WIDTHS[4], 3, 3),
}
"""Of the weights of each convolution."""

WITHOUT_BIAS = frozenset(name for name in SHAPES if name.startswith("below."))


@dataclass(frozen=True, eq=False, slots=True)
class BoundaryDecoder:
    """The decoder's weights; 112,029 numbers.

    Attributes
    ----------
    convolutions : dict of str to Convolution
        By the names of `SHAPES`.
    """

    convolutions: Mapping[str, Convolution]

    @classmethod
    def load(cls, path: Path) -> BoundaryDecoder:
        """Read the weights, which are kept as float16.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        return cls(read_convolutions(path, "a boundary decoder", SHAPES, without_bias=WITHOUT_BIAS))


def decode(operators: Operators[T], maps: Mapping[int, T]) -> tuple[T, T]:
    """Decode the maps of a batch.

    Parameters
    ----------
    operators : Operators
    maps : dict of int to tensor
        By stride, (N, C, H / stride, W / stride) each.

    Returns
    -------
    edges : tensor of shape (N, 2, H / 2, W / 2)
        Log odds of `perceptual` and `outline`.
    objects : tensor of shape (N, 3, H / 4, W / 4)
        Log odds of `objectness`, then `centre_x` and `centre_y`.

    Notes
    -----
    About 1 GMAC for an image of 768 x 576 pixels, a sixth of the backbone's.
    """
    levels: dict[int, T] = {}
    for stride in WIDTHS:
        x = operators.convolve(maps[stride], f"lateral.{stride}")
        if 2 * stride in levels:
            x = operators.add(x, operators.double(operators.convolve(levels[2 * stride], f"below.{stride}")))
        mixed = operators.convolve(operators.relu(x), f"mix.{stride}")
        levels[stride] = operators.relu(operators.add(x, mixed))
    return operators.convolve(levels[2], "edges"), operators.convolve(levels[4], "objects")
