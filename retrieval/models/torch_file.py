"""State dicts as torch wrote them before version 1.6, read without torch.

Such a file holds five pickles (a magic number, a version, properties of the machine, the tensors without their values,
and the names of the storages in order) and then each storage: its length as int64, and its values. Of what a pickle may
name only the few constructors that a state dict needs are known here, and they run no code of torch.
"""

from __future__ import annotations

import collections
from dataclasses import dataclass
from pathlib import Path
from pickle import Unpickler, UnpicklingError
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001

_TYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a file by name, float32 or int64.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        The file cannot be read.
    pickle.UnpicklingError
        It is not such a file, is cut short, or names anything else than tensors.
    """
    with path.open("rb") as file:
        try:
            return _read(file)
        except (
            ValueError,
            TypeError,
            KeyError,
            IndexError,
            AttributeError,
            EOFError,
            OverflowError,
            MemoryError,
        ) as error:
            raise UnpicklingError(f"{path} is no state dict of torch: {error}") from error


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A part of a storage, by counts of values."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Its values; numpy refuses what would reach beyond the storage."""
        size = values.itemsize
        steps = tuple(step * size for step in self.stride)
        return np.array(np.ndarray(self.shape, values.dtype, values, self.offset * size, steps), order="C")


@dataclass(frozen=True, slots=True)
class _Storage:
    """Values in a row."""

    name: str
    type: np.dtype[Any]
    count: int


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    if _Reader(file).load() != MAGIC or _Reader(file).load() != VERSION:
        raise ValueError("it begins with other numbers")
    if not _Reader(file).load()["little_endian"]:
        raise ValueError("it was written on a big-endian machine")
    tensors, names = _Reader(file).load(), _Reader(file).load()
    storages = {each.storage.name: each.storage for each in tensors.values()}
    values = {name: _values(file, storages[name]) for name in names}
    return {name: each.of(values[each.storage.name]) for name, each in tensors.items()}


def _values(file: BinaryIO, storage: _Storage) -> NDArray[Any]:
    if int.from_bytes(file.read(8), "little") != storage.count:
        raise ValueError(f"storage {storage.name} has another length than its tensors say")
    return np.frombuffer(file.read(storage.count * storage.type.itemsize), storage.type, storage.count)


class _Reader(Unpickler):
    """Reads a pickle that may name only what `_KNOWN` has."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a global of the pickle."""
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise UnpicklingError(f"{module}.{name} has no place in a state dict") from None

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage, by its kind, type, name, device, count and view."""
        _, kind, name, _, count, view = pid
        if view is not None:
            raise ValueError("a storage is a part of another")
        return _Storage(name, _TYPES[kind], count)


def _tensor(storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, stride)


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    **{("torch", name): name for name in _TYPES},
}
