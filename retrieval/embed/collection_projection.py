"""A map that is fitted to the vectors of a collection, without labels: centred, and whitened if that is asked for.

Vectors of a pretrained network have a mean in common, and vary most in directions of what many photos share. The map
takes the mean away, so that what is unlike scores about 0, and may scale down the directions in which the collection's
segments vary. In a small collection the covariance is drawn towards a multiple of the identity.

References
----------
Jegou and Chum, "Negative evidences and co-occurences in image retrieval: the benefit of PCA and whitening", ECCV 2012,
section 2; Hariharan, Malik and Ramanan, "Discriminative Decorrelation for Clustering and Classification", ECCV 2012,
section 2 (the covariance of everything stands for the background); Ledoit and Wolf, "A well-conditioned estimator for
large-dimensional covariance matrices", 2004, for the shrinkage's form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import WeightsCorruptError, WeightsMissingError
from ..types import Vectors
from .projection import LinearMap, unit

POWER, SHRINKAGE = 0.0, 0.1
"""Of the whitening; none unless asked for, because it was worse where it was measured (docs/models/families.md)."""
LEAST_SEGMENTS = 1000
"""A smaller collection says too little of its directions."""

_TENSORS = "segment_mean", "segment_components", "photo_mean", "text_mean"


@dataclass(frozen=True, eq=False, slots=True)
class CollectionProjection:
    """The map of one collection.

    Attributes
    ----------
    space : str
        Of the vectors it was fitted to.
    segment : LinearMap
    photo_mean, text_mean : ndarray of shape (D,), float32
        What is taken from vectors of whole photos and of texts; zero for an embedder without texts.
    """

    space: str
    segment: LinearMap
    photo_mean: NDArray[np.float32]
    text_mean: NDArray[np.float32]

    def segments(self, vectors: Vectors) -> Vectors:
        """Vectors of segments, (N, D), of unit length."""
        return self.segment.apply(vectors)

    def photos(self, vectors: Vectors) -> Vectors:
        """Vectors of whole photos: only centred, for there are far fewer of them than of segments."""
        return unit(vectors - self.photo_mean)

    def texts(self, vectors: Vectors) -> Vectors:
        """Vectors of texts in the space of the segments; their mean is not that of pictures."""
        return self.segment.apply_directions(vectors - self.text_mean)

    def save(self, path: Path) -> None:
        """Write the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = self.segment.mean, self.segment.components, self.photo_mean, self.text_mean
        named = {name: np.ascontiguousarray(each, np.float32) for name, each in zip(_TENSORS, tensors, strict=True)}
        save_file(named, path, metadata={"space": self.space})

    @classmethod
    def load(cls, path: Path) -> CollectionProjection:
        """Read what `save` wrote.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        if not path.is_file():
            raise WeightsMissingError(f"{path} is missing: fit it again with `recipes fit-projection`, or name another")
        try:
            with safe_open(path, framework="numpy") as file:
                mean, components, photo, text = (file.get_tensor(name) for name in _TENSORS)
                space = (file.metadata() or {})["space"]
        except (SafetensorError, OSError, KeyError) as error:
            raise WeightsCorruptError(
                f"{path} is no projection of a collection ({error}): fit it again with `recipes fit-projection`"
            ) from error
        if not (mean.shape == photo.shape == text.shape == components.shape[:1] == components.shape[1:]):
            raise WeightsCorruptError(f"{path} has maps of several lengths: fit it again")
        return cls(space, LinearMap(mean, components), photo, text)


def fit_whitening(batches: Iterable[Vectors], power: float = POWER, shrinkage: float = SHRINKAGE) -> LinearMap:
    """The map of segments.

    Parameters
    ----------
    batches : iterable of ndarray of shape (N, D), float32
        Vectors of all segments, of unit length.
    power : float
        0 leaves directions as they are, 1 whitens.
    shrinkage : float
        Share of a multiple of the identity in the covariance, in [0, 1].

    Raises
    ------
    ValueError
        There are fewer than two vectors.

    Notes
    -----
    One pass: O(N·D²) and, once, O(D³); D² numbers are held.
    """
    count, total, outer = 0, np.zeros(1), np.zeros((1, 1))
    for batch in batches:
        exact = batch.astype(np.float64)
        count, total, outer = count + len(exact), total + exact.sum(axis=0), outer + exact.T @ exact
    if count < 2:
        raise ValueError(f"{count} vectors have no covariance")
    mean = total / count
    covariance = outer / count - np.outer(mean, mean)
    dim = len(mean)
    covariance = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / dim * np.eye(dim)
    values, vectors = np.linalg.eigh(covariance)
    components = (vectors * np.maximum(values, 1e-12) ** (-power / 2)) @ vectors.T
    return LinearMap(mean.astype(np.float32), (components / np.abs(components).max()).astype(np.float32))
