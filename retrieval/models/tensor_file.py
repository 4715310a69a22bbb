"""Tensors of the safetensors files that come with SegSearch, or that its training writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ..errors import WeightsCorruptError, WeightsMissingError
from .operators import Convolution


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


def read_convolutions(
    path: Path, what: str, shapes: Mapping[str, tuple[int, int, int, int]], *, without_bias: Collection[str] = ()
) -> dict[str, Convolution]:
    """Read the convolutions of a network, whose weights are kept as float16.

    Parameters
    ----------
    path : Path
    what : str
        What the file should be, for the message: ``"a boundary decoder"``.
    shapes : dict of str to tuple of int
        Of the weights of each convolution; the file holds nothing else.
    without_bias : collection of str
        Those that have none.

    Raises
    ------
    WeightsMissingError, WeightsCorruptError
    """
    tensors = {name: value.astype(np.float32) for name, value in read_tensors(path, what).items()}
    try:
        found = {
            name: Convolution(
                tensors.pop(f"{name}.weight").reshape(shape),
                None if name in without_bias else tensors.pop(f"{name}.bias").reshape(shape[0]),
            )
            for name, shape in shapes.items()
        }
    except (KeyError, ValueError) as error:
        raise WeightsCorruptError(f"{path} is not {what}: restore it with `git checkout`") from error
    if tensors:
        raise WeightsCorruptError(f"{path} holds more than {what}: restore it with `git checkout`")
    return found
