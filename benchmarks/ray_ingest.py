"""Photos a second of a worker, and of `ingest --ray local` on the same photos, by turns.

Run ``python -m benchmarks.ray_ingest FOLDER [--rounds 2] [--recipe lite]``. The first photos are left out of the rates:
the processes start meanwhile, which is told by itself.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from indexer.ray.cluster import LOCAL, connected
from indexer.report import Tally
from indexer.scan import register_files
from indexer.worker import Worker
from retrieval.assembly import Assembly
from retrieval.settings import Settings

LEFT_OUT = 40


def measure(folder: Path, recipe: str, *, on_ray: bool) -> str:
    """Seconds until the 40th photo, and photos a second from then on."""
    done: list[float] = []
    with tempfile.TemporaryDirectory() as data_dir:
        assembly = Assembly(Settings.in_data_dir(Path(data_dir), device="cpu", recipe=recipe))
        register_files(assembly, [folder], Tally())
        started = time.perf_counter()
        with connected(LOCAL) if on_ray else nullcontext() as ray:
            Worker(assembly, lambda: done.append(time.perf_counter()), ray).pipeline.run()
        assembly.close()
    if len(done) <= LEFT_OUT:
        raise SystemExit(f"{folder} has {len(done)} photos; give a folder with more than {LEFT_OUT}")
    rate = (len(done) - LEFT_OUT) / (done[-1] - done[LEFT_OUT - 1])
    return f"{done[LEFT_OUT - 1] - started:.1f} s until photo {LEFT_OUT}, then {rate:.2f} photos a second"


def main() -> None:
    """Measure both, by turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--recipe", default="lite")
    options = parser.parse_args()
    for _ in range(options.rounds):
        for name, on_ray in (("worker", False), ("ray local", True)):
            told = measure(options.folder, options.recipe, on_ray=on_ray)
            print(f"{name}: {told}, load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
