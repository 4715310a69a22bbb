"""The few operators that the default recipe's networks are written in, so that every runtime runs one description.

A network is a function of operators and of a tensor. Only the operators know what a tensor is: in `openvino_runtime` a
node of a graph that is being built, in `torch_runtime` the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class Convolution:
    """Weights of a convolution with square kernels.

    Attributes
    ----------
    weight : ndarray of shape (O, I / groups, k, k), float32
    bias : ndarray of shape (O,), float32, or None
    groups : int
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None
    groups: int = 1


class Operators(Protocol[T]):
    """Operators on maps of shape (N, C, H, W)."""

    def convolve(self, x: T, name: str, stride: int = 1) -> T:
        """By the weights of a name, padded with zeros as `padding` says; H and W are multiples of the stride."""
        ...

    def relu(self, x: T) -> T:
        """Set negative values to 0."""
        ...

    def relu6(self, x: T) -> T:
        """Clip values to [0, 6]."""
        ...

    def add(self, a: T, b: T) -> T:
        """Add two maps, value by value."""
        ...

    def double(self, x: T) -> T:
        """Enlarge to twice the height and width, bilinear between the centres of pixels."""
        ...

    def pool(self, x: T, cells: int) -> T:
        """Average over the cells of a grid, (N, C, cells, cells); cells of a small map overlap."""
        ...

    def resize(self, x: T, like: T) -> T:
        """Bring to the height and width of another map, bilinear between the centres of pixels."""
        ...


def padding(kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after each side, of which one more after where their number is odd, as TensorFlow's "same".

    Examples
    --------
    >>> padding(3, 1), padding(3, 2), padding(5, 2)
    ((1, 1), (0, 1), (1, 2))
    """
    total = kernel - stride
    return total // 2, total - total // 2
