"""OpenVINO against torch on the processor, for recipe ``lite``: passes, and the program's commands as they are used.

::

    python -m benchmarks.runtimes --folder FOLDER [--count N] [--rounds N] [--out FILE]

In turns, best of the rounds. Passes have one thread. Commands are the product's own; where OpenVINO cannot be imported
it takes torch, and that is how it is made to. The CPU seconds of an ingest are those of all its processes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil

from indexer.bench.results import OUT, report
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.analysis.server import REST_SECONDS
from retrieval.images.decode import decode
from retrieval.models.backbone import Backbone
from retrieval.models.openvino_runtime import OpenVinoRuntime
from retrieval.models.runtimes import find_device
from retrieval.models.torch_runtime import TorchRuntime
from retrieval.recipes import load
from retrieval.recipes.lite import LiteRecipe

RUNTIMES = ("openvino", "torch")
BLOCKED = "import sys; sys.modules['openvino'] = None; from segsearch.cli import main; main()"
MEGABYTE = 10**6

Figures = dict[str, float]


def best(rounds: int, measure: Callable[[str], Figures]) -> dict[str, Figures]:
    """The least of each figure of each runtime, asked in turns."""
    found: dict[str, list[Figures]] = {name: [] for name in RUNTIMES}
    for _ in range(rounds):
        for name in RUNTIMES:
            found[name].append(measure(name))
    return {name: {key: min(each[key] for each in rows) for key in rows[0]} for name, rows in found.items()}


def passes(path: Path, rounds: int) -> dict[str, Figures]:
    """Milliseconds of the recipe's two passes over one photo, one thread each."""
    built = load("lite", "cpu")
    if not isinstance(built, LiteRecipe):
        raise TypeError("lite is a LiteRecipe")
    runtimes = {"openvino": OpenVinoRuntime(1), "torch": TorchRuntime(find_device("cpu"), 1)}
    recipes = {name: replace(built, backbone=Backbone(runtime=each)) for name, each in runtimes.items()}
    image = decode(path, long_side=1024).rgb
    sides = {"512 px": (512, (), None), "768 px with decoder": (768, (16, 32), built.decoder)}

    def measure(name: str) -> Figures:
        found = {}
        for what, (side, strides, decoder) in sides.items():
            started = time.perf_counter()
            recipes[name].backbone.extract([image], long_side=side, strides=strides, decoder=decoder)
            found[f"{what}, ms"] = round(1000 * (time.perf_counter() - started), 1)
        return found

    for name in RUNTIMES:
        measure(name)  # compiles
    return best(rounds, measure)


class Commands:
    """The program's commands in homes of their own.

    Parameters
    ----------
    folder : Path
        Photos to enter.
    homes : Path
    """

    def __init__(self, folder: Path, homes: Path) -> None:
        self._folder, self._homes = folder, homes
        self._photo = str(sorted(folder.iterdir())[0])

    def ingest(self, name: str) -> Figures:
        """Enter all photos into a new home."""
        home = self._homes / name
        shutil.rmtree(home, ignore_errors=True)
        wall, cpu, _ = self._run(name, "ingest", str(self._folder))
        count = len(list(self._folder.iterdir()))
        return {"wall ms a photo": round(1000 * wall / count), "CPU ms a photo": round(1000 * cpu / count)}

    def search(self, name: str) -> Figures:
        """Search by a photo, without an analyzer."""
        wall, cpu, memory = self._run(name, "search", "--json", "--image", self._photo)
        return {"wall s": round(wall, 2), "CPU s": round(cpu, 2), "peak memory, MB": round(memory)}

    def analyzer(self, name: str) -> Figures:
        """Start an analyzer, ask it twice, and look how much memory it takes."""
        started = time.perf_counter()
        process = self._start(name, "analyzer")
        remote = RemoteAnalyzer(self._homes / name / "analyzers")
        while not remote.is_up():
            if process.poll() is not None:
                raise click.ClickException("the analyzer ended")
            time.sleep(0.02)
        moments = [time.perf_counter()]
        for _ in range(2):
            remote.analyze(Path(self._photo))
            moments.append(time.perf_counter())
        memory = [proportional_memory(process.pid)]
        time.sleep(REST_SECONDS + 1)
        memory.append(proportional_memory(process.pid))
        process.terminate()
        process.wait(60)
        first, second = np.diff(moments)
        figures = {"ready after, s": moments[0] - started, "first photo, s": float(first), "next, s": float(second)}
        sizes = {"PSS, MB": round(memory[0]), "PSS at rest, MB": round(memory[1])}
        return {**{key: round(value, 2) for key, value in figures.items()}, **sizes}

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        program = ["-m", "segsearch"] if name == "openvino" else ["-c", BLOCKED]
        settings = {
            "SEGSEARCH_DATA_DIR": str(self._homes / name),
            "SEGSEARCH_DEVICE": "cpu",
            "SEGSEARCH_RECIPE": "lite",
        }
        return subprocess.Popen(
            [sys.executable, *program, *arguments],
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _run(self, name: str, *arguments: str) -> tuple[float, float, float]:
        """Wall and CPU seconds of a command, and its peak memory in MB."""
        started = time.perf_counter()
        process = self._start(name, *arguments)
        peak, ended = 0.0, 0
        while not ended:
            peak = max(peak, peak_memory(process.pid))
            time.sleep(0.01)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise click.ClickException(f"{' '.join(arguments)} ended with {process.returncode}")
        return time.perf_counter() - started, used.ru_utime + used.ru_stime, peak


def proportional_memory(number: int) -> float:
    """Memory of a process with its share of what it shares with others, in MB."""
    return float(psutil.Process(number).memory_full_info().pss) / MEGABYTE


def peak_memory(number: int) -> float:
    """The most resident memory that a process has had since it began its program, in MB; 0 when it has ended."""
    said = Path(f"/proc/{number}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", said)
    return int(found[1]) * 1024 / MEGABYTE if found else 0.0


@click.command()
@click.option("--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--count", default=40, show_default=True, help="So many photos of the folder are entered.")
@click.option("--rounds", default=3, show_default=True)
@OUT
def main(folder: Path, count: int, rounds: int, out: Path | None) -> None:
    """Measure passes, ingest, analyzer and search by each runtime."""
    chosen = sorted(each for each in folder.iterdir() if each.suffix.lower() in {".jpg", ".jpeg", ".png"})[:count]
    if not chosen:
        raise click.UsageError(f"{folder} holds no photos")
    with tempfile.TemporaryDirectory() as scratch:
        photos, homes = Path(scratch, "photos"), Path(scratch, "homes")
        photos.mkdir()
        for path in chosen:
            shutil.copy(path, photos)
        commands = Commands(photos, homes)
        figures: dict[str, Any] = {"photos": len(chosen), "rounds": rounds}
        figures["passes, one thread"] = passes(chosen[0], rounds * 5)
        figures["ingest"] = best(rounds, commands.ingest)
        figures["search --image, without an analyzer"] = best(rounds, commands.search)
        figures["analyzer"] = best(rounds, commands.analyzer)
    report(figures, out)


if __name__ == "__main__":
    main()
