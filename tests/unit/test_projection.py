"""Centred PCA and the file it is kept in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from safetensors.numpy import save_file

from retrieval.embed.projection import Pca, Projection, digest_of, unit
from retrieval.errors import WeightsCorruptError, WeightsMissingError


def descriptors(count: int = 200, width: int = 12) -> NDArray[np.float32]:
    """Most of the variance along the first axes, about a mean that is not zero."""
    rng = np.random.default_rng(0)
    return (rng.standard_normal((count, width)) * np.linspace(3, 0.1, width) + 5).astype(np.float32)


def projection() -> Projection:
    fitted = Pca.fit(descriptors(), 4)
    return Projection(fitted, Pca.fit(descriptors()[:50], 3), unit(np.random.default_rng(1).random((7, 4))))


def test_components_are_orthonormal_and_the_mean_is_the_mean() -> None:
    pca = Pca.fit(descriptors(), 5)
    assert pca.components.shape == (12, 5)
    np.testing.assert_allclose(pca.components.T @ pca.components, np.eye(5), atol=1e-5)
    np.testing.assert_allclose(pca.mean, descriptors().mean(axis=0), rtol=1e-5)


def test_variance_falls_from_component_to_component() -> None:
    pca = Pca.fit(descriptors(), 12)
    variance = ((descriptors() - pca.mean) @ pca.components).var(axis=0)
    assert (np.diff(variance) <= 1e-4).all()
    np.testing.assert_allclose(variance.sum(), descriptors().var(axis=0).sum(), rtol=1e-4)


def test_fewer_descriptors_than_components() -> None:
    pca = Pca.fit(descriptors(3), 6)
    np.testing.assert_allclose(pca.components.T @ pca.components, np.eye(6), atol=1e-5)


def test_what_is_projected_has_unit_length() -> None:
    pca = Pca.fit(descriptors(), 5)
    for found in (pca.apply(descriptors(9)), pca.apply_directions(descriptors(9))):
        assert found.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert pca.apply(descriptors(0)).shape == (0, 5)


def test_a_whole_basis_keeps_angles() -> None:
    pca, rows = Pca.fit(descriptors(), 12), descriptors(8)
    centred = unit(rows - pca.mean)
    np.testing.assert_allclose(pca.apply(rows) @ pca.apply(rows).T, centred @ centred.T, atol=1e-4)


@given(arrays(np.float32, st.tuples(st.integers(0, 5), st.integers(1, 6)), elements=st.floats(-1e3, 1e3, width=32)))
def test_unit_rows(rows: NDArray[np.float32]) -> None:
    lengths = np.linalg.norm(unit(rows), axis=1)
    before = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(lengths[before > 1e-6], 1, rtol=1e-4)
    assert not unit(rows)[~rows.any(axis=1)].any()


def test_a_file_comes_back(tmp_path: Path) -> None:
    stored, path = projection(), tmp_path / "new" / "toy.safetensors"
    stored.save(path)
    found = Projection.load(path)
    np.testing.assert_array_equal(found.segment.mean, stored.segment.mean)
    np.testing.assert_allclose(found.segment.components, stored.segment.components, atol=1e-3)
    np.testing.assert_allclose(found.photo.components, stored.photo.components, atol=1e-3)
    np.testing.assert_allclose(found.word_vectors, stored.word_vectors, atol=1e-3)
    assert found.word_vectors.dtype == found.photo.components.dtype == np.float32


def test_the_digest_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"abd")
    assert digest_of(tmp_path / "a") == "ba7816bf8f01cfea"
    assert digest_of(tmp_path / "b") != digest_of(tmp_path / "a")


def test_a_missing_file_is_named_with_its_cure(tmp_path: Path) -> None:
    path = tmp_path / "gone.safetensors"
    for call in (Projection.load, digest_of):
        with pytest.raises(WeightsMissingError, match=r"gone\.safetensors is missing: restore it with `git checkout"):
            call(path)


@pytest.mark.parametrize("keep", [0, 4, 100])
def test_a_broken_file_is_told(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "toy.safetensors"
    projection().save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsCorruptError, match="not a safetensors file"):
        Projection.load(path)


def test_a_file_that_lacks_a_part_is_told(tmp_path: Path) -> None:
    path = tmp_path / "toy.safetensors"
    save_file({"segment_mean": np.zeros(3, np.float32)}, path)
    with pytest.raises(WeightsCorruptError, match="lacks 'segment_components'"):
        Projection.load(path)
