"""What the passes of all segmentation networks share: sizes, pixels, the device."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import OutOfDeviceMemoryError
from ..types import RgbImage
from .runtimes import find_device

AT_ONCE = 8
"""Images of one pass on a CUDA device; on the CPU it is one."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a network runs.

    Attributes
    ----------
    torch_device : torch.device
    threads : int or None
        Of one pass, on the CPU.
    """

    torch_device: torch.device
    threads: int | None

    @classmethod
    def named(cls, name: str, threads: int | None) -> Device:
        """Find the device of a setting.

        Raises
        ------
        ConfigurationError
            A CUDA device was asked for by name and is not there.
        """
        device = find_device(name)
        return cls(device, threads if device.type == "cpu" else None)

    @property
    def on_cuda(self) -> bool:
        """Whether it is a CUDA device."""
        return self.torch_device.type == "cuda"

    @contextmanager
    def running(self, what: str) -> Iterator[None]:
        """Run without gradients, on CUDA in float16 with float32 accumulation.

        Raises
        ------
        OutOfDeviceMemoryError
            `what` did not fit; the message names it.
        """
        if self.threads:
            torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode(), torch.autocast(self.torch_device.type, torch.float16, enabled=self.on_cuda):
                yield
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise OutOfDeviceMemoryError(f"{what} does not fit {self.torch_device}") from error

    def groups(self, keys: Sequence[Hashable]) -> list[list[int]]:
        """Group rows for passes: of one key, and at most as many as the device takes at once.

        Notes
        -----
        Nothing is padded to the size of a neighbour, so a result does not depend on what else is in the batch.
        """
        alike: dict[Hashable, list[int]] = defaultdict(list)
        for row, key in enumerate(keys):
            alike[key].append(row)
        step = AT_ONCE if self.on_cuda else 1
        return [rows[start : start + step] for rows in alike.values() for start in range(0, len(rows), step)]

    def pixels(self, images: Sequence[RgbImage], mean: Sequence[float], std: Sequence[float]) -> Tensor:
        """Move images of one shape to the device as (N, 3, H, W) float32, scaled to [0, 1] and normalised."""
        batch = torch.from_numpy(np.stack(images)).to(self.torch_device).permute(0, 3, 1, 2).float() / 255
        shift, scale = (torch.tensor(each, device=batch.device).reshape(1, 3, 1, 1) for each in (mean, std))
        return (batch - shift) / scale
