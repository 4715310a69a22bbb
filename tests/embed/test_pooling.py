"""Sums of feature maps under atoms."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.embed import pooling
from retrieval.embed.masked_pooling import PooledMaps, join_descriptors, masked_means
from retrieval.embed.pooling import FINE_CELLS, pool_atoms, sparse_product
from retrieval.types import Segments

SIZE = 60, 84
COARSE, FINE = (5, 7), (52, 70)
EXTREME = [(1, 1), (1, 7), (5, 1)]


def atoms_of(count: int, seed: int = 0) -> NDArray[np.int32]:
    """Blocks of random atoms, not connected, one of them without pixels."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, count - 1, (SIZE[0] // 6, SIZE[1] // 6))
    return np.kron(blocks, np.ones((6, 6), int)).astype(np.int32)


def enlarged(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The map at the size of the atoms: by OpenCV where it is coarse, by the nearest cell where it is fine."""
    height, width, channels = features.shape
    if height * width > FINE_CELLS:
        rows = ((np.arange(SIZE[0]) + 0.5) * height / SIZE[0]).astype(int)
        columns = ((np.arange(SIZE[1]) + 0.5) * width / SIZE[1]).astype(int)
        return features[rows][:, columns].astype(float)
    layers = [cv2.resize(features[..., c], SIZE[::-1], interpolation=cv2.INTER_LINEAR) for c in range(channels)]
    return np.stack(layers, axis=-1).astype(float)


@pytest.mark.parametrize("shape", [COARSE, FINE, *EXTREME])
def test_sums_are_those_over_the_enlarged_map(shape: tuple[int, int]) -> None:
    atoms, features = atoms_of(9), np.random.default_rng(1).random((*shape, 3), dtype=np.float32)
    large = enlarged(features)
    expected = np.stack([large[atoms == atom].sum(axis=0) for atom in range(9)])
    found = pool_atoms(atoms, 9, features)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-3)


def test_both_paths_are_tested() -> None:
    assert COARSE[0] * COARSE[1] <= FINE_CELLS < FINE[0] * FINE[1]


@pytest.mark.parametrize("shape", [COARSE, FINE])
def test_a_union_is_the_sum_of_its_parts(shape: tuple[int, int]) -> None:
    atoms, features = atoms_of(9), np.random.default_rng(2).standard_normal((*shape, 4)).astype(np.float32)
    parts = pool_atoms(atoms, 9, features)
    unions = pool_atoms(atoms // 2, 5, features)
    np.testing.assert_allclose(unions[1], parts[2] + parts[3], rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(unions[4], parts[8], atol=1e-6)


@pytest.mark.parametrize("shape", [COARSE, FINE])
def test_a_constant_map_sums_to_areas(shape: tuple[int, int]) -> None:
    atoms = atoms_of(9)
    found = pool_atoms(atoms, 9, np.ones((*shape, 1), np.float32))[:, 0]
    np.testing.assert_allclose(found, np.bincount(atoms.ravel(), minlength=9), rtol=1e-4)


def test_means_under_masks() -> None:
    left = np.zeros((8, 8), bool)
    left[:, :4] = True
    segments = Segments.from_masks(np.stack([left, ~left, np.ones_like(left)]), np.ones(3, np.float32))
    fine = np.zeros((64, 64, 2), np.float32)
    fine[:, :32, 0], fine[:, 32:, 1] = 2, 6
    (means,) = masked_means(segments, [fine])
    np.testing.assert_allclose(means, [[2, 0], [0, 6], [1, 3]])


def test_sums_over_the_same_atoms_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The candidates of a hierarchy and those chosen from them have the same atoms; other segments have others."""
    taken = []
    monkeypatch.setattr(pooling, "pool_atoms", lambda *args: taken.append(args[0]) or pool_atoms(*args))
    rng = np.random.default_rng(4)
    maps = [rng.random((4, 5, 3), dtype=np.float32), rng.random((2, 2, 6), dtype=np.float32)]
    some = Segments(atoms_of(9), rng.random((7, 9)) < 0.4, np.ones(7, np.float32))
    pooled = PooledMaps(maps)
    (first,) = pooled.means(some, 1)
    both = pooled.means(some[::2])
    assert len(taken) == 2
    np.testing.assert_array_equal(both[0], first[::2])
    other = replace(some, atoms=some.atoms[::-1])
    np.testing.assert_allclose(pooled.means(other)[1], masked_means(other, maps)[1])
    assert [len(each) for each in pooled.means(some)] == [7, 7]


def test_joined_descriptors_have_the_weights_as_lengths() -> None:
    rng = np.random.default_rng(3)
    joined = join_descriptors([rng.random((5, 4)), rng.random((5, 6))], [1.0, 0.5])
    assert joined.shape == (5, 10)
    np.testing.assert_allclose(np.linalg.norm(joined[:, :4], axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(joined[:, 4:], axis=1), 0.5, rtol=1e-5)


def test_power_brings_strong_channels_down_and_keeps_signs() -> None:
    joined = join_descriptors([np.array([[9.0, -1.0, 0.0]], np.float32)], [1.0], power=0.5)
    np.testing.assert_allclose(joined, np.array([[3, -1, 0]]) / np.sqrt(10), rtol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, bool])
def test_sparse_products_are_products(kind: type) -> None:
    rng = np.random.default_rng(5)
    weights = ((rng.random((7, 11)) < 0.2) * rng.random((7, 11))).astype(kind)
    values = rng.standard_normal((11, 6)).astype(np.float32)
    found = sparse_product(weights, values)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, weights.astype(np.float32) @ values, rtol=1e-5, atol=1e-6)


def test_no_segment_has_no_means() -> None:
    segments = Segments(np.zeros((8, 8), np.int32), np.zeros((0, 1), bool), np.zeros(0, np.float32))
    (means,) = masked_means(segments, [np.ones((2, 2, 3), np.float32)])
    assert means.shape == (0, 3)
