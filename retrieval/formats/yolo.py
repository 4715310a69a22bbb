"""YOLO's polygons: a text file for each photo with a line for each object, and ``data.yaml`` with the classes.

A line is the number of a class, from 0, and the corners of one polygon as shares of width and height, as
`Ultralytics <https://docs.ultralytics.com/datasets/segment/>`_ reads them. Several parts of an object, and its holes,
are joined by cuts of no width, and so one polygon.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from ..images.masks import decode_mask
from ..images.polygons import polygons_of, single_polygon
from .dataset import AnnotatedImage, Dataset
from .targets import File, Original


def yolo_files(dataset: Dataset, original: Original | None = None) -> Iterator[File]:
    """The files of a data set, one after another; ``data.yaml`` is the last.

    Parameters
    ----------
    dataset : Dataset
    original : callable, optional
        The extension and the bytes of a photo, None if it is gone, if photos are included. They lie in ``images``, as
        training expects.
    """
    classes: dict[str, int] = {}
    for entry in dataset:
        picture = None if original is None else original(entry.image)
        if picture is not None:
            yield f"images/{entry.stem}.{picture[0]}", picture[1]
        yield f"labels/{entry.stem}.txt", _lines(entry, classes).encode()
    names = "".join(f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for name, number in classes.items())
    yield "data.yaml", f"path: .\ntrain: images\nval: images\nnames:{' {}' if not classes else ''}\n{names}".encode()


def _lines(entry: AnnotatedImage, classes: dict[str, int]) -> str:
    """The lines of a photo's file, from masks as they are stored: corners are shares, and the same at any size."""
    lines = []
    for annotation in entry.annotations:
        segment = annotation.segment
        polygons = polygons_of(decode_mask(segment.mask_size_hw, segment.mask_counts))
        if not polygons:
            continue
        shares = single_polygon(polygons) / np.array(segment.mask_size_hw[::-1])
        number = classes.setdefault(annotation.category, len(classes))
        lines.append(f"{number} {' '.join(f'{share:.6f}' for share in shares.ravel())}\n")
    return "".join(lines)
