"""The probability that a photo shows what a word names, from how its best segment scores: two features and a sigmoid.

A score alone says little: an accordion's best score among photos without any is that of many a cup. How far a segment
scores more for the word than for the other known words says more. It is the normalisation by a cohort of models
(T-norm) of speaker verification, with the known words as the cohort.

A file contains, as float32: ``weights`` (2,), one for each of `FEATURES`, ``bias`` (1,) and ``substituted`` (1,).

References
----------
Auckenthaler, Carey and Lloyd-Thomas, "Score Normalization for Text-Independent Speaker Verification Systems", Digital
Signal Processing 2000, section 3.2 (test normalisation); Platt, "Probabilistic Outputs for Support Vector Machines and
Comparisons to Regularized Likelihood Methods", in Advances in Large Margin Classifiers, 1999, section 2.
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

FEATURES = ("score", "lead")
"""Columns of `features`."""

RIVAL = 5
"""The lead is over the score of the known word that comes in this place for a segment: those before it may mean nearly
the same as the word that was asked for."""


def rivals(vectors: Vectors, vocabulary: Vectors) -> NDArray[np.float32]:
    """What each segment scores for the known word that it is `RIVAL`-nearest to, (N,).

    Parameters
    ----------
    vectors : ndarray of shape (N, D), float32
    vocabulary : ndarray of shape (V, D), float32
        The directions of all known words. If there are fewer than `RIVAL`, the least score counts.

    Notes
    -----
    O(N·V·D): some 6 µs a segment for 1,114 words and 256 numbers, on one core.
    """
    place = min(RIVAL, len(vocabulary))
    found: NDArray[np.float32] = np.partition(vectors @ vocabulary.T, -place, axis=1)[:, -place]
    return found


def features(scores: NDArray[np.floating], rivals: NDArray[np.floating]) -> NDArray[np.float64]:
    """What the probability is computed from, (..., 2): the score, and its lead over the rival's.

    Parameters
    ----------
    scores : ndarray of shape (...), float
        Of each photo's best segment for the word.
    rivals : ndarray of shape (...), float
        Of the same segments, as `rivals` finds them.
    """
    return np.stack([scores, scores - rivals], axis=-1).astype(np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class WordPresence:
    """A logistic regression of `features`.

    Attributes
    ----------
    weights : ndarray of shape (2,), float32
        One for each of `FEATURES`.
    bias : float
    substituted : float
        Factor, 0 to 1, for words that others stand for: a photo that shows those need not show what was asked for.
    """

    weights: NDArray[np.float32]
    bias: float
    substituted: float

    def __call__(self, features: NDArray[np.floating], *, is_substituted: bool = False) -> NDArray[np.float64]:
        """Probabilities, (...), of features, (..., 2)."""
        logits = features @ self.weights.astype(np.float64) + self.bias
        chances = 0.5 * (1 + np.tanh(logits / 2))  # the sigmoid, without overflow
        return np.asarray(chances * (self.substituted if is_substituted else 1.0), np.float64)

    @property
    def least_score(self) -> float:
        """No photo with a lower score is likely, whatever its lead: rivals, of so many words, are not negative."""
        return -self.bias / max(float(self.weights.sum()), 1e-6)

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        numbers = {"weights": self.weights, "bias": [self.bias], "substituted": [self.substituted]}
        save_file({name: np.ascontiguousarray(each, np.float32) for name, each in numbers.items()}, path)

    @classmethod
    def load(cls, path: Path) -> WordPresence:
        """Read what `save` wrote.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        stored = read_tensors(path, "a word presence")
        try:
            weights, bias, substituted = (stored[name] for name in ("weights", "bias", "substituted"))
        except KeyError as error:
            raise WeightsCorruptError(f"{path} holds no word presence: restore it with `git checkout`") from error
        shapes = (weights.shape, bias.shape, substituted.shape)
        is_sound = shapes == ((len(FEATURES),), (1,), (1,)) and all(
            np.isfinite(each).all() for each in (weights, bias, substituted)
        )
        if not is_sound or not 0 <= substituted[0] <= 1 or (weights < 0).any():
            raise WeightsCorruptError(
                f"{path} must hold {len(FEATURES)} weights that are not negative, a bias, and a factor from 0 to 1: "
                "restore it with `git checkout`"
            )
        return cls(weights, float(bias[0]), float(substituted[0]))
