"""Linear maps from concatenated descriptors to short unit vectors, for segments, whole photos and words alike.

They are centred PCA. The map of segments is also whitened within classes, so that directions in which one kind of thing
varies count less than those in which kinds differ, and then reduced to the directions in which objects differ most.

A file contains, as float16 unless noted: ``segment_mean`` (C,) float32, ``segment_components`` (C, D), and the
same for ``photo_``; and, for recipes with words, ``word_vectors`` (1000 + L, D): the classifier's rows in the space of
the segments, then those of ``learned_words.json``.

References
----------
Jegou and Chum, "Negative evidences and co-occurences in image retrieval: the benefit of PCA and whitening", ECCV 2012,
section 2; Hatch, Kajarekar and Stolcke, "Within-Class Covariance Normalization for SVM-based Speaker Recognition",
Interspeech 2006, section 3; Mikolajczyk and Matas, "Improving Descriptors for Fast Tree Matching by Optimal Linear
Projection", ICCV 2007, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ..errors import WeightsCorruptError, WeightsMissingError
from ..models.fingerprint import digest_of_file
from ..models.tensor_file import read_tensors
from ..types import Vectors

Descriptors = NDArray[np.float32]
"""(N, C): an embedder's descriptors before projection."""


@dataclass(frozen=True, eq=False, slots=True)
class LinearMap:
    """A centred linear map.

    Attributes
    ----------
    mean : ndarray of shape (C,), float32
    components : ndarray of shape (C, D), float32
        Orthonormal columns, most variance first, unless whitened.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    @classmethod
    def fit(cls, descriptors: Descriptors, dim: int) -> LinearMap:
        """PCA by the eigenvectors of the descriptors' covariance; O(N·C² + C³)."""
        mean = descriptors.mean(axis=0, dtype=np.float64)
        centred = descriptors - mean.astype(np.float32)
        _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        return cls(mean.astype(np.float32), np.ascontiguousarray(vectors[:, ::-1][:, :dim], np.float32))

    def whitened_within(self, descriptors: Descriptors, classes: NDArray[np.integer], shrinkage: float) -> LinearMap:
        """The map followed by whitening of the variation within classes.

        Parameters
        ----------
        descriptors : ndarray of shape (N, C), float32
        classes : ndarray of shape (N,), int
            Classes with one member are ignored.
        shrinkage : float
            Share of a multiple of the identity in the covariance, in [0, 1].

        Raises
        ------
        ValueError
            No class has two members.
        """
        projected = ((descriptors - self.mean) @ self.components).astype(np.float64)
        _, rows, counts = np.unique(classes, return_inverse=True, return_counts=True)
        if counts.max(initial=0) < 2:
            raise ValueError("no class has two members, so nothing varies within a class: give more examples")
        means = np.stack([np.bincount(rows, column) for column in projected.T], axis=1) / counts[:, None]
        within = projected - means[rows]
        covariance = within.T @ within / (len(within) - len(counts))
        dim = len(covariance)
        covariance = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / dim * np.eye(dim)
        values, vectors = np.linalg.eigh(covariance)
        whitening = (vectors / np.sqrt(values)) @ vectors.T
        return LinearMap(self.mean, (self.components @ (whitening / whitening.max())).astype(np.float32))

    def shortened(self, descriptors: Descriptors, dim: int) -> LinearMap:
        """The map followed by projection to the directions in which its outputs vary most.

        Parameters
        ----------
        descriptors : ndarray of shape (N, C), float32
        dim : int
        """
        projected = np.asarray((descriptors - self.mean) @ self.components, dtype=np.float32)
        again = LinearMap.fit(projected, dim)
        return LinearMap(self.mean, np.asarray(self.components @ again.components, dtype=np.float32))

    def apply(self, descriptors: Descriptors) -> Vectors:
        """Unit vectors of descriptors."""
        return unit(descriptors @ self.components - self.mean @ self.components)

    def apply_directions(self, directions: Descriptors) -> Vectors:
        """Unit vectors of directions, such as a classifier's rows, without subtracting the mean."""
        return unit(directions @ self.components)

    def save(self, path: Path) -> None:
        """Write the map only, with components as float16."""
        save_file({"mean": self.mean, "components": np.ascontiguousarray(self.components.astype(np.float16))}, path)

    @classmethod
    def load(cls, path: Path) -> LinearMap:
        """Read what `save` wrote.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        tensors = read_tensors(path)
        try:
            return cls(tensors["mean"].astype(np.float32), tensors["components"].astype(np.float32))
        except KeyError as error:
            raise WeightsCorruptError(f"{path} lacks {error}: restore it with `git checkout -- {path}`") from error


@dataclass(frozen=True, eq=False, slots=True)
class Projection:
    """The contents of a recipe's projection file.

    Attributes
    ----------
    segment, photo : LinearMap
    word_vectors : ndarray of shape (W, D), float32
        One row per class of the classifier, then one per learned word; (0, D) for a recipe without words.
    """

    segment: LinearMap
    photo: LinearMap
    word_vectors: Vectors

    def save(self, path: Path) -> None:
        """Write the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {
            "segment_mean": self.segment.mean,
            "segment_components": self.segment.components.astype(np.float16),
            "photo_mean": self.photo.mean,
            "photo_components": self.photo.components.astype(np.float16),
            "word_vectors": self.word_vectors.astype(np.float16),
        }
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path)

    @classmethod
    def load(cls, path: Path) -> Projection:
        """Read the file.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        tensors = read_tensors(path)
        try:
            return cls(
                _linear_map(tensors, "segment"),
                _linear_map(tensors, "photo"),
                tensors["word_vectors"].astype(np.float32),
            )
        except KeyError as error:
            raise WeightsCorruptError(f"{path} lacks {error}: restore it with `git checkout -- {path}`") from error


def save_words(vectors: Vectors, path: Path) -> None:
    """Write directions of words, (W, D), as float16."""
    save_file({"word_vectors": np.ascontiguousarray(vectors.astype(np.float16))}, path)


def load_words(path: Path) -> Vectors:
    """Read what `save_words` wrote, (W, D), float32.

    Raises
    ------
    WeightsMissingError, WeightsCorruptError
    """
    try:
        return read_tensors(path)["word_vectors"].astype(np.float32)
    except KeyError as error:
        raise WeightsCorruptError(f"{path} lacks {error}: restore it with `git checkout -- {path}`") from error


def _linear_map(tensors: Mapping[str, NDArray[np.floating]], kind: str) -> LinearMap:
    mean, components = tensors[f"{kind}_mean"], tensors[f"{kind}_components"]
    return LinearMap(mean.astype(np.float32), components.astype(np.float32))


def digest_of(path: Path) -> str:
    """First 16 hexadecimal digits of a weights file's SHA-256.

    Raises
    ------
    WeightsMissingError
    """
    try:
        return digest_of_file(path)[:16]
    except OSError as error:
        raise WeightsMissingError(f"{path} is missing: restore it with `git checkout -- {path}`") from error


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Rows scaled to unit length; rows of zeros stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
