"""Which runtime a setting means, and what OpenVINO is kept from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.errors import ConfigurationError
from retrieval.models import runtimes
from retrieval.models.runtimes import find_device, has_cuda, runtime_for, runtime_name

ROOT = Path(__file__).parents[2]


class TestChoice:
    @pytest.mark.parametrize("device", ["cpu", "auto"])
    def test_the_processor_computes_by_openvino(self, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
        monkeypatch.setattr(runtimes, "has_cuda", lambda: False)
        assert runtime_for(device).name == "openvino"

    @pytest.mark.slow
    @pytest.mark.parametrize("error", [ImportError("no wheel"), OSError("no library"), RuntimeError("no plugin")])
    def test_torch_where_openvino_does_not_run(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        from retrieval.models import openvino_runtime

        def fails() -> None:
            raise error

        monkeypatch.setattr(openvino_runtime, "import_openvino", fails)
        found = runtime_for("cpu", threads=1)
        assert (found.name, found.concurrency) == ("torch", os.cpu_count())
        assert f"OpenVINO does not run here ({error})" in caplog.text

    @pytest.mark.slow
    def test_auto_takes_cuda(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        monkeypatch.setattr(runtimes, "has_cuda", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        found: Any = runtime_for("auto", threads=1)
        assert (found.name, str(found.device), found.batch_size, found.concurrency) == ("torch", "cuda:0", 32, 1)

    @pytest.mark.slow
    def test_a_device_that_torch_cannot_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        monkeypatch.setattr(runtimes, "has_cuda", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert runtime_for("auto").name == "openvino"

    @pytest.mark.parametrize(("device", "expected"), [("cpu", "openvino"), ("auto", "openvino"), ("cuda", None)])
    def test_without_torch(self, monkeypatch: pytest.MonkeyPatch, device: str, expected: str | None) -> None:
        monkeypatch.setattr(runtimes, "has_cuda", lambda: True)
        monkeypatch.setitem(sys.modules, "torch", None)
        if expected is None:
            with pytest.raises(ConfigurationError, match=r"SEGSEARCH_DEVICE=cuda: this needs torch.*segsearch\[gpu\]"):
                runtime_for(device)
        else:
            assert runtime_for(device).name == expected

    def test_without_either(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torch", None)
        monkeypatch.setitem(sys.modules, "openvino", None)
        with pytest.raises(ModuleNotFoundError) as raised:
            runtime_for("cpu")
        assert raised.value.name == "torch", "so that the extra is named that has it"

    def test_no_driver_no_cuda(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(name: str) -> None:
            raise OSError(f"{name}: cannot open shared object file")

        monkeypatch.setattr(runtimes.ctypes, "CDLL", missing)
        assert not has_cuda()

    @pytest.mark.slow
    def test_the_driver_and_torch_agree(self) -> None:
        import torch

        assert has_cuda() == torch.cuda.is_available()

    @pytest.mark.parametrize(("threads", "concurrency"), [(None, 1), (1, os.cpu_count())])
    def test_threads_make_passes_at_once(self, threads: int | None, concurrency: int) -> None:
        found = runtime_for("cpu", threads)
        assert (found.batch_size, found.concurrency) == (1, concurrency)


@pytest.mark.slow
class TestDevices:
    def test_the_processor_is_always_there(self) -> None:
        assert find_device("cpu").type == "cpu"

    @pytest.mark.parametrize("there", [0, 1])
    def test_auto_takes_what_there_is(self, monkeypatch: pytest.MonkeyPatch, there: int) -> None:
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(there))
        assert str(find_device("auto")) == ("cuda:0" if there else "cpu")

    @pytest.mark.parametrize(("name", "there"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
    def test_a_device_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch, name: str, there: int) -> None:
        import torch

        monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
        with pytest.raises(ConfigurationError, match=f"SEGSEARCH_DEVICE={name}: this machine has {there} CUDA"):
            find_device(name)

    def test_memory_that_runs_out_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        from retrieval.errors import OutOfDeviceMemoryError
        from retrieval.models.backbone import Backbone
        from retrieval.models.torch_runtime import TorchRuntime

        def full(*_: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(TorchRuntime, "_run", full)
        images = [np.zeros((72, 96, 3), np.uint8)] * 2
        with pytest.raises(OutOfDeviceMemoryError, match=r"2 images of \(96, 128\) do not fit cpu"):
            Backbone(runtime=TorchRuntime(find_device("cpu"))).extract(images, long_side=128)

    def test_memory_of_a_pass_that_did_not_fit_is_free_before_halves_are_tried(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import weakref

        import torch

        from retrieval.analysis.batch import extract_batch
        from retrieval.models.torch_runtime import TorchRuntime
        from retrieval.recipes import load

        recipe = load("lite-unlearned", "cpu")
        recipe.backbone.runtime = TorchRuntime(find_device("cpu"))  # type: ignore[attr-defined]
        usual, held, still = TorchRuntime._run, [], []

        def one_at_a_time(self: TorchRuntime, network: Any, images: NDArray[np.uint8]) -> list[Any]:
            still.extend(each() is not None for each in held)
            if len(images) > 1:
                maps = torch.zeros(8)
                held.append(weakref.ref(maps))
                raise torch.OutOfMemoryError("CUDA out of memory")
            return usual(self, network, images)

        monkeypatch.setattr(TorchRuntime, "_run", one_at_a_time)
        assert len(extract_batch(recipe, [np.zeros((48, 64, 3), np.uint8)] * 4)) == 4
        assert len(held) == 3
        assert not any(still)


WATCHED = """
import sys

def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event.startswith("socket.") or event in ("os.fork", "os.mkdir", "subprocess.Popen") or writes:
        print(event, *arguments)

sys.dont_write_bytecode = True
sys.addaudithook(watch)
"""


def said_by(program: str, home: Path) -> str:
    """What a fresh interpreter prints, the paths it writes and the addresses it asks for among it."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED + program],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


class TestReports:
    """OpenVINO's converter tells Google Analytics that it was imported, and leaves an identity in ``~/intel``."""

    def test_nothing_is_sent_or_left(self, tmp_path: Path) -> None:
        assert said_by("from retrieval.models.runtimes import runtime_for; runtime_for('cpu')", tmp_path) == ""
        assert list(tmp_path.iterdir()) == []

    def test_what_would_be_sent_would_be_seen(self, tmp_path: Path) -> None:
        program = "import socket; socket.socket().close()"
        assert "socket." in said_by(program, tmp_path)

    def test_who_wants_the_converter_can_have_it(self, tmp_path: Path) -> None:
        program = (
            "sys.modules['openvino_telemetry'] = None; from retrieval.models.runtimes import runtime_for; "
            "runtime_for('cpu'); from openvino.tools.ovc import convert_model; print(convert_model.__name__)"
        )
        assert "convert_model" in said_by(program, tmp_path)


FIRST_PASSES = """
import sys, threading
import numpy as np
from retrieval.models.openvino_runtime import OpenVinoRuntime

class Network:
    convolutions = {}

    def __call__(self, operators, pixels):
        return [operators.relu(pixels)]

def work():
    together.wait()
    runtime = shared or OpenVinoRuntime(1)
    for _ in range(5):
        runtime.run(network, np.zeros((1, 32, 32, 3), np.uint8))

sys.setswitchinterval(1e-6)
shared = OpenVinoRuntime(1) if sys.argv[1] == "shared" else None
network, together = Network(), threading.Barrier(8)
threads = [threading.Thread(target=work) for _ in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["shared", "own"])
def test_first_passes_of_many_threads_do_not_wait_for_each_other_forever(runtime: str) -> None:
    for _ in range(10):  # without the first pass under a lock every fifth process hung
        done = subprocess.run(
            [sys.executable, "-c", FIRST_PASSES, runtime], cwd=ROOT, check=True, capture_output=True, timeout=90
        )
        assert done.stdout == b"done\n"


@pytest.mark.parametrize(
    ("device", "cuda", "libraries", "expected"),
    [
        ("cpu", True, ("torch", "openvino"), "OpenVINO on the CPU"),
        ("auto", False, ("torch", "openvino"), "OpenVINO on the CPU"),
        ("auto", True, ("openvino",), "OpenVINO on the CPU"),
        ("auto", True, ("torch", "openvino"), "torch on CUDA"),
        ("cuda:1", True, ("torch",), "torch on cuda:1"),
        ("cpu", False, ("torch",), "torch on the CPU"),
    ],
)
def test_names_of_runtimes(
    monkeypatch: pytest.MonkeyPatch, device: str, cuda: bool, libraries: tuple[str, ...], expected: str
) -> None:
    monkeypatch.setattr(runtimes, "has_cuda", lambda: cuda)
    monkeypatch.setattr(runtimes, "find_spec", lambda name: name if name in libraries else None)
    assert runtime_name(device) == expected
