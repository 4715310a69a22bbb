"""Local features, and which of two pictures correspond."""

from __future__ import annotations

import cv2
import numpy as np

from retrieval.images.local_features import LocalFeatures, matches

RNG = np.random.default_rng(3)
NOISE = cv2.GaussianBlur(RNG.integers(0, 256, (200, 240)).astype(np.uint8), (0, 0), 2.0)


def test_a_turned_and_shrunk_picture_corresponds() -> None:
    turn = cv2.getRotationMatrix2D((120, 100), 30, 0.8)
    other = cv2.warpAffine(NOISE, turn, (240, 200))
    one, two = LocalFeatures.of(NOISE, 200), LocalFeatures.of(other, 200)
    pairs = matches(one.descriptors, two.descriptors)
    assert len(pairs) > 20
    there = one.points[pairs[:, 0]] @ turn[:, :2].T + turn[:, 2]
    near = np.linalg.norm(there - two.points[pairs[:, 1]], axis=1) < 3
    assert near.mean() > 0.8


def test_features_lie_inside_the_mask_and_are_bounded() -> None:
    mask = np.zeros(NOISE.shape, bool)
    mask[50:150, 60:180] = True
    found = LocalFeatures.of(NOISE, 30, mask)
    assert 0 < len(found) <= 32  # OpenCV keeps both orientations of the last one
    x, y = found.points.T
    assert ((x >= 59) & (x < 181) & (y >= 49) & (y < 151)).all()


def test_nothing_to_see_and_nothing_to_compare() -> None:
    nothing = LocalFeatures.of(np.full((64, 64), 90, np.uint8), 100)
    assert (len(nothing), nothing.descriptors.shape) == (0, (0, 128))
    assert matches(nothing.descriptors, LocalFeatures.of(NOISE, 50).descriptors).shape == (0, 2)
