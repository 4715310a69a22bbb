"""The device that a benchmark runs on, how much of it is used, and how much time is left."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from retrieval.models.runtimes import find_device

Figures = dict[str, Any]


class Clock:
    """The time that is left.

    Parameters
    ----------
    seconds : float
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()


class Device:
    """Where the networks run, watched through ``nvidia-smi``.

    Parameters
    ----------
    name : str
        As ``SEGSEARCH_DEVICE``.
    """

    def __init__(self, name: str) -> None:
        found = find_device(name)
        self.name, self.on_cuda, self.number = str(found), found.type == "cuda", found.index or 0

    def described(self) -> Figures:
        """What it is."""
        if not self.on_cuda:
            return {"name": "cpu"}
        import torch

        found = torch.cuda.get_device_properties(self.number)
        return {"name": found.name, "memory, GB": round(found.total_memory / 1e9, 1), "CUDA": torch.version.cuda}

    def synchronize(self) -> None:
        """Wait until the device has nothing to do."""
        if self.on_cuda:
            import torch

            torch.cuda.synchronize()

    def used(self) -> int | None:
        """Bytes in use by all processes; None without a GPU."""
        if not self.on_cuda:
            return None
        import torch

        free, total = torch.cuda.mem_get_info(self.number)
        return int(total - free)

    @contextmanager
    def watched(self) -> Iterator[Figures]:
        """Fill in the mean use of the device in per cent while the block runs."""
        figures: Figures = {}
        if not self.on_cuda:
            yield figures
            return
        command = ["nvidia-smi", f"--id={self.number}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen([*command, "--loop-ms=100"], stdout=log, stderr=subprocess.DEVNULL)
            try:
                yield figures
            finally:
                process.terminate()
                process.wait()
            log.seek(0)
            samples = [int(line) for line in log.read().split() if line.isdigit()]
        if samples:
            figures["use of the device, %"] = round(float(np.mean(samples)))
