"""Analysed photos as bytes: what was written is read, and nothing else is."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from retrieval.analysis import wire
from retrieval.analysis.wire import WireError, dump_photo, dump_vectors, load_photo, load_vectors
from retrieval.types import Analysis, AnalyzedImage, Embedded, Segments

Arrays = dict[str, Any]


def photo(count: int = 2) -> AnalyzedImage:
    """A photo with so many segments of two atoms."""
    membership = np.ones((count, 2), bool)
    segments = Segments(
        atoms=np.array([[0, 1, 1], [0, 0, 1]], np.int32),
        membership=membership,
        quality=np.linspace(1, 0.5, count, dtype=np.float32),
        labels=tuple([None, "dög"][row % 2] for row in range(count)),
        label_scores=np.linspace(0, 1, count, dtype=np.float32),
    )
    analysis = Analysis(
        segments=segments,
        vectors=np.eye(count, 4, dtype=np.float32),
        photo_vector=np.ones(3, np.float32),
        fallback=np.zeros(4, np.float32),
        colors=np.full((count, 11), 7, np.uint8),
    )
    taken_at = datetime(2020, 2, 29, 12, 30)  # a camera's clock has no zone
    return AnalyzedImage(size_hw=(200, 300), format="JPEG", taken_at=taken_at, analysis=analysis)


def arrays_of(value: AnalyzedImage) -> Arrays:
    """The arrays of an analysed photo."""
    analysis, segments = value.analysis, value.analysis.segments
    return {
        "atoms": segments.atoms,
        "membership": segments.membership,
        "quality": segments.quality,
        "label_scores": segments.label_scores,
        "vectors": analysis.vectors,
        "photo_vector": analysis.photo_vector,
        "fallback": analysis.fallback,
        "colors": analysis.colors,
    }


@pytest.mark.parametrize("count", [0, 1, 5])
def test_what_was_written_is_read(count: int) -> None:
    written = photo(count)
    read = load_photo(dump_photo(written))
    assert (read.size_hw, read.format, read.taken_at) == (written.size_hw, written.format, written.taken_at)
    assert read.analysis.segments.labels == written.analysis.segments.labels
    for name, array in arrays_of(written).items():
        found = arrays_of(read)[name]
        assert (found.dtype, found.shape) == (array.dtype, array.shape), name
        np.testing.assert_array_equal(found, array)


def test_what_is_not_there_is_none() -> None:
    written = replace(photo(), taken_at=None, analysis=replace(photo().analysis, fallback=None, colors=None))
    read = load_photo(dump_photo(written))
    assert (read.taken_at, read.analysis.fallback, read.analysis.colors) == (None, None, None)


@pytest.mark.parametrize("colors", [None, np.full(11, 3, np.uint8)])
def test_imported_segments(colors: Any) -> None:
    imported = {key: Embedded(np.full(4, key, np.float32), colors) for key in (7, 1 << 40)}
    read = load_photo(dump_photo(replace(photo(), imported=imported))).imported
    assert list(read) == list(imported)
    for key, each in read.items():
        np.testing.assert_array_equal(each.vector, imported[key].vector)
        np.testing.assert_array_equal(each.colors, colors)


@pytest.mark.parametrize(
    "changed",
    [
        {"imported": np.array([7, 8], np.int64)},
        {"imported": np.array([], np.int64)},
        {"imported_vectors": np.full((1, 4), np.nan, np.float32)},
        {"imported_colors": np.zeros((2, 11), np.uint8)},
        {"imported_colors": np.zeros((1, 3), np.uint8)},
    ],
)
def test_imported_segments_that_do_not_fit(changed: Arrays) -> None:
    imported = {7: Embedded(np.ones(4, np.float32), np.zeros(11, np.uint8))}
    good = load(dump_photo(replace(photo(), imported=imported)))
    with pytest.raises(WireError, match="of imported segments"):
        load_photo(save({**good, **changed}))


def test_arrays_in_another_order_in_memory() -> None:
    membership = np.array([[True, False], [True, True], [False, True]]).T
    written = replace(photo().analysis.segments, membership=np.ascontiguousarray(membership.T).T[:, :2])
    read = load_photo(dump_photo(replace(photo(), analysis=replace(photo().analysis, segments=written))))
    np.testing.assert_array_equal(read.analysis.segments.membership, written.membership)


def test_vectors() -> None:
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(load_vectors(dump_vectors(vectors)), vectors)


GOOD = dump_photo(photo())


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, len(GOOD) // 2, len(GOOD) - 1])
def test_truncated(length: int) -> None:
    with pytest.raises(WireError):
        load_photo(GOOD[:length])


@pytest.mark.parametrize("content", [GOOD + b"\0", pickle.dumps(photo()), b"\x93NUMPY" + GOOD, b"PK\3\4" + GOOD])
def test_something_else(content: bytes) -> None:
    with pytest.raises(WireError):
        load_photo(content)


def test_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_BYTES", len(GOOD) - 1)
    with pytest.raises(WireError, match="the limit is"):
        load_photo(GOOD)


@pytest.mark.parametrize(
    "shape", [[1 << 62, 1 << 62], [1 << 40, 1 << 40], [-1, 6], [6], [2, 3, 1], [0, 0], [6, 0], [4, 3], "x", None]
)
def test_absurd_shapes(shape: Any) -> None:
    length = struct.unpack("<Q", GOOD[:8])[0]
    header = json.loads(GOOD[8 : 8 + length])
    header["atoms"]["shape"] = shape
    changed = json.dumps(header).encode()
    with pytest.raises(WireError):
        load_photo(struct.pack("<Q", len(changed)) + changed + GOOD[8 + length :])


@pytest.mark.parametrize("dtype", ["F64", "BF16", "F8_E4M3", "I64", "U32", "BOOL", "nonsense", "object", 5])
def test_other_types(dtype: Any) -> None:
    length = struct.unpack("<Q", GOOD[:8])[0]
    header = json.loads(GOOD[8 : 8 + length])
    header["atoms"]["dtype"] = dtype
    changed = json.dumps(header).encode()
    with pytest.raises(WireError):
        load_photo(struct.pack("<Q", len(changed)) + changed + GOOD[8 + length :])


def _with(name: str, value: Any) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        if value is None:
            del arrays[name]
        else:
            arrays[name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _with("atoms", None),
        _with("record", None),
        _with("more", np.zeros(1, np.float32)),
        _with("atoms", np.zeros((2, 3), np.int64)),
        _with("atoms", np.full((2, 3), 2, np.int32)),
        _with("atoms", np.full((2, 3), -1, np.int32)),
        _with("atoms", np.zeros((0, 3), np.int32)),
        _with("membership", np.ones((3, 2), bool)),
        _with("quality", np.ones(3, np.float32)),
        _with("quality", np.full(2, np.nan, np.float32)),
        _with("label_scores", np.ones(1, np.float32)),
        _with("vectors", np.ones((3, 4), np.float32)),
        _with("vectors", np.full((2, 4), np.inf, np.float32)),
        _with("colors", np.ones((2, 10), np.uint8)),
        _with("fallback", np.ones((1, 4), np.float32)),
    ],
)
def test_arrays_that_do_not_fit(change: Callable[[Arrays], None]) -> None:
    arrays: Arrays = load(GOOD)
    change(arrays)
    with pytest.raises(WireError):
        load_photo(save(arrays))


@pytest.mark.parametrize(
    "changed",
    [
        {"size_hw": [0, 5]},
        {"size_hw": [1.5, 5]},
        {"size_hw": [True, 5]},
        {"size_hw": [5]},
        {"size_hw": "ab"},
        {"size_hw": [1 << 40, 5]},
        {"format": 5},
        {"labels": "ab"},
        {"labels": ["a"]},
        {"labels": [5, 6]},
        {"taken_at": "yesterday"},
        {"taken_at": 5},
    ],
)
def test_records_that_do_not_fit(changed: Arrays) -> None:
    arrays: Arrays = load(GOOD)
    record = json.loads(arrays["record"].tobytes()) | changed
    with pytest.raises(WireError):
        load_photo(save({**arrays, "record": np.frombuffer(json.dumps(record).encode(), np.uint8)}))


@pytest.mark.parametrize("record", [b"x", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_no_records(record: bytes) -> None:
    arrays: Arrays = load(GOOD)
    with pytest.raises(WireError):
        load_photo(save({**arrays, "record": np.frombuffer(record, np.uint8)}))


@pytest.mark.parametrize("vectors", [np.ones(3, np.float32), np.ones((1, 3)), np.full((1, 3), np.nan, np.float32)])
def test_no_vectors(vectors: Any) -> None:
    with pytest.raises(WireError):
        load_vectors(save({"vectors": vectors}))


@given(place=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_any_changed_byte_is_refused_or_read(place: int, value: int) -> None:
    content = bytearray(GOOD)
    content[place] = value
    try:
        assert len(load_photo(bytes(content)).analysis.segments) == 2
    except WireError:
        pass
