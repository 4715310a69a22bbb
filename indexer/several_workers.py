"""Several worker processes, where one does not fill the machine: several GPUs, or many cores."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

from retrieval.models.runtimes import cuda_devices
from retrieval.processes.companion import Companion
from retrieval.processes.cores import shares
from retrieval.processes.lifetime import stop_on_signals, stop_with_parent


def devices_for(device: str, count: int) -> list[str]:
    """The device of each of `count` workers: with ``auto`` the GPUs in turn, otherwise the one that is set."""
    gpus = cuda_devices() if device == "auto" and find_spec("torch") else 0
    return [f"cuda:{number % gpus}" if gpus else device for number in range(count)]


def work_forever(device: str, count: int) -> None:
    """Run workers until this process is told to stop; one that dies is restarted.

    Parameters
    ----------
    device : str
        The setting.
    count : int
        Number of workers. They share the cores.
    """
    ending = threading.Event()
    stop_on_signals(ending.set)
    stop_with_parent(ending.set)
    workers = [
        Companion("worker", {"SEGSEARCH_DEVICE": each}, cores)
        for each, cores in zip(devices_for(device, count), shares(count), strict=True)
    ]
    ending.wait()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(Companion.end, workers))
