"""Searches at any size: the engine against raw FAISS, rounds of feedback, building and opening the index."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.assembly import Assembly
from retrieval.index.inverted import InvertedIndex
from retrieval.index.local import LocalIndex
from retrieval.index.shards import DEEPER
from retrieval.query.request import Ref, SearchRequest
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings
from retrieval.types import Ids, Vectors

from ..publish import rebuild
from .serving import bench_serving
from .synthetic import fill, synthetic_blocks

QUERIES = 100
ROUNDS = 5
TOP = 50
FOR_PHOTOS = DEEPER * TOP + 20
"""How many nearest segments the engine first requests to find `TOP` other photos."""
JUDGED = 10

Ask = Callable[[int], object]


def bench_search(settings: Settings, size: int, data_dir: Path | None = None) -> dict[str, Any]:
    """One query at a time, one thread, k = 50: the engine with ids and metadata of the hits, against FAISS alone.

    Parameters
    ----------
    settings : Settings
        Provides the recipe, for the length of its vectors.
    size : int
        Number of segments; a filled `data_dir` keeps its number.
    data_dir : Path, optional
        Where to keep the collection; otherwise it is deleted.

    Notes
    -----
    Every query is run by each in turn, `ROUNDS` times, and its best time counts. 0.5 KB of memory per segment.
    """
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="segsearch-bench-") as temporary:
        assembly = Assembly(Settings.in_data_dir(data_dir or Path(temporary), recipe=settings.recipe))
        figures: dict[str, Any] = {"segments": size}
        if not assembly.catalog.vectors.contents(assembly.recipe_spec.space).segments:
            figures["segments entered a second"] = size / seconds(partial(fill, assembly, size))
            figures["segments indexed a second"] = size / seconds(partial(rebuild, assembly))
        started = time.perf_counter()
        engine = assembly.engine()
        figures["open, s"] = time.perf_counter() - started
        keys = np.random.default_rng(1).integers(1, size + 1, QUERIES).tolist()
        figures |= _sizes(assembly, size) | _searches(assembly, engine, keys)
        figures["round of feedback, ms"] = spread(np.array([_round(engine, key) for key in keys[:20]]))
        return figures | bench_serving(assembly.settings, keys)


def _sizes(assembly: Assembly, size: int) -> dict[str, Any]:
    manifest = assembly.indexes.segment_files.manifest()
    catalog = sum(each.stat().st_size for each in assembly.settings.data_dir.glob("catalog.db*"))
    return {
        "parts": [asdict(entry.tuning) if entry.tuning else "exact" for entry in manifest.parts],
        "bytes a segment, index": manifest.bytes / size,
        "bytes a segment, with catalogue": (manifest.bytes + catalog) / size,
    }


def _searches(assembly: Assembly, engine: SearchEngine, keys: list[int]) -> dict[str, Any]:
    """Times, recall and ratios of the engine and of FAISS."""
    found = assembly.catalog.vectors.of_segments(sorted(set(keys)))
    vectors = {key: vector[None] for key, vector in zip(found.ids.tolist(), found.vectors, strict=True)}
    if not isinstance(engine.segments, LocalIndex):
        raise TypeError("an assembly in a data directory of its own has the local index")
    (part,) = engine.segments.shards
    exact = _exact(assembly, engine.segments.stats().count)
    truth = np.concatenate([exact.search(vectors[key], TOP)[1] for key in keys]) + 1
    asked: dict[str, Ask] = {
        "engine": lambda key: engine.search(_request(key, "image")),
        "engine, flat": lambda key: engine.search(_request(key, "segment")),
        "index with exact scores": lambda key: engine.segments.search(vectors[key], TOP),
        "raw FAISS, same index": lambda key: part.search(vectors[key], k=TOP),
        "raw FAISS, same index, for photos": lambda key: part.search(vectors[key], k=FOR_PHOTOS),
        "raw FAISS, exact": lambda key: exact.search(vectors[key], TOP),
    }
    figures: dict[str, Any] = {
        "recall@50": _recall([engine.segments.search(vectors[key], TOP).ids for key in keys], truth)
    }
    if isinstance(part.index, InvertedIndex):
        lists, nprobe, recall = _lists_of_bytes(assembly, part.index, vectors, keys, truth)
        figures["raw FAISS, lists of 8 bits"] = {"nprobe": nprobe, "recall@50": recall}
        asked["raw FAISS, lists of 8 bits"] = lambda key: lists.search(vectors[key], TOP)
    times = interleaved(asked, keys)
    return figures | {
        "ms": {name: spread(each) for name, each in times.items()},
        "engine over raw FAISS": float(np.median(times["engine"] / times["raw FAISS, same index"])),
        "engine over raw FAISS, for photos": float(
            np.median(times["engine"] / times["raw FAISS, same index, for photos"])
        ),
        "exact FAISS over engine": float(np.median(times["raw FAISS, exact"] / times["engine"])),
    }


def _request(key: int, group_by: Any) -> SearchRequest:
    return SearchRequest(positive=(Ref(segment=key),), limit=TOP, group_by=group_by)


def _exact(assembly: Assembly, size: int) -> Any:
    dim = assembly.recipe_spec.segment_dim
    index = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    for block in synthetic_blocks(size, dim):
        index.add(block)
    return index


def _lists_of_bytes(
    assembly: Assembly, codes: InvertedIndex, vectors: dict[int, Vectors], keys: list[int], truth: Ids
) -> tuple[Any, int, float]:
    """FAISS alone: the same lists with eight bits per dimension, searching as many as the recall needs."""
    same = codes._index
    index = faiss.IndexIVFScalarQuantizer(
        same.quantizer, same.d, same.nlist, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    lists, start = _list_of_each(same), 0
    for block in synthetic_blocks(len(codes), same.d):
        if not start:
            index.train(block)
        end = start + len(block)
        rows, chosen = np.arange(start, end), lists[start:end]  # FAISS gets their addresses, so they must stay alive
        index.add_core(len(block), faiss.swig_ptr(block), faiss.swig_ptr(rows), faiss.swig_ptr(chosen))
        start = end
    index.nprobe, recall = 1, 0.0
    while True:
        recall = _recall([index.search(vectors[key], TOP)[1][0] + 1 for key in keys], truth)
        if recall >= assembly.indexes.segment_files.manifest().recall or index.nprobe >= index.nlist:
            return index, index.nprobe, recall
        index.nprobe = min(index.nlist, max(index.nprobe + 1, round(index.nprobe * 2**0.5)))


def _list_of_each(index: Any) -> Ids:
    """In which inverted list each row is, (N,); ids count from 1."""
    found = np.empty(index.ntotal, np.int64)
    for number in range(index.nlist):
        size = index.invlists.list_size(number)
        found[faiss.rev_swig_ptr(index.invlists.get_ids(number), size) - 1] = number
    return found


def _recall(found: list[Ids], truth: Ids) -> float:
    return float(np.mean([np.isin(want, got).mean() for want, got in zip(truth, found, strict=True)]))


def _round(engine: SearchEngine, key: int) -> float:
    """Seconds of a round of feedback on the first results, the better half of them judged relevant."""
    request = _request(key, "image")
    first = [match.segment_id or 0 for match in engine.search(request).results[:JUDGED]]
    return seconds(partial(engine.refine, request, first[: JUDGED // 2], first[JUDGED // 2 :]))


def interleaved(asked: dict[str, Ask], keys: list[int]) -> dict[str, NDArray[np.float64]]:
    """Seconds of each query by each, the best of `ROUNDS`; every query is run by all in turn."""
    times = {name: np.full(len(keys), np.inf) for name in asked}
    for _ in range(ROUNDS):
        for row, key in enumerate(keys):
            for name, ask in asked.items():
                times[name][row] = min(times[name][row], seconds(partial(ask, key)))
    return times


def spread(times: NDArray[np.float64]) -> dict[str, float]:
    """Percentiles of seconds, in milliseconds."""
    return {f"p{share}": round(1000 * float(np.percentile(times, share)), 3) for share in (50, 95, 99)}


def seconds(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
