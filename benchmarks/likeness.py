"""Whether synthetic vectors are related as real ones are: ``python -m benchmarks.likeness --data-dir DATA_DIR``."""

from __future__ import annotations

from pathlib import Path

import click
import faiss
import numpy as np

from indexer.bench.synthetic import PER_PHOTO, synthetic_vectors
from retrieval.assembly import Assembly
from retrieval.settings import Settings
from retrieval.types import Ids, Vectors

QUERIES = 100
TOP = 50
RANKS = (2, 5, 10, 25, 50)
PROBES = (1, 4, 8, 16, 32, 64)
LISTS = 512
CANDIDATES = (100, 150, 250)
DEEP = (50, 150, 400)


@click.command()
@click.option("--data-dir", type=click.Path(exists=True, path_type=Path), required=True, help="Of a collection.")
@click.option("--count", default=100_000, show_default=True, help="So many segments at most.")
def main(data_dir: Path, count: int) -> None:
    """Cosines and photos of neighbours, and recall of the 50 nearest by inverted lists and by codes of two bits."""
    assembly = Assembly(Settings.in_data_dir(data_dir))
    parts, photos, found = list[Vectors](), list[Ids](), 0
    for batch in assembly.catalog.vectors.segment_vectors(assembly.recipe_spec.space):
        parts.append(batch.vectors)
        photos.append(batch.image_ids)
        found += len(batch)
        if found >= count:
            break
    if found < LISTS * 40:
        raise click.ClickException(f"{data_dir} has {found} segments: ingest a collection with {LISTS * 40} or more")
    real, image_ids = np.concatenate(parts)[:count], np.concatenate(photos)[:count]
    made = synthetic_vectors(len(real), real.shape[1])
    for name, vectors, of in (("real", real, image_ids), ("synthetic", made, np.arange(len(made)) // PER_PHOTO)):
        click.echo(f"{name}, {len(vectors)} vectors")
        for title, figures in likeness(np.ascontiguousarray(vectors, np.float32), of).items():
            click.echo(f"  {title}: " + "  ".join(f"{key} {value:.3f}" for key, value in figures.items()))


def likeness(vectors: Vectors, image_ids: Ids) -> dict[str, dict[int, float]]:
    """What is compared, of one set of vectors, (N, D), float32, and the photo of each, (N,)."""
    rng = np.random.default_rng(0)
    queries = vectors[rng.choice(len(vectors), QUERIES, replace=False)]
    exact = faiss.IndexFlatIP(vectors.shape[1])
    exact.add(vectors)
    cosines, nearest = exact.search(queries, DEEP[-1])
    truth = nearest[:, :TOP]
    lists, codes = _inverted(vectors, "Flat"), _inverted(vectors, "RaBitQ2")
    codes.nprobe = PROBES[-1]
    return {
        "cosine of the n-th nearest": {rank: float(cosines[:, rank - 1].mean()) for rank in RANKS},
        "photos of the n nearest": {
            n: float(np.mean([len(np.unique(row[:n])) for row in image_ids[nearest]])) for n in DEEP
        },
        f"recall, {LISTS} lists, n looked at": {n: _recall(lists, queries, truth, TOP, n) for n in PROBES},
        "recall, codes, n candidates": {n: _recall(codes, queries, truth, n, PROBES[-1]) for n in CANDIDATES},
    }


def _inverted(vectors: Vectors, codes: str) -> faiss.IndexIVF:
    index = faiss.index_factory(vectors.shape[1], f"IVF{LISTS},{codes}", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[::4])
    index.add(vectors)
    return index


def _recall(index: faiss.IndexIVF, queries: Vectors, truth: np.ndarray, candidates: int, nprobe: int) -> float:
    index.nprobe = nprobe
    _, near = index.search(queries, candidates)
    return float(np.mean([np.isin(want, got).mean() for want, got in zip(truth, near, strict=True)]))


if __name__ == "__main__":
    main()
