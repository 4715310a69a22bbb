"""Photos that share most things with a photo."""

from __future__ import annotations

import numpy as np
import pytest
from toys import TOY, ToyLibrary, analysis, random_units

from retrieval.errors import QueryError
from retrieval.query.filters import Filters
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search.answer import Match, SearchAnswer
from retrieval.search.engine import SearchEngine
from retrieval.search.set_matching import matched

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())
XY = (0.8, 0.6, 0, 0)


def compared(engine: SearchEngine, photo: Ref, **options: object) -> SearchAnswer:
    return engine.search(SearchRequest(positive=(photo,), compare="things", **options))  # type: ignore[arg-type]


def told(match: Match) -> list[tuple[int, int]]:
    """Which part is found in which segment."""
    return [(part.part, part.segment_id) for part in match.parts]


class TestByHand:
    @pytest.fixture
    def library(self, toys: ToyLibrary) -> ToyLibrary:
        """A dog (.8) and a couch (.4), and photos that share both, the dog, the couch, and nothing."""
        toys.add(analysis([X, Y], quality=[0.8, 0.4], labels=("dog", "couch"), photo_vector=W))
        for vectors in ([Z, Y, X], [Z, X], [Y, W], [Z, W]):
            toys.add(analysis(vectors))
        return toys

    def test_scores_are_weighted_by_quality(self, library: ToyLibrary) -> None:
        answer = compared(library.engine(), Ref(image=1))
        assert answer.compared == "things"
        assert answer.parts == ("dog", "couch")
        assert [match.image_id for match in answer.results] == [2, 3, 4, 5]
        np.testing.assert_allclose([match.score for match in answer.results], [1, 2 / 3, 1 / 3, 0], atol=1e-3)
        assert [match.segment_id for match in answer.results] == [None] * 4
        assert answer.results[0].box_xyxy == (0, 0, 400, 80)

    def test_results_name_what_they_share(self, library: ToyLibrary) -> None:
        both, dog, couch, neither = compared(library.engine(), Ref(image=1)).results
        ids = {image: library.segment_ids(image) for image in (2, 3, 4)}
        assert told(both) == [(0, ids[2][2]), (1, ids[2][1])]
        assert told(dog) == [(0, ids[3][1])]
        assert told(couch) == [(1, ids[4][0])]
        assert told(neither) == []
        assert [each.likely for each in (both, dog, couch, neither)] == [True, True, False, False]

    def test_a_query_photo(self, library: ToyLibrary) -> None:
        kept = library.queries.add(
            "0" * 64, (80, 400), analysis([Y, W], quality=[0.9, 0.01], labels=("sofa", None)), TOY
        )
        answer = compared(library.engine(), Ref(query=kept), limit=3)
        assert answer.parts == ("sofa",)
        assert [match.image_id for match in answer.results] == [1, 2, 4]

    def test_conditions_on_photos_hold(self, library: ToyLibrary) -> None:
        engine = library.engine()
        assert compared(engine, Ref(image=1), filters=Filters(recipe="another")).results == ()
        with pytest.raises(QueryError, match="whole photos have no label"):
            compared(engine, Ref(image=1), filters=Filters(label="dog"))

    def test_deleted_photos_are_left_out(self, library: ToyLibrary) -> None:
        engine = library.engine()
        library.trash.put([2])
        assert [match.image_id for match in compared(engine, Ref(image=1)).results] == [3, 4, 5]

    def test_without_things_the_whole_photo_is_compared(self, library: ToyLibrary) -> None:
        poor = library.add(analysis([X], quality=[0.01], photo_vector=W))
        answer = compared(library.engine(), Ref(image=poor))
        assert (answer.compared, answer.parts) == ("whole", ())
        assert answer.results[0].image_id == 1

    def test_a_search_that_cannot_be_refined(self, library: ToyLibrary) -> None:
        with pytest.raises(QueryError, match="cannot be refined"):
            library.engine().refine(SearchRequest(positive=(Ref(image=1),), compare="things"), [], [])


def test_a_part_of_a_thing_adds_nothing(toys: ToyLibrary) -> None:
    """Two segments that are alike, as those of a photo's tree, count as the better one."""
    toys.add(analysis([X, Y]))
    once, twice = toys.add(analysis([XY])), toys.add(analysis([XY, XY, XY]))
    scores = {match.image_id: match.score for match in compared(toys.engine(), Ref(image=1)).results}
    assert scores[once] == pytest.approx(scores[twice])


def test_the_best_are_those_of_all_photos(toys: ToyLibrary) -> None:
    """Candidates that the index proposes miss none of the first ten, of 300 photos."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        toys.add(analysis(random_units(rng, 5, 4)))
    engine = toys.engine()
    records, vectors = engine.lookup.things_of(Ref(image=1))
    weights = np.array([each.quality for each in records])
    every = matched(engine.segments, np.arange(2, 301), vectors, weights / weights.sum())
    found = compared(engine, Ref(image=1), limit=10).results
    assert [match.image_id for match in found] == every.image_ids[:10].tolist()
    np.testing.assert_allclose([match.score for match in found], every.scores[:10], atol=1e-6)


def test_matching_with_no_photo(toys: ToyLibrary) -> None:
    toys.add(analysis([X]))
    found = matched(toys.engine().segments, np.array([99]), np.array([X], np.float32), np.ones(1))
    assert len(found.image_ids) == len(found.scores) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"positive": (Ref(segment=1),)},
        {"positive": (Ref(image=1), Ref(image=2))},
        {"positive": (Ref(image=1, point=(1, 1)),)},
        {"positive": (Ref(image=1),), "negative": (Ref(image=2),)},
        {"positive": (Ref(image=1),), "text": "dog"},
        {"positive": (Ref(image=1),), "also": (Clause(text="dog"),)},
        {"text": "dog"},
    ],
)
def test_what_cannot_be_compared(wrong: dict[str, object]) -> None:
    with pytest.raises(QueryError, match="one whole photo"):
        SearchRequest(**wrong, compare="things")  # type: ignore[arg-type]
