"""Mean IoU over classes, on maps that can be counted by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.evaluation.semantic import VOC_CLASSES, VOID, class_iou, confusion_matrix, mean_iou, voc_numbers

TRUTH = np.array([[0, 0, 1, 1], [0, 2, 1, VOID]], np.uint8)
PREDICTED = np.array([[0, 1, 1, 1], [0, 0, 2, 1]], np.uint8)


def test_by_hand() -> None:
    found = confusion_matrix(PREDICTED, TRUTH, classes=4)
    assert found.tolist() == [[2, 1, 0, 0], [0, 2, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(class_iou(found), [2 / 4, 2 / 4, 0, np.nan])
    assert mean_iou(found) == pytest.approx(1 / 3)


def test_photos_add_up() -> None:
    whole = confusion_matrix(PREDICTED, TRUTH)
    parts = [confusion_matrix(PREDICTED[row], TRUTH[row]) for row in range(2)]
    np.testing.assert_array_equal(sum(parts), whole)
    assert whole.shape == (21, 21)


@given(arrays(np.uint8, (4, 5), elements=st.sampled_from([0, 1, 20, VOID])))
def test_the_truth_is_perfect(truth: np.ndarray) -> None:
    found = mean_iou(confusion_matrix(np.where(truth == VOID, 3, truth), truth))
    assert found == 1 or ((truth == VOID).all() and np.isnan(found))


@given(*[arrays(np.uint8, (4, 5), elements=st.integers(0, 3))] * 2)
def test_as_masks(predicted: np.ndarray, truth: np.ndarray) -> None:
    found = class_iou(confusion_matrix(predicted, truth, classes=4))
    for number, value in enumerate(found):
        a, b = predicted == number, truth == number
        assert np.isnan(value) if not (a | b).any() else value == pytest.approx((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    ("predicted", "truth"),
    [
        (np.zeros((2, 2), int), np.zeros((2, 3), int)),
        (np.full((2, 2), VOID), np.zeros((2, 2), int)),
        (np.full((2, 2), -1), np.zeros((2, 2), int)),
        (np.zeros((2, 2), int), np.full((2, 2), 21)),
    ],
)
def test_what_is_wrong_is_said(predicted: np.ndarray, truth: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot be compared|0 to 20"):
        confusion_matrix(predicted, truth)


def test_measures_load_no_network() -> None:
    names = ("boundaries", "calibration", "datasets", "metrics", "regions", "semantic")
    code = f"import sys; from retrieval.evaluation import {', '.join(names)}; sys.exit(str({{'torch', 'skimage'}} & set(sys.modules) or ''))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not found.stderr.strip(), found.stderr


def test_classes_by_vocs_and_cocos_names() -> None:
    assert voc_numbers(VOC_CLASSES).tolist() == list(range(1, 21))
    assert voc_numbers(["couch", "sofa", None, "grass", "Cat"]).tolist() == [18, 18, 0, 0, 0]
