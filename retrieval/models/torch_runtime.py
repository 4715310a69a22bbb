"""Networks by torch: on CUDA, and on processors that OpenVINO does not run on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..errors import OutOfDeviceMemoryError
from ..processes.cores import usable_cores
from .operators import Convolution, padding
from .protocols import Network

Placed = tuple[Tensor, Tensor | None, int]
"""Weight, bias and groups of a convolution on a device."""


class TorchRuntime:
    """Passes in float32, on CUDA without TensorFloat-32: in half precision a third of the segments come out otherwise.

    Parameters
    ----------
    device : torch.device
    threads : int, optional
        Of one pass on the CPU; all cores if absent.
    """

    name = "torch"

    def __init__(self, device: torch.device, threads: int | None = None) -> None:
        self.device = device
        on_cpu = device.type == "cpu"
        if not on_cpu:
            torch.backends.cudnn.allow_tf32 = False  # of convolutions in float32, which nothing else computes
        self._threads = threads if on_cpu else None
        self.batch_size = 1 if on_cpu else 32
        self.concurrency = max(1, len(usable_cores()) // threads) if on_cpu and threads else 1
        self._placed: dict[Convolution, Placed] = {}

    def prepare(self, network: Network) -> None:
        """Nothing: a network is not compiled."""

    def run(self, network: Network, images: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """One pass."""
        try:
            return self._run(network, images)
        except torch.OutOfMemoryError:
            pass  # its traceback holds the maps of the pass, which have to go before the cache is emptied
        torch.cuda.empty_cache()
        raise OutOfDeviceMemoryError(f"{len(images)} images of {images.shape[1:3]} do not fit {self.device}")

    def release_memory(self) -> None:
        """Give back what torch keeps of the GPU's memory for later passes."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _run(self, network: Network, images: NDArray[np.uint8]) -> list[NDArray[Any]]:
        if self._threads:
            torch.set_num_threads(self._threads)
        convolutions = {name: self._place(each) for name, each in network.convolutions.items()}
        batch = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(self.device).permute(0, 3, 1, 2)
        pixels = batch.to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1.0
        found = network(TorchOperators(convolutions), pixels)
        return [np.ascontiguousarray(each.permute(0, 2, 3, 1).cpu().float().numpy()) for each in found]

    def _place(self, convolution: Convolution) -> Placed:
        """A convolution's weights on the device, where they stay."""
        placed = self._placed.get(convolution)
        if placed is None:
            weight = torch.from_numpy(convolution.weight).to(self.device).to(memory_format=torch.channels_last)
            bias = None if convolution.bias is None else torch.from_numpy(convolution.bias).to(self.device)
            placed = self._placed[convolution] = weight, bias, convolution.groups
        return placed


class TorchOperators:
    """Operators that compute at once, by weights of given names."""

    def __init__(self, convolutions: Mapping[str, Placed]) -> None:
        self._convolutions = convolutions

    def convolve(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        """By the weights of a name."""
        weight, bias, groups = self._convolutions[name]
        before, after = padding(weight.shape[-1], stride)
        if before != after:
            x, before = functional.pad(x, (before, after, before, after)), 0
        return functional.conv2d(x, weight, bias, stride, before, groups=groups)

    def relu(self, x: Tensor) -> Tensor:
        """Negative values become 0."""
        return functional.relu(x)

    def relu6(self, x: Tensor) -> Tensor:
        """Values are brought to [0, 6], in place."""
        return functional.relu6(x, inplace=True)

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        """The sum."""
        return a + b

    def double(self, x: Tensor) -> Tensor:
        """Twice as high and wide."""
        return functional.interpolate(x, scale_factor=2, mode="bilinear")

    def pool(self, x: Tensor, cells: int) -> Tensor:
        """Averages over a grid."""
        return functional.adaptive_avg_pool2d(x, cells)

    def resize(self, x: Tensor, like: Tensor) -> Tensor:
        """As high and wide as another map."""
        return functional.interpolate(x, size=like.shape[-2:], mode="bilinear")
