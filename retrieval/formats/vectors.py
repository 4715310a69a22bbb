"""Segments with their masks and vectors, as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..catalog import ImageRecord
from ..errors import QueryError
from ..processes.extras import required
from ..types import Vectors
from .dataset import AnnotatedImage, Annotation, Dataset
from .targets import Sink

GROUP = 16_384
"""Rows of a row group, at least."""


def parquet_table(dataset: Dataset) -> Iterator[bytes]:
    """A Parquet file with a row for each segment, part by part; a photo's rows are one after another.

    Vectors of two spaces cannot be compared, so photos that another space's recipe analysed are left out.

    Raises
    ------
    ConfigurationError
        pyarrow is not installed; it is by the extra ``formats``.
    QueryError
        No photo has vectors of the space.

    Notes
    -----
    Holds a row group. Columns of a segment are ``segment_id``, ``image_id``, ``path``, ``box_xyxy`` (4 int32, pixels of
    the upright original, half open), ``area``, ``quality``, ``category``, ``space``, and ``vector``, a list of D
    float32 of fixed size, of unit length; then ``label``, ``label_score``, ``is_imported``, ``mask_size_hw`` (2 int32),
    ``mask_counts`` (COCO compressed RLE) and ``colors`` (11 shares, uint8). Columns of its photo are ``sha256``,
    ``width``, ``height``, ``format``, ``taken_at`` (local time), ``recipe``, ``segments_of_photo``, and
    ``photo_vector`` (P float32), which only the photo's first row has. `analyses` reads them again.
    """
    arrow, parquet = required("pyarrow"), required("pyarrow.parquet")
    sink, writer = Sink(), None
    for rows in _groups(dataset):
        table = _table(arrow, rows, dataset.space)
        if writer is None:
            target = arrow.PythonFile(sink, mode="w")
            writer = parquet.ParquetWriter(target, table.schema, compression="zstd", write_page_checksum=True)
        writer.write_table(table)
        yield sink.take()
    if writer is None:
        raise QueryError(f"no segment of these photos has a vector of {dataset.space}: analyse them with `resegment`")
    writer.close()
    yield sink.take()


@dataclass(frozen=True, eq=False, slots=True)
class _Row:
    """A segment, and the vector of its photo if this is the photo's first row."""

    image: ImageRecord
    annotation: Annotation
    vector: Vectors
    colors: bytes | None
    photo_vector: Vectors | None


def _groups(dataset: Dataset) -> Iterator[list[_Row]]:
    rows: list[_Row] = []
    for entry in dataset:
        if entry.image.space == dataset.space:
            rows += _rows(dataset, entry)
        if len(rows) >= GROUP:
            yield rows
            rows = []
    if rows:
        yield rows


def _rows(dataset: Dataset, entry: AnnotatedImage) -> list[_Row]:
    """A photo's rows, without segments that were deleted meanwhile."""
    keys = [each.segment.id for each in entry.annotations]
    batch, whole = dataset.catalog.vectors.of_segments(keys), dataset.catalog.vectors.of_images([entry.image.id])
    vectors = dict(zip(batch.ids.tolist(), batch.vectors, strict=True))
    colors = dataset.catalog.segments.colors(keys)
    here = [each for each in entry.annotations if each.segment.id in vectors] if len(whole) else []
    return [
        _Row(
            entry.image,
            each,
            vectors[each.segment.id],
            colors.get(each.segment.id),
            None if number else whole.vectors[0],
        )
        for number, each in enumerate(here)
    ]


def _table(arrow: Any, rows: list[_Row], space: str) -> Any:
    segments, images = [each.annotation.segment for each in rows], [each.image for each in rows]
    vectors = np.stack([each.vector for each in rows]).astype(np.float32)
    boxes = np.array([each.box_xyxy for each in segments], np.int32)
    sizes = np.array([each.mask_size_hw for each in segments], np.int32)
    paths = {each.id: each.displayed for each in images}
    return arrow.table(
        {
            "segment_id": arrow.array([each.id for each in segments], arrow.int64()),
            "image_id": arrow.array([each.image_id for each in segments], arrow.int64()),
            "path": arrow.array([paths[each.id] for each in images], arrow.string()),
            "box_xyxy": arrow.FixedSizeListArray.from_arrays(boxes.ravel(), 4),
            "area": arrow.array([each.area for each in segments], arrow.int64()),
            "quality": arrow.array([each.quality for each in segments], arrow.float32()),
            "category": arrow.array([each.annotation.category for each in rows], arrow.string()),
            "space": arrow.array([space] * len(rows), arrow.string()),
            "vector": arrow.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1]),
            "label": arrow.array([each.label for each in segments], arrow.string()),
            "label_score": arrow.array([each.label_score for each in segments], arrow.float32()),
            "is_imported": arrow.array([each.is_imported for each in segments], arrow.bool_()),
            "mask_size_hw": arrow.FixedSizeListArray.from_arrays(sizes.ravel(), 2),
            "mask_counts": arrow.array([each.mask_counts for each in segments], arrow.binary()),
            "colors": arrow.array([each.colors for each in rows], arrow.binary()),
            "sha256": arrow.array([each.sha256 for each in images], arrow.string()),
            "width": arrow.array([each.width for each in images], arrow.int32()),
            "height": arrow.array([each.height for each in images], arrow.int32()),
            "format": arrow.array([each.format for each in images], arrow.string()),
            "taken_at": arrow.array([each.taken_at for each in images], arrow.timestamp("us")),
            "recipe": arrow.array([each.recipe for each in images], arrow.string()),
            "segments_of_photo": arrow.array([each.segment_count for each in images], arrow.int32()),
            "photo_vector": arrow.array([each.photo_vector for each in rows], arrow.list_(arrow.float32())),
        }
    )
