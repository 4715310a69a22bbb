"""Everything that needs a GPU, in one run of at most ten minutes and one JSON file.

::

    python -m benchmarks.gpu [--photos FOLDER] [--device auto|cuda|cuda:N|cpu] [--seconds N] [--out FILE]

Agreement of recipe ``lite`` with the CPU; photos a second and use of the device by recipe and batch size; batches that
do not fit; exact search on the GPU beside the CPU's index; memory given back. Mask R-CNN and SAM 2 run at random
weights, so their networks cost what they always cost, but few masks pass their filters. Photos are drawn unless a
folder is given. With ``--device cpu`` everything but the limits of the device's memory runs without a GPU. A section
that finds no time, library or device says so in its place.
"""

from __future__ import annotations

import gc
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from unittest import mock

import click
import numpy as np
from PIL import Image, ImageDraw

from indexer.bench.results import OUT, report
from indexer.bench.synthetic import synthetic_blocks
from retrieval.analysis.batch import describe, extract_batch
from retrieval.catalog.records import VectorBatch
from retrieval.images.decode import DecodedImage, decode
from retrieval.index.faiss_index import FaissIndex
from retrieval.index.inverted import Blocks, build
from retrieval.index.replicas import Replica, flat_on_gpu
from retrieval.recipes import load
from retrieval.recipes.lite import LiteRecipe
from retrieval.recipes.network import NetworkRecipe
from retrieval.recipes.protocols import Recipe
from retrieval.types import AnalyzedImage, Ids, Vectors

from .device import Clock, Device, Figures

SAME_MASK = 0.98
SIZES = ((1024, 768), (768, 1024), (1024, 683))
BATCHES = (1, 2, 4, 8, 16, 32, 64)
RECIPES = ("lite", "maskrcnn", "sam2")
DIM = 256
NEAREST = 100
TRUTH = 16
"""Queries whose exact results are compared."""


def photos_of(folder: Path | None, count: int) -> list[DecodedImage]:
    """Decoded photos of a folder, or drawn ones of three shapes."""
    if folder is not None:
        paths = sorted(each for each in folder.iterdir() if each.suffix.lower() in {".jpg", ".jpeg", ".png"})
        return [decode(path, long_side=1024) for path in paths[:count]]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "drawn.png")
        found = []
        for number in range(count):
            _drawn(number).save(path)
            found.append(decode(path, long_side=1024))
    return found


def _drawn(seed: int) -> Image.Image:
    """Shapes of many colours over noise."""
    rng = np.random.default_rng(seed)
    width, height = SIZES[seed % len(SIZES)]
    picture = Image.fromarray(rng.integers(90, 166, (height // 8, width // 8, 3), np.uint8)).resize((width, height))
    pen = ImageDraw.Draw(picture)
    for _ in range(25):
        x, y = rng.integers(0, width), rng.integers(0, height)
        box = [x, y, x + rng.integers(30, 400), y + rng.integers(30, 400)]
        shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        shape([int(each) for each in box], fill=tuple(int(each) for each in rng.integers(0, 256, 3)))
    return picture


def built(name: str, device: Device, *, quick: bool = False) -> Recipe:
    """A recipe on the device; the families at random weights, for there is no network to fetch theirs from."""
    if name == "lite":
        return load("lite", device.name)
    lite = load("lite", device.name)
    if not isinstance(lite, LiteRecipe):
        raise TypeError("lite is a LiteRecipe")
    if name == "maskrcnn":
        from retrieval.recipes import maskrcnn

        with mock.patch("retrieval.models.weights.fill_from_torchvision"):
            network: Any = maskrcnn._build("maskrcnn", device.name, None, maskrcnn.PARAMETERS["maskrcnn"])
        return NetworkRecipe("maskrcnn at random weights", lite, network)
    import transformers

    from retrieval.models.passes import Device as Placed
    from retrieval.recipes.sam import Sam
    from retrieval.segment.sam_parameters import PARAMETERS

    placed = Placed.named(device.name, None)
    model = transformers.Sam2Model(transformers.Sam2Config()).eval().requires_grad_(False).to(placed.torch_device)
    parameters = replace(PARAMETERS, points=4) if quick else PARAMETERS
    network = Sam(parameters, model, transformers.Sam2ImageProcessor(), placed)
    return NetworkRecipe("sam2 at random weights", lite, network)


def analyzed(recipe: Recipe, photos: Sequence[DecodedImage]) -> list[AnalyzedImage]:
    """Photos with their segments, one batch."""
    features = extract_batch(recipe, [photo.rgb for photo in photos])
    return [describe(recipe, *pair) for pair in zip(photos, features, strict=True)]


def agreement(some: Sequence[AnalyzedImage], others: Sequence[AnalyzedImage]) -> Figures:
    """How many segments have their like in the other analysis, and how near the vectors of those are."""
    alike, cosines = [], []
    for one, other in zip((each.analysis for each in some), (each.analysis for each in others), strict=True):
        masks = np.stack([other.segments.mask(row) for row in range(len(other.segments))])
        overlaps = one.segments.iou_with(masks)
        nearest, same = overlaps.argmax(axis=1), overlaps.max(axis=1) >= SAME_MASK
        alike.append(same)
        cosines.append((one.vectors * other.vectors[nearest]).sum(axis=1)[same])
    near = np.concatenate(cosines)
    return {
        "photos": len(some),
        f"segments with IoU ≥ {SAME_MASK}": round(float(np.concatenate(alike).mean()), 4),
        "their cosine, mean": round(float(near.mean()), 5),
        "their cosine, least": round(float(near.min()), 5),
    }


def throughput(recipe: Recipe, photos: Sequence[DecodedImage], device: Device, seconds: float, most: int) -> Figures:
    """Photos a second by batch size, of the networks alone and with segments and vectors on the CPU's cores."""
    figures: Figures = {}
    lite = recipe.lite if isinstance(recipe, NetworkRecipe) else recipe
    if not isinstance(lite, LiteRecipe):
        raise TypeError("only the recipes on lite's backbone are measured")
    runtime = lite.backbone.runtime
    usual = runtime.batch_size
    by_batch: dict[int, float] = {}
    for size in (each for each in BATCHES if each <= most):
        runtime.batch_size = size
        batch = [photo.rgb for photo in islice(cycle(photos), size)]
        extract_batch(recipe, batch)
        device.synchronize()
        with device.watched() as use:
            started, done = time.perf_counter(), 0
            while not done or time.perf_counter() - started < seconds:
                extract_batch(recipe, batch)
                done += size
            device.synchronize()
            by_batch[size] = done / (time.perf_counter() - started)
        figures[f"networks, batch of {size}"] = {"photos a second": round(by_batch[size], 2), **use}
    runtime.batch_size = usual
    best = max(by_batch, key=lambda size: by_batch[size])
    figures[f"whole analysis, batch of {best}"] = _overlapped(recipe, photos, device, best, seconds)
    return figures


def _overlapped(recipe: Recipe, photos: Sequence[DecodedImage], device: Device, size: int, seconds: float) -> Figures:
    """Networks in this thread, the rest in others, as an ingest does."""
    batch = list(islice(cycle(photos), size))
    waiting: list[Any] = []
    with device.watched() as use, ThreadPoolExecutor() as cores:
        started, done = time.perf_counter(), 0
        while not done or time.perf_counter() - started < seconds:
            features = extract_batch(recipe, [photo.rgb for photo in batch])
            for each in waiting:
                each.result()
            waiting = [cores.submit(describe, recipe, *pair) for pair in zip(batch, features, strict=True)]
            done += size
        for each in waiting:
            each.result()
        passed = time.perf_counter() - started
    return {"photos a second": round(done / passed, 2), **use}


def halving(recipe: Recipe, photos: Sequence[DecodedImage], device: Device) -> Figures:
    """A batch that does not fit is halved until it does, and gives what it gives with more memory."""
    if not device.on_cuda:
        return {"left out": "only CUDA's memory can be limited"}
    import torch

    batch = list(islice(cycle(photos), 32))
    usual = analyzed(recipe, batch)
    torch.cuda.reset_peak_memory_stats()
    extract_batch(recipe, [batch[0].rgb])
    one = torch.cuda.max_memory_allocated()
    extract_batch(recipe, [photo.rgb for photo in batch])
    all_of_them = torch.cuda.max_memory_allocated()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device.number).total_memory
    halvings = _Counting("halved")
    logging.getLogger("retrieval.analysis.batch").addHandler(halvings)
    try:
        torch.cuda.set_per_process_memory_fraction((one + (all_of_them - one) / 4) / total, device.number)
        halved = analyzed(recipe, batch)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device.number)
        logging.getLogger("retrieval.analysis.batch").removeHandler(halvings)
    return {
        "memory of a pass over 1 photo, MB": round(one / 1e6),
        "over 32, MB": round(all_of_them / 1e6),
        "halvings with a quarter of that": halvings.count,
        **agreement(halved, usual),
    }


class _Counting(logging.Handler):
    """Counts messages with a word."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word, self.count = word, 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        self.count += self.word in record.getMessage()


def searches(count: int, device: Device, *, with_codes: bool) -> Figures:
    """Exact search on the device beside the CPU's exact search and, if wanted, its inverted index."""
    import faiss

    if device.on_cuda and not getattr(faiss, "get_num_gpus", int)():
        return {"left out": "this FAISS sees no GPU"}
    ids: Ids = np.arange(1, count + 1)
    vectors = np.concatenate([block.astype(np.float16) for block in synthetic_blocks(count, DIM)])
    before = device.used()
    flat = (
        flat_on_gpu(DIM, device.number)
        if device.on_cuda
        else faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    )
    exact = FaissIndex(DIM)
    for batch in _batches(ids, vectors):
        flat.add(np.ascontiguousarray(batch.vectors))
        exact.add(batch.ids, batch.vectors)
    replica = Replica(flat, ids)
    during = device.used()
    rng = np.random.default_rng(1)
    queries = vectors[rng.choice(count, 256, replace=False)].astype(np.float32)
    figures: Figures = {"replica": _timed(replica.search, queries), "exact on the CPU": _timed(exact.search, queries)}
    truth = exact.search(queries[:TRUTH], k=NEAREST).ids
    figures["replica"]["recall"] = _recall(replica.search(queries[:TRUTH], k=NEAREST).ids, truth)
    if with_codes:
        blocks = Blocks(ids, lambda some: _batches(some, vectors[some - 1]))
        started = time.perf_counter()
        made = build(blocks, 0.95)
        if made is not None:
            index, tuning = made
            depth = NEAREST + tuning.spare

            def coarse(asked: Vectors, *, k: int) -> Any:
                return index.search(asked, k=max(k, depth))

            figures["inverted index on the CPU"] = {
                "built in, s": round(time.perf_counter() - started, 1),
                "candidates": depth,
                "recall among candidates": tuning.recall,
                **_timed(coarse, queries),
            }
    del replica, flat
    gc.collect()
    if before is not None and during is not None:
        figures["memory of the replica, MB"] = round((during - before) / 1e6)
        figures["still held afterwards, MB"] = round(((device.used() or 0) - before) / 1e6)
    return figures


def _batches(ids: Ids, vectors: Any) -> Iterator[VectorBatch]:
    for start in range(0, len(ids), 65_536):
        rows = slice(start, start + 65_536)
        yield VectorBatch(ids[rows], ids[rows], vectors[rows].astype(np.float32))


def _timed(search: Callable[..., Any], queries: Vectors) -> Figures:
    """Median milliseconds of a call with one query, and with 16 and 256 at once."""
    figures = {}
    for size, calls in ((1, 30), (16, 10), (256, 3)):
        taken = []
        for call in range(calls):
            asked = queries[call * size % len(queries) :][:size]
            started = time.perf_counter()
            search(asked, k=NEAREST)
            taken.append(time.perf_counter() - started)
        figures[f"{size} at once, ms"] = round(1000 * float(np.median(taken)), 2)
    return figures


def _recall(found: Ids, truth: Ids) -> float:
    return round(float(np.mean([np.isin(each, near).mean() for each, near in zip(truth, found, strict=True)])), 4)


def memory_given_back(device: Device, before: int | None) -> Figures:
    """What is still held on the device after everything was let go."""
    if before is None:
        return {"left out": "there is no GPU"}
    import torch

    gc.collect()
    torch.cuda.empty_cache()
    return {
        "allocated by torch, MB": round(torch.cuda.memory_allocated() / 1e6, 1),
        "more in use than at first, MB": round(((device.used() or 0) - before) / 1e6, 1),
    }


def section(name: str, needs: float, clock: Clock, measure: Callable[[], Figures]) -> Figures:
    """Measure if there is time; a failure is told in place of figures, so that the others are kept."""
    if clock.left < needs:
        return {"left out": f"it takes about {needs:.0f} s, and {max(0.0, clock.left):.0f} s were left"}
    started = time.perf_counter()
    try:
        figures = measure()
    except (RuntimeError, ImportError, OSError) as error:
        figures = {"failed": f"{type(error).__name__}: {error}"}
    figures["seconds"] = round(time.perf_counter() - started, 1)
    click.echo(f"{name}: {figures}", err=True)
    return figures


@click.command()
@click.option("--photos", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--device", "name", default="auto", show_default=True, help="As SEGSEARCH_DEVICE.")
@click.option("--recipe", "recipes", multiple=True, type=click.Choice(RECIPES), help="All if none is given.")
@click.option("--quick", is_flag=True, help="Two photos, few vectors, few points of SAM: only to see that it runs.")
@click.option("--seconds", default=540.0, show_default=True, help="Begin nothing that would take longer.")
@OUT
def main(
    folder: Path | None, name: str, recipes: tuple[str, ...], quick: bool, seconds: float, out: Path | None
) -> None:
    """Measure what a GPU does."""
    device, clock = Device(name), Clock(seconds)
    figures: Figures = {"device": device.described()}
    before = device.used()
    photos = photos_of(folder, 2 if quick else 48)
    each = 0.1 if quick else 4.0

    def run(what: str, needs: float, measure: Callable[[], Figures]) -> None:
        figures[what] = section(what, needs, clock, measure)

    def compared() -> Figures:
        return agreement(analyzed(built("lite", device), photos[:8]), analyzed(load("lite", "cpu"), photos[:8]))

    run("lite: agreement with the CPU", 30, compared)
    run("lite: batches that do not fit", 30, lambda: halving(built("lite", device), photos, device))
    count = 5_000 if quick else 1_000_000
    run(f"searches over {count:,}", count / 15_000, lambda: searches(count, device, with_codes=True))
    for recipe in recipes or RECIPES:
        most = 2 if quick else 64 if recipe == "lite" else 8

        def measured(recipe: str = recipe, most: int = most) -> Figures:
            return throughput(built(recipe, device, quick=quick), photos, device, each, most)

        run(f"{recipe}: photos a second", 45, measured)
    if not quick:
        run("searches over 10,000,000", 180, lambda: searches(10_000_000, device, with_codes=False))
    run("memory given back", 0, lambda: memory_given_back(device, before))
    report(figures, out)


if __name__ == "__main__":
    main()
