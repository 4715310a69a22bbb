"""Analysed photos and vectors as bytes for another process: safetensors with arrays and a JSON record.

Reading runs no code, whatever the bytes are, and accepts only arrays with the expected names, types and shapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..images.colors import COLORS
from ..types import Analysis, AnalyzedImage, Embedded, Segments, Vectors

MAX_BYTES = 128 * 1024**2
"""Largest size of an answer. An analysed photo has some 5 MiB."""

MAX_RECORD_BYTES = 1 << 20
MAX_SIDE = 1 << 20
_RECORD = "record"

Arrays = Mapping[str, NDArray[Any]]


class WireError(ValueError):
    """The bytes are not a valid message."""


class _Kind(NamedTuple):
    dtype: type[np.generic]
    ndim: int
    optional: bool = False


_PHOTO = {
    _RECORD: _Kind(np.uint8, 1),
    "atoms": _Kind(np.int32, 2),
    "membership": _Kind(np.bool_, 2),
    "quality": _Kind(np.float32, 1),
    "label_scores": _Kind(np.float32, 1),
    "vectors": _Kind(np.float32, 2),
    "photo_vector": _Kind(np.float32, 1),
    "fallback": _Kind(np.float32, 1, optional=True),
    "colors": _Kind(np.uint8, 2, optional=True),
    "imported": _Kind(np.int64, 1, optional=True),
    "imported_vectors": _Kind(np.float32, 2, optional=True),
    "imported_colors": _Kind(np.uint8, 2, optional=True),
}
_VECTORS = {"vectors": _Kind(np.float32, 2)}


def dump_photo(photo: AnalyzedImage) -> bytes:
    """An analysed photo as bytes."""
    analysis, segments = photo.analysis, photo.analysis.segments
    record = {
        "size_hw": list(photo.size_hw),
        "format": photo.format,
        "taken_at": photo.taken_at.isoformat() if photo.taken_at else None,
        "labels": list(segments.labels),
    }
    arrays: dict[str, NDArray[Any] | None] = {
        _RECORD: np.frombuffer(json.dumps(record).encode(), np.uint8),
        "atoms": segments.atoms,
        "membership": segments.membership,
        "quality": segments.quality,
        "label_scores": segments.label_scores,
        "vectors": analysis.vectors,
        "photo_vector": analysis.photo_vector,
        "fallback": analysis.fallback,
        "colors": analysis.colors,
        **_imported_arrays(photo.imported),
    }
    return _dump({name: array for name, array in arrays.items() if array is not None}, _PHOTO)


def load_photo(content: bytes) -> AnalyzedImage:
    """An analysed photo from bytes.

    Raises
    ------
    WireError
        The bytes are not an analysed photo.
    """
    arrays = _load(content, _PHOTO)
    try:
        return _photo(arrays, _record(arrays[_RECORD]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WireError(f"not an analysed photo: {error}") from error


def dump_vectors(vectors: Vectors) -> bytes:
    """Vectors, (N, D), as bytes."""
    return _dump({"vectors": vectors}, _VECTORS)


def load_vectors(content: bytes) -> Vectors:
    """Vectors, (N, D), from bytes.

    Raises
    ------
    WireError
        The bytes are not vectors.
    """
    vectors: Vectors = _load(content, _VECTORS)["vectors"]
    if not np.isfinite(vectors).all():
        raise WireError("a vector is not finite")
    return vectors


def _dump(arrays: Arrays, kinds: Mapping[str, _Kind]) -> bytes:
    typed = {name: np.ascontiguousarray(array, kinds[name].dtype) for name, array in arrays.items()}
    content: bytes = save(typed)
    return content


def _load(content: bytes, kinds: Mapping[str, _Kind]) -> Arrays:
    """Arrays by name, checked against their kinds.

    Raises
    ------
    WireError
    """
    if len(content) > MAX_BYTES:
        raise WireError(f"the message has {len(content)} bytes; the limit is {MAX_BYTES}")
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise WireError(f"not safetensors: {error}") from error
    needed = {name for name, kind in kinds.items() if not kind.optional}
    if not needed <= arrays.keys() <= kinds.keys():
        raise WireError(f"the arrays are {', '.join(sorted(arrays)) or 'none'}")
    for name, array in arrays.items():
        if array.dtype != kinds[name].dtype or array.ndim != kinds[name].ndim:
            raise WireError(f"{name} has type {array.dtype} and {array.ndim} dimensions")
    return arrays


def _record(array: NDArray[Any]) -> dict[str, Any]:
    if array.size > MAX_RECORD_BYTES:
        raise WireError(f"the record has {array.size} bytes; the limit is {MAX_RECORD_BYTES}")
    found = json.loads(array.tobytes())
    if not isinstance(found, dict):
        raise WireError("the record is not an object")
    return found


def _photo(arrays: Arrays, record: Mapping[str, Any]) -> AnalyzedImage:
    size_hw, labels, taken_at = record["size_hw"], record["labels"], record["taken_at"]
    _require(
        isinstance(size_hw, list)
        and len(size_hw) == 2
        and all(type(side) is int and 0 < side <= MAX_SIDE for side in size_hw),
        "size",
    )
    _require(isinstance(record["format"], str), "format")
    _require(
        isinstance(labels, list) and all(label is None or isinstance(label, str) for label in labels),
        "labels",
    )
    segments = Segments(
        atoms=arrays["atoms"],
        membership=arrays["membership"],
        quality=arrays["quality"],
        labels=tuple(labels),
        label_scores=arrays["label_scores"],
    )
    _check_arrays(arrays, len(segments))
    return AnalyzedImage(
        size_hw=(size_hw[0], size_hw[1]),
        format=record["format"],
        taken_at=None if taken_at is None else datetime.fromisoformat(taken_at),
        analysis=Analysis(
            segments=segments,
            vectors=arrays["vectors"],
            photo_vector=arrays["photo_vector"],
            fallback=arrays.get("fallback"),
            colors=arrays.get("colors"),
        ),
        imported=_imported(arrays),
    )


def _imported_arrays(imported: Mapping[int, Embedded]) -> dict[str, NDArray[Any] | None]:
    if not imported:
        return {}
    colors = [each.colors for each in imported.values() if each.colors is not None]
    return {
        "imported": np.array(list(imported), np.int64),
        "imported_vectors": np.stack([each.vector for each in imported.values()]),
        "imported_colors": np.stack(colors) if colors else None,
    }


def _imported(arrays: Arrays) -> dict[int, Embedded]:
    """New vectors of imported segments, by the segments' ids."""
    keys = arrays.get("imported", np.zeros(0, np.int64))
    vectors, colors = arrays.get("imported_vectors", np.zeros((0, 0), np.float32)), arrays.get("imported_colors")
    _require(len(vectors) == len(keys) and bool(np.isfinite(vectors).all()), "vectors of imported segments")
    _require(colors is None or colors.shape == (len(keys), len(COLORS)), "colours of imported segments")
    each_colors = [None] * len(keys) if colors is None else list(colors)
    return dict(zip(keys.tolist(), map(Embedded, vectors, each_colors), strict=True))


def _check_arrays(arrays: Arrays, count: int) -> None:
    """Check arrays that are used as indexes, must have matching rows, or are compared."""
    atoms, colors = arrays["atoms"], arrays.get("colors")
    _require(atoms.size > 0 and atoms.min() >= 0 and atoms.max() < arrays["membership"].shape[1], "atoms")
    _require(len(arrays["label_scores"]) in (0, count), "label scores")
    _require(colors is None or colors.shape == (count, len(COLORS)), "colours")
    for name in ("quality", "label_scores", "vectors", "photo_vector", "fallback"):
        _require(name not in arrays or bool(np.isfinite(arrays[name]).all()), f"{name}: a value is not finite")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise WireError(f"it has no valid {what}")
