"""Linear maps, PCA and whitening within classes, and the files they are kept in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from safetensors.numpy import save_file

from retrieval.embed.projection import LinearMap, Projection, digest_of, unit
from retrieval.errors import WeightsCorruptError, WeightsMissingError


def descriptors(count: int = 200, width: int = 12) -> NDArray[np.float32]:
    """Most of the variance along the first axes, about a mean that is not zero."""
    rng = np.random.default_rng(0)
    return (rng.standard_normal((count, width)) * np.linspace(3, 0.1, width) + 5).astype(np.float32)


def projection() -> Projection:
    fitted = LinearMap.fit(descriptors(), 4)
    return Projection(fitted, LinearMap.fit(descriptors()[:50], 3), unit(np.random.default_rng(1).random((7, 4))))


def test_components_are_orthonormal_and_the_mean_is_the_mean() -> None:
    pca = LinearMap.fit(descriptors(), 5)
    assert pca.components.shape == (12, 5)
    np.testing.assert_allclose(pca.components.T @ pca.components, np.eye(5), atol=1e-5)
    np.testing.assert_allclose(pca.mean, descriptors().mean(axis=0), rtol=1e-5)


def test_variance_falls_from_component_to_component() -> None:
    pca = LinearMap.fit(descriptors(), 12)
    variance = ((descriptors() - pca.mean) @ pca.components).var(axis=0)
    assert (np.diff(variance) <= 1e-4).all()
    np.testing.assert_allclose(variance.sum(), descriptors().var(axis=0).sum(), rtol=1e-4)


def test_fewer_descriptors_than_components() -> None:
    pca = LinearMap.fit(descriptors(3), 6)
    np.testing.assert_allclose(pca.components.T @ pca.components, np.eye(6), atol=1e-5)


def test_what_is_projected_has_unit_length() -> None:
    pca = LinearMap.fit(descriptors(), 5)
    for found in (pca.apply(descriptors(9)), pca.apply_directions(descriptors(9))):
        assert found.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert pca.apply(descriptors(0)).shape == (0, 5)


def test_a_whole_basis_keeps_angles() -> None:
    pca, rows = LinearMap.fit(descriptors(), 12), descriptors(8)
    centred = unit(rows - pca.mean)
    np.testing.assert_allclose(pca.apply(rows) @ pca.apply(rows).T, centred @ centred.T, atol=1e-4)


class TestWhiteningWithinClasses:
    def of_classes(self, classes: int = 8, each: int = 60) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Classes lie on a circle in the last two axes; along the first all vary ten times as much."""
        rng = np.random.default_rng(4)
        rows = rng.standard_normal((classes, each, 3)) * [10, 1, 1]
        angles = 2 * np.pi * np.arange(classes)[:, None] / classes
        rows[..., 1] += 8 * np.sin(angles)
        rows[..., 2] += 8 * np.cos(angles)
        return rows.reshape(-1, 3).astype(np.float32), np.repeat(np.arange(classes), each)

    def test_what_varies_within_classes_varies_alike_in_all_directions(self) -> None:
        rows, classes = self.of_classes()
        whitened = LinearMap.fit(rows, 3).whitened_within(rows, classes, 0.0)
        projected = (rows - whitened.mean) @ whitened.components
        within = projected - np.stack([projected[classes == each].mean(axis=0) for each in classes])
        covariance = np.cov(within.T)
        np.testing.assert_allclose(covariance, np.eye(3) * covariance[0, 0], atol=1e-3 * covariance[0, 0])

    def test_classes_come_apart(self) -> None:
        rows, classes = self.of_classes()
        plain = LinearMap.fit(rows, 3)

        def right(map_: LinearMap) -> float:
            vectors = map_.apply(rows)
            scores = vectors @ vectors.T
            np.fill_diagonal(scores, -2)
            nearest = np.argsort(-scores, axis=1)[:, :50]
            return float((classes[nearest] == classes[:, None]).mean())

        assert right(plain.whitened_within(rows, classes, 0.1)) > right(plain) + 0.1

    def test_full_shrinkage_changes_nothing_but_the_scale(self) -> None:
        rows, classes = self.of_classes()
        plain = LinearMap.fit(rows, 3)
        np.testing.assert_allclose(
            np.abs(plain.whitened_within(rows, classes, 1.0).apply(rows)), np.abs(plain.apply(rows)), atol=1e-4
        )

    def test_classes_of_one_member_say_nothing(self) -> None:
        rows, classes = self.of_classes()
        alone = np.concatenate([rows, np.full((1, 3), 1e3, np.float32)]), np.append(classes, 99)
        plain = LinearMap.fit(rows, 3)
        found, expected = (plain.whitened_within(*each, 0.1).apply(rows) for each in (alone, (rows, classes)))
        np.testing.assert_allclose(found, expected, atol=1e-3)
        with pytest.raises(ValueError, match="no class has two members"):
            plain.whitened_within(rows[:3], np.arange(3), 0.1)


def test_a_map_alone_comes_back(tmp_path: Path) -> None:
    stored, path = LinearMap.fit(descriptors(), 4), tmp_path / "map.safetensors"
    stored.save(path)
    found = LinearMap.load(path)
    np.testing.assert_array_equal(found.mean, stored.mean)
    np.testing.assert_allclose(found.components, stored.components, atol=1e-3)
    with pytest.raises(WeightsCorruptError, match="lacks 'mean'"):
        save_file({"other": np.zeros(3, np.float32)}, path)
        LinearMap.load(path)


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
