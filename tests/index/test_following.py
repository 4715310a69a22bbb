"""The index that follows the catalogue."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from toys import ToyLibrary, analysis, held_ids, random_units

from retrieval.errors import IndexMismatchError
from retrieval.index import inverted, merging
from retrieval.index import ranking as rank
from retrieval.index.exact import ExactIndex
from retrieval.index.following import CatalogFollower
from retrieval.index.sources import segments_of
from retrieval.types import Ids

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())


def found(live: CatalogFollower, query: tuple[float, ...] = X, k: int = 10) -> list[int]:
    """Ids of the hits of one query."""
    ids = live.index.search(np.array([query], np.float32), k).ids
    return [int(key) for key in ids if key >= 0]


@pytest.fixture
def live(toys: ToyLibrary) -> CatalogFollower:
    """An index of nothing."""
    return toys.followed_segments()


class TestFollowing:
    def test_nothing(self, live: CatalogFollower) -> None:
        assert live.refresh()
        assert live.index.stats().count == live.lag == 0
        assert found(live) == []
        assert held_ids(live.index).tolist() == []
        assert live.index.image_ids_of(np.array([1, 2])).tolist() == [-1, -1]

    def test_it_grows(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        first = toys.add(analysis([X, Y]))
        assert live.refresh()
        assert found(live, Y) == list(reversed(toys.segment_ids(first)))
        second = toys.add(analysis([Z]))
        assert live.refresh()
        assert found(live, Z)[0] == toys.segment_ids(second)[0]
        assert live.index.stats().count == 3
        assert live.index.image_ids_of(np.array([3, 1, 99, 2])).tolist() == [second, first, -1, first]

    def test_it_forgets(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        first, second = toys.add(analysis([X, Y])), toys.add(analysis([X]))
        live.refresh()
        gone = toys.segment_ids(first)
        toys.catalog.images.delete(first)
        assert live.refresh()
        assert found(live) == toys.segment_ids(second)
        assert live.index.stats().count == 1
        assert not set(gone) & set(held_ids(live.index).tolist())

    def test_a_deletion_and_a_photo_of_as_many_segments_at_once(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        first = toys.add(analysis([X, Y]))
        live.refresh()
        toys.catalog.images.delete(first)
        second = toys.add(analysis([Z, W]))
        assert live.refresh()
        assert held_ids(live.index).tolist() == toys.segment_ids(second)

    def test_a_photo_that_is_analysed_again(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        photo = toys.add(analysis([X, Y]))
        live.refresh()
        toys.ingest_queue._requeue()
        toys.ingest_queue.claim("toys", 10)
        toys.finish(photo, analysis([Z, W]))
        assert live.refresh()
        assert held_ids(live.index).tolist() == toys.segment_ids(photo)
        assert found(live, W, k=1) == toys.segment_ids(photo)[1:]

    def test_nothing_new_is_no_work(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        toys.add(analysis([X]))
        assert live.refresh()
        assert not live.refresh()

    def test_photos_of_another_recipe_are_left_out(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        toys.add(analysis([X]), recipe="older:1")
        live.refresh()
        assert live.index.stats().count == 0

    def test_vectors_of_another_length_are_refused(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        toys.add(analysis([[1, 0, 0]], photo_vector=[1, 0, 0]))
        with pytest.raises(IndexMismatchError, match=r"length 3, but the recipe's have 4.*resegment"):
            live.refresh()
        published = toys.published_segments()
        with (
            published.files.writing(),
            pytest.raises(IndexMismatchError, match=r"length 3, but the recipe's have 4.*resegment"),
        ):
            published.rebuild(0.95)

    def test_lag_is_what_was_not_taken_in_yet(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        toys.add(analysis([X, Y]))
        assert live.lag == 0, "it was not looked yet"
        live.refresh()
        assert (live.index.stats().count, live.lag) == (2, 0)


def test_an_index_that_processes_share_is_changed_by_the_worker_alone(toys: ToyLibrary) -> None:
    index, source = toys.followed_segments().index, segments_of(toys.catalog, toys.recipe)
    index.is_shared = True
    reader = CatalogFollower(index, source, toys.catalog, toys.recipe)
    writer = CatalogFollower(index, source, toys.catalog, toys.recipe, is_worker=True)
    photo = toys.add(analysis([X, Y]))
    assert reader.refresh()
    assert (index.stats().count, reader.lag) == (0, 2)
    assert writer.refresh()
    assert (index.stats().count, reader.lag, writer.lag) == (2, 0, 0)
    toys.catalog.delete(photo)
    assert reader.refresh()
    assert index.stats().count == 2
    assert writer.refresh()
    assert index.stats().count == 0


class TestWholePhotos:
    def test_they_come_and_go_in_any_order(self, toys: ToyLibrary) -> None:
        live = toys.followed_photos()
        early, late = toys.register(), toys.register()
        toys.ingest_queue.claim("toys", 10)
        toys.finish(late, analysis([X], photo_vector=Y))
        live.refresh()
        assert held_ids(live.index).tolist() == [late]
        toys.finish(early, analysis([X], photo_vector=Z))
        live.refresh()
        assert held_ids(live.index).tolist() == [early, late]
        assert found(live, Z, k=1) == [early]
        toys.catalog.images.delete(late)
        live.refresh()
        assert found(live, Y) == [early]

    def test_an_empty_photo_in_the_place_of_another(self, toys: ToyLibrary) -> None:
        """Neither has a segment, so that the numbers of photos and segments stay what they were."""
        none = np.zeros((0, 4))
        live, first = toys.followed_photos(), toys.add(analysis(none, photo_vector=Y))
        live.refresh()
        toys.catalog.images.delete(first)
        second = toys.add(analysis(none, photo_vector=Z))
        live.refresh()
        assert held_ids(live.index).tolist() == [second]


class TestPublishing:
    def test_what_was_published_is_opened(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        photo = toys.add(analysis([X, Y, Z]))
        live.refresh()
        live.index.flush()
        again = toys.followed_segments()
        assert held_ids(again.index).tolist() == toys.segment_ids(photo)
        assert found(again, Z, k=1) == toys.segment_ids(photo)[2:]
        assert again.index.image_ids_of(held_ids(again.index)).tolist() == [photo] * 3

    def test_an_opened_index_catches_up(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        first, second = toys.add(analysis([X])), toys.add(analysis([Y]))
        live.refresh()
        live.index.flush()
        toys.catalog.images.delete(first)
        third = toys.add(analysis([Z]))
        again = toys.followed_segments()
        again.refresh()
        assert held_ids(again.index).tolist() == [*toys.segment_ids(second), *toys.segment_ids(third)]

    @pytest.mark.parametrize("which", ["first", "last", "both"])
    def test_photos_deleted_after_publishing_are_gone_when_it_is_opened(
        self, toys: ToyLibrary, live: CatalogFollower, which: str
    ) -> None:
        photos = [toys.add(analysis([X, Y])) for _ in range(2)]
        live.refresh()
        live.index.flush()
        for photo in {"first": photos[:1], "last": photos[1:], "both": photos}[which]:
            toys.catalog.images.delete(photo)
        left = {"first": photos[1:], "last": photos[:1], "both": []}[which]
        again = toys.followed_segments()
        expected = [key for photo in left for key in toys.segment_ids(photo)]
        again.refresh()
        assert held_ids(again.index).tolist() == expected
        again.index.flush()
        assert held_ids(toys.followed_segments().index).tolist() == expected

    def test_what_was_deleted_is_not_published(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        first, second = toys.add(analysis([X])), toys.add(analysis([Y]))
        live.refresh()
        toys.catalog.images.delete(first)
        live.refresh()
        live.index.flush()
        _, (part,) = live.index.files.load(toys.recipe)
        assert part.ids.tolist() == toys.segment_ids(second)
        assert found(live) == toys.segment_ids(second), "the publisher itself goes on"

    def test_it_goes_on_growing_after_publishing(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        for _ in range(3):
            toys.add(analysis([X, Y]))
            live.refresh()
            live.index.flush()
        assert held_ids(live.index).tolist() == [1, 2, 3, 4, 5, 6]
        assert held_ids(toys.followed_segments().index).tolist() == [1, 2, 3, 4, 5, 6]

    def test_nothing_new_is_not_written_again(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        toys.add(analysis([X]))
        live.refresh()
        live.index.flush()
        before = live.index.files.stamp()
        live.index.flush()
        again = toys.followed_segments()
        again.refresh()
        again.index.flush()
        assert live.index.files.stamp() == before

    def test_an_empty_catalogue_is_published_too(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        photo = toys.add(analysis([X]))
        live.refresh()
        live.index.flush()
        toys.catalog.images.delete(photo)
        live.refresh()
        live.index.flush()
        assert live.index.files.manifest().count == 0
        assert toys.followed_segments().index.stats().count == 0


@pytest.fixture
def many(more_toys: Callable[[str], ToyLibrary], monkeypatch: pytest.MonkeyPatch) -> ToyLibrary:
    """Thirty photos of twenty segments in 32 dimensions, where parts of more than 100 are not searched exactly."""
    monkeypatch.setattr(merging, "EXACT_UP_TO", 100)
    toys = more_toys("many")
    toys.dim = 32
    rng = np.random.default_rng(0)
    for _ in range(30):
        toys.add(analysis(random_units(rng, 20, 32), photo_vector=random_units(rng, 1, 32)[0]))
    return toys


class TestLargeParts:
    def test_scores_are_exact_and_order_is_right(self, many: ToyLibrary) -> None:
        live = many.followed_segments()
        live.refresh()
        ids = held_ids(live.index)
        queries = random_units(np.random.default_rng(1), 3, 32)
        expected = live.index.search(queries, 25)
        vectors = live.index.get(ids)
        live.index.flush()
        (entry,) = live.index.files.manifest().parts
        assert entry.tuning is not None
        assert entry.tuning.recall >= 0.95
        found = many.followed_segments().index.search(queries, 25)
        assert np.isin(found.ids, expected.ids).mean() >= 0.9
        exact = (vectors[np.searchsorted(ids, found.ids)] @ queries.T).max(axis=1)
        np.testing.assert_allclose(found.scores, exact, atol=1e-3)
        assert (np.diff(found.scores) <= 0).all()
        np.testing.assert_allclose(many.followed_segments().index.get(ids[::-1]), vectors[::-1], atol=1e-3)

    def test_the_best_of_each_photo(self, many: ToyLibrary) -> None:
        """A thing of which one photo has many segments, nearly all the same, takes no places from other photos."""
        rng = np.random.default_rng(4)
        query = random_units(rng, 1, 32)
        alike = query + 0.02 * random_units(rng, 20, 32)
        full = many.add(analysis((alike / np.linalg.norm(alike, axis=1, keepdims=True)).tolist()))
        live = many.followed_segments()
        live.refresh()
        exact, without = (
            live.index.search(query, 10, group_by_image=True),
            live.index.search(query, 30, exclude_images=[full]),
        )
        live.index.flush()
        codes = many.followed_segments().index.search(query, 10, group_by_image=True)
        for found in (exact, codes):
            image_ids = live.index.image_ids_of(found.ids).tolist()
            assert image_ids[0] == full
            assert len(set(image_ids)) == len(image_ids) == 10
            best = [
                live.index.search(query, 1, exclude_images=set(range(full + 1)) - {owner}).scores[0]
                for owner in image_ids
            ]
            np.testing.assert_allclose(found.scores, best, atol=0.15)
        assert abs(codes.scores[0] - exact.scores[0]) < 2e-3, "one of those that are nearly the same"
        assert full not in live.index.image_ids_of(without.ids)
        assert len(without) == 30
        again = many.followed_segments().index.search(query, 30, exclude_images=[full])
        assert np.isin(again.ids, without.ids).mean() >= 0.9
        assert len(live.index.search(query, 100, group_by_image=True)) == 31, "all there are"

    def test_as_many_photos_as_are_wanted_where_several_segments_of_each_come_near(
        self, many: ToyLibrary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inverted, "CODES", {2: (0,)})
        published = many.published_segments()
        with published.files.writing():
            published.rebuild(0.1)
        live = many.followed_segments()
        assert live.index.files.manifest().parts[0].tuning is not None
        query = random_units(np.random.default_rng(7), 1, 32)
        for k in (1, 5, 20, 30):
            assert len(live.index.search(query, k, group_by_image=True)) == k

    def test_photos_that_go_while_it_is_rebuilt(self, many: ToyLibrary) -> None:
        """Their ids were listed, and their vectors are not there any more: nothing of them is found afterwards."""
        published = many.published_segments()
        listed = published._source.image_ids()
        for image_id in (1, 2, 3):
            many.catalog.images.delete(image_id)
        published._source = replace(published._source, image_ids=lambda: listed)
        with published.files.writing():
            published.rebuild(0.95)
        again = many.followed_segments()
        again.refresh()
        assert again.index.stats().count == 27 * 20
        assert not set(again.index.search(random_units(np.random.default_rng(1), 1, 32), 600).image_ids.tolist()) & {
            1,
            2,
            3,
        }

    def test_nothing_is_rebuilt_as_nothing(self, toys: ToyLibrary) -> None:
        published = toys.published_segments()
        with published.files.writing():
            assert published.rebuild(0.95) == 0
        assert published.files.manifest().parts == ()
        assert toys.followed_segments().index.stats().count == 0

    def test_what_comes_later_is_a_part_of_its_own_until_it_is_half_as_much(self, many: ToyLibrary) -> None:
        live, rng = many.followed_segments(), np.random.default_rng(2)
        live.refresh()
        live.index.flush()
        sizes = []
        for _ in range(12):
            for _ in range(3):
                many.add(analysis(random_units(rng, 20, 32)))
            live.refresh()
            live.index.flush()
            sizes.append([part.count for part in live.index.files.manifest().parts])
        assert sizes[0] == [600, 60]
        assert sizes[1] == [600, 120]
        assert [len(each) for each in sizes].count(1) == 1
        assert many.followed_segments().index.stats().count == live.index.stats().count == 600 + 12 * 60
        assert (
            live.index.image_ids_of(held_ids(live.index)).tolist()
            == many.catalog.vectors.segment_image_ids(many.recipe)[1].tolist()
        )

    def test_a_reader_follows_what_the_writer_wrote(self, many: ToyLibrary) -> None:
        reader, writer = many.followed_segments(), many.followed_segments()
        reader.refresh()
        writer.refresh()
        writer.index.flush()
        before = held_ids(reader.index).tolist()
        assert reader.refresh()
        assert [part.name for part in reader.index.shards] == [
            each.name for each in writer.index.files.manifest().parts
        ]
        assert held_ids(reader.index).tolist() == before
        assert not reader.refresh()

    def test_a_reader_keeps_what_the_writer_has_not_written_yet(self, many: ToyLibrary) -> None:
        reader, writer = many.followed_segments(), many.followed_segments()
        writer.refresh()
        photo = many.add(analysis(random_units(np.random.default_rng(3), 2, 32)))
        many.catalog.images.delete(1)
        reader.refresh()
        writer.index.flush()
        reader.refresh()
        assert reader.index.stats().count == 600 + 2 - 20
        assert set(many.segment_ids(photo)) <= set(held_ids(reader.index).tolist())
        assert (reader.index.image_ids_of(np.arange(1, 21)) == -1).all()

    @pytest.mark.parametrize("spoilt", [None, "a part", "the manifest"])
    def test_a_writer_that_was_overtaken_names_no_files_that_are_gone(
        self, many: ToyLibrary, spoilt: str | None
    ) -> None:
        """Another process merged what this one has open, and left no file of it; or what it left is not whole."""
        late, other = many.followed_segments(), many.followed_segments()
        late.refresh()
        late.index.flush()
        for _ in range(40):
            many.add(analysis(random_units(np.random.default_rng(3), 20, 32)))
        other.refresh()
        other.index.flush()
        if spoilt == "a part":
            (other.index.files.folder / other.index.files.manifest().parts[0].name).write_bytes(b"half")
        if spoilt == "the manifest":
            (other.index.files.folder / "manifest.json").unlink()
        late.index.flush()
        assert sum(part.count for part in late.index.files.manifest().parts) == (600 if spoilt else 1400)
        opened = many.followed_segments()
        opened.refresh()
        assert opened.index.stats().count == 1400

    def test_files_that_cannot_be_used_do_not_stop_a_reader(
        self, many: ToyLibrary, caplog: pytest.LogCaptureFixture
    ) -> None:
        reader, writer = many.followed_segments(), many.followed_segments()
        reader.refresh()
        writer.refresh()
        writer.index.flush()
        (writer.index.files.folder / writer.index.files.manifest().parts[0].name).write_bytes(b"half")
        reader.refresh()
        assert reader.index.stats().count == 600
        assert "cannot be used" in caplog.text
        other = many.followed_segments()
        assert "rebuild-index`; until then searches use vectors read from the catalogue" in caplog.text
        other.refresh()
        assert other.index.stats().count == 600

    def test_another_catalogues_codes_are_refused(
        self, many: ToyLibrary, more_toys: Callable[[str], ToyLibrary]
    ) -> None:
        other, rng = more_toys("another"), np.random.default_rng(7)
        other.dim = 32
        for _ in range(30):
            other.add(analysis(random_units(rng, 20, 32)))
        live = other.followed_segments()
        live.refresh()
        live.index.flush()
        shutil.copytree(other.folder / "segments", many.folder / "segments")
        with pytest.raises(IndexMismatchError, match="and the catalogue have different vectors"):
            many.followed_segments()


def restore(toys: ToyLibrary, copy: Path) -> None:
    """Put a copy in the place of the catalogue."""
    toys.close()
    for leftover in toys.folder.glob("catalog.db*"):
        leftover.unlink()
    shutil.copy(copy, toys.folder / "catalog.db")


class TestOfAnotherCatalogue:
    def test_it_is_refused(self, toys: ToyLibrary, more_toys: Callable[[str], ToyLibrary]) -> None:
        other = more_toys("other")
        for library, vectors in ((toys, [X, Y, Z]), (other, [W, Z, X])):
            library.add(analysis(vectors, photo_vector=vectors[0]))
            for live in (library.followed_segments(), library.followed_photos()):
                live.refresh()
                live.index.flush()
        for name in ("segments", "photos"):
            shutil.rmtree(toys.folder / name)
            shutil.copytree(other.folder / name, toys.folder / name)
        for opened in (toys.followed_segments, toys.followed_photos):
            with pytest.raises(IndexMismatchError, match=r"another.*rebuild-index"):
                opened()

    def test_so_is_one_of_a_later_state_whose_ids_were_given_again(self, toys: ToyLibrary, tmp_path: Path) -> None:
        """A catalogue restored from a copy gives the ids after it to other segments."""
        toys.add(analysis([X]))
        toys.close()
        shutil.copy(tmp_path / "catalog.db", tmp_path / "copy.db")
        toys.add(analysis([Y, Z]))
        live = toys.followed_segments()
        live.refresh()
        live.index.flush()
        restore(toys, tmp_path / "copy.db")
        toys.add(analysis([W, X]))
        with pytest.raises(IndexMismatchError, match="rebuild-index"):
            toys.followed_segments()

    def test_a_catalogue_restored_from_a_copy_is_caught_up_with(self, toys: ToyLibrary, tmp_path: Path) -> None:
        """What it lost is left out, even when its ids are given again later."""
        toys.add(analysis([X]))
        toys.close()
        shutil.copy(tmp_path / "catalog.db", tmp_path / "copy.db")
        toys.add(analysis([Y, Z]))
        live = toys.followed_segments()
        live.refresh()
        live.index.flush()
        restore(toys, tmp_path / "copy.db")
        again = toys.followed_segments()
        again.refresh()
        assert held_ids(again.index).tolist() == [1]
        photo = toys.add(analysis([W]))
        again.refresh()
        assert toys.segment_ids(photo) == [2], "given again"
        assert found(again, W) == [2, 1]

    def test_and_one_of_another_recipe(self, toys: ToyLibrary, live: CatalogFollower) -> None:
        toys.add(analysis([X]))
        live.refresh()
        live.index.flush()
        toys.recipe = "toy:2"
        with pytest.raises(IndexMismatchError, match="made by recipe toy:1"):
            toys.followed_segments()


class Following(RuleBasedStateMachine):
    """Any sequence of changes leaves the index with what the catalogue holds, and hits as the reference finds them."""

    blank: Path

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        """An empty catalogue."""
        self.folder = Path(tempfile.mkdtemp(prefix="segsearch-test-"))
        shutil.copy(self.blank, self.folder / "catalog.db")
        self.toys = ToyLibrary(self.folder)
        self.rng = np.random.default_rng(seed)
        self.live = self.toys.followed_segments()
        self.photos: dict[int, dict[int, np.ndarray]] = {}
        self.fresh = False

    @rule(segments=st.integers(0, 6))
    def add(self, segments: int) -> None:
        """A photo enters."""
        vectors = random_units(self.rng, segments, 4)
        image = self.toys.add(analysis(vectors if segments else np.zeros((0, 4))))
        self.photos[image] = dict(zip(self.toys.segment_ids(image), vectors, strict=True))
        self.fresh = False

    @precondition(lambda self: self.photos)
    @rule(which=st.integers(0, 99))
    def delete(self, which: int) -> None:
        """A photo goes."""
        image = sorted(self.photos)[which % len(self.photos)]
        self.toys.catalog.images.delete(image)
        del self.photos[image]
        self.fresh = False

    @rule()
    def refresh(self) -> None:
        """The index looks at the catalogue."""
        self.live.refresh()
        self.fresh = True

    @rule(caught_up=st.booleans())
    def publish(self, caught_up: bool) -> None:
        """The index is written, as it is or after a look at the catalogue."""
        if caught_up:
            self.refresh()
        self.live.index.flush()

    @rule()
    def publish_elsewhere(self) -> None:
        """Another process, the worker, writes what it knows."""
        other = self.toys.followed_segments()
        other.refresh()
        other.index.flush()

    @rule()
    def reopen(self) -> None:
        """Another process opens what was published."""
        self.live = self.toys.followed_segments()
        self.fresh = False

    @invariant()
    def it_holds_what_the_catalogue_holds(self) -> None:
        """As a set of ids, by owner, and by what a search finds."""
        if not getattr(self, "fresh", False):
            return
        expected = {key: vector for held in self.photos.values() for key, vector in held.items()}
        assert held_ids(self.live.index).tolist() == sorted(expected)
        assert self.live.index.stats().count == len(expected)
        image_ids = {key: image for image, held in self.photos.items() for key in held}
        assert self.live.index.image_ids_of(held_ids(self.live.index)).tolist() == [
            image_ids[key] for key in sorted(image_ids)
        ]
        assert sorted(self.live.index.sample(10**6).tolist()) == sorted(expected)
        some = self.live.index.sample(3).tolist()
        assert some == self.live.index.sample(3).tolist()
        assert len(set(some) & set(expected)) == len(some) <= 3

        def image_ids_of(ids: Ids) -> Ids:
            return np.array([image_ids[key] for key in ids.tolist()], np.int64)

        reference = ExactIndex(4)
        reference.add(np.array(list(expected), np.int64), np.array(list(expected.values())).reshape(-1, 4))
        queries = random_units(np.random.default_rng(0), 2, 4)
        hits, wanted = (
            self.live.index.search(queries, 5),
            rank.merge_hits(reference.search(queries, k=5), image_ids_of)[:5],
        )
        np.testing.assert_array_equal(hits.ids, wanted.ids)
        np.testing.assert_array_equal(hits.image_ids, wanted.image_ids)
        np.testing.assert_allclose(hits.scores, wanted.scores, atol=2e-3)
        hidden = {min(image_ids.values())} if image_ids else set()
        every = rank.merge_hits(reference.search(queries, k=max(len(expected), 1)), image_ids_of)
        per_image = self.live.index.search(queries, 4, exclude_images=hidden, group_by_image=True)
        np.testing.assert_allclose(per_image.scores, every.without(hidden).best_per_image().scores[:4], atol=2e-3)

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "toys"):
            self.toys.close()
            shutil.rmtree(self.folder)


@pytest.fixture
def following(blank_catalog: Path) -> Iterator[type[Following]]:
    """The machine, with a database to begin with."""
    yield type("Following", (Following,), {"blank": blank_catalog})


@pytest.mark.parametrize("exact_up_to", [merging.EXACT_UP_TO, 3], ids=["exact", "short codes"])
def test_any_sequence_of_changes(following: type[Following], monkeypatch: pytest.MonkeyPatch, exact_up_to: int) -> None:
    monkeypatch.setattr(merging, "EXACT_UP_TO", exact_up_to)
    few = settings(max_examples=25, stateful_step_count=15, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(following, settings=few)
