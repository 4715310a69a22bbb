"""Words where the recipe has a text tower: names of people first, then the tower, and not the vocabulary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import ToyLibrary, analysis

from retrieval.assembly import Assembly
from retrieval.errors import AnalyzerUnavailableError
from retrieval.learning.concepts import ConceptTrainer
from retrieval.query.request import Clause, SearchRequest
from retrieval.recipes import RecipeSpec
from retrieval.search.answer import SearchAnswer
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import Vectors

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())
VOCABULARY = Vocabulary.load()
MEANT = {"dog": X, "red car": Y, "zorgle on a sofa": Z}


class Tower:
    """Knows the phrases of `MEANT`; everything else is `W`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> Vectors:
        self.asked.append(text)
        return np.array([MEANT.get(text, W)], np.float32)


@pytest.fixture
def tower() -> Tower:
    return Tower()


@pytest.fixture
def engine(toys: ToyLibrary, tower: Tower) -> SearchEngine:
    """Photos 1 to 4 show what X, Y, Z and W stand for; to the classifier every word is W."""
    for vector in (X, Y, Z, W):
        toys.add(analysis([vector]))
    toys.words = np.tile(np.array([W], np.float32), (1000, 1))
    return replace(toys.engine(), embed_text=tower)


def found_by(engine: SearchEngine, text: str, **options: object) -> SearchAnswer:
    return engine.search(SearchRequest(text=text, **options))  # type: ignore[arg-type]


def teach(toys: ToyLibrary, engine: SearchEngine, name: str, image_id: int) -> None:
    """Give a photo's segment a name."""
    ConceptTrainer(engine.concepts, engine).teach(name, toys.segment_ids(image_id), [])


class TestDivide:
    @pytest.mark.parametrize(
        ("text", "terms"),
        [
            ("dog", ["dog"]),
            ("find all photos of a red car", ["red car"]),
            ("dog, red car; boat", ["dog", "red car", "boat"]),
            ("a dog on the sofa", ["dog on the sofa"]),
            ("Dog  dog,\tDog  dog", ["Dog dog"]),
            ("zorgle", ["zorgle"]),
            ("犬", ["犬"]),
            ("the", ["the"]),
            ("all of them?", ["them"]),
            (" ?!, ", ["?!,"]),
            ("\U0001f697", ["\U0001f697"]),
            ("café au lait", ["café au lait"]),
        ],
    )
    def test_any_text_is_understood(self, text: str, terms: list[str]) -> None:
        found = VOCABULARY.divide(text, {})
        assert [term.name for term in found.understood] == [term.text for term in found.understood] == terms
        assert all(term.labels == term.rows == term.colors == () for term in found.understood)
        assert (found.unknown, found.suggestions) == ((), ())

    @pytest.mark.parametrize(
        ("text", "terms"),
        [
            ("Rex", [("Rex", 7)]),
            ("my rex on a sofa", [("rex", 7), ("sofa", None)]),
            ("red car beside aunt mary's house", [("red car beside", None), ("aunt mary's house", 9)]),
            ("rexes and rex", [("rexes", 7), ("rex", 7)]),
            ("trex", [("trex", None)]),
        ],
    )
    def test_names_go_first(self, text: str, terms: list[tuple[str, int | None]]) -> None:
        found = VOCABULARY.divide(text, {"Rex": 7, "Aunt Mary's house": 9})
        assert [(term.text, term.concept) for term in found.understood] == terms

    def test_a_long_text(self) -> None:
        assert len(VOCABULARY.divide("x " * 250, {"x y": 1}).understood) == 1


class TestSearch:
    def test_the_tower_goes_before_the_vocabulary(self, engine: SearchEngine) -> None:
        found = found_by(engine, "a dog")
        assert found.results[0].image_id == 1
        assert found.words is not None
        assert [(term.text, term.name, term.labels) for term in found.words.understood] == [("dog", "dog", ())]
        without = replace(engine, embed_text=None)
        assert found_by(without, "a dog").results[0].image_id == 4

    def test_what_the_vocabulary_does_not_know(self, engine: SearchEngine) -> None:
        found = found_by(engine, "zorgle on a sofa")
        assert found.results[0].image_id == 3
        assert found.words is not None
        assert found.words.unknown == ()

    def test_a_name_goes_before_the_tower(self, toys: ToyLibrary, engine: SearchEngine, tower: Tower) -> None:
        teach(toys, engine, "dog", 2)
        found = found_by(engine, "dogs")
        assert found.results[0].image_id == 2
        assert found.words is not None
        assert found.words.understood[0].concept is not None
        assert tower.asked == []

    def test_several_things(self, toys: ToyLibrary, engine: SearchEngine) -> None:
        both = toys.add(analysis([X, Y]))
        engine.refresh()
        for request in (
            SearchRequest(text="dog, red car"),
            SearchRequest(text="dog", also=(Clause(text="red car"),)),
        ):
            found = engine.search(request)
            assert found.results[0].image_id == both
            assert found.parts == ("dog", "red car")

    def test_a_result_is_likely_by_its_share_of_the_best_where_vectors_are_not_centred(
        self, engine: SearchEngine
    ) -> None:
        low = replace(engine, embed_text=lambda _: np.array([[0.15, -0.6, -0.6, -0.5]], np.float32))
        assert 0 < found_by(low, "dog").results[0].score < 0.2
        assert not found_by(low, "dog").results[0].likely
        assert found_by(replace(low, recipe=replace(low.recipe, is_centred=False)), "dog").results[0].likely


class TestAssembly:
    @pytest.fixture
    def assembly(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assembly:
        found = Assembly(Settings.in_data_dir(tmp_path, device="cpu", recipe="grid"))
        found.recipe_spec = replace(found.recipe_spec, reads_text=True)
        return found

    def test_a_text_is_embedded_once(self, assembly: Assembly) -> None:
        asked: list[tuple[str, str]] = []

        class Analyzer:
            def embed_text(self, text: str, space: str) -> Vectors:
                asked.append((text, space))
                return np.ones((1, 6), np.float32)

        engine = assembly.engine(Analyzer())  # type: ignore[arg-type]
        for _ in range(3):
            found_by(engine, "dog")
        found_by(engine, "cat")
        assert asked == [("dog", assembly.recipe_spec.space), ("cat", assembly.recipe_spec.space)]

    def test_a_failure_is_not_kept(self, assembly: Assembly) -> None:
        answers: list[Vectors] = []

        class Analyzer:
            def embed_text(self, text: str, space: str) -> Vectors:
                if not answers:
                    raise AnalyzerUnavailableError("starting")
                return answers[0]

        engine = assembly.engine(Analyzer())  # type: ignore[arg-type]
        with pytest.raises(AnalyzerUnavailableError):
            found_by(engine, "dog")
        answers.append(np.ones((1, 6), np.float32))
        assert found_by(engine, "dog").results == ()

    def test_without_an_analyzer_it_is_embedded_here(self, assembly: Assembly) -> None:
        recipe = assembly.recipe

        class Reading(type(recipe)):  # type: ignore[misc]
            def embed_texts(self, texts: list[str]) -> Vectors:
                return np.full((len(texts), 6), len(texts[0]), np.float32)

        assembly.recipe = Reading()
        engine = assembly.engine()
        assert engine.embed_text is not None
        np.testing.assert_array_equal(engine.embed_text("abc"), np.full((1, 6), 3))

    def test_a_recipe_without_a_tower(self, tmp_path: Path) -> None:
        assert Assembly(Settings.in_data_dir(tmp_path, recipe="grid")).engine().embed_text is None


def test_a_spec_says_nothing_of_text_unless_told(toys: ToyLibrary) -> None:
    recipe_spec: RecipeSpec = toys.engine().recipe
    assert (recipe_spec.reads_text, recipe_spec.is_centred) == (False, True)
