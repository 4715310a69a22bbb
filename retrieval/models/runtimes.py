"""What runs the default recipe's networks: OpenVINO on the processor, torch on CUDA.

Where OpenVINO does not run, torch takes the processor, too. Both give the same segments and vectors, and so a recipe
has one fingerprint, whatever it runs on (``tests/recipes/test_lite_runtimes.py``).
"""

from __future__ import annotations

import ctypes
import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from .protocols import Runtime

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


def runtime_for(device: str, threads: int | None = None) -> Runtime:
    """The runtime of a setting; torch is loaded only where it is the one.

    Parameters
    ----------
    device : str
        ``"cpu"``, a CUDA device, or ``"auto"`` for the first CUDA device if there is one.
    threads : int, optional
        Of one pass on the CPU; all cores if absent.

    Raises
    ------
    ConfigurationError
        The device is not there, or neither library is.
    """
    if device == "auto" and not (has_cuda() and find_spec("torch")):
        device = "cpu"
    if device != "cpu":
        found = find_device(device)
        if found.type == "cuda":
            return _torch_runtime(found, None)
    try:
        from .openvino_runtime import OpenVinoRuntime

        return OpenVinoRuntime(threads)
    except (ImportError, OSError, RuntimeError) as error:
        logger.warning("OpenVINO does not run here (%s): torch computes in its place, which is slower", error)
    return _torch_runtime(find_device("cpu"), threads)


def runtime_name(device: str) -> str:
    """What `runtime_for` gives for a setting, in words such as "OpenVINO on the CPU"; loads no library."""
    if device.startswith("cuda") or (device == "auto" and has_cuda() and find_spec("torch")):
        return f"torch on {'CUDA' if device == 'auto' else device}"
    return f"{'OpenVINO' if find_spec('openvino') else 'torch'} on the CPU"


def _torch_runtime(device: torch.device, threads: int | None) -> Runtime:
    from .torch_runtime import TorchRuntime

    return TorchRuntime(device, threads)


def has_cuda() -> bool:
    """Whether NVIDIA's driver sees a device."""
    return cuda_devices() > 0


def cuda_devices() -> int:
    """How many devices NVIDIA's driver sees; needs only the driver's own library."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    found = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return count.value if found else 0


def gpu_unused(device: str) -> str | None:
    """Why a GPU that is there does not run networks, and what to do; None if it does, or there is none.

    Parameters
    ----------
    device : str
        The setting.
    """
    if not has_cuda():
        return None
    if device == "cpu":
        return "SEGSEARCH_DEVICE=cpu; leave it unset to use the GPU"
    if not find_spec("torch"):
        return "torch is not installed; run `pip install 'segsearch[gpu]'`"
    import torch

    return None if torch.cuda.is_available() else "this torch was built without CUDA; install a build with CUDA"


def find_device(name: str) -> torch.device:
    """The device of torch that a setting means.

    Raises
    ------
    ConfigurationError
        A CUDA device was asked for by name and is not there, or torch is not installed.
    ModuleNotFoundError
        Torch is not installed, which `retrieval.recipes.load` turns into advice.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if not name.startswith("cuda"):
            raise
        raise ConfigurationError(
            f"SEGSEARCH_DEVICE={name}: this needs torch, which is not installed: run `pip install 'segsearch[gpu]'`"
        ) from error
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(
            f"SEGSEARCH_DEVICE={name}: this machine has {torch.cuda.device_count()} CUDA devices; use auto or cpu"
        )
    return device
