"""Any sequence of changes leaves an index with what the catalogue holds."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from databases import Files, Server
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

from retrieval.index import merging
from retrieval.index import ranking as rank
from retrieval.index.exact import ExactIndex
from retrieval.types import Ids


class Following(RuleBasedStateMachine):
    """Any sequence of changes leaves the index with what the catalogue holds, and hits as the reference finds them."""

    databases: Files | Server

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        """An empty catalogue."""
        self.folder = Path(tempfile.mkdtemp(prefix="segsearch-test-"))
        self.databases.blank(self.folder)
        self.toys = ToyLibrary(self.folder)
        self.rng = np.random.default_rng(seed)
        self.live = self.toys.followed_segments()
        self.photos: dict[int, dict[int, np.ndarray]] = {}
        self.trash: dict[int, dict[int, np.ndarray]] = {}
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

    @precondition(lambda self: self.photos)
    @rule(which=st.integers(0, 99))
    def throw_away(self, which: int) -> None:
        """A photo is moved to the trash."""
        image = sorted(self.photos)[which % len(self.photos)]
        self.toys.trash.put([image])
        self.trash[image] = self.photos.pop(image)
        self.fresh = False

    @precondition(lambda self: self.trash)
    @rule(which=st.integers(0, 99))
    def restore(self, which: int) -> None:
        """A photo comes back from the trash."""
        image = sorted(self.trash)[which % len(self.trash)]
        self.toys.trash.restore([image])
        self.photos[image] = self.trash.pop(image)
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
            self.databases.forget(self.folder)
            shutil.rmtree(self.folder)


@pytest.fixture
def following(databases: Files | Server) -> Iterator[type[Following]]:
    """The machine, with a database to begin with."""
    yield type("Following", (Following,), {"databases": databases})


@pytest.mark.parametrize("exact_up_to", [merging.EXACT_UP_TO, 3], ids=["exact", "short codes"])
@pytest.mark.slow
def test_any_sequence_of_changes(following: type[Following], monkeypatch: pytest.MonkeyPatch, exact_up_to: int) -> None:
    monkeypatch.setattr(merging, "EXACT_UP_TO", exact_up_to)
    few = settings(max_examples=25, stateful_step_count=15, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(following, settings=few)
