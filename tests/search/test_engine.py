"""Searches from top to bottom, over photos whose vectors are chosen by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toys import ToyLibrary, analysis, random_units, strips

from retrieval.errors import QueryError, UnknownImageError, UnknownQueryError, UnknownSegmentError
from retrieval.query.request import Ref, SearchRequest
from retrieval.search.answer import SearchAnswer
from retrieval.search.distinct import DUPLICATE_IOU
from retrieval.search.engine import SearchEngine
from retrieval.search.example_ranking import QUALITY_WEIGHT
from retrieval.text.lexicon import read_learned_words
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import AnalyzedImage

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())
XY = (0.8, 0.6, 0, 0)
XZ = (0.6, 0, 0.8, 0)


def images_of(answer: SearchAnswer) -> list[int]:
    return [match.image_id for match in answer.results]


def search(engine: SearchEngine, *positive: Ref, **options: object) -> SearchAnswer:
    return engine.search(SearchRequest(positive=positive, **options))  # type: ignore[arg-type]


class TestByExample:
    def test_photos_in_the_order_of_their_best_segment(self, toys: ToyLibrary) -> None:
        kinds = ([X, W], [Y, XZ], [XY, W], [Z, X])
        query, far, near, exact = (toys.add(analysis(each, quality=[1, 1])) for each in kinds)
        answer = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]))
        assert images_of(answer) == [exact, near, far]
        assert [match.segment_id for match in answer.results] == [
            toys.segment_ids(exact)[1],
            toys.segment_ids(near)[0],
            toys.segment_ids(far)[1],
        ]
        np.testing.assert_allclose([match.score for match in answer.results], [1, 0.82, 0.64], atol=1e-3)

    def test_the_photo_of_the_query_is_not_among_the_results(self, toys: ToyLibrary) -> None:
        first, second = toys.add(analysis([X, X])), toys.add(analysis([X]))
        for group in ("image", "segment"):
            answer = search(toys.engine(), Ref(segment=toys.segment_ids(first)[0]), group_by=group)
            assert images_of(answer) == [second]

    def test_nor_is_that_of_a_negative_example(self, toys: ToyLibrary) -> None:
        first, second, third = (toys.add(analysis([each])) for each in (X, XY, XZ))
        refs = [Ref(segment=toys.segment_ids(each)[0]) for each in (first, second)]
        answer = toys.engine().search(SearchRequest(positive=(refs[0],), negative=(refs[1],)))
        assert images_of(answer) == [third]
        assert [used.ref for used in answer.used] == refs

    def test_a_negative_example_moves_what_is_like_it_down(self, toys: ToyLibrary) -> None:
        query, near, aside, unwanted = (toys.add(analysis([each])) for each in (X, XY, XZ, Y))
        positive = Ref(segment=toys.segment_ids(query)[0])
        assert images_of(search(toys.engine(), positive))[:2] == [near, aside]
        request = SearchRequest(positive=(positive,), negative=(Ref(segment=toys.segment_ids(unwanted)[0]),))
        assert images_of(toys.engine().search(request))[:2] == [aside, near]

    def test_several_positives_mean_all_of_them(self, toys: ToyLibrary) -> None:
        first, second, both = (toys.add(analysis([each])) for each in (X, Y, (0.7071, 0.7071, 0, 0)))
        one = toys.add(analysis([X]))
        refs = [Ref(segment=toys.segment_ids(each)[0]) for each in (first, second)]
        assert images_of(search(toys.engine(), *refs)) == [both, one]

    def test_a_flat_list_holds_several_segments_of_a_photo(self, toys: ToyLibrary) -> None:
        query, other = toys.add(analysis([X])), toys.add(analysis([XZ, XY, W]))
        answer = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]), group_by="segment")
        ids = toys.segment_ids(other)
        assert [match.segment_id for match in answer.results] == [ids[1], ids[0], ids[2]]

    def test_boxes_and_labels_come_with_the_results(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X]))
        other = toys.add(analysis([W, X], labels=("sky", "moped")), size_hw=(80, 400))
        (match,) = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]), limit=1).results
        assert (match.image_id, match.box_xyxy, match.label) == (other, (200, 0, 400, 80), "moped")

    def test_results_far_behind_the_best_are_not_likely(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X]))
        for vector in (X, XY, (0.5, 0, 0, 0.866), Y):
            toys.add(analysis([vector]))
        answer = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]))
        assert [match.likely for match in answer.results] == [True, True, False, False]

    @pytest.mark.parametrize("group", ["image", "segment"])
    @pytest.mark.parametrize("limit", [1, 3, 50])
    def test_the_limit_is_reached_where_there_is_enough(self, toys: ToyLibrary, group: str, limit: int) -> None:
        rng = np.random.default_rng(0)
        for _ in range(12):
            toys.add(analysis(random_units(rng, 5, 4)))
        answer = search(toys.engine(), Ref(segment=1), group_by=group, limit=limit)
        assert len(answer.results) == min(limit, 11 if group == "image" else 55)
        scores = [match.score for match in answer.results]
        assert scores == sorted(scores, reverse=True)

    def test_one_photo_with_all_the_best_segments_hides_no_other(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X]))
        toys.add(analysis([X] * 40))
        others = [toys.add(analysis([XY])) for _ in range(3)]
        answer = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]), limit=4)
        assert sorted(images_of(answer)[1:]) == others

    @pytest.mark.parametrize("group", ["image", "segment"])
    def test_poor_segments_can_be_left_out(self, toys: ToyLibrary, group: str) -> None:
        query = toys.add(analysis([X]))
        poor, mixed = toys.add(analysis([X], quality=[0.2])), toys.add(analysis([XY, X], quality=[0.5, 0.1]))
        toys.add(analysis([], fallback=X))
        engine, ref = toys.engine(), Ref(segment=toys.segment_ids(query)[0])
        (match,) = search(engine, ref, min_quality=0.5, group_by=group).results
        assert (match.image_id, match.segment_id, match.quality) == (mixed, toys.segment_ids(mixed)[0], 0.5)
        by_segment = 0.8 * (1 - QUALITY_WEIGHT * (1 - 0.5**0.5))
        assert match.score == pytest.approx(0.9 * by_segment + 0.1 if group == "image" else by_segment, abs=1e-3)
        assert images_of(search(engine, ref, group_by=group))[0] in (poor, mixed)
        assert search(engine, ref, min_quality=0.6, group_by=group).results == ()

    @pytest.mark.parametrize("group", ["image", "segment"])
    def test_good_segments_behind_many_poor_ones_are_found(self, toys: ToyLibrary, group: str) -> None:
        query = toys.add(analysis([X]))
        for _ in range(10):
            toys.add(analysis([X] * 40, quality=[0.1] * 40))
        good = [toys.add(analysis([Y], quality=[0.9])) for _ in range(3)]
        ref = Ref(segment=toys.segment_ids(query)[0])
        assert sorted(images_of(search(toys.engine(), ref, min_quality=0.5, limit=3, group_by=group))) == good

    def test_whole_photos_have_no_quality(self, toys: ToyLibrary) -> None:
        query, other = toys.add(analysis([X])), toys.add(analysis([X], quality=[0.1]))
        (match,) = search(toys.engine(), Ref(image=query), min_quality=0.9).results
        assert (match.image_id, match.quality) == (other, None)

    @pytest.mark.parametrize("group", ["image", "segment"])
    def test_a_photo_without_segments_is_found_last(self, toys: ToyLibrary, group: str) -> None:
        query = toys.add(analysis([X]))
        empty = toys.add(analysis([], fallback=X))
        near, far = toys.add(analysis([XY])), toys.add(analysis([Y]))
        answer = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]), group_by=group)
        assert images_of(answer) == [near, far, empty]
        assert [match.fallback for match in answer.results] == [False, False, True]
        assert answer.results[-1].score == pytest.approx(0.9 * 2 / 3 + 0.1 if group == "image" else 2 / 3)
        assert not answer.results[-1].likely
        assert answer.results[-1].box_xyxy == (0, 0, 400, 80)

    def test_photos_cut_by_another_recipe_of_the_same_space_are_found(self, toys: ToyLibrary) -> None:
        query, other = toys.add(analysis([X])), toys.register()
        toys.ingest_queue.claim("w", 1)
        entry = AnalyzedImage(format="PNG", size_hw=(80, 400), taken_at=None, analysis=analysis([XY]))
        toys.ingest_queue.finish("w", {other: entry}, "other:1", toys.recipe)
        assert images_of(search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]))) == [other]

    def test_the_index_says_how_fresh_it_is(self, toys: ToyLibrary) -> None:
        toys.add(analysis([X, Y, Z]))
        answer = search(toys.engine(), Ref(segment=1))
        assert (answer.indexed, answer.lag) == (3, 0)
        assert answer.took_ms >= 0

    def test_an_empty_catalogue(self, toys: ToyLibrary) -> None:
        engine = toys.engine()
        kept = toys.queries.add("0" * 64, (80, 400), analysis([X]), toys.recipe)
        for ref in (Ref(query=kept, segment=0), Ref(query=kept)):
            assert search(engine, ref).results == ()


def overlapping(iou: float) -> np.ndarray:
    """Two masks that overlap by about so much."""
    masks = np.zeros((2, 20, 100), bool)
    shift = round(100 * (1 - iou) / (1 + iou) / 2 * 1.5)
    masks[0, :, : 100 - shift] = True
    masks[1, :, shift:] = True
    return masks


class TestNoTwoOfTheSame:
    @pytest.mark.parametrize("same", [True, False])
    def test_segments_that_overlap_much_are_shown_once(self, toys: ToyLibrary, same: bool) -> None:
        masks = overlapping(0.9 if same else 0.5)
        overlap = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
        assert (overlap > DUPLICATE_IOU) == same
        query, other = toys.add(analysis([X])), toys.add(analysis([XZ, XY], masks, quality=[0.5, 0.5]))
        answer = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]), group_by="segment")
        better, worse = reversed(toys.segment_ids(other))
        assert [match.segment_id for match in answer.results] == ([better] if same else [better, worse])

    def test_what_overlaps_one_that_was_left_out_stays(self, toys: ToyLibrary) -> None:
        masks = np.zeros((3, 10, 60), bool)
        for row, start in enumerate((0, 6, 12)):
            masks[row, :, start : start + 40] = True
        vectors = [(score, 0, 0, (1 - score**2) ** 0.5) for score in (0.9, 0.8, 0.7)]
        query, other = toys.add(analysis([X])), toys.add(analysis(vectors, masks))
        answer = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]), group_by="segment")
        first, _, third = toys.segment_ids(other)
        assert [match.segment_id for match in answer.results] == [first, third]

    def test_photos_are_not_compared_with_each_other(self, toys: ToyLibrary) -> None:
        query, *others = (toys.add(analysis([X], np.ones((1, 8, 40), bool))) for _ in range(3))
        answer = search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]), group_by="segment")
        assert images_of(answer) == others

    def test_no_two_alike_among_many(self, toys: ToyLibrary) -> None:
        rng = np.random.default_rng(0)
        from retrieval.images.masks import mask_iou

        for _ in range(4):
            starts = rng.integers(0, 60, 20)
            masks = (np.arange(120) >= starts[:, None, None]) & (np.arange(120) < starts[:, None, None] + 60)
            toys.add(analysis(random_units(rng, 20, 4), np.broadcast_to(masks, (20, 6, 120))))
        answer = search(toys.engine(), Ref(segment=1), group_by="segment", limit=1000)
        for image in set(images_of(answer)):
            keys = [match.segment_id for match in answer.results if match.image_id == image]
            runs = list(toys.catalog.segments.masks(keys).values())  # type: ignore[arg-type]
            overlaps = np.asarray(mask_iou(runs, runs))
            np.fill_diagonal(overlaps, 0)
            assert 1 < len(keys) < 20
            assert overlaps.max() <= DUPLICATE_IOU


class TestDeletion:
    @pytest.mark.parametrize("group", ["image", "segment"])
    def test_a_deleted_photo_vanishes_at_once(self, toys: ToyLibrary, group: str) -> None:
        query, gone, other = (toys.add(analysis([each])) for each in (X, X, XY))
        engine = toys.engine()
        toys.catalog.images.delete(gone)
        for limit in (1, 50):
            answer = search(engine, Ref(segment=toys.segment_ids(query)[0]), group_by=group, limit=limit)
            assert images_of(answer) == [other], "what is left moves up, whatever the limit"

    def test_many_deleted_photos_do_not_use_up_the_limit(self, toys: ToyLibrary) -> None:
        query, *gone = (toys.add(analysis([X] * 40)) for _ in range(6))
        other = toys.add(analysis([XY]))
        engine = toys.engine()
        for image in gone:
            toys.catalog.images.delete(image)
        for group in ("image", "segment"):
            answer = search(engine, Ref(segment=toys.segment_ids(query)[0]), group_by=group, limit=1)
            assert images_of(answer) == [other]

    def test_nor_is_it_among_whole_photos(self, toys: ToyLibrary) -> None:
        query, gone, other = (toys.add(analysis([X], photo_vector=each)) for each in (X, X, XY))
        engine = toys.engine()
        toys.catalog.images.delete(gone)
        for limit in (1, 50):
            assert images_of(search(engine, Ref(image=query), limit=limit)) == [other]

    def test_it_cannot_be_searched_with(self, toys: ToyLibrary) -> None:
        gone = toys.add(analysis([X]))
        segment = toys.segment_ids(gone)[0]
        engine = toys.engine()
        toys.catalog.images.delete(gone)
        with pytest.raises(UnknownSegmentError, match="its photo was deleted"):
            search(engine, Ref(segment=segment))
        with pytest.raises(UnknownImageError, match=f"no photo {gone}"):
            search(engine, Ref(image=gone))


class TestWholePhotos:
    def test_they_are_compared_by_their_own_vectors(self, toys: ToyLibrary) -> None:
        query, far, near = (
            toys.add(analysis([each], photo_vector=whole), size_hw=(80, 400))
            for each, whole in ((X, X), (X, XZ), (Y, XY))
        )
        answer = search(toys.engine(), Ref(image=query))
        assert images_of(answer) == [near, far]
        best = answer.results[0]
        assert (best.segment_id, best.box_xyxy, best.label, best.likely) == (None, (0, 0, 400, 80), None, True)
        assert answer.used[0].segment is None

    def test_photos_without_segments_are_found(self, toys: ToyLibrary) -> None:
        query, empty = toys.add(analysis([X])), toys.add(analysis(np.zeros((0, 4))))
        assert toys.catalog.images.get(empty).state == "empty"
        assert images_of(search(toys.engine(), Ref(image=query))) == [empty]

    def test_they_are_not_mixed_with_segments_or_words(self, toys: ToyLibrary) -> None:
        toys.words = random_units(np.random.default_rng(0), 1000, 4)
        first, second = toys.add(analysis([X])), toys.add(analysis([X]))
        whole, segment = Ref(image=first), Ref(segment=toys.segment_ids(second)[0])
        for options in ({"positive": (whole, segment)}, {"positive": (whole,), "text": "dog"}):
            with pytest.raises(QueryError, match="cannot be combined"):
                toys.engine().search(SearchRequest(**options))  # type: ignore[arg-type]

    def test_negative_photos(self, toys: ToyLibrary) -> None:
        query, unwanted, near, aside = (toys.add(analysis([X], photo_vector=each)) for each in (X, Y, XY, XZ))
        request = SearchRequest(positive=(Ref(image=query),), negative=(Ref(image=unwanted),))
        assert images_of(toys.engine().search(request)) == [aside, near]


class TestPlaces:
    def test_a_point_and_a_box_pick_a_segment(self, toys: ToyLibrary) -> None:
        query, near_left, near_right = (toys.add(analysis(each)) for each in ([X, Y], [X], [Y]))
        left, right = toys.segment_ids(query)
        engine = toys.engine()
        for ref, segment, best in (
            (Ref(image=query, point=(10, 40)), left, near_left),
            (Ref(image=query, point=(390, 79)), right, near_right),
            (Ref(image=query, box=(210, 0, 400, 80)), right, near_right),
        ):
            answer = search(engine, ref)
            assert [used.segment.id for used in answer.used if used.segment] == [segment]
            assert images_of(answer)[0] == best
            assert query not in images_of(answer)

    def test_levels_under_a_point(self, toys: ToyLibrary) -> None:
        """A square within a square: the point is in the middle of both."""
        masks = np.zeros((2, 8, 40), bool)
        masks[0, :, 10:30] = True
        masks[1, 2:6, 18:22] = True
        query = toys.add(analysis([X, Y], masks=masks, quality=[0.6, 0.5]))
        near_whole, near_part = toys.add(analysis([X])), toys.add(analysis([Y]))
        whole, part = toys.segment_ids(query)
        engine = toys.engine()
        place = {"image": query, "point": (200.0, 40.0)}
        (used,) = search(engine, Ref(**place)).used
        assert used.segment is not None
        assert used.level == 0
        assert {each.id for each in used.levels} == {whole, part}
        assert used.segment == used.levels[0]
        assert [(number, each.id) for number, each in used.alternatives] == [(1, used.levels[1].id)]
        for granularity, segment, best in ((0.0, part, near_part), (1.0, whole, near_whole)):
            answer = search(engine, Ref(**place, granularity=granularity))
            assert [each.segment.id for each in answer.used if each.segment] == [segment]
            assert images_of(answer)[0] == best
            (other,) = search(engine, Ref(**place, granularity=granularity, level=1)).used
            assert other.segment is not None
            assert {other.segment.id, segment} == {whole, part}
            assert other.level == 1
            assert [number for number, _ in other.alternatives] == [0]

    def test_a_level_beyond_the_last(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X]))
        with pytest.raises(QueryError, match="there is no level 1 under this point: the last one is 0"):
            search(toys.engine(), Ref(image=query, point=(10, 40), level=1))

    def test_other_references_have_no_levels(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X, Y]))
        (left, _) = toys.segment_ids(query)
        for ref in (Ref(image=query, box=(0, 0, 9, 9)), Ref(segment=left), Ref(image=query)):
            (used,) = search(toys.engine(), ref).used
            assert (used.level, used.levels, used.alternatives) == (None, (), ())

    def test_a_point_outside_the_photo(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X]), size_hw=(80, 400))
        with pytest.raises(QueryError, match="outside the photo of 400x80"):
            search(toys.engine(), Ref(image=query, point=(80, 399)))

    def test_a_photo_that_was_not_analysed(self, toys: ToyLibrary) -> None:
        pending = toys.register()
        toys.add(analysis([X]))
        for ref in (Ref(image=pending), Ref(image=pending, point=(1, 1))):
            with pytest.raises(QueryError, match=f"photo {pending} is working and has not been analysed"):
                search(toys.engine(), ref)

    def test_a_photo_without_segments(self, toys: ToyLibrary) -> None:
        empty = toys.add(analysis(np.zeros((0, 4))))
        with pytest.raises(QueryError, match="search by the whole photo"):
            search(toys.engine(), Ref(image=empty, point=(1, 1)))


class TestQueryPhotos:
    @pytest.fixture
    def kept(self, toys: ToyLibrary) -> int:
        """A query photo with two segments."""
        return toys.queries.add("f" * 64, (80, 400), analysis([X, Y], photo_vector=Z), toys.recipe)

    def test_every_way_to_point_at_a_segment(self, toys: ToyLibrary, kept: int) -> None:
        first, second = toys.add(analysis([X], photo_vector=X)), toys.add(analysis([Y], photo_vector=XZ))
        engine = toys.engine()
        assert images_of(search(engine, Ref(query=kept, segment=0))) == [first, second]
        assert images_of(search(engine, Ref(query=kept, segment=1))) == [second, first]
        assert images_of(search(engine, Ref(query=kept, point=(300, 5)))) == [second, first]
        assert images_of(search(engine, Ref(query=kept, box=(0, 0, 199, 80)))) == [first, second]
        assert images_of(search(engine, Ref(query=kept))) == [second, first]
        (used,) = search(engine, Ref(query=kept, point=(300, 5))).used
        assert used.segment is not None
        assert used.segment.id == 1

    @pytest.mark.parametrize("row", [2, -1])
    def test_rows_that_are_not_there(self, toys: ToyLibrary, kept: int, row: int) -> None:
        with pytest.raises(QueryError, match=f"has segments 0 to 1, not {row}"):
            search(toys.engine(), Ref(query=kept, segment=row))

    def test_unknown_ids(self, toys: ToyLibrary, kept: int) -> None:
        engine = toys.engine()
        for ref, error in (
            (Ref(query=kept + 1), UnknownQueryError),
            (Ref(segment=99), UnknownSegmentError),
            (Ref(image=99), UnknownImageError),
            (Ref(image=99, point=(1, 1)), UnknownImageError),
        ):
            with pytest.raises(error):
                search(engine, ref)

    def test_a_query_photo_without_segments_says_so(self, toys: ToyLibrary) -> None:
        bare = toys.queries.add("e" * 64, (80, 400), analysis(np.zeros((0, 4))), toys.recipe)
        for ref in (Ref(query=bare, point=(1, 1)), Ref(query=bare, segment=0)):
            with pytest.raises(QueryError, match="search by the whole photo"):
                search(toys.engine(), ref)


class TestRecipes:
    def test_vectors_of_two_recipes_never_meet(self, toys: ToyLibrary) -> None:
        query, other = toys.add(analysis([X])), toys.add(analysis([X]))
        toys.add(analysis([X]), recipe="older:1")
        assert images_of(search(toys.engine(), Ref(segment=toys.segment_ids(query)[0]))) == [other]
        assert images_of(search(toys.engine(), Ref(image=query))) == [other]

    def test_a_reference_of_another_recipe_is_refused(self, toys: ToyLibrary) -> None:
        older = toys.add(analysis([X]), recipe="older:1")
        kept = toys.queries.add("d" * 64, (80, 400), analysis([X]), "older:1")
        for ref in (
            Ref(segment=toys.segment_ids(older)[0]),
            Ref(image=older),
            Ref(image=older, point=(1, 1)),
            Ref(query=kept, segment=0),
            Ref(query=kept),
        ):
            with pytest.raises(QueryError, match=r"made with older:1, but searches use toy:1.*resegment"):
                search(toys.engine(), ref)


class TestWords:
    @pytest.fixture
    def engine(self, toys: ToyLibrary) -> SearchEngine:
        """Photos of a dog, a moped, and both, where the rows of mopeds are X, of dogs Y and of all else W."""
        vocabulary = Vocabulary.load()
        words = np.tile(np.array(W, np.float32), (1000, 1))
        for text, vector in (("moped", X), ("dog", Y)):
            (term,) = vocabulary.read(text).understood
            words[list(term.rows)] = vector
        toys.words = words
        for vector in (Y, X, (0.7071, 0.7071, 0, 0), Z):
            toys.add(analysis([vector]))
        return toys.engine()

    def test_a_word_finds_what_it_means(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="find all mopeds", limit=2))
        assert images_of(answer) == [2, 3]
        assert answer.words is not None
        assert [term.name for term in answer.words.understood] == ["moped"]
        assert answer.used == ()

    def test_two_words_mean_both(self, engine: SearchEngine) -> None:
        assert images_of(engine.search(SearchRequest(text="dog and moped", limit=1))) == [3]

    def test_an_example_and_a_word_mean_both(self, engine: SearchEngine) -> None:
        assert images_of(search(engine, Ref(segment=2), text="dog", limit=1)) == [3]

    def test_a_word_that_nothing_explains(self, engine: SearchEngine) -> None:
        answer = engine.search(SearchRequest(text="zorblax"))
        assert answer.results == ()
        assert answer.words is not None
        assert answer.words.unknown == ("zorblax",)

    def test_an_unknown_word_beside_an_example_is_told_and_left_out(self, engine: SearchEngine) -> None:
        answer = search(engine, Ref(segment=1), text="zorblax")
        assert images_of(answer)[0] == 3
        assert answer.words is not None
        assert answer.words.understood == ()

    def test_a_recipe_without_words_finds_nothing_by_them(self, toys: ToyLibrary) -> None:
        toys.add(analysis([X]))
        assert toys.engine().search(SearchRequest(text="dog")).results == ()


def test_new_photos_are_found_after_a_refresh(toys: ToyLibrary) -> None:
    query = toys.add(analysis([X]))
    engine = toys.engine()
    ref = Ref(segment=toys.segment_ids(query)[0])
    assert search(engine, ref).results == ()
    other = toys.add(analysis([X]))
    engine.refresh()
    assert images_of(search(engine, ref)) == [other]


def test_masks_of_the_toys_are_what_they_seem(tmp_path: Path) -> None:
    assert strips(2).sum(axis=(1, 2)).tolist() == [160, 160]


class TestRefine:
    def request(self, toys: ToyLibrary, image_id: int) -> SearchRequest:
        return SearchRequest(positive=(Ref(segment=toys.segment_ids(image_id)[0]),))

    def test_judgements_change_the_order_and_their_photos_are_not_shown_again(self, toys: ToyLibrary) -> None:
        query, good, bad, like_bad, like_good = (toys.add(analysis([each])) for each in (X, XZ, XY, XY, XZ))
        engine, request = toys.engine(), self.request(toys, query)
        assert images_of(engine.search(request)) == [bad, like_bad, good, like_good]
        found = engine.refine(request, toys.segment_ids(good), toys.segment_ids(bad))
        assert images_of(found.answer) == [like_good, like_bad]
        assert found.model.name == "rocchio"
        assert {match.image_id for match in found.ask} == {like_good, like_bad}

    def test_nothing_judged_is_the_search(self, toys: ToyLibrary) -> None:
        query, *_ = (toys.add(analysis([each])) for each in (X, XZ, XY))
        engine, request = toys.engine(), self.request(toys, query)
        found = engine.refine(request, [], [])
        assert found.answer.results == engine.search(request).results
        assert found.model.kept_query

    def test_poor_segments_stay_left_out(self, toys: ToyLibrary) -> None:
        query, _, fair = (toys.add(analysis([each], quality=[q])) for each, q in ((X, 0.9), (XZ, 0.1), (XY, 0.5)))
        request = SearchRequest(positive=(Ref(segment=toys.segment_ids(query)[0]),), min_quality=0.4)
        found = toys.engine().refine(request, [], [])
        assert images_of(found.answer) == [match.image_id for match in found.ask] == [fair]

    def test_deleted_segments_count_for_nothing(self, toys: ToyLibrary) -> None:
        query, other = toys.add(analysis([X])), toys.add(analysis([XZ]))
        found = toys.engine().refine(self.request(toys, query), [10_000], [])
        assert images_of(found.answer) == [other]
        assert found.model.kept_query

    def test_whole_photos_cannot_be_refined(self, toys: ToyLibrary) -> None:
        query = toys.add(analysis([X]))
        with pytest.raises(QueryError, match="pick a segment"):
            toys.engine().refine(SearchRequest(positive=(Ref(image=query),)), [], [])

    def test_a_concept_needs_an_example_that_can_be_searched(self, toys: ToyLibrary) -> None:
        toys.add(analysis([X]))
        with pytest.raises(QueryError, match="positive examples"):
            toys.engine().learn(None, [10_000], [])

    def test_a_concept_points_to_its_examples(self, toys: ToyLibrary) -> None:
        first, *_ = (toys.add(analysis([each])) for each in (X, Y, Z, W))
        model = toys.engine().learn(None, toys.segment_ids(first), [])
        np.testing.assert_allclose(model.directions, [X], atol=1e-3)


class TestLearnedWords:
    @pytest.fixture
    def engine(self, toys: ToyLibrary) -> SearchEngine:
        """Mopeds are X, what was learned of motorcycles is Y, of giraffes Z."""
        row = {synonyms[0]: 1000 + place for place, synonyms in enumerate(read_learned_words())}
        toys.words = np.zeros((1000 + len(row), 4), np.float32)
        toys.words[[665, 670]] = X
        toys.words[row["motorcycle"]], toys.words[row["giraffe"]] = Y, Z
        for vector in (X, Y, Z, XY):
            toys.add(analysis([vector]))
        return toys.engine()

    def test_classes_move_half_way_to_what_was_learned(self, engine: SearchEngine) -> None:
        found = engine.search(SearchRequest(text="motorcycle")).results
        assert found[0].image_id == 4
        assert [match.score for match in found[:3]] == pytest.approx([0.99, 0.707, 0.707], abs=1e-2)

    def test_what_has_no_class_is_found_by_what_was_learned(self, engine: SearchEngine) -> None:
        assert images_of(engine.search(SearchRequest(text="giraffe", limit=1))) == [3]

    def test_a_recipe_that_learned_none_knows_the_classes(self, engine: SearchEngine, toys: ToyLibrary) -> None:
        assert toys.words is not None
        toys.words = toys.words[:1000]
        assert images_of(toys.engine().search(SearchRequest(text="motorcycle", limit=1))) == [1]
        assert toys.engine().search(SearchRequest(text="giraffe")).results == ()
