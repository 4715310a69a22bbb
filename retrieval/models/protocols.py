"""Interfaces of a network and of a runtime."""

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
        """The convolutions, by the names that `Operators.convolve` takes."""
        ...

    def __call__(self, operators: Operators[T], pixels: T) -> Sequence[T]:
        """Compute the maps that are wanted from (N, 3, H, W), values in [-1, 1]."""
        ...

    def __hash__(self) -> int: ...


class Runtime(Protocol):
    """What runs networks on a device. Safe among threads.

    Attributes
    ----------
    name : str
        For messages and figures.
    batch_size : int
        Best number of images for one call.
    concurrency : int
        Best number of passes at once, each from its own thread.
    """

    name: str
    batch_size: int
    concurrency: int

    def prepare(self, network: Network) -> None:
        """Begin what the first pass of a network takes besides, in the background if it is much; returns at once."""
        ...

    def run(self, network: Network, images: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Run one pass.

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

    def release_memory(self) -> None:
        """Give back the buffers of passes; the next pass makes them again. Networks stay loaded."""
        ...
