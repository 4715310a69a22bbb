"""Relevance feedback: from judgements to directions that an index can search. Pure: no index, no database.

A judged segment is a vector that was marked relevant or not. Three models turn judgements into a search:

``query``
    The original search. Used if the other models rank the judged segments clearly worse.
``rocchio``
    The query moved towards the relevant segments and a little away from the others; it needs few judgements.
``linear``
    A logistic regression of the judgements, with unjudged segments as weak negatives, shrunk to ``rocchio``: the more
    judgements there are, the farther it moves.

References
----------
Rocchio, "Relevance Feedback in Information Retrieval", in Salton (ed.), The SMART Retrieval System, 1971, chapter 14.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..embed.projection import unit
from ..index.ranking import average_precision
from ..types import Vectors
from .threshold import ThresholdRule, boundary

if TYPE_CHECKING:
    from .answer import Match, SearchAnswer

ModelName = Literal["query", "rocchio", "linear"]
MODELS: tuple[ModelName, ...] = ("query", "rocchio", "linear")

QUERY_WEIGHT = 3.0
"""The query counts as this many relevant segments: enough to keep it stable while there are few."""

WORD_WEIGHT = 8.0
"""The same for a query of several directions: those of a word were learned from many pictures."""

NEGATIVE_WEIGHT = 0.25
"""Share by which `rocchio` moves away from the mean of the irrelevant segments, orthogonally to the relevant ones."""

LEAST_POSITIVES = 2
"""With fewer relevant segments, none can be left out, and nothing is fitted."""

SCALE = 5.0
"""Length of the weights that `linear` is shrunk to: how steeply its probability rises with the cosine."""

SHIFT = -1.5
"""Initial logit of a segment whose cosine is 0."""

SHRINKAGE = 1.0
"""Weight of the squared distance from `rocchio`, in judgements."""

WEAK_WEIGHT = 0.3
"""Total weight of the weak negatives, as a share of that of the relevant segments."""

MOST_NEGATIVE = 2.0
"""Largest total weight of the negatives, as a multiple of that of the relevant segments."""

HEAD_START: dict[ModelName, float] = {"query": 0.0, "rocchio": 0.15, "linear": 0.3}
"""Added to the leave-one-out measure. It is coarse and biased towards the query, because there are few judgements, all
of them among the query's best results; feedback is known to help (docs/decisions/0012-feedback.md)."""

BACKGROUND = 256
"""Number of weak negatives."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class LabelledExamples:
    """The input of a round; all vectors have unit length.

    Attributes
    ----------
    query : ndarray of shape (Q, D), float32
        Directions of the original search; a segment's score is its best inner product with any of them. One row of
        zeros if there are only examples.
    relevant, irrelevant : ndarray of shape (P, D) and (N, D), float32
        The judged segments; (0, D) for none.
    background : ndarray of shape (M, D), float32
        Unjudged segments; nearly all of them are irrelevant.
    """

    query: Vectors
    relevant: Vectors
    irrelevant: Vectors
    background: Vectors


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Model:
    """The model that ranks a round's results.

    Attributes
    ----------
    name : {"query", "rocchio", "linear"}
    directions : ndarray of shape (R, D), float32
        Unit vectors; a segment's score is its best inner product with any of them.
    threshold : float
        Score from which on a segment is more likely relevant than not.
    leave_one_out : dict of name to float
        Average precision of the relevant segments among the judged ones and the background, each judged one scored
        by the model without it. Empty if there were too few examples.
    """

    name: ModelName
    directions: Vectors
    threshold: float
    leave_one_out: dict[ModelName, float]

    @property
    def kept_query(self) -> bool:
        """Whether the original query was kept."""
        return self.name == "query"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class RoundAnswer:
    """A round of feedback.

    Attributes
    ----------
    answer : SearchAnswer
        Results without the photos of judged segments.
    model : Model
        The model that ranked the results.
    ask : tuple of Match
        Matches whose judgement would be most informative, at most one per photo.
    """

    answer: SearchAnswer
    model: Model
    ask: tuple[Match, ...]


def fit(examples: LabelledExamples, threshold: ThresholdRule | None = None) -> Model:
    """The model that ranks the judgements best in leave-one-out, with a `HEAD_START`; the simpler one of equals.

    Parameters
    ----------
    examples : LabelledExamples
    threshold : ThresholdRule, optional
        Sets the threshold where there is a relevant segment; otherwise it separates the judgements (`boundary`).

    Notes
    -----
    About 25 ms for 256 dimensions and 200 judgements on one core: one Cholesky factorisation, products with it, and a
    closed form for leave-one-out.
    """
    model = _fitted(examples)
    if threshold is None or not len(examples.relevant):
        return model
    wrong = _best(examples.irrelevant, model.directions)
    return replace(model, threshold=threshold(model.directions, left_out_scores(examples), wrong))


def _fitted(examples: LabelledExamples) -> Model:
    """The model, with the threshold that separates the judgements."""
    if not len(examples.relevant) and not len(examples.irrelevant):
        return _settled(examples, "query", examples.query)
    if len(examples.relevant) < LEAST_POSITIVES:
        return _settled(examples, "rocchio", rocchio(examples))
    linear = fit_linear(examples)
    fitted: dict[ModelName, tuple[Vectors, Floats]] = {
        "query": (examples.query, _scores(examples, examples.query)),
        "rocchio": (rocchio(examples), _rocchio_left_out(examples)),
        "linear": (_along(examples, linear), linear.left_out),
    }
    if not examples.query.any():
        del fitted["query"]
    kinds = _kinds(examples)
    scores = {name: np.append(out, _best(examples.background, rows)) for name, (rows, out) in fitted.items()}
    quality = {
        name: average_precision(kinds[np.argsort(-each, kind="stable")], len(examples.relevant))
        for name, each in scores.items()
    }
    best = max(fitted, key=lambda name: round(quality[name] + HEAD_START[name], 3))
    cut = boundary(scores[best], kinds)
    return Model(name=best, directions=fitted[best][0], threshold=cut, leave_one_out=quality)


def left_out_scores(examples: LabelledExamples) -> Floats:
    """The score of each relevant segment by `rocchio` without it, (P,); of a single one by the query alone."""
    return _rocchio_left_out(examples)[: len(examples.relevant)]


def ask(scores: Floats, vectors: Vectors, threshold: float, *, count: int) -> list[int]:
    """Rows of the candidates whose judgement would be most informative: near the threshold, and diverse.

    Parameters
    ----------
    scores : ndarray of shape (N,), float
    vectors : ndarray of shape (N, D), float32
    threshold : float
    count : int

    References
    ----------
    Lewis and Gale, "A Sequential Algorithm for Training Text Classifiers", SIGIR 1994 (uncertainty); Carbonell and
    Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998, section 2, with equal shares.
    """
    distance = np.abs(scores - threshold)
    unsure = -distance / max(float(distance.max(initial=0)), 1e-9)
    alike = np.zeros(len(scores))
    chosen: list[int] = []
    for _ in range(min(count, len(scores))):
        worth = unsure - alike
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
        alike = np.maximum(alike, vectors @ vectors[chosen[-1]])
    return chosen


def _settled(examples: LabelledExamples, name: ModelName, directions: Vectors) -> Model:
    """A model without leave-one-out."""
    scores = np.concatenate([_scores(examples, directions), _best(examples.background, directions)])
    return Model(name=name, directions=directions, threshold=boundary(scores, _kinds(examples)), leave_one_out={})


def _kinds(examples: LabelledExamples) -> NDArray[np.bool_]:
    """Whether the judged segments and then the background are relevant."""
    counts = len(examples.relevant), len(examples.irrelevant) + len(examples.background)
    return np.repeat([True, False], counts)


def _scores(examples: LabelledExamples, directions: Vectors) -> Floats:
    """Scores of the judged segments, relevant ones first."""
    return _best(np.concatenate([examples.relevant, examples.irrelevant]), directions)


def _best(vectors: Vectors, directions: Vectors) -> Floats:
    best: Floats = (vectors @ directions.T).max(axis=1).astype(np.float64)
    return best


def rocchio(examples: LabelledExamples) -> Vectors:
    """Each direction of the query moved by the judgements, (Q, D), float32.

    Notes
    -----
    The query moves away from irrelevant segments orthogonally to the relevant ones: the best wrong results resemble
    the right ones, and full subtraction would remove what they share (Widdows, "Orthogonal Negation in Vector
    Spaces", ACL 2003, section 4).
    """
    return _moved(examples.query, examples.relevant.sum(axis=0), _mean(examples.irrelevant))


def _moved(query: Vectors, relevant: Vectors, irrelevant: Vectors) -> Vectors:
    """The query plus the sum of the relevant and minus the mean of the irrelevant vectors, for each row."""
    towards = unit(_weight(query) * query + relevant)
    across = irrelevant - (towards * irrelevant).sum(axis=-1, keepdims=True) * towards
    return unit(towards - NEGATIVE_WEIGHT * across)


def _weight(query: Vectors) -> float:
    return QUERY_WEIGHT if len(query) == 1 else WORD_WEIGHT


def _mean(vectors: Vectors) -> Vectors:
    return vectors.mean(axis=0) if len(vectors) else np.zeros(vectors.shape[1], np.float32)


# ---- linear


def _along(examples: LabelledExamples, linear: Linear) -> Vectors:
    """Each direction of the query plus the regression's change of its prior; the number of directions stays."""
    learnt = linear.weights - SCALE * _prior(examples, _anchor(examples))
    return unit(SCALE * _moved(examples.query, examples.relevant.sum(axis=0), _mean(examples.relevant[:0])) + learnt)


@dataclass(frozen=True, eq=False, slots=True)
class Linear:
    """A fitted logistic regression.

    Attributes
    ----------
    weights : ndarray of shape (D,), float64
    offset : float
    left_out : ndarray of shape (P + N,), float64
        Score of each judged segment by the regression without it, relevant ones first.
    """

    weights: Floats
    offset: float
    left_out: Floats


def fit_linear(examples: LabelledExamples, *, iterations: int = 200) -> Linear:
    """Logistic regression with weighted classes, shrunk to `rocchio`.

    Notes
    -----
    Newton steps with a matrix that bounds the Hessian from above (Böhning and Lindsay, "Monotonicity of Quadratic-
    Approximation Algorithms", 1988, section 4): it is factorised once, and every step improves the fit.
    """
    anchor = _anchor(examples)
    design, is_relevant, weights = _design(examples, anchor)
    start = np.append(SCALE * _prior(examples, anchor), SHIFT)
    shrinkage = np.append(np.full(design.shape[1] - 1, SHRINKAGE), SHRINKAGE / SCALE)
    bound = (design.T * (weights / 4)) @ design + np.diag(shrinkage)
    inverse = np.linalg.inv(bound)
    found = start
    for _ in range(iterations):
        slope = design.T @ (weights * (_logistic(design @ found) - is_relevant)) + shrinkage * (found - start)
        step = inverse @ slope
        found = found - step
        if np.abs(step).max() < 1e-4:
            break
    left_out = _linear_left_out(examples, anchor, design, is_relevant, weights, shrinkage, found)
    return Linear(found[:-1], float(found[-1]), left_out)


def _design(examples: LabelledExamples, anchor: Vectors) -> tuple[Floats, Floats, Floats]:
    """Rows (judged ones, the query, the background) with a column of ones; whether each is relevant; their weights."""
    count, wrong = len(examples.relevant) + 1, len(examples.irrelevant)
    background = examples.background[:BACKGROUND]
    rows = np.concatenate([examples.relevant, examples.irrelevant, anchor[None], background]).astype(np.float64)
    is_relevant = np.zeros(len(rows))
    is_relevant[: count - 1] = is_relevant[count - 1 + wrong] = 1
    weights = np.ones(len(rows))
    weights[count - 1 : count - 1 + wrong] = min(1.0, MOST_NEGATIVE * count / max(wrong, 1))
    weights[count - 1 + wrong] = float(anchor.any())
    weights[count + wrong :] = WEAK_WEIGHT * count / max(len(background), 1)
    return np.column_stack([rows, np.ones(len(rows))]), is_relevant, weights


def _anchor(examples: LabelledExamples) -> Vectors:
    """One vector for the query: the mean of its directions that are nearest to some relevant segment."""
    if len(examples.query) == 1 or not len(examples.relevant):
        return unit(examples.query.mean(axis=0))
    nearest = np.unique((examples.relevant @ examples.query.T).argmax(axis=1))
    return unit(examples.query[nearest].mean(axis=0))


def _prior(examples: LabelledExamples, anchor: Vectors) -> Vectors:
    return unit(_weight(examples.query) * anchor + examples.relevant.sum(axis=0))


def _logistic(logits: Floats) -> Floats:
    return 0.5 * (1 + np.tanh(0.5 * logits))


# ---- leaving out


def _linear_left_out(  # what was fitted, and from what
    examples: LabelledExamples,
    anchor: Vectors,
    design: Floats,
    is_relevant: Floats,
    weights: Floats,
    shrinkage: Floats,
    found: Floats,
) -> Floats:
    """Leave-one-out scores of the judged rows, by one Newton step from the full fit.

    References
    ----------
    Rad and Maleki, "A scalable estimate of the out-of-sample prediction error via approximate leave-one-out cross-
    validation", JRSS B 2020, section 2.3; here the prior changes with the row, too.
    """
    logits = design @ found
    chance = _logistic(logits)
    curvature = weights * chance * (1 - chance)
    inverse = np.linalg.inv((design.T * curvature) @ design + np.diag(shrinkage))
    count = len(examples.relevant)
    rows = slice(0, count + len(examples.irrelevant))
    reach = design[rows] @ inverse
    leverage = (reach * design[rows]).sum(axis=1)
    slope = weights[rows] * (chance[rows] - is_relevant[rows])
    left_out = logits[rows] + leverage * slope / (1 - leverage * curvature[rows])
    without = unit(_weight(examples.query) * anchor + examples.relevant.sum(axis=0) - examples.relevant) - _prior(
        examples, anchor
    )
    left_out[:count] += SHRINKAGE * SCALE * (reach[:count, :-1] * without).sum(axis=1)
    scores: Floats = (left_out - found[-1]) / np.linalg.norm(found[:-1])
    return scores


def _rocchio_left_out(examples: LabelledExamples) -> Floats:
    """Scores of the judged segments by `rocchio` without each, relevant ones first."""
    relevant, irrelevant = examples.relevant.sum(axis=0), _mean(examples.irrelevant)
    scores = [
        float((_moved(examples.query, relevant - each, irrelevant) @ each).max(initial=-1))
        for each in examples.relevant
    ]
    rest = max(len(examples.irrelevant) - 1, 1)
    for each in examples.irrelevant:
        scores.append(
            float((_moved(examples.query, relevant, (rest + 1) / rest * irrelevant - each / rest) @ each).max())
        )
    return np.array(scores)
