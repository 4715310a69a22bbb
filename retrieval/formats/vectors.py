"""Vectors of segments, as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import QueryError
from ..processes.extras import required
from .dataset import Annotation, Dataset, shown_path
from .targets import Sink

GROUP = 16_384
"""Rows of a row group, at least."""


def parquet_table(dataset: Dataset) -> Iterator[bytes]:
    """A Parquet file with a row for each segment, part by part.

    Columns are ``segment_id``, ``image_id``, ``path``, ``box_xyxy`` (4 int32, pixels of the upright original, half
    open), ``area``, ``quality``, ``category``, ``space``, and ``vector``, a list of D float32 of fixed size, of unit
    length. Vectors of two spaces cannot be compared, so photos that another space's recipe analysed are left out.

    Raises
    ------
    ConfigurationError
        pyarrow is not installed; it is by the extra ``formats``.
    QueryError
        No photo has vectors of the space.

    Notes
    -----
    Holds a row group.
    """
    arrow, parquet = required("pyarrow"), required("pyarrow.parquet")
    sink, writer = Sink(), None
    for rows, vectors in _groups(dataset):
        table = _table(arrow, rows, vectors, dataset.space)
        if writer is None:
            writer = parquet.ParquetWriter(arrow.PythonFile(sink, mode="w"), table.schema, compression="zstd")
        writer.write_table(table)
        yield sink.take()
    if writer is None:
        raise QueryError(f"no segment of these photos has a vector of {dataset.space}: analyse them with `resegment`")
    writer.close()
    yield sink.take()


_Row = tuple[str, Annotation]


def _groups(dataset: Dataset) -> Iterator[tuple[list[_Row], np.ndarray]]:
    rows: list[_Row] = []
    parts: list[np.ndarray] = []
    for entry in dataset:
        if entry.image.space != dataset.space or not entry.annotations:
            continue
        batch = dataset.catalog.vectors.of_segments([each.segment.id for each in entry.annotations])
        known = set(batch.ids.tolist())  # a segment may have been deleted meanwhile
        path = shown_path(entry.image)
        rows += [(path, each) for each in entry.annotations if each.segment.id in known]
        parts.append(batch.vectors)
        if len(rows) >= GROUP:
            yield rows, np.concatenate(parts)
            rows, parts = [], []
    if rows:
        yield rows, np.concatenate(parts)


def _table(arrow: Any, rows: list[_Row], vectors: np.ndarray, space: str) -> Any:
    segments = [each.segment for _, each in rows]
    boxes = np.array([each.box_xyxy for each in segments], np.int32)
    return arrow.table(
        {
            "segment_id": arrow.array([each.id for each in segments], arrow.int64()),
            "image_id": arrow.array([each.image_id for each in segments], arrow.int64()),
            "path": arrow.array([path for path, _ in rows], arrow.string()),
            "box_xyxy": arrow.FixedSizeListArray.from_arrays(boxes.ravel(), 4),
            "area": arrow.array([each.area for each in segments], arrow.int64()),
            "quality": arrow.array([each.quality for each in segments], arrow.float32()),
            "category": arrow.array([each.category for _, each in rows], arrow.string()),
            "space": arrow.array([space] * len(rows), arrow.string()),
            "vector": arrow.FixedSizeListArray.from_arrays(vectors.astype(np.float32).ravel(), vectors.shape[1]),
        }
    )
