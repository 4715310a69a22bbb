"""How large the models of a recipe are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Learned and fitted numbers.

    Attributes
    ----------
    parameters : int
        How many there are; statistics of normalisations are not counted.
    bytes : int
        What they take in their files.
    """

    parameters: int = 0
    bytes: int = 0

    def __add__(self, other: ModelSize) -> ModelSize:
        return ModelSize(self.parameters + other.parameters, self.bytes + other.bytes)

    @classmethod
    def of_files(cls, paths: Iterable[Path]) -> ModelSize:
        """The size of safetensors files, each counted once; only headers are read."""
        return sum((cls(_count(path), path.stat().st_size) for path in set(paths)), cls())

    @classmethod
    def of_network(cls, network: Any) -> ModelSize:
        """The size of a torch module; its files hold its state at the same precision, but for a header.

        Parameters
        ----------
        network : Module
        """
        state = {id(each): each for each in network.state_dict(keep_vars=True).values()}.values()
        taken = sum(each.numel() * each.element_size() for each in state)
        return cls(sum(each.numel() for each in network.parameters()), taken)


def _count(path: Path) -> int:
    with safe_open(path, framework="numpy") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118  # no mapping
