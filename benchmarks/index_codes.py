"""Short codes that FAISS offers for inverted lists, beside those of this index, at equal recall.

::

    python -m benchmarks.index_codes [--data-dir DATA_DIR | --size N] [--recall 0.95] [--rounds 3] [--out FILE]

Every kind gets the same lists, vectors and queries, one thread. For each number of candidates, whose exact scores would
decide, the fewest lists are taken that hold enough of the true 50 nearest; then the queries are asked of all in turn,
and the best time of each counts. A random rotation (``RR``) is applied to the vectors beforehand, and its time is left
out. Besides, lists are trained by FAISS's k-means and by SuperKMeans.

References
----------
Gao and Long, "RaBitQ", SIGMOD 2024, section 3.1 (the rotation); Vargaftik et al., "EDEN: Communication-Efficient and
Robust Distributed Mean Estimation", ICML 2022, section 3.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import faiss
import numpy as np

from indexer.bench.results import OUT, report
from indexer.bench.synthetic import synthetic_vectors
from retrieval.assembly import Assembly
from retrieval.settings import Settings
from retrieval.types import Ids, Vectors

TOP = 50
QUERIES = 200
CANDIDATES = (100, 150, 250)
KINDS = ("RaBitQ2", "RR RaBitQ2", "EDEN2", "RR EDEN2", "RaBitQ4", "EDEN4", "RR EDEN4")
PROBES = (1, 2, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128)
TRAINING = 64
"""Vectors a list is trained with, as the index does."""


@dataclass(eq=False)
class Candidate:
    """One kind of codes with one number of candidates, at the recall wanted."""

    kind: str
    index: Any
    queries: Vectors
    candidates: int
    nprobe: int
    recall: float
    seconds: list[float]

    def ask(self, row: int) -> float:
        """Seconds of a search."""
        started = time.perf_counter()
        self.index.search(self.queries[row : row + 1], self.candidates, params=parameters(self.kind, self.nprobe))
        return time.perf_counter() - started


def parameters(kind: str, nprobe: int) -> Any:
    """Of a search; queries are rounded to four bits where codes are compared by counting bits."""
    if "RaBitQ" not in kind:
        return faiss.SearchParametersIVF(nprobe=nprobe)
    found = faiss.IVFRaBitQSearchParameters()
    found.nprobe, found.qb = nprobe, 4
    return found


def vectors_of(data_dir: Path) -> Vectors:
    """All vectors of segments of a collection."""
    assembly = Assembly(Settings.in_data_dir(data_dir))
    batches = assembly.catalog.vectors.segment_vectors(assembly.recipe_spec.space)
    return np.concatenate([batch.vectors for batch in batches]).astype(np.float32)


def rotation(dim: int) -> Vectors:
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(0).standard_normal((dim, dim)))[0].astype(np.float32)


def built(kind: str, lists: int, vectors: Vectors) -> tuple[Any, float]:
    """An index, and the seconds that training and adding took."""
    index = faiss.index_factory(vectors.shape[1], f"IVF{lists},{kind}", faiss.METRIC_INNER_PRODUCT)
    sample = vectors[np.sort(np.random.default_rng(0).choice(len(vectors), min(TRAINING * lists, len(vectors)), False))]
    started = time.perf_counter()
    index.train(sample)
    index.add(vectors)
    return index, time.perf_counter() - started


def candidates_of(kind: str, index: Any, queries: Vectors, truth: Ids, wanted: float) -> list[Candidate]:
    """The settings by which a kind reaches the recall."""
    found = []
    for candidates, nprobe in itertools.product(CANDIDATES, PROBES):
        if any(each.candidates == candidates for each in found):
            continue
        near = index.search(queries, candidates, params=parameters(kind, nprobe))[1]
        recall = float(np.mean([np.isin(want, got).mean() for want, got in zip(truth, near, strict=True)]))
        if recall >= wanted:
            found.append(Candidate(kind, index, queries, candidates, nprobe, recall, [np.inf] * len(queries)))
    return found


def trained_by(sample: Vectors, lists: int) -> dict[str, Any]:
    """Seconds and objective of the training of lists by both kinds of k-means."""
    figures: dict[str, Any] = {}
    for name, make in (("k-means", faiss.Clustering), ("SuperKMeans", faiss.SuperKMeans)):
        clustering = make(sample.shape[1], lists)
        started = time.perf_counter()
        if name == "k-means":
            clustering.train(sample, faiss.IndexFlatL2(sample.shape[1]))
        else:
            clustering.train(sample)
        took = time.perf_counter() - started
        centroids = faiss.vector_to_array(clustering.centroids).reshape(lists, -1)
        nearest = faiss.IndexFlatL2(sample.shape[1])
        nearest.add(centroids)
        figures[name] = {"s": round(took, 2), "mean squared distance": float(nearest.search(sample, 1)[0].mean())}
    return figures


@click.command()
@click.option("--data-dir", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Of a collection.")
@click.option("--size", default=100_000, show_default=True, type=click.IntRange(5000), help="Synthetic vectors.")
@click.option("--recall", "wanted", default=0.95, show_default=True, type=click.FloatRange(0, 1))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@OUT
def main(data_dir: Path | None, size: int, wanted: float, rounds: int, out: Path | None) -> None:
    """Compare kinds of codes, and ways to train lists."""
    faiss.omp_set_num_threads(1)
    vectors = vectors_of(data_dir) if data_dir else synthetic_vectors(size, 256)
    lists = int(2 ** np.round(np.log2(2 * np.sqrt(len(vectors)))))
    queries = vectors[np.random.default_rng(1).choice(len(vectors), QUERIES, replace=False)]
    exact = faiss.IndexFlatIP(vectors.shape[1])
    exact.add(vectors)
    truth = exact.search(queries, TOP)[1]
    turned = rotation(vectors.shape[1])
    asked, seconds = list[Candidate](), dict[str, float]()
    for kind in KINDS:
        turn = turned if kind.startswith("RR") else np.eye(len(turned), dtype=np.float32)
        index, seconds[kind] = built(kind.removeprefix("RR "), lists, np.ascontiguousarray(vectors @ turn))
        asked += candidates_of(kind, index, np.ascontiguousarray(queries @ turn), truth, wanted)
        click.echo(f"{kind}: built in {seconds[kind]:.1f} s", err=True)
    for _, row, each in itertools.product(range(rounds), range(QUERIES), asked):
        each.seconds[row] = min(each.seconds[row], each.ask(row))
    sample = vectors[: TRAINING * lists]
    report(
        {
            "vectors": len(vectors),
            "lists": lists,
            "recall wanted": wanted,
            "kinds": [
                {
                    "kind": each.kind,
                    "candidates": each.candidates,
                    "lists searched": each.nprobe,
                    "recall": round(each.recall, 4),
                    "p50, ms": round(1000 * float(np.median(each.seconds)), 3),
                    "bytes a vector": int(each.index.code_size),
                }
                for each in asked
            ],
            "built in, s": {kind: round(took, 1) for kind, took in seconds.items()},
            "training of the lists": trained_by(sample, lists),
        },
        out,
    )


if __name__ == "__main__":
    main()
