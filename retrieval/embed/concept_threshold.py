"""The score from which on a concept labels a segment, estimated from its examples and from the words that it resembles.

Few examples do not show where a concept ends: the best cut through their scores lies anywhere between them and
everything else. How well concepts of known classes were cut tells more. The estimate is a linear function of how many
examples there are, how alike they are, how near the concept is to known words, and of the highest score that was
marked wrong. The known words are the cohort of T-norm: they are the same in every collection, so that a concept is cut
alike in a small one and in a large one.

A file contains, as float32: ``weights`` (8,), one for each of `FEATURES`, and ``bias`` (1,).

References
----------
Auckenthaler, Carey and Lloyd-Thomas, "Score Normalization for Text-Independent Speaker Verification Systems", Digital
Signal Processing 2000, section 3.2 (test normalisation); Scheirer et al., "Toward Open Set Recognition", TPAMI 2013,
section 3 (a few examples of one class against everything else).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ..errors import WeightsCorruptError
from ..models.tensor_file import read_tensors
from ..types import Vectors

FEATURES = ("log count", "only one", "left out", "word 1", "word 5", "word 20", "wrong", "some wrong")
"""Entries of `features`."""

PLACES = (1, 5, 20)
"""The concept's scores for the known words that it is nearest to, by their place in the ranking."""

Floats = NDArray[np.float64]


def features(
    directions: Vectors, words: Vectors, left_out: NDArray[np.floating], wrong: NDArray[np.floating]
) -> Floats:
    """What the threshold is computed from, (8,).

    Parameters
    ----------
    directions : ndarray of shape (R, D), float32
        Of the concept.
    words : ndarray of shape (V, D), float32
        The directions of all known words. If there are fewer than a place, the last one counts.
    left_out : ndarray of shape (P,), float
        The score of each positive example by the concept without it, at least one. Of a single one it is not used.
    wrong : ndarray of shape (N,), float
        The scores of the negative examples.
    """
    count = len(left_out)
    ranked = np.sort((words @ directions.T).max(axis=1))[::-1]
    near = [float(ranked[min(place, len(ranked)) - 1]) for place in PLACES]
    alike = float(left_out.mean()) if count > 1 else 0.0
    return np.array(
        [np.log(count), count == 1, alike, *near, wrong.max() if len(wrong) else 0, len(wrong) > 0], np.float64
    )


@dataclass(frozen=True, eq=False, slots=True)
class ConceptThreshold:
    """A linear regression of `features`.

    Attributes
    ----------
    weights : ndarray of shape (8,), float32
        One for each of `FEATURES`.
    bias : float
    """

    weights: NDArray[np.float32]
    bias: float

    def __call__(self, features: NDArray[np.floating]) -> Floats:
        """Thresholds, (...), of features, (..., 8); between -1 and 1."""
        return np.asarray(np.clip(features @ self.weights.astype(np.float64) + self.bias, -1, 1), np.float64)

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        numbers = {"weights": self.weights, "bias": [self.bias]}
        save_file({name: np.ascontiguousarray(each, np.float32) for name, each in numbers.items()}, path)

    @classmethod
    def load(cls, path: Path) -> ConceptThreshold:
        """Read what `save` wrote.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        stored = read_tensors(path, "a concept threshold")
        try:
            weights, bias = stored["weights"], stored["bias"]
        except KeyError as error:
            raise WeightsCorruptError(f"{path} holds no concept threshold: restore it with `git checkout`") from error
        is_sound = (weights.shape, bias.shape) == ((len(FEATURES),), (1,))
        if not is_sound or not (np.isfinite(weights).all() and np.isfinite(bias).all()):
            raise WeightsCorruptError(
                f"{path} must hold {len(FEATURES)} weights and a bias: restore it with `git checkout`"
            )
        return cls(weights.astype(np.float32), float(bias[0]))
