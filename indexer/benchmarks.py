"""How fast things are: a search against raw FAISS, and the stages of an ingest against the whole.

Timings are interleaved in one run and the best of several is taken, for machines are shared; quote the ratios.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
import psutil

from retrieval.analyzer import ANALYSIS_SIDE
from retrieval.assembly import Assembly
from retrieval.catalog.records import Entry, SeenFile, uri_of
from retrieval.images import DecodedImage, decode_with_renditions
from retrieval.query import Ref, SearchRequest
from retrieval.settings import Settings
from retrieval.types import Analysis, Segments, Vectors

from .discover import find_files, register_files
from .publishing import rebuild
from .report import Tally
from .worker import Worker, ingest

T = TypeVar("T")

PER_PHOTO = 100
QUERIES = 100
TOP = 50


LATENT, HIDDEN = 48, 1024
"""Ways in which synthetic things vary, the first ones most, and waves that make vectors of them."""

NESTED = ((24, 0.5), (8, 0.4), (2, 0.25), (1, 0.15))
"""Of segments that belong together so many, and how far each group lies from what it is part of."""


def synthetic_vectors(count: int, dim: int, *, seed: int = 0) -> Vectors:
    """Unit vectors that lie to each other much as those of real segments do; made blockwise.

    Things vary in a few ways, so they lie on a curved surface of few dimensions (random cosine features of normal
    variates); about a thing lie, ever nearer, its regions, their parts, and segments that are nearly the same. How far
    and how many was chosen so that nearest neighbours and the recall of inverted lists are those of real segments:
    ``python -m benchmarks.likeness`` compares them.

    References
    ----------
    Rahimi and Recht, "Random Features for Large-Scale Kernel Machines", NIPS 2007, section 3.
    """
    rng = np.random.default_rng(seed)
    weights = (0.9 * np.arange(1, LATENT + 1) ** -0.7).astype(np.float32)
    ways = weights[:, None] * rng.standard_normal((LATENT, HIDDEN), np.float32)
    phases = 2 * np.pi * rng.random(HIDDEN, np.float32)
    mixing = rng.standard_normal((HIDDEN, dim), np.float32)
    found = np.empty((count, dim), np.float32)
    for start in range(0, count, 65536):
        block = found[start : start + 65536]
        things = rng.standard_normal((-(-len(block) // NESTED[0][0]), LATENT), np.float32)
        near = _unit(np.cos(things @ ways + phases) @ mixing)
        for size, distance in NESTED:
            groups = -(-len(block) // size)
            near = np.repeat(near, -(-groups // len(near)), axis=0)[:groups]
            near = near + np.float32(distance / dim**0.5) * rng.standard_normal(near.shape, np.float32)
        block[:] = _unit(near[: len(block)])
    return found


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def bench_search(size: int, home: Path | None = None) -> dict[str, Any]:
    """One query at a time, one thread, k = 50: the engine with ids and metadata of the hits, against FAISS alone.

    Parameters
    ----------
    size : int
        Segments; as many as there are if `home` was filled before.
    home : Path, optional
        Where to keep what is made; else it is thrown away.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="segsearch-bench-") as temporary:
        assembly = Assembly(Settings.in_home(home or Path(temporary)))
        vectors = synthetic_vectors(size, assembly.card.segment_dim)
        figures: dict[str, Any] = {"segments": size}
        if not assembly.catalog.contents(assembly.card.space).segments:
            figures["fill, s"] = _seconds(partial(_fill, assembly, vectors))
            figures["index, s"] = _seconds(partial(rebuild, assembly))
        started = time.perf_counter()
        engine = assembly.engine()
        figures["open, s"] = time.perf_counter() - started
        manifest = assembly.segment_files.manifest()
        (part,) = engine.segments._state.parts
        exact = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        exact.add(vectors)
        keys = np.random.default_rng(1).integers(1, size + 1, QUERIES).tolist()
        asked = {
            "engine": lambda key: engine.search(
                SearchRequest(positive=(Ref(segment=key),), limit=TOP, group_by="image")
            ),
            "raw FAISS, same index": lambda key: part.search(vectors[key - 1 : key], k=TOP),
            "with exact scores": lambda key: engine.segments.nearest(vectors[key - 1 : key], k=TOP),
            "raw FAISS, exact": lambda key: exact.search(vectors[key - 1 : key], TOP),
        }
        times = {name: np.full(QUERIES, np.inf) for name in asked}
        for _ in range(5):
            for row, key in enumerate(keys):
                for name, ask in asked.items():
                    times[name][row] = min(times[name][row], _seconds(partial(ask, key)))
        truth = [exact.search(vectors[key - 1 : key], TOP)[1][0] + 1 for key in keys]
        near = [engine.segments.nearest(vectors[key - 1 : key], k=TOP).ids for key in keys]
        figures |= {
            "parts": [asdict(entry.tuning) if entry.tuning else "exact" for entry in manifest.parts],
            "recall@50": float(np.mean([np.isin(want, got).mean() for want, got in zip(truth, near, strict=True)])),
            "bytes a segment, index": manifest.bytes / size,
            "bytes a segment, with catalogue": (manifest.bytes + _size(assembly.settings.home / "catalog.db")) / size,
            "ms": {
                name: {"median": 1000 * float(np.median(each)), "p95": 1000 * float(np.percentile(each, 95))}
                for name, each in times.items()
            },
            "engine over raw FAISS": float(np.median(times["engine"] / times["raw FAISS, same index"])),
            "exact FAISS over engine": float(np.median(times["raw FAISS, exact"] / times["engine"])),
        }
        return figures


def _size(path: Path) -> int:
    return sum(each.stat().st_size for each in path.parent.glob(path.name + "*"))


def _fill(assembly: Assembly, vectors: Vectors) -> None:
    """Enter synthetic photos of `PER_PHOTO` segments each."""
    atoms = np.arange(PER_PHOTO, dtype=np.int32).reshape(10, 10)
    segments = Segments(atoms, np.eye(PER_PHOTO, dtype=bool), np.linspace(1, 0, PER_PHOTO, dtype=np.float32))
    photo = np.ones(assembly.card.photo_dim, np.float32) / assembly.card.photo_dim**0.5
    blocks = [vectors[start : start + PER_PHOTO] for start in range(0, len(vectors), PER_PHOTO)]
    for first in range(0, len(blocks), 200):
        part = blocks[first : first + 200]
        seen = [SeenFile(uri_of(Path(f"/synthetic/{first + n}")), f"{first + n:064x}", 1, 1) for n in range(len(part))]
        assembly.intake.register(seen)
        jobs = assembly.intake.claim("bench", len(part))
        entries = [
            Entry(
                image_id=job.image_id,
                format="JPEG",
                size_hw=(480, 640),
                taken_at=None,
                analysis=Analysis(segments[: len(block)], block, photo),
            )
            for job, block in zip(jobs, part, strict=True)
        ]
        assembly.intake.finish("bench", entries, assembly.card.fingerprint, assembly.card.space)


def bench_ingest(settings: Settings, folder: Path) -> None:
    """CPU seconds a photo of every stage alone, then the whole ingest, and what it used of the cores."""
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="segsearch-bench-") as home:
        assembly = Assembly(Settings.in_home(Path(home), device=settings.device, recipe=settings.recipe))
        stages = _stages_alone(assembly, folder)
        worker = Worker(assembly)
        with _PeakMemory() as memory:
            report = ingest(assembly, worker, [folder], Tally())
    photos = report.counts["indexed"] + report.counts["empty"]
    wall = report.seconds / max(photos, 1)
    alone = sum(stages.values())
    for name, seconds in stages.items():
        click.echo(f"{name:8s} alone  {seconds * 1000:7.1f} CPU ms a photo")
    click.echo(
        f"ingest of {photos} photos: {report.seconds:.1f} s, {1 / wall:.2f} photos/s, {wall * 1000:.0f} ms a photo"
    )
    click.echo(f"use of the {cores} cores: {alone / (cores * wall):.2f}")
    click.echo(f"memory of the process tree, PSS: peak {memory.peak / 1e6:.0f} MB, at its thirds {memory.thirds()}")


def _stages_alone(assembly: Assembly, folder: Path, sample: int = 24) -> dict[str, float]:
    """CPU seconds a photo of each stage on every n-th photo, nothing beside it; the first one warms up."""
    register_files(assembly.intake, [folder], Tally())
    paths = [path for path in find_files([folder]) if path.is_file()]
    chosen = paths[:: max(1, len(paths) // sample)][: sample + 1]
    jobs = assembly.intake.claim("bench", len(chosen))
    recipe, seconds = assembly.bulk_recipe, dict.fromkeys(("decode", "network", "segment", "embed", "write"), 0.0)
    assembly.intake.release("bench")
    for number, (path, job) in enumerate(zip(chosen, jobs, strict=False)):
        spent: dict[str, float] = {}
        image = _cpu(spent, "decode", partial(_decode, path, assembly.settings.home))
        features = _cpu(spent, "network", partial(recipe.extract, [image.rgb]))[0]
        segments = _cpu(spent, "segment", partial(recipe.segment, image.rgb, features))
        analysis = _cpu(spent, "embed", partial(recipe.embed, image.rgb, features, segments))
        entry = Entry(image_id=job.image_id, format="JPEG", size_hw=image.size_hw, taken_at=None, analysis=analysis)
        _cpu(spent, "write", partial(assembly.intake.finish, "nobody", [entry], recipe.fingerprint))
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


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class _PeakMemory:
    """Proportional set size of this process and its children, looked at every half second."""

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

    @property
    def peak(self) -> int:
        """Greatest sample, in bytes."""
        return max(self._samples, default=0)

    def thirds(self) -> str:
        """Greatest sample of each third of the run."""
        parts = np.array_split(np.array(self._samples or [0]), 3)
        return " / ".join(f"{part.max(initial=0) / 1e6:.0f}" for part in parts) + " MB"

    def _watch(self) -> None:
        this = psutil.Process()
        while not self._ended.wait(0.5):
            self._samples.append(sum(_pss(process) for process in (this, *this.children(recursive=True))))


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
