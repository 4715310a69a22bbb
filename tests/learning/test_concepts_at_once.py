"""Several clients teach one concept at the same time, and no example is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from toys import ToyLibrary, analysis

from retrieval.catalog import Concepts
from retrieval.errors import CatalogConflictError
from retrieval.learning import concepts as module
from retrieval.learning.concepts import ConceptTrainer

X, Y = (1, 0, 0, 0), (0, 1, 0, 0)
MORE = 12


@pytest.fixture
def trainers(toys: ToyLibrary) -> tuple[ConceptTrainer, ConceptTrainer]:
    """Two processes' trainers over a concept with one example, and `MORE` further segments."""
    for _ in range(MORE + 1):
        toys.add(analysis([X, Y]))
    engine = toys.engine()
    first, second = (ConceptTrainer(Concepts(toys.sessions), engine) for _ in range(2))
    assert first.teach("cup", [1], []) == 1
    return first, second


@pytest.mark.slow
def test_no_example_is_lost(trainers: tuple[ConceptTrainer, ConceptTrainer]) -> None:
    segments = range(3, 2 * MORE + 2, 2)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: trainers[key % 4 // 2].change(1, positive=[key]), segments))
    assert trainers[0].concepts.get(1).model.positive == (1, *segments)


def test_what_is_changed_meanwhile_is_trained_again(
    trainers: tuple[ConceptTrainer, ConceptTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = trainers
    model, others = one._model, iter([3, 5])

    def interrupted(*given: object) -> object:
        for key in others:
            other.concepts.change(1, model=model(None, [1, key], []))
            break
        return model(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(ConceptTrainer, "_model", lambda _self, *given: interrupted(*given))
        one.change(1, positive=[7])
    assert one.concepts.get(1).model.positive == (1, 5, 7)


def test_a_threshold_that_is_moved_meanwhile(
    trainers: tuple[ConceptTrainer, ConceptTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told after some attempts, and nothing is changed."""
    one, other = trainers
    change, thresholds = Concepts.change, iter(np.linspace(0.1, 0.2, 99).tolist())

    def overtaken(self: Concepts, concept_id: int, **values: object) -> None:
        if self is one.concepts:
            other.move_threshold(concept_id, next(thresholds))
        change(self, concept_id, **values)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module, "ATTEMPTS", 3)
        patch.setattr(Concepts, "change", overtaken)
        with pytest.raises(
            CatalogConflictError, match="concept 1 was changed by someone else at the same time: try again"
        ):
            one.move_threshold(1, 0.9)
    assert one.concepts.get(1).model.threshold == pytest.approx(0.1 + 2 * 0.1 / 98)


def test_an_example_that_is_added_meanwhile_is_merged(
    trainers: tuple[ConceptTrainer, ConceptTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = trainers
    one.teach("mug", [3], [])
    merged, others = ConceptTrainer._merged, iter([5, 7])

    def interrupted(self: ConceptTrainer, models: object) -> object:
        for key in others:
            other.change(1, positive=[key])
            break
        return merged(self, models)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(ConceptTrainer, "_merged", interrupted)
        both = one.merge([1, 2], "both")
    assert one.concepts.get(both).model.positive == (1, 3, 5, 7)
    assert [each.name for each in one.concepts.all()] == ["both"]


def test_one_that_is_changed_each_time_is_not_merged(
    trainers: tuple[ConceptTrainer, ConceptTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = trainers
    one.teach("mug", [3], [])
    merged, more = ConceptTrainer._merged, iter(range(5, 99, 2))

    def overtaken(self: ConceptTrainer, models: object) -> object:
        other.change(1, positive=[next(more)])
        return merged(self, models)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module, "ATTEMPTS", 3)
        patch.setattr(ConceptTrainer, "_merged", overtaken)
        with pytest.raises(CatalogConflictError, match="try again"):
            one.merge([1, 2], "both")
    assert [each.name for each in one.concepts.all()] == ["cup", "mug"]


def test_one_that_is_taught_anew_has_no_other_examples(
    trainers: tuple[ConceptTrainer, ConceptTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = trainers
    model, others = one._model, iter([3])

    def interrupted(*given: object) -> object:
        for key in others:
            other.concepts.change(1, model=model(None, [1, key], []))
        return model(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(ConceptTrainer, "_model", lambda _self, *given: interrupted(*given))
        one.teach_anew(1, [5], [])
    assert one.concepts.get(1).model.positive == (5,)
