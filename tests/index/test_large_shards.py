"""Indexes whose shards are short codes, and processes that write and read them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from toys import ToyLibrary, analysis, held_ids, random_units

from retrieval.errors import IndexMismatchError
from retrieval.index import inverted, merging


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


@pytest.mark.slow
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
