"""Tensors of the safetensors files that come with SegSearch, or that its training writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ..errors import WeightsCorruptError, WeightsMissingError


def read_tensors(path: Path, what: str = "a safetensors file") -> dict[str, NDArray[Any]]:
    """Read all tensors of a file by name.

    Parameters
    ----------
    path : Path
    what : str
        What the file should be, for the message: ``"a click ranker"``.

    Raises
    ------
    WeightsMissingError, WeightsCorruptError
    """
    if not path.is_file():
        raise WeightsMissingError(f"{path} is missing: restore it with `git checkout -- {path}`")
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise WeightsCorruptError(f"{path} is not {what}: restore it with `git checkout -- {path}`") from error
