"""Several things in one photo: scores, choices and relations, on layouts drawn by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.errors import QueryError
from retrieval.images.masks import encode_mask, mask_areas, mask_containment, mask_gaps
from retrieval.query.relations import RELATIONS, Relation
from retrieval.search import combination
from retrieval.search.combination import SHARED_SEGMENT_FACTOR, Layout

SIZE = (60, 100)


def layout_of(*boxes: tuple[int, int, int, int]) -> Layout:
    """Rectangles as segments of a photo."""
    masks = np.zeros((len(boxes), *SIZE), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    runs = [(SIZE, encode_mask(mask)) for mask in masks]
    return Layout(
        boxes_xyxy=np.array(boxes, float),
        areas=mask_areas(runs).astype(float),
        common=mask_containment(runs),
        gaps=mask_gaps(runs),
    )


LEFT, RIGHT, WHOLE, PART = (5, 20, 25, 40), (60, 22, 80, 42), (0, 0, 100, 60), (8, 24, 14, 30)
BELOW, BESIDE = (5, 45, 25, 59), (25, 20, 45, 40)


@pytest.mark.parametrize(
    ("subject", "name", "other", "degree"),
    [
        (LEFT, "left_of", RIGHT, 1.0),
        (RIGHT, "left_of", LEFT, 0.0),
        (RIGHT, "right_of", LEFT, 1.0),
        (LEFT, "above", BELOW, 1.0),
        (BELOW, "below", LEFT, 1.0),
        (LEFT, "above", RIGHT, 0.1),  # two pixels higher, twenty high
        (PART, "inside", LEFT, 1.0),
        (LEFT, "around", PART, 1.0),
        (LEFT, "inside", PART, 0.0),
        (LEFT, "inside", RIGHT, 0.0),
        (LEFT, "touching", BESIDE, 1.0),
        (LEFT, "touching", RIGHT, 0.0),
        (WHOLE, "larger", LEFT, 1.0),
        (LEFT, "larger", RIGHT, 0.0),  # of the same size
        (LEFT, "smaller", WHOLE, 1.0),
    ],
)
def test_relations(
    subject: tuple[int, int, int, int], name: combination.RelationName, other: tuple[int, int, int, int], degree: float
) -> None:
    assert layout_of(subject, other).degrees(name)[0, 1] == pytest.approx(degree, abs=1e-6)


@pytest.mark.parametrize("name", RELATIONS)
def test_nothing_has_a_relation_to_itself(name: combination.RelationName) -> None:
    degrees = layout_of(LEFT, RIGHT, WHOLE, PART).degrees(name)
    assert not degrees.diagonal().any()
    assert ((degrees >= 0) & (degrees <= 1)).all()


def test_the_geometric_mean_bounds_a_photo() -> None:
    assert combination.bound(np.array([0.9, 0.4])) == pytest.approx(0.6)
    assert combination.bound(np.array([[0.9, -0.1], [0.5, 0.5]])).tolist() == [0, pytest.approx(0.5)]


def test_each_part_takes_a_segment_of_its_own() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.8, 0.6, 0.1]])
    found = combination.match(scores, layout_of(LEFT, RIGHT, BELOW), [])
    assert found is not None
    assert found.rows == (0, 1)  # not segment 0 twice, at SHARED_SEGMENT_FACTOR
    assert found.score == pytest.approx(np.sqrt(0.9 * 0.6))


def test_what_was_merged_may_serve_twice() -> None:
    """Of two things that segmentation merged, nothing else shows either."""
    scores = np.array([[0.9, 0.1], [0.8, 0.1]])
    found = combination.match(scores, layout_of(WHOLE, PART), [])
    assert found is not None
    assert found.rows == (0, 0)
    assert found.score == pytest.approx(SHARED_SEGMENT_FACTOR * np.sqrt(0.72))


def test_two_cuts_of_one_thing_are_no_two_things() -> None:
    nearly = (5, 20, 25, 39)
    scores = np.array([[0.9, 0.1, 0.1], [0.1, 0.9, 0.5]])
    found = combination.match(scores, layout_of(LEFT, nearly, RIGHT), [])
    assert found is not None
    assert found.rows == (0, 2)


def test_a_relation_chooses_among_segments() -> None:
    scores = np.array([[0.9, 0.7, 0.0], [0.0, 0.0, 0.8]])
    layout = layout_of(RIGHT, LEFT, BESIDE)
    free = combination.match(scores, layout, [])
    bound = combination.match(scores, layout, [Relation(0, "left_of", 1)])
    assert free is not None
    assert bound is not None
    assert (free.rows, bound.rows) == ((0, 2), (1, 2))
    assert bound.degrees == (1.0,)
    assert combination.match(scores, layout, [Relation(0, "inside", 1)]) is None


def test_a_part_that_nothing_shows_is_no_match() -> None:
    assert combination.match(np.array([[0.9, 0.5], [-0.1, 0.0]]), layout_of(LEFT, RIGHT), []) is None


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, (3, 5), elements=st.floats(-1, 1)))
def test_the_choice_is_the_best_of_all(scores: combination.Floats) -> None:
    layout = layout_of(LEFT, RIGHT, BELOW, PART, WHOLE)
    relations = [Relation(0, "left_of", 1)]
    left_of, same = layout.degrees("left_of"), layout.overlaps() >= combination.SAME_THING_IOU
    best = 0.0
    for rows in itertools.product(range(5), repeat=3):
        each = np.array([scores[part, row] for part, row in enumerate(rows)])
        pairs = sum(bool(same[rows[a], rows[b]]) for a, b in itertools.combinations(range(3), 2))
        best = max(best, float(combination.bound(each)) * SHARED_SEGMENT_FACTOR**pairs * left_of[rows[0], rows[1]])
    found = combination.match(scores, layout, relations)
    assert (found.score if found else 0.0) == pytest.approx(best, abs=1e-12)
    if found:
        assert found.score <= combination.bound(scores.max(axis=1)) + 1e-12


@pytest.mark.parametrize(
    ("subject", "name", "other", "fault"),
    [
        (0, "beside", 1, "no relation 'beside'; there are left_of, right_of"),
        (1, "above", 1, "needs two different parts"),
        (-1, "above", 1, "numbered from 0"),
    ],
)
def test_relations_that_mean_nothing(subject: int, name: str, other: int, fault: str) -> None:
    with pytest.raises(QueryError, match=fault):
        Relation(subject, name, other)  # type: ignore[arg-type]
