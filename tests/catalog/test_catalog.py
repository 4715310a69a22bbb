"""Questions to the catalogue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import ToyLibrary, analysis, random_units, strips

from retrieval.catalog import open_sessions
from retrieval.catalog.records import vector_bytes, vectors_from
from retrieval.errors import (
    CatalogDamagedError,
    CatalogUnavailableError,
    ConfigurationError,
    UnknownImageError,
    UnknownSegmentError,
)
from retrieval.images.masks import decode_mask
from retrieval.query.filters import Filters
from retrieval.storage.locations import SeenFile, uri_of

X, Y = (1, 0, 0, 0), (0, 1, 0, 0)


class TestPhotos:
    def test_pages(self, toys: ToyLibrary) -> None:
        ids = [toys.register() for _ in range(7)]
        assert [image.id for image in toys.catalog.images.page(limit=3)] == ids[:3]
        assert [image.id for image in toys.catalog.images.page(after=ids[2], limit=3)] == ids[3:6]
        assert [image.id for image in toys.catalog.images.page(after=ids[6])] == []
        assert [image.id for image in toys.catalog.images.page(limit=2, newest_first=True)] == ids[:-3:-1]
        assert [image.id for image in toys.catalog.images.page(after=ids[2], newest_first=True)] == ids[1::-1]

    def test_pages_of_one_state(self, toys: ToyLibrary) -> None:
        done, pending = toys.add(analysis([X])), toys.register()
        assert [image.id for image in toys.catalog.images.page(state="indexed")] == [done]
        assert [image.id for image in toys.catalog.images.page(state="pending")] == [pending]
        assert toys.catalog.images.page(state="failed") == []

    def test_counts_name_every_state(self, toys: ToyLibrary) -> None:
        assert set(toys.catalog.images.counts().values()) == {0}
        toys.add(analysis([X]))
        toys.add(analysis(np.zeros((0, 4))))
        toys.register()
        assert toys.catalog.images.counts() == {"pending": 1, "working": 0, "indexed": 1, "empty": 1, "failed": 0}

    def test_several_at_once(self, toys: ToyLibrary) -> None:
        ids = [toys.register() for _ in range(3)]
        assert sorted(toys.catalog.images.find([*ids, 99])) == ids
        assert toys.catalog.images.find([]) == {}

    def test_an_unknown_photo(self, toys: ToyLibrary) -> None:
        for call in (toys.catalog.images.get, toys.catalog.images.delete):
            with pytest.raises(UnknownImageError, match="there is no photo 5: it never was, or it was deleted"):
                call(5)
        assert toys.catalog.segments.of_image(5) == []

    def test_deleting_takes_everything_but_the_file(self, toys: ToyLibrary, tmp_path: Path) -> None:
        path = tmp_path / "photo.png"
        path.touch()
        image = toys.catalog.locations.register([SeenFile(uri_of(path), "a" * 64, 1, 1)])[0].image_id
        toys.ingest_queue.claim("toys", 1)
        toys.finish(image, analysis([X, Y]))
        other = toys.add(analysis([X]))
        segments = toys.segment_ids(image)
        assert toys.catalog.images.delete(image).path == path
        assert toys.catalog.images.find([image, other]).keys() == {other}
        assert toys.catalog.segments.hits(segments) == toys.catalog.segments.masks(segments) == {}
        assert toys.catalog.locations.known([uri_of(path)]) == {}
        assert path.exists()
        assert [each.outcome for each in toys.catalog.locations.register([SeenFile(uri_of(path), "a" * 64, 1, 1)])] == [
            "new"
        ]

    def test_missing_photos(self, toys: ToyLibrary) -> None:
        image = toys.register()
        (place,) = toys.catalog.images.get(image).locations
        toys.catalog.locations.note_lost([place.uri, "file:///unknown"])
        first = toys.catalog.images.get(image).locations[0].missing_since
        assert first is not None
        assert toys.catalog.images.get(image).is_missing
        toys.catalog.locations.note_lost([place.uri])
        assert toys.catalog.images.get(image).locations[0].missing_since == first, "since it was noticed first"
        toys.catalog.locations.register([SeenFile(place.uri, toys.catalog.images.get(image).sha256, 1, 1)])
        assert not toys.catalog.images.get(image).is_missing, "it is there again"


class TestSegments:
    def test_masks_boxes_and_areas(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X, Y, X]), size_hw=(80, 400))
        for record, mask in zip(toys.catalog.segments.of_image(image), strips(3), strict=True):
            np.testing.assert_array_equal(decode_mask(record.mask_size_hw, record.mask_counts), mask)
            assert record.area == mask.sum() * 100
            assert toys.catalog.segments.get(record.id) == record
            hit = toys.catalog.segments.hits([record.id])[record.id]
            assert (hit.image_id, hit.box_xyxy, hit.quality) == (image, record.box_xyxy, record.quality)
            assert toys.catalog.segments.masks([record.id])[record.id] == (record.mask_size_hw, record.mask_counts)

    def test_hits_of_some_quality(self, toys: ToyLibrary) -> None:
        first, second = toys.segment_ids(toys.add(analysis([X, Y], quality=[0.5, 0.25])))
        for least, kept in ((0.25, [first, second]), (0.26, [first]), (1e-7, [first, second]), (0.6, [])):
            assert toys.catalog.segments.passing_of([second, first], Filters(min_quality=least)).tolist() == kept

    def test_masks_of_a_smaller_photo_than_they_are(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X] * 20), size_hw=(2, 10))
        for record in toys.catalog.segments.of_image(image):
            x0, y0, x1, y1 = record.box_xyxy
            assert 0 <= x0 < x1 <= 10
            assert 0 <= y0 < y1 <= 2
            assert record.area >= 1

    def test_an_example_has_its_vector_and_recipe(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X, Y]))
        second = toys.segment_ids(image)[1]
        record, vector, recipe = toys.catalog.segments.example(second)
        assert record == toys.catalog.segments.get(second)
        assert vector.tolist() == list(Y)
        assert vector.shape == (4,)
        assert recipe == toys.recipe

    def test_unknown_segments(self, toys: ToyLibrary) -> None:
        for call in (toys.catalog.segments.get, toys.catalog.segments.example):
            with pytest.raises(UnknownSegmentError, match="no segment 9"):
                call(9)
        assert toys.catalog.segments.hits([9]) == {}
        assert len(toys.catalog.vectors.of_segments([9])) == 0

    def test_more_than_one_question_holds(self, toys: ToyLibrary) -> None:
        for _ in range(6):
            toys.add(analysis(random_units(np.random.default_rng(0), 200, 4), strips(200, (2, 200))))
        keys = list(range(1, 1300))
        assert len(toys.catalog.segments.hits(keys)) == len(toys.catalog.segments.masks(keys)) == 1200
        assert toys.catalog.vectors.of_segments(keys[::-1]).ids.tolist() == list(range(1, 1201))


class TestVectors:
    @pytest.fixture
    def filled(self, toys: ToyLibrary) -> ToyLibrary:
        """Photos of two recipes by turns, an empty one and a pending one."""
        rng = np.random.default_rng(0)
        for number in range(4):
            toys.add(analysis(random_units(rng, 3, 4)), recipe="" if number % 2 == 0 else "older:1")
        toys.add(analysis(np.zeros((0, 4))))
        toys.register()
        return toys

    def test_contents(self, filled: ToyLibrary) -> None:
        found = filled.catalog.vectors.contents(filled.recipe)
        assert (found.photos, found.segments, found.newest_segment) == (3, 6, 12)
        assert filled.catalog.vectors.contents("unknown:1").photos == 0
        assert filled.catalog.images.recipes() == {filled.recipe: 3, "older:1": 2}

    def test_owners(self, filled: ToyLibrary) -> None:
        ids, image_ids = filled.catalog.vectors.segment_image_ids(filled.recipe)
        assert ids.tolist() == [1, 2, 3, 7, 8, 9]
        assert image_ids.tolist() == [1, 1, 1, 3, 3, 3]
        photos, _ = filled.catalog.vectors.photo_image_ids(filled.recipe)
        assert photos.tolist() == [1, 3, 5]
        assert filled.catalog.vectors.segment_image_ids("unknown:1")[0].tolist() == []

    @pytest.mark.parametrize("batch_size", [1, 2, 4, 100])
    def test_batches_of_rising_ids(self, filled: ToyLibrary, batch_size: int) -> None:
        batches = list(filled.catalog.vectors.segment_vectors(filled.recipe, batch_size=batch_size))
        assert [key for batch in batches for key in batch.ids.tolist()] == [1, 2, 3, 7, 8, 9]
        assert all(len(batch) <= batch_size for batch in batches)
        after = list(filled.catalog.vectors.segment_vectors(filled.recipe, after=3, batch_size=batch_size))
        assert [key for batch in after for key in batch.ids.tolist()] == [7, 8, 9]
        whole = filled.catalog.vectors.of_segments([1, 2, 3, 7, 8, 9]).vectors
        np.testing.assert_array_equal(np.concatenate([batch.vectors for batch in batches]), whole)

    def test_photo_vectors(self, filled: ToyLibrary) -> None:
        batch = filled.catalog.vectors.of_images([6, 5, 1, 99])
        assert batch.ids.tolist() == batch.image_ids.tolist() == [1, 5]
        with pytest.raises(UnknownImageError, match="photo 6 does not exist or has not been analysed"):
            filled.catalog.vectors.of_image(6)

    @given(st.integers(0, 5), st.integers(1, 9), st.integers(0, 99))
    def test_vectors_are_stored_as_float16(self, count: int, dim: int, seed: int) -> None:
        vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
        found = vectors_from([vector_bytes(vector) for vector in vectors])
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, vectors.astype(np.float16).reshape(found.shape))


class TestOpening:
    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "catalog.db").write_bytes(b"not a database" * 100)
        with pytest.raises(CatalogDamagedError, match="the catalogue is damaged: .* restore a backup"):
            open_sessions(f"sqlite:///{tmp_path / 'catalog.db'}")

    def test_a_folder_in_its_place(self, tmp_path: Path) -> None:
        with pytest.raises(CatalogUnavailableError, match="the catalogue cannot be reached: check that its file"):
            open_sessions(f"sqlite:///{tmp_path}")

    @pytest.mark.parametrize("url", ["nonsense://x", "://", "sqlite+nonsense:///x.db"])
    def test_a_url_that_names_no_database(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="SEGSEARCH_DATABASE_URL"):
            open_sessions(url)

    def test_a_database_of_another_kind(self) -> None:
        with pytest.raises(ConfigurationError, match=r"SEGSEARCH_DATABASE_URL.*mssql: use postgresql"):
            open_sessions("mssql+pymssql://user:secret@host/db")

    def test_a_password_is_not_repeated(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            open_sessions("mssql+pymssql://user:secret@host/db")
        assert "secret" not in str(caught.value)

    def test_folders_are_made(self, tmp_path: Path) -> None:
        open_sessions(f"sqlite:///{tmp_path / 'a' / 'b' / 'catalog.db'}").kw["bind"].dispose()
        assert (tmp_path / "a" / "b" / "catalog.db").is_file()

    def test_readers_do_not_wait_for_a_writer(self, toys: ToyLibrary) -> None:
        image = toys.register()
        with toys.sessions.begin():
            assert toys.catalog.images.get(image).state == "pending"
            assert toys.catalog.segments.hits([1]) == {}


class TestBags:
    def test_a_photo_is_a_bag_of_its_best_segments(self, toys: ToyLibrary) -> None:
        first = toys.add(analysis([X, Y, X], quality=[0.2, 0.9, 0.5]))
        second = toys.add(analysis([Y]))
        elsewhere = toys.add(analysis([X]), recipe="other:1")
        whole = toys.add(analysis([], fallback=X))
        bags = toys.catalog.vectors.bags([whole, second, first, elsewhere], toys.recipe, per_photo=2)
        ids = toys.segment_ids(first)
        assert bags.ids.tolist() == [ids[1], ids[2], *toys.segment_ids(second)]
        assert bags.photos.tolist() == [first, first, second]
        assert bags.vectors.tolist() == [[*Y], [*X], [*Y]]
        assert bags.quality == pytest.approx([0.9, 0.5, 0.9])
        assert bags.share == pytest.approx([1 / 3, 1 / 3, 1], abs=0.03)
        assert bags.extent == pytest.approx(bags.share)

    def test_no_photos_are_no_bags(self, toys: ToyLibrary) -> None:
        assert len(toys.catalog.vectors.bags([], toys.recipe, per_photo=2)) == 0

    def test_a_photo_is_at_each_of_its_places(self, toys: ToyLibrary) -> None:
        seen = [
            SeenFile(uri_of(Path(f"/photos/{name} ü.png")), digest * 64, 1, 1) for name, digest in ("aa", "ba", "cb")
        ]
        ids = [each.image_id for each in toys.catalog.locations.register(seen)]
        assert toys.catalog.locations.all() == [
            (key, uri_of(Path(f"/photos/{name} ü.png"))) for key, name in zip(ids, "abc", strict=True)
        ]
