"""A head on the frozen backbone that tells the class of every pixel, with the whole photo as context.

The backbone's last map is averaged over grids of 1, 2, 3 and 6 cells a side, and what comes of that is added to the
map itself, so that every pixel knows the scene it is in; two finer maps then sharpen the result down to stride 8. What
ImageNet's classifier says of the last map is added, so that classes with few examples are known from there.

Fitted by ``python -m training.fit_semantic_head``; the model card is ``docs/models/psp.md``.

References
----------
Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017, section 3.2 (pyramid pooling); Liu, Rabinovich and Berg,
"ParseNet: Looking Wider to See Better", ICLR 2016 workshop, section 3.1 (global context).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .efficientnet import EfficientNet, forward
from .operators import Convolution, Operators, T
from .tensor_file import read_convolutions

GRIDS = (1, 2, 3, 6)
"""Cells along each side of the grids."""
STRIDES = (8, 16)
"""Of the maps that the head takes besides the last one."""
HEAD = 1280
"""Channels of the backbone's last map."""
CLASSES, PRIOR = "classes", "prior"


def shapes(classes: int) -> dict[str, tuple[int, int, int, int]]:
    """Shapes of the weights of each convolution; each has a bias.

    Parameters
    ----------
    classes : int
    """
    return {
        "top": (256, HEAD, 1, 1),
        "scene": (192, 256, 3, 3),
        **{f"pool.{cells}": (64, 256, 1, 1) for cells in GRIDS},
        **{f"context.{cells}": (192, 64, 1, 1) for cells in GRIDS},
        "lateral.16": (192, 120, 1, 1),
        "mix.16": (192, 192, 3, 3),
        "below.8": (96, 192, 1, 1),
        "lateral.8": (96, 48, 1, 1),
        "mix.8": (96, 96, 3, 3),
        CLASSES: (classes, 96, 1, 1),
        PRIOR: (classes, HEAD, 1, 1),
    }


@dataclass(frozen=True, eq=False, slots=True)
class SemanticHead:
    """The head's weights; 1.3 million numbers.

    Attributes
    ----------
    convolutions : dict of str to Convolution
        By the names of `shapes`.
    """

    convolutions: Mapping[str, Convolution]

    @classmethod
    def load(cls, path: Path, classes: int) -> SemanticHead:
        """Read the weights, which are kept as float16.

        Parameters
        ----------
        path : Path
        classes : int
            How many the file has to tell apart.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        return cls(read_convolutions(path, "a semantic head", shapes(classes)))


@dataclass(frozen=True, slots=True)
class SemanticNetwork:
    """The backbone and the head, from pixels to log odds of classes.

    Attributes
    ----------
    backbone : EfficientNet
    head : SemanticHead
    """

    backbone: EfficientNet
    head: SemanticHead

    @property
    def convolutions(self) -> Mapping[str, Convolution]:
        """The convolutions of both."""
        return {**self.backbone.convolutions, **self.head.convolutions}

    def __call__(self, operators: Operators[T], pixels: T) -> list[T]:
        """Scores of the classes, (N, classes, H / 8, W / 8)."""
        maps, last = forward(operators, pixels, STRIDES)
        return [classify(operators, maps, last)]


def classify(operators: Operators[T], maps: Mapping[int, T], last: T) -> T:
    """Classes of the pixels of a batch.

    Parameters
    ----------
    operators : Operators
    maps : dict of int to tensor
        Those of `STRIDES`, (N, C, H / stride, W / stride) each.
    last : tensor of shape (N, 1280, H / 32, W / 32)

    Returns
    -------
    tensor of shape (N, classes, H / 8, W / 8)
        Scores, whose softmax is the probability of each class.

    Notes
    -----
    About 1.2 GMAC for 512 x 384 pixels, half of the backbone's.
    """
    top = operators.relu(operators.convolve(last, "top"))
    scene = operators.convolve(top, "scene")
    for cells in GRIDS:
        pooled = operators.relu(operators.convolve(operators.pool(top, cells), f"pool.{cells}"))
        scene = operators.add(scene, operators.resize(operators.convolve(pooled, f"context.{cells}"), top))
    x = operators.add(operators.double(operators.relu(scene)), operators.convolve(maps[16], "lateral.16"))
    x = operators.relu(operators.add(x, operators.convolve(operators.relu(x), "mix.16")))
    x = operators.add(operators.double(operators.convolve(x, "below.8")), operators.convolve(maps[8], "lateral.8"))
    x = operators.relu(operators.add(x, operators.convolve(operators.relu(x), "mix.8")))
    prior = operators.double(operators.double(operators.convolve(last, PRIOR)))
    return operators.add(operators.convolve(x, CLASSES), prior)
