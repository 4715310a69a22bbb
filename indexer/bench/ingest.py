"""Benchmark of an ingest: time of each stage alone, time of the whole, and use of the cores."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil

from retrieval.analysis.local import ANALYSIS_SIDE
from retrieval.assembly import Assembly
from retrieval.images.decode import DecodedImage, decode_with_renditions
from retrieval.processes.cores import usable_cores
from retrieval.settings import Settings
from retrieval.types import AnalyzedImage

from ..report import Tally
from ..scan import register_files
from ..walk import find_files
from ..worker import Worker, ingest

T = TypeVar("T")


def bench_ingest(settings: Settings, folder: Path) -> dict[str, Any]:
    """CPU time per photo of every stage alone, then of the whole ingest, and its use of the cores.

    Parameters
    ----------
    settings : Settings
        Provides the recipe and the device; photos are ingested into a temporary data directory.
    folder : Path

    Notes
    -----
    The use of the cores is the sum of the stages alone over cores × wall time: more than 1 if a stage costs less next
    to the others than alone. Stages at once is the same sum over the wall time.
    """
    cores = len(usable_cores())
    with tempfile.TemporaryDirectory(prefix="segsearch-bench-") as data_dir:
        alone, whole = (
            Assembly(Settings.in_data_dir(Path(data_dir, name), device=settings.device, recipe=settings.recipe))
            for name in ("alone", "whole")
        )
        stages = _stages_alone(alone, folder)
        worker = Worker(whole)
        with _PeakMemory() as memory:
            report = ingest(whole, worker, [folder], Tally())
    photos = report.counts["indexed"] + report.counts["empty"]
    wall, together = report.seconds / max(photos, 1), sum(stages.values())
    return {
        "photos": photos,
        "cores": cores,
        "CPU ms a photo, alone": {name: round(1000 * each, 1) for name, each in stages.items()},
        "wall ms a photo": round(1000 * wall, 1),
        "photos a second": round(1 / wall, 2),
        "stages at once": round(together / wall, 2),
        "use of the cores": round(together / (cores * wall), 3),
        "memory of the process tree by thirds, PSS, MB": memory.thirds(),
    }


def _stages_alone(assembly: Assembly, folder: Path, sample: int = 24) -> dict[str, float]:
    """CPU seconds per photo of each stage alone, on every n-th photo; the first one warms up."""
    register_files(assembly, [folder], Tally())
    paths = [path for path in find_files([folder]) if path.is_file()]
    chosen = paths[:: max(1, len(paths) // sample)][: sample + 1]
    jobs = assembly.ingest_queue.claim("bench", len(chosen))
    recipe, seconds = assembly.bulk_recipe, dict.fromkeys(("decode", "network", "segment", "embed", "write"), 0.0)
    for number, (path, job) in enumerate(zip(chosen, jobs, strict=False)):
        spent: dict[str, float] = {}
        image = _cpu(spent, "decode", partial(_decode, path, assembly.settings.data_dir))
        features = _cpu(spent, "network", partial(recipe.extract, [image.rgb]))[0]
        segments = _cpu(spent, "segment", partial(recipe.segment, image.rgb, features))
        analysis = _cpu(spent, "embed", partial(recipe.embed, image.rgb, features, segments))
        entry = AnalyzedImage(format="JPEG", size_hw=image.size_hw, taken_at=None, analysis=analysis)
        _cpu(spent, "write", partial(assembly.ingest_queue.finish, "bench", {job.image_id: entry}, recipe.fingerprint))
        if number:
            for name, value in spent.items():
                seconds[name] += value / (len(chosen) - 1)
    return seconds


def _decode(path: Path, folder: Path) -> DecodedImage:
    preview, thumbnail = folder / "preview.jpg", folder / "thumbnail.jpg"
    return decode_with_renditions(path, long_side=ANALYSIS_SIDE, preview=preview, thumbnail=thumbnail)


def _cpu(spent: dict[str, float], name: str, work: Callable[[], T]) -> T:
    started = time.process_time()
    result = work()
    spent[name] = time.process_time() - started
    return result


class _PeakMemory:
    """Proportional set size of this process and its children, sampled every half second."""

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def thirds(self) -> list[int]:
        """Largest sample in each third of the run, in megabytes."""
        return [round(part.max(initial=0) / 1e6) for part in np.array_split(np.array(self._samples or [0]), 3)]

    def _watch(self) -> None:
        this = psutil.Process()
        while not self._ended.wait(0.5):
            self._samples.append(sum(_pss(process) for process in (this, *this.children(recursive=True))))


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
