"""The index that follows the catalogue."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toys import ToyLibrary, analysis, held_ids

from retrieval.errors import IndexMismatchError
from retrieval.index.following import CatalogFollower
from retrieval.index.sources import segments_of

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
    toys.catalog.images.delete(photo)
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

    @pytest.mark.sqlite("its file is put back")
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

    @pytest.mark.sqlite("its file is put back")
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
