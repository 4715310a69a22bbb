"""YOLO's polygons: a text file for each photo with a line for each object, and ``data.yaml`` with the classes.

A line is the number of a class, from 0, and the corners of one polygon as shares of width and height, as
`Ultralytics <https://docs.ultralytics.com/datasets/segment/>`_ reads them. Several parts of an object, and its holes,
are joined by cuts of no width, and so one polygon.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import QueryError
from ..images.masks import decode_mask
from ..images.polygons import polygons_of, single_polygon
from ..processes.extras import required
from .dataset import AnnotatedImage, Dataset
from .labelled import LabelledObject, LabelledPhoto
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


def read_yolo(source: Path) -> Iterator[LabelledPhoto]:
    """The photos of a data set, one for each text file below a folder named ``labels``, with their objects.

    Parameters
    ----------
    source : Path
        ``data.yaml``, or its folder.

    Raises
    ------
    ConfigurationError
        PyYAML is not installed; it is by the extra ``formats``.
    QueryError
        The names of classes cannot be read, or there is no such text file.
    """
    settings = source / "data.yaml" if source.is_dir() else source
    names, folder = _names(settings), settings.parent
    files = sorted(path for path in folder.rglob("*.txt") if "labels" in path.relative_to(folder).parts[:-1])
    if not files:
        raise QueryError(f"{folder} has no text files in a folder named labels, as YOLO's data sets do")
    for file in files:
        parts = list(file.relative_to(folder).with_suffix("").parts)
        parts[parts.index("labels")] = "images"
        yield _photo(file, "/".join(parts), names)


def _names(file: Path) -> dict[int, str]:
    yaml = required("yaml")
    try:
        names = yaml.safe_load(file.read_bytes())["names"]
        listed = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(number): str(name) for number, name in listed}
    except OSError as error:
        raise QueryError(f"{file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise QueryError(f"{file} is not YOLO's data.yaml, which tells the names of classes: {error}") from error


def _photo(file: Path, stem: str, names: dict[int, str]) -> LabelledPhoto:
    found: list[LabelledObject] = []
    faults: list[str] = []
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        lines, faults = [], [f"it cannot be read: {error}"]
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_object(line.split(), names))
        except (ValueError, KeyError) as error:
            faults.append(f"line {number}: {error}")
    return LabelledPhoto(path=stem, objects=found, is_stem=True, faults=tuple(faults))


def _object(words: list[str], names: dict[int, str]) -> LabelledObject:
    number, shares = int(words[0]), tuple(map(float, words[1:]))
    if number not in names:
        raise ValueError(f"data.yaml has no class {number}")
    if len(shares) == 4:
        raise ValueError("it is a box, not a polygon")
    if len(shares) < 6 or len(shares) % 2:
        raise ValueError(f"a polygon has at least three corners of two numbers, and this has {len(shares)} numbers")
    return LabelledObject(category=names[number], polygons=(shares,))
