"""From judgements to directions, on vectors made for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval.embed.projection import unit
from retrieval.search import feedback
from retrieval.search.feedback import LabelledExamples
from retrieval.types import Vectors

DIM = 32


def around(centre: Vectors, count: int, spread: float, seed: int) -> Vectors:
    noise = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return unit(centre + spread * unit(noise))


def axis(number: int) -> Vectors:
    return np.eye(DIM, dtype=np.float32)[number]


THING, OTHER = unit(axis(0) + axis(1)), unit(axis(0) + axis(2))
NOTHING = np.zeros((0, DIM), np.float32)


@pytest.fixture
def judged() -> LabelledExamples:
    """A query that two kinds of segments are equally near to, of which one was meant."""
    background = around(np.zeros(DIM, np.float32), 200, 1.0, 3)
    return LabelledExamples(
        query=axis(0)[None], relevant=around(THING, 8, 0.6, 1), irrelevant=around(OTHER, 12, 0.6, 2), background=background
    )  # fmt: skip


def best(vectors: Vectors, directions: Vectors) -> np.ndarray:
    return (vectors @ directions.T).max(axis=1)


def test_nothing_judged_keeps_the_query(judged: LabelledExamples) -> None:
    model = feedback.fit(replace(judged, relevant=NOTHING, irrelevant=NOTHING))
    assert model.kept_query
    assert model.directions is judged.query
    assert model.leave_one_out == {}


def test_judgements_find_what_was_meant_among_segments_not_seen(judged: LabelledExamples) -> None:
    right, wrong = around(THING, 50, 0.6, 11), around(OTHER, 50, 0.6, 12)
    model = feedback.fit(judged)
    assert not model.kept_query
    np.testing.assert_allclose(np.linalg.norm(model.directions, axis=1), 1, atol=1e-5)
    before = (best(right, judged.query)[:, None] > best(wrong, judged.query)).mean()
    after = (best(right, model.directions)[:, None] > best(wrong, model.directions)).mean()
    assert before < 0.7 < 0.95 < after
    assert model.leave_one_out[model.name] > model.leave_one_out["query"]
    assert (best(right, model.directions) > model.threshold).mean() > 0.8
    assert (best(wrong, model.directions) > model.threshold).mean() < 0.2


@pytest.mark.parametrize(("relevant", "irrelevant"), [(1, 0), (0, 1), (1, 3), (0, 5)])
def test_few_judgements_move_the_query(judged: LabelledExamples, relevant: int, irrelevant: int) -> None:
    few = replace(judged, relevant=judged.relevant[:relevant], irrelevant=judged.irrelevant[:irrelevant])
    model = feedback.fit(few)
    assert (model.name, model.leave_one_out) == ("rocchio", {})
    margin = best(around(THING, 50, 0.6, 11), model.directions).mean() - best(around(OTHER, 50, 0.6, 12), model.directions).mean()  # fmt: skip
    assert margin > 0.02


def test_the_query_is_kept_where_judgements_would_spoil_it() -> None:
    relevant = np.stack([unit(0.5 * axis(0) + 0.86 * axis(1)), unit(0.5 * axis(0) - 0.86 * axis(1))])
    irrelevant = np.stack([unit(0.45 * axis(0) + 0.89 * axis(number)) for number in range(2, 8)])
    judged = LabelledExamples(query=axis(0)[None], relevant=relevant, irrelevant=irrelevant, background=NOTHING)
    model = feedback.fit(judged)
    assert model.kept_query
    assert model.leave_one_out["query"] == 1
    assert max(model.leave_one_out["rocchio"], model.leave_one_out["linear"]) < 0.5


def test_leaving_out_by_rocchio_is_fitting_without(judged: LabelledExamples) -> None:
    scores = feedback._rocchio_left_out(judged)
    for row in range(8):
        without = replace(judged, relevant=np.delete(judged.relevant, row, axis=0))
        assert scores[row] == pytest.approx(best(judged.relevant[[row]], feedback.rocchio(without))[0], abs=1e-5)
    for row in range(12):
        without = replace(judged, irrelevant=np.delete(judged.irrelevant, row, axis=0))
        assert scores[8 + row] == pytest.approx(best(judged.irrelevant[[row]], feedback.rocchio(without))[0], abs=1e-5)


def test_leaving_out_by_linear_is_nearly_fitting_without(judged: LabelledExamples) -> None:
    whole = feedback.fit_linear(judged)
    fitted, exact = judged.relevant @ unit(whole.weights), []
    for row in range(8):
        without = replace(judged, relevant=np.delete(judged.relevant, row, axis=0))
        exact.append(float(judged.relevant[row] @ unit(feedback.fit_linear(without).weights)))
    assert np.abs(whole.left_out[:8] - exact).max() < 0.6 * np.abs(fitted - exact).max()


def test_linear_has_converged(judged: LabelledExamples) -> None:
    enough, more = (feedback.fit_linear(judged, iterations=count).weights for count in (200, 5000))
    np.testing.assert_allclose(unit(enough), unit(more), atol=1e-3)


def test_several_directions_stay_apart_until_a_line_fits_better(judged: LabelledExamples) -> None:
    query = unit(np.stack([axis(0), axis(5)]))
    moved = feedback.rocchio(replace(judged, query=query))
    assert moved.shape == (2, DIM)
    assert moved[0] @ THING > query[0] @ THING


def test_a_word_keeps_the_meanings_that_were_not_judged(judged: LabelledExamples) -> None:
    query = unit(np.stack([axis(0) + axis(1), axis(5)]))
    model = feedback.fit(replace(judged, query=query))
    assert model.name == "linear"
    assert model.directions.shape == (2, DIM)
    elsewhere = around(axis(5), 20, 0.3, 21)
    assert best(elsewhere, model.directions).mean() > 2 * best(elsewhere, model.directions[:1]).mean()


def test_examples_alone_make_a_model(judged: LabelledExamples) -> None:
    model = feedback.fit(replace(judged, query=np.zeros((1, DIM), np.float32), irrelevant=NOTHING))
    assert model.name in ("rocchio", "linear")
    assert "query" not in model.leave_one_out
    assert float(model.directions[0] @ THING) > 0.9


def test_what_is_asked_is_unsure_and_not_alike() -> None:
    vectors = np.stack([axis(0), axis(1), axis(1), axis(2), axis(3)])
    scores = np.array([0.95, 0.5, 0.51, 0.48, 0.05])
    assert feedback.ask(scores, vectors, 0.5, count=2) == [1, 3]
    assert sorted(feedback.ask(scores, vectors, 0.5, count=9)) == [0, 1, 2, 3, 4]
    assert feedback.ask(np.zeros(0), NOTHING, 0.5, count=3) == []
