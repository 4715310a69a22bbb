"""The one network behind segments, vectors and words of the lite recipes: images in, feature maps out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..types import Features, RgbImage
from .boundary_decoder import WIDTHS, BoundaryDecoder, decode
from .efficientnet import EfficientNet, forward
from .operators import Convolution, Operators, T
from .protocols import Runtime
from .runtimes import runtime_for
from .scaling import resized
from .size import ModelSize


class Backbone:
    """The frozen network on one device.

    Parameters
    ----------
    device : str
        ``"cpu"``, a CUDA device, or ``"auto"`` for the first CUDA device if there is one.
    threads : int, optional
        Threads of one pass on the CPU; with 1, `concurrency` passes are best run at once. All cores if absent.
    weights : Path, optional
        A state dict in the package's form; the installed package's own if absent.
    runtime : Runtime, optional
        What runs it; the one of `device` if absent.

    Raises
    ------
    WeightsMissingError, WeightsCorruptError
    ConfigurationError
        The device is not there.

    Attributes
    ----------
    runtime : Runtime
    """

    def __init__(
        self,
        device: str = "cpu",
        *,
        threads: int | None = None,
        weights: Path | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self._network = EfficientNet.load(weights)
        self.runtime = runtime or runtime_for(device, threads)

    @property
    def batch_size(self) -> int:
        """Best number of images for one call."""
        return self.runtime.batch_size

    @property
    def concurrency(self) -> int:
        """Best number of passes at once, each from its own thread."""
        return self.runtime.concurrency

    @property
    def classifier(self) -> NDArray[np.float32]:
        """The rows of the classifier, (1000, 1280), in ImageNet's order."""
        return self._network.classifier

    @property
    def classifier_bias(self) -> NDArray[np.float32]:
        """The biases of the classifier, (1000,)."""
        return self._network.classifier_bias

    @property
    def digest(self) -> str:
        """Digest of the weights."""
        return self._network.digest

    @property
    def size(self) -> ModelSize:
        """Size of the network with its classifier."""
        return self._network.size

    def prepare(self, strides: Sequence[int] = (), decoder: BoundaryDecoder | None = None) -> None:
        """Begin to load what `extract` needs with these arguments; returns at once."""
        self.runtime.prepare(_Pass(self._network, tuple(strides), decoder))

    def release_memory(self) -> None:
        """Give back the buffers of passes."""
        self.runtime.release_memory()

    def extract(
        self,
        images: Sequence[RgbImage],
        *,
        long_side: int,
        strides: Sequence[int] = (),
        decoder: BoundaryDecoder | None = None,
    ) -> list[Features]:
        """Run the network over images, those of one shape together.

        Parameters
        ----------
        images : sequence of ndarray of shape (H, W, 3), uint8
        long_side : int
            The longer side of every image is brought to this many pixels, and both sides to multiples of 32.
        strides : sequence of int
            Which maps besides the head's to return, out of 2, 4, 8, 16 and 32.
        decoder : BoundaryDecoder, optional
            Run on the maps where they are, for `edges` and `objects`.

        Raises
        ------
        OutOfDeviceMemoryError

        Notes
        -----
        An image's features do not depend on what else is in the batch. Every device computes in float32.
        """
        found: dict[int, Features] = {}
        for rows, batch in batches(images, long_side):
            found.update(zip(rows, self._pass(batch, tuple(strides), decoder), strict=True))
        return [found[row] for row in range(len(images))]

    def _pass(
        self, batch: NDArray[np.uint8], strides: tuple[int, ...], decoder: BoundaryDecoder | None
    ) -> list[Features]:
        """One pass over an (N, h, w, 3) batch."""
        head, *maps = self.runtime.run(_Pass(self._network, strides, decoder), batch)
        edges, objects = maps[len(strides) :] if decoder else (None, None)
        if edges is not None and objects is not None:
            edges, objects[..., :1] = _sigmoid(edges), _sigmoid(objects[..., :1])
        return [
            Features(
                {stride: each[row] for stride, each in zip(strides, maps, strict=False)},
                head[row],
                None if edges is None else edges[row],
                None if objects is None else objects[row],
            )
            for row in range(len(batch))
        ]


@dataclass(frozen=True, slots=True)
class _Pass:
    """The network as far as it is asked for: the head's map, those of some strides, what a decoder makes of them."""

    network: EfficientNet
    strides: tuple[int, ...]
    decoder: BoundaryDecoder | None

    @property
    def convolutions(self) -> Mapping[str, Convolution]:
        """The convolutions of the network and of the decoder."""
        return {**self.network.convolutions, **(self.decoder.convolutions if self.decoder else {})}

    def __call__(self, operators: Operators[T], pixels: T) -> list[T]:
        """The maps, in this order."""
        maps, head = forward(operators, pixels, {*self.strides, *(WIDTHS if self.decoder else ())})
        decoded = decode(operators, maps) if self.decoder else ()
        return [head, *(maps[stride] for stride in self.strides), *decoded]


def batches(images: Sequence[RgbImage], long_side: int) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
    """Batches of images brought to the size of a pass, those of one size together.

    Parameters
    ----------
    images : sequence of ndarray of shape (H, W, 3), uint8
    long_side : int
        In pixels.

    Yields
    ------
    rows : list of int
        Which images they are.
    batch : ndarray of shape (N, h, w, 3), uint8
    """
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, image in enumerate(images):
        groups[grid_size(image.shape[:2], long_side)].append(row)
    for size_hw, rows in groups.items():
        yield rows, np.stack([resized(images[row], size_hw) for row in rows])


def grid_size(size_hw: tuple[int, ...], long_side: int) -> tuple[int, int]:
    """The size an image is brought to for a pass: the long side given, both sides multiples of 32."""
    scale = long_side / max(size_hw)
    height, width = (max(32, round(side * scale / 32) * 32) for side in size_hw[:2])
    return height, width


def _sigmoid(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities; beyond -80 float32 would overflow on the way."""
    return np.asarray(1 / (1 + np.exp(-np.maximum(log_odds, -80))), np.float32)
