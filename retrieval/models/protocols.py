"""What a network and a runtime are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .operators import Convolution, Operators, T


class Network(Protocol):
    """Weights and data flow of a network; a value that can be hashed, so that a runtime prepares it once."""

    @property
    def convolutions(self) -> Mapping[str, Convolution]:
        """By the names that `Operators.convolve` is asked for."""
        ...

    def __call__(self, operators: Operators[T], pixels: T) -> Sequence[T]:
        """From (N, 3, H, W), values in [-1, 1], to the maps that are wanted."""
        ...

    def __hash__(self) -> int: ...


class Runtime(Protocol):
    """What runs networks on a device. Safe among threads.

    Attributes
    ----------
    name : str
        For messages and figures.
    batch_size : int
        How many images the device is best given at once.
    concurrency : int
        How many passes are best run at once, each from a thread of its own.
    """

    name: str
    batch_size: int
    concurrency: int

    def run(self, network: Network, images: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """One pass.

        Parameters
        ----------
        network : Network
        images : ndarray of shape (N, H, W, 3), uint8
            H and W are multiples of 32.

        Returns
        -------
        list of ndarray of shape (N, h, w, C), float32
            The maps of the network, in its order.

        Raises
        ------
        OutOfDeviceMemoryError
        """
        ...
