"""Networks on the processor by OpenVINO, without torch.

Each process builds OpenVINO's graph of a network from its weights, which is faster than reading a converted one from a
file (``docs/decisions/0026-openvino-runtime.md``).
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..processes.cores import usable_cores
from .operators import Convolution, padding
from .protocols import Network

logger = logging.getLogger(__name__)

_REPORTS = "openvino.tools.ovc"
"""OpenVINO's converter, which tells Google Analytics that it was imported."""

_COMPILING = threading.Lock()
"""One lock for the whole process. OpenVINO's binding builds tables at the first inference; two threads that do so at
once deadlock, one holding the interpreter's lock and one the binding's."""


class OpenVinoRuntime:
    """Passes in float32, whatever the processor has besides, so that results do not depend on it.

    Parameters
    ----------
    threads : int, optional
        Of one pass; all cores if absent.

    Raises
    ------
    ImportError, RuntimeError
        OpenVINO does not run here.
    """

    name = "openvino"
    batch_size = 1

    def __init__(self, threads: int | None = None) -> None:
        self._openvino = import_openvino()
        self._core = self._openvino.Core()
        self._core.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
        cores = len(usable_cores())
        self.concurrency = max(1, cores // threads) if threads else 1
        self._options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": self.concurrency,
            "INFERENCE_NUM_THREADS": self.concurrency * (threads or cores),
            "ENABLE_CPU_PINNING": False,  # other processes would be pinned to the same cores
        }
        self._compiled: dict[Network, Any] = {}

    def prepare(self, network: Network) -> None:
        """Compile a network in the background, without the interpreter's lock for the most part."""
        threading.Thread(target=self._try_to_compile, args=(network,), name="compile").start()

    def run(self, network: Network, images: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Run one pass. A network is compiled by its first pass; the first pass of a size takes up to twice as long."""
        return _infer(self._compiled_of(network), images)

    def release_memory(self) -> None:
        """Give back the buffers of passes, some 150 MB; a network that is running keeps its own."""
        for compiled in list(self._compiled.values()):
            with suppress(RuntimeError):  # it is running
                compiled.release_memory()

    def _try_to_compile(self, network: Network) -> None:
        try:
            self._compiled_of(network)
        except Exception:
            logger.debug("a network cannot be compiled ahead; its first pass will raise this", exc_info=True)

    def _compiled_of(self, network: Network) -> Any:
        with _COMPILING:
            compiled = self._compiled.get(network)
            if compiled is None:
                compiled = self._compile(network)
                _infer(compiled, np.zeros((1, 32, 32, 3), np.uint8))  # before another thread can be the first
                self._compiled[network] = compiled
        return compiled

    def _compile(self, network: Network) -> Any:
        """Compile the network for batches and images of any size."""
        ops = self._openvino.opset13
        images = ops.parameter([-1, -1, -1, 3], np.uint8)
        values = ops.transpose(ops.convert(images, "f32"), np.array([0, 3, 1, 2]))
        pixels = ops.subtract(ops.divide(values, np.float32(127.5)), np.float32(1))
        found = network(_GraphOperators(ops, network.convolutions), pixels)
        results = [ops.result(ops.transpose(each, np.array([0, 2, 3, 1]))) for each in found]
        model = self._openvino.Model(results, [images], "network")
        return self._core.compile_model(model, "CPU", self._options)


def _infer(compiled: Any, images: NDArray[np.uint8]) -> list[NDArray[Any]]:
    """Run one pass with its own inference request."""
    request = compiled.create_infer_request()
    request.infer([np.ascontiguousarray(images)], share_inputs=True)
    return [np.array(request.get_output_tensor(row).data) for row in range(len(compiled.outputs))]


class _GraphOperators:
    """Operators that add nodes to a graph."""

    def __init__(self, ops: Any, convolutions: Mapping[str, Convolution]) -> None:
        self._ops, self._convolutions = ops, convolutions

    def convolve(self, x: Any, name: str, stride: int = 1) -> Any:
        found = self._convolutions[name]
        before, after = padding(found.weight.shape[-1], stride)
        shape = found.weight.shape
        grouped = found.groups > 1
        weight = found.weight.reshape(found.groups, shape[0] // found.groups, *shape[1:]) if grouped else found.weight
        convolution = self._ops.group_convolution if grouped else self._ops.convolution
        made = convolution(x, weight, [stride] * 2, [before] * 2, [after] * 2, [1, 1])
        return made if found.bias is None else self._ops.add(made, found.bias.reshape(1, -1, 1, 1))

    def relu(self, x: Any) -> Any:
        return self._ops.relu(x)

    def relu6(self, x: Any) -> Any:
        return self._ops.clamp(x, 0.0, 6.0)

    def add(self, a: Any, b: Any) -> Any:
        return self._ops.add(a, b)

    def double(self, x: Any) -> Any:
        twice, sides = np.array([2, 2], np.float32), np.array([2, 3])
        return self._ops.interpolate(
            x, twice, "linear_onnx", "scales", coordinate_transformation_mode="half_pixel", axes=sides
        )

    def pool(self, x: Any, cells: int) -> Any:
        return self._ops.adaptive_avg_pool(x, np.array([cells, cells]))

    def resize(self, x: Any, like: Any) -> Any:
        sides = np.array([2, 3])
        size_hw = self._ops.gather(self._ops.shape_of(like), sides, np.array(0))
        return self._ops.interpolate(
            x, size_hw, "linear_onnx", "sizes", coordinate_transformation_mode="half_pixel", axes=sides
        )


def import_openvino() -> Any:
    """OpenVINO without its converter, so that nothing is sent anywhere; one that is loaded already stays as it is.

    Raises
    ------
    ImportError
        It is not installed, or not for this machine.
    """
    if "openvino" not in sys.modules:
        sys.modules[_REPORTS] = None  # type: ignore[assignment]  # importing it fails, which OpenVINO allows for
    try:
        import openvino
    finally:
        if sys.modules.get(_REPORTS) is None:
            sys.modules.pop(_REPORTS, None)
    return openvino
