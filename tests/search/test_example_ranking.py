"""How hits of a search by example are ranked."""

from __future__ import annotations

import numpy as np
import pytest
from toys import ToyLibrary, analysis

from retrieval.index.ranking import Scored
from retrieval.query.request import Ref, SearchRequest
from retrieval.search.example_ranking import (
    PHOTO_WEIGHT,
    QUALITY_WEIGHT,
    filled_up,
    fused_with_photos,
    weighted_by_quality,
)

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())
NEAR, FAR = (0.8, 0.6, 0, 0), (0.75, 0, 0.6614, 0)


def of(toys: ToyLibrary, query: int, **options: object) -> list[int]:
    ref = Ref(segment=toys.segment_ids(query)[0])
    found = toys.engine().search(SearchRequest(positive=(ref,), **options)).results  # type: ignore[arg-type]
    return [match.image_id if options.get("group_by") != "segment" else match.segment_id or 0 for match in found]


class TestQuality:
    def test_scores_fall_with_the_root_of_the_quality(self) -> None:
        scored = Scored(np.array([1, 2, 3]), np.array([1, 1, 1]), np.full(3, 0.9, np.float32))
        found = weighted_by_quality(scored, np.array([0, 0.25, 1], np.float32))
        assert found.ids.tolist() == [3, 2, 1]
        expected = 0.9 * np.array([1, 1 - QUALITY_WEIGHT / 2, 1 - QUALITY_WEIGHT])
        np.testing.assert_allclose(found.scores, expected, rtol=1e-5)

    def test_negative_scores_fall_too(self) -> None:
        scored = Scored(np.array([1, 2]), np.array([1, 1]), np.full(2, -0.6, np.float32))
        found = weighted_by_quality(scored, np.array([0, 1], np.float32))
        assert found.ids.tolist() == [2, 1]
        assert found.scores[1] == pytest.approx(-0.6 * (1 + QUALITY_WEIGHT))

    def test_qualities_are_read_once(self, toys: ToyLibrary) -> None:
        ids = np.array(toys.segment_ids(toys.add(analysis([X, Y, Z], quality=[0.9, 0.5, 0.1]))))
        segments = toys.engine().catalog.segments
        unknown = np.append(ids[::-1], 99)
        np.testing.assert_allclose(segments.qualities(unknown), [0.1, 0.5, 0.9, 0], atol=1e-3)
        later = np.array(toys.segment_ids(toys.add(analysis([W], quality=[0.7]))))
        np.testing.assert_allclose(segments.qualities(np.concatenate([later, ids])), [0.7, 0.9, 0.5, 0.1], atol=1e-3)
        assert len(segments.qualities(ids[:0])) == 0

    @pytest.mark.parametrize("group", ["image", "segment"])
    def test_of_what_is_about_as_near_the_better_segment_comes_first(self, toys: ToyLibrary, group: str) -> None:
        query = toys.add(analysis([X]))
        poor, good = toys.add(analysis([NEAR], quality=[0.01])), toys.add(analysis([FAR], quality=[0.9]))
        expected = [good, poor] if group == "image" else [toys.segment_ids(each)[0] for each in (good, poor)]
        assert of(toys, query, group_by=group) == expected

    def test_a_photo_is_shown_by_its_better_segment_even_if_another_is_nearer(self, toys: ToyLibrary) -> None:
        query, other = toys.add(analysis([X])), toys.add(analysis([NEAR, FAR], quality=[0.01, 0.9]))
        ref = Ref(segment=toys.segment_ids(query)[0])
        (match,) = toys.engine().search(SearchRequest(positive=(ref,))).results
        assert match.segment_id == toys.segment_ids(other)[1]

    def test_what_is_much_nearer_stays_first(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X]))
        near, far = toys.add(analysis([X], quality=[0.01])), toys.add(analysis([(0.5, 0.866, 0, 0)], quality=[1]))
        assert of(toys, query) == [near, far]


class TestFilledUp:
    SEGMENTS = Scored(np.array([1, 2, 3]), np.array([7, 7, 8]), np.array([0.9, 0.8, 0.7], np.float32))
    NEAREST = Scored(np.array([1, 3, 5]), np.array([7, 8, 9]), np.array([0.9, 0.7, 0.6], np.float32))

    def test_other_photos_come_with_their_nearest_segment(self) -> None:
        found, is_all = filled_up(self.SEGMENTS, 3, lambda count: self.NEAREST[:count])
        assert found.ids.tolist() == [1, 2, 3, 5]
        assert not is_all

    def test_it_says_if_there_are_no_more(self) -> None:
        found, is_all = filled_up(self.SEGMENTS, 4, lambda count: self.NEAREST[:count])
        assert found.ids.tolist() == [1, 2, 3, 5]
        assert is_all

    def test_nothing_is_searched_if_there_are_enough(self) -> None:
        found, is_all = filled_up(self.SEGMENTS, 2, lambda _: pytest.fail("searched"))
        assert found is self.SEGMENTS
        assert not is_all

    def test_one_photo_with_very_many_near_segments_hides_no_other(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X]))
        for _ in range(10):
            toys.add(analysis([X] * 40, quality=[0.1] * 40))
        others = [toys.add(analysis([NEAR])) for _ in range(3)]
        assert set(others) < set(of(toys, query, limit=13))


class TestPhotos:
    def test_of_equally_near_segments_those_of_similar_photos_come_first(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X], photo_vector=Y))
        other, similar = (toys.add(analysis([NEAR], photo_vector=each)) for each in (Z, Y))
        assert of(toys, query) == [similar, other]
        first, second = (toys.segment_ids(each)[0] for each in (other, similar))
        assert of(toys, query, group_by="segment") == [first, second]

    def test_a_query_photo_counts_like_a_stored_one(self, toys: ToyLibrary) -> None:
        other, similar = (toys.add(analysis([NEAR], photo_vector=each)) for each in (Z, Y))
        kept = toys.queries.add("0" * 64, (80, 400), analysis([X], photo_vector=Y), toys.recipe)
        answer = toys.engine().search(SearchRequest(positive=(Ref(query=kept, segment=0),)))
        assert [match.image_id for match in answer.results] == [similar, other]

    def test_it_is_the_mean_over_the_examples(self, toys: ToyLibrary) -> None:
        photos = [toys.add(analysis([X], photo_vector=each)) for each in (X, Y)]
        scored = Scored(np.arange(1, 3), np.array(photos), np.array([0.5, 0.4], np.float32))
        examples = np.array([Y, Y, X, W], np.float32)
        found = fused_with_photos(scored, toys.engine().photos, examples)
        likeness = np.array([0.25, 0.5])
        expected = (1 - PHOTO_WEIGHT) * scored.scores + PHOTO_WEIGHT * likeness
        np.testing.assert_allclose(found.scores, expected, rtol=1e-3)

    def test_without_examples_nothing_changes(self, toys: ToyLibrary) -> None:
        scored = Scored(np.array([1]), np.array([1]), np.array([0.5], np.float32))
        assert fused_with_photos(scored, toys.engine().photos, np.zeros((0, 4), np.float32)) is scored


def test_a_batch_ranks_as_single_searches_do(toys: ToyLibrary) -> None:
    query = toys.add(analysis([X], photo_vector=Y))
    toys.add(analysis([NEAR, FAR], quality=[0.01, 0.9], photo_vector=Z))
    toys.add(analysis([NEAR], quality=[0.2], photo_vector=Y))
    ref = Ref(segment=toys.segment_ids(query)[0])
    requests = [SearchRequest(positive=(ref,), limit=limit) for limit in (1, 2)]
    engine = toys.engine()
    together = [getattr(answer, "results", None) for answer in engine.search_batch(requests)]
    assert together == [engine.search(each).results for each in requests]
