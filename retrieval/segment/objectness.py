"""How likely a region is an object: a logistic model of its place in the hierarchy, its shape and what it looks like.

Fitted by ``python -m training.fit_objectness`` on the training part of annotated photos: right is a region that
overlaps some object with IoU >= .5, whatever its class.

References
----------
Arbelaez et al., "Multiscale Combinatorial Grouping", CVPR 2014, section 5.2 (ranking regions by regression on such
features); Alexe, Deselaers and Ferrari, "Measuring the Objectness of Image Windows", PAMI 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..errors import WeightsCorruptError, WeightsMissingError
from ..types import Segments, Vectors

GEOMETRY = 9
"""Number of the measures of `geometry`."""


def geometry(
    segments: Segments,
    worth: NDArray[np.floating],
    made_at: NDArray[np.floating],
    sibling_areas: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Measures of regions that do not depend on their content.

    Parameters
    ----------
    segments : Segments
        N regions of one hierarchy.
    worth, made_at : ndarray of shape (N,)
        The cost at which each is merged away, and at which it was made.
    sibling_areas : ndarray of shape (N,)
        Pixels of what it is merged with.

    Returns
    -------
    ndarray of shape (N, 9), float32
    """
    total = float(segments.atom_areas.sum())
    height, width = segments.size_hw
    x0, y0, x1, y1 = segments.boxes_xyxy.T
    share = np.log(np.maximum(segments.areas, 1) / total)
    touched = (x0 == 0).astype(float) + (y0 == 0) + (x1 == width) + (y1 == height)
    worth_log = np.log(worth + 1e-6)
    columns = (
        worth_log,
        np.log(made_at + 1e-3) - worth_log,
        share,
        share**2,
        touched,
        touched * share,
        segments.areas / np.maximum((x1 - x0) * (y1 - y0), 1),
        np.log(sibling_areas / total + 1e-6),
        touched >= 3,
    )
    return np.stack(columns, axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class Objectness:
    """The model.

    Attributes
    ----------
    weights : ndarray of shape (9 + D,), float32
        Of the geometry, then of the region's vector.
    bias : float
    """

    weights: NDArray[np.float32]
    bias: float

    def __call__(self, measures: NDArray[np.float32], vectors: Vectors) -> NDArray[np.float32]:
        """Probabilities, (N,), of regions with these measures, (N, 9), and vectors, (N, D)."""
        logits = measures @ self.weights[:GEOMETRY] + vectors @ self.weights[GEOMETRY:] + self.bias
        return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write the model as safetensors."""
        save_file({"weights": self.weights, "bias": np.array([self.bias], np.float32)}, path)

    @classmethod
    def load(cls, path: Path) -> Objectness:
        """Read the model.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        if not path.is_file():
            raise WeightsMissingError(f"{path} is missing: restore it with `git checkout -- {path}`")
        try:
            tensors = load_file(path)
            return cls(tensors["weights"], float(tensors["bias"][0]))
        except (SafetensorError, OSError, KeyError) as error:
            raise WeightsCorruptError(f"{path} is not an objectness model: restore it with `git checkout`") from error
