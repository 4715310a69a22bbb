"""Files that torch saved, read without it."""

from __future__ import annotations

import io
from collections import OrderedDict
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from retrieval.models.torch_file import read_state_dict


def written(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def state() -> dict[str, torch.Tensor]:
    """Tensors of each kind: of both types, views, without values and without sides."""
    values = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    return OrderedDict(
        plain=values,
        turned=values.permute(2, 0, 1),
        part=values[1, 1:, ::2],
        count=torch.tensor(7),
        empty=torch.zeros(0, 3),
    )


def test_it_reads_what_torch_reads(tmp_path: Path) -> None:
    path = tmp_path / "state.pth"
    path.write_bytes(written(state()))
    found = read_state_dict(path)
    assert list(found) == list(state())
    for name, expected in state().items():
        np.testing.assert_array_equal(found[name], expected.numpy())
        assert found[name].dtype == expected.numpy().dtype


class Code:
    """Pickles as a call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("touched"),)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (OrderedDict(a=Code()), "has no place in a state dict"),
        (Code(), "has no place in a state dict"),
        ([1, 2], "no state dict"),
        ({"a": 1}, "no state dict"),
        ({"a": torch.zeros(2, dtype=torch.float16)}, "has no place in a state dict"),
        (torch.nn.Linear(1, 1), "has no place in a state dict"),
    ],
)
def test_nothing_but_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any, reason: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state.pth"
    path.write_bytes(written(value))
    with pytest.raises(UnpicklingError, match=reason):
        read_state_dict(path)
    assert not (tmp_path / "touched").exists()


def test_a_tensor_does_not_reach_beyond_its_storage(tmp_path: Path) -> None:
    path = tmp_path / "state.pth"
    whole = written({"a": torch.zeros(7, 3)})
    assert whole.count(b"K\x07K\x03") == 1  # its shape
    path.write_bytes(whole.replace(b"K\x07K\x03", b"K\x70K\x03"))
    with pytest.raises(UnpicklingError, match="no state dict"):
        read_state_dict(path)


@cache
def sound() -> bytes:
    """The same bytes at each call: torch names storages by where they lie in memory."""
    return written(state())


@given(st.data())
def test_spoilt_files_are_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(sound())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "spoilt.pth"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = read_state_dict(path)
    except UnpicklingError:
        return
    assert all(isinstance(each, np.ndarray) for each in found.values())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "none.pth")
