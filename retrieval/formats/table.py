"""A CSV table of segments."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from ..processes.terminal import printable
from .dataset import AnnotatedImage, Annotation, Dataset

COLUMNS = (
    "segment_id", "image_id", "path", "width", "height", "x0", "y0", "x1", "y1", "area", "quality", "category",
    "label", "label_score", "concepts", "parent_id",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@")


def csv_table(dataset: Dataset) -> Iterator[bytes]:
    """A table with a header and a row for each segment, in UTF-8; a photo's rows at a time.

    Boxes are in pixels of the upright original, half open. Texts that a spreadsheet would take for a formula have an
    apostrophe in front.
    """
    yield _written([COLUMNS])
    for entry in dataset:
        if entry.annotations:
            yield _written([_row(entry, each) for each in entry.annotations])


def harmless(text: str) -> str:
    """A text on one line that no spreadsheet takes for a formula, and no terminal for a control sequence."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip(" ").startswith(_FORMULA) else shown


def _row(entry: AnnotatedImage, annotation: Annotation) -> tuple[object, ...]:
    segment, (height, width) = annotation.segment, entry.size_hw
    return (
        segment.id,
        segment.image_id,
        harmless(entry.image.displayed),
        width,
        height,
        *segment.box_xyxy,
        segment.area,
        round(segment.quality, 4),
        harmless(annotation.category),
        harmless(segment.label or ""),
        "" if segment.label_score is None else round(segment.label_score, 4),
        harmless("; ".join(annotation.concepts)),
        "" if segment.parent_id is None else segment.parent_id,
    )


def _written(rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
