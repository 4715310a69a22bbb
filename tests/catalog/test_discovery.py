"""Clusters over a catalogue filled by hand: founded, joined, changed by people, and by two at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from toys import TOY, ToyLibrary, analysis

from retrieval.catalog import Clusters, Concepts
from retrieval.catalog import clusters as clusters_module
from retrieval.catalog.records import ClusterChange
from retrieval.embed.projection import unit
from retrieval.errors import ClustersChangedError, QueryError, UnknownClusterError
from retrieval.learning import cluster_editing, cluster_members, discovery
from retrieval.learning.cluster_editing import ClusterEditor
from retrieval.learning.cluster_ranking import typical
from retrieval.learning.concepts import ConceptTrainer
from retrieval.learning.discovery import Discoverer
from retrieval.types import Vectors

DIM = 64


class World:
    """A catalogue of photos that show things, each of them a direction."""

    def __init__(self, toys: ToyLibrary) -> None:
        toys.dim = DIM
        self.toys = toys
        self.rng = np.random.default_rng(0)
        self.things = unit(self.rng.standard_normal((8, DIM)))
        stored = Clusters(toys.sessions), Concepts(toys.sessions), TOY
        self.discoverer, self.editor = Discoverer(*stored), ClusterEditor(*stored)

    def look(self, thing: int, spread: float = 0.4) -> Vectors:
        return unit(self.things[thing] + spread * unit(self.rng.standard_normal(DIM)))

    def noise(self) -> Vectors:
        return unit(self.rng.standard_normal(DIM))

    def photo(self, *things: int, quality: float = 0.8) -> int:
        """A photo that shows things, and something that no other photo shows."""
        looks = [*(self.look(thing) for thing in things), self.noise()]
        return self.add(np.stack(looks), [quality] * len(looks))

    def add(self, looks: Vectors, quality: list[float]) -> int:
        """A photo with these segments."""
        return self.toys.add(analysis(looks, quality=quality, photo_vector=self.things[0]))

    def photos(self, thing: int, count: int) -> list[int]:
        return [self.photo(thing) for _ in range(count)]

    def trainer(self) -> ConceptTrainer:
        engine = self.toys.engine()
        return ConceptTrainer(engine.concepts, engine)

    def of(self, cluster_id: int) -> set[int]:
        """Photos of a cluster's members."""
        members = self.discoverer.clusters.members([cluster_id])[cluster_id]
        return {member.image_id for member in members}

    def open(self) -> dict[int, set[int]]:
        return {record.id: self.of(record.id) for record in self.discoverer.ranked()}


@pytest.fixture
def world(toys: ToyLibrary) -> World:
    return World(toys)


def test_an_empty_catalogue_has_no_clusters(world: World) -> None:
    report = world.discoverer.update()
    assert (report.founded, report.waiting, report.more) == (0, 0, False)
    assert world.discoverer.ranked() == []


def test_what_is_often_there_becomes_clusters(world: World) -> None:
    cats, cups = world.photos(0, 6), world.photos(1, 4)
    report = world.discoverer.update()
    assert report.founded == 2
    assert list(world.open().values()) == [set(cats), set(cups)], "the more frequent first"
    best = world.discoverer.ranked()[0]
    assert (best.photos, best.segments, best.state, best.concept_id) == (6, 6, "open", None)
    assert best.coherence > 0.7


def test_nested_segments_of_one_photo_are_no_cluster(world: World) -> None:
    for _ in range(2):
        looks = np.stack([world.look(0, 0.05) for _ in range(8)])
        world.add(looks, [0.9] * 8)
    assert world.discoverer.update().founded == 0
    world.photo(0)
    world.photo(0)
    world.discoverer.update()
    (only,) = world.discoverer.ranked()
    assert only.photos == 4
    assert only.segments > only.photos
    shown = typical(world.discoverer.clusters.members([only.id])[only.id])
    assert len(shown) == len({member.image_id for member in shown}) == 4


def test_poor_segments_are_left_out(world: World) -> None:
    for _ in range(5):
        world.photo(0, quality=discovery.MIN_QUALITY / 2)
    assert world.discoverer.update().waiting == 0
    assert world.discoverer.ranked() == []


def test_what_a_label_explains_is_left_out(world: World) -> None:
    def photo(label_score: float) -> None:
        found = analysis(np.stack([world.look(0), world.noise()]), quality=[0.8, 0.8], labels=["mug", None])
        scores = np.array([label_score, 0], np.float32)
        world.toys.add(replace(found, segments=replace(found.segments, label_scores=scores)))

    for _ in range(5):
        photo(discovery.CONFIDENT + 0.01)
    assert world.discoverer.update().founded == 0
    for _ in range(5):
        photo(discovery.CONFIDENT - 0.1)
    world.discoverer.update()
    assert [record.photos for record in world.discoverer.ranked()] == [5]


def test_new_photos_join_and_ids_stay(world: World) -> None:
    world.photos(0, 6)
    world.photos(1, 5)
    world.discoverer.update()
    before = world.open()
    more = world.photos(0, 3)
    report = world.discoverer.update()
    assert report.founded == 0
    assert report.joined >= 2
    after = world.open()
    assert set(after) == set(before)
    grown, same = sorted(before)
    assert before[grown] < after[grown] <= before[grown] | set(more)
    assert after[same] == before[same]


def test_new_clusters_are_founded_among_what_waits(world: World) -> None:
    world.photos(0, 6)
    waiting = world.photos(1, 2)
    world.discoverer.update()
    before = world.open()
    assert len(before) == 1
    dogs = world.photos(1, 3)
    assert world.discoverer.update().founded == 1
    after = world.open()
    assert before.items() <= after.items()
    (new,) = set(after) - set(before)
    assert set(dogs) <= after[new] <= {*dogs, *waiting}


def test_nothing_new_changes_nothing(world: World) -> None:
    world.photos(0, 6)
    world.discoverer.update()
    clusters, before = world.discoverer.clusters, world.open()
    revision = clusters.all(TOY).revision
    report = world.discoverer.update()
    assert (report.joined, report.founded, report.explained) == (0, 0, 0)
    assert world.open() == before
    assert clusters.all(TOY).revision == revision


def test_deleted_photos_leave_and_the_rest_stays(world: World) -> None:
    cats = world.photos(0, 6)
    world.discoverer.update()
    ((cluster, _),) = world.open().items()
    world.toys.catalog.images.delete(cats[0])
    assert world.open() == {cluster: set(cats[1:])}
    for key in cats[1:]:
        world.toys.catalog.images.delete(key)
    assert world.open() == {}
    again = world.photos(0, 3)
    world.discoverer.update()
    assert set(world.open()) == {cluster}
    assert world.of(cluster) <= set(again), "it is still known by its centre"


def test_many_segments_are_taken_part_by_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cats = world.photos(0, 8)
    cups = world.photos(1, 8)
    monkeypatch.setattr(discovery, "MOST", 12)
    assert world.discoverer.update().more
    report = world.discoverer.update_all()
    assert not report.more
    found = world.open()
    assert len(set().union(*found.values())) >= 14
    assert all(photos <= set(cats) or photos <= set(cups) for photos in found.values())


def test_a_named_cluster_is_a_concept(world: World) -> None:
    cats = world.photos(0, 8)
    world.photos(1, 5)
    world.photos(2, 5)
    world.discoverer.update()
    cluster = next(key for key, photos in world.open().items() if photos <= set(cats))
    concept = world.editor.name(cluster, "Cat", world.trainer())
    record = world.discoverer.clusters.get(TOY, cluster)
    assert (record.state, record.concept_id) == ("named", concept)
    taught = world.discoverer.concepts.get(concept)
    assert taught.name == "Cat"
    assert len(taught.model.positive) == record.photos >= 6
    assert cluster not in world.open()
    world.photos(0, 5)
    world.discoverer.update()
    assert not any(photos & set(cats) for photos in world.open().values())
    with pytest.raises(QueryError, match="named"):
        world.editor.dismiss(cluster)
    with pytest.raises(QueryError, match="concept"):
        world.editor.restore(cluster)


def test_a_name_that_is_taken_is_asked_about(world: World) -> None:
    world.photos(0, 6)
    world.photos(1, 6)
    world.discoverer.update()
    one, other = sorted(world.open())
    trainer = world.trainer()
    concept = world.editor.name(one, "Cat", trainer)
    with pytest.raises(QueryError, match="already"):
        world.editor.name(other, " CAT ", trainer)
    assert other in world.open()
    photos = sum(map(len, (world.of(one), world.of(other))))
    assert world.editor.name(other, " CAT ", trainer, add=True) == concept
    assert len(world.discoverer.concepts.get(concept).model.positive) == photos


def test_what_a_concept_explains_leaves_and_comes_back(world: World) -> None:
    cats = world.photos(0, 8)
    world.photos(1, 6)
    world.photos(2, 6)
    world.discoverer.update()
    before = world.open()
    examples = [world.toys.segment_ids(key)[0] for key in cats]
    concept = world.trainer().teach("Cat", examples, [])
    report = world.discoverer.update()
    assert report.explained >= 6
    left = world.open()
    cluster = next(key for key, photos in before.items() if photos <= set(cats))
    assert len(left.get(cluster, set())) <= 2
    assert {key: photos for key, photos in left.items() if key != cluster} == {
        key: photos for key, photos in before.items() if key != cluster
    }
    world.discoverer.concepts.delete(concept)
    world.discoverer.update()
    assert world.open() == before


def test_a_cluster_whose_concept_was_forgotten_is_open(world: World) -> None:
    world.photos(0, 6)
    world.discoverer.update()
    (cluster,) = world.open()
    concept = world.editor.name(cluster, "Cat", world.trainer())
    world.discoverer.concepts.delete(concept)
    assert list(world.open()) == [cluster]


def test_dismissed_clusters_take_in_unseen_and_can_be_restored(world: World) -> None:
    cats = world.photos(0, 6)
    world.discoverer.update()
    (cluster,) = world.open()
    world.editor.dismiss(cluster)
    assert world.open() == {}
    more = world.photos(0, 4)
    world.discoverer.update()
    assert world.open() == {}
    with pytest.raises(QueryError, match="restore"):
        world.editor.name(cluster, "Cat", world.trainer())
    world.editor.restore(cluster)
    assert world.open()[cluster] > set(cats)
    assert world.open()[cluster] <= {*cats, *more}


def test_merged_clusters_have_the_smallest_id_and_all_members(world: World) -> None:
    world.photos(0, 6)
    world.photos(1, 5)
    world.discoverer.update()
    before = world.open()
    low, high = sorted(before)
    assert world.editor.merge([high, low, high]) == low
    assert world.open() == {low: before[low] | before[high]}
    with pytest.raises(UnknownClusterError, match=str(high)):
        world.discoverer.clusters.get(TOY, high)
    with pytest.raises(QueryError, match="at least two"):
        world.editor.merge([low, low])
    with pytest.raises(UnknownClusterError):
        world.editor.merge([low, high])


def test_a_split_cluster_keeps_its_id_for_the_larger_part(world: World) -> None:
    cats, cups = world.photos(0, 6), world.photos(1, 4)
    world.discoverer.update()
    low, high = sorted(world.open())
    both = world.editor.merge([low, high])
    kept, new = world.editor.split(both)
    assert kept == both
    assert new > high
    assert world.open() == {kept: set(cats), new: set(cups)}


def test_what_is_all_alike_cannot_be_split(world: World) -> None:
    look = world.look(0)
    for _ in range(4):
        world.add(np.stack([look, world.noise()]), [0.8, 0.1])
    world.discoverer.update()
    (cluster,) = world.open()
    with pytest.raises(QueryError, match="alike"):
        world.editor.split(cluster)


def test_of_two_writers_one_notices(world: World) -> None:
    """Both computed from the same revision; the later one writes nothing."""
    cats = world.photos(0, 4)
    clusters = world.discoverer.clusters
    world.discoverer.update()
    before, revision = world.open(), clusters.all(TOY).revision
    assert clusters.change(TOY, revision, ClusterChange(newest_segment=1)) == []
    left = world.toys.segment_ids(cats[0])
    with pytest.raises(ClustersChangedError):
        clusters.change(TOY, revision, ClusterChange(left=left))
    assert world.open() == before


def test_updates_at_the_same_time_found_everything_once(world: World) -> None:
    cats, cups = world.photos(0, 6), world.photos(1, 6)
    begin, failures = threading.Barrier(4), list[BaseException]()

    def update() -> None:
        begin.wait()
        try:
            world.discoverer.update()
        except ClustersChangedError as error:
            failures.append(error)

    threads = [threading.Thread(target=update) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one, other = sorted(world.open().values(), key=min)
    assert (one <= set(cats), other <= set(cups), len(one | other) >= 10) == (True, True, True)
    assert failures == []


def test_a_photo_deleted_while_clusters_are_computed_is_left_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cats = world.photos(0, 6)
    computed = discovery.clustering.groups

    def deleting(*given: object) -> object:
        world.toys.catalog.images.delete(cats[0])
        return computed(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(discovery.clustering, "groups", deleting)
    world.discoverer.update()
    assert list(world.open().values()) == [set(cats[1:])]


def test_clusters_of_another_space_are_not_there(world: World, toys: ToyLibrary) -> None:
    world.photos(0, 6)
    world.discoverer.update()
    (cluster,) = world.open()
    stored = world.discoverer.clusters, world.discoverer.concepts, "other:1"
    other = Discoverer(*stored)
    assert other.update().founded == 0
    assert other.ranked() == []
    with pytest.raises(UnknownClusterError):
        ClusterEditor(*stored).dismiss(cluster)


@pytest.mark.slow
class TestBounds:
    """Vectors are read in blocks, however many segments wait, are members, or are merged and split."""

    @pytest.fixture
    def read(self, world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many vectors were read at once, by each reading."""
        read: list[int] = []

        def recorded(stored: Sequence[bytes]) -> Vectors:
            read.append(len(stored))
            return whole(stored)

        whole = clusters_module.vectors_from
        for thing in range(4):
            world.photos(thing, 20)
        world.discoverer.update_all()
        for thing in range(4, 8):
            world.photos(thing, 20)
        monkeypatch.setattr(clusters_module, "vectors_from", recorded)
        for module in (discovery, cluster_members):
            monkeypatch.setattr(module, "BLOCK", 10)
        for module in (discovery, cluster_editing):
            monkeypatch.setattr(module, "MOST", 40)
        monkeypatch.setattr(cluster_members, "COHERENT", 12)
        return read

    def test_an_update(self, world: World, read: list[int]) -> None:
        cats = [world.toys.segment_ids(image.id)[0] for image in world.toys.catalog.images.page(limit=20)]
        world.trainer().teach("Cat", cats, [])
        report = world.discoverer.update_all()
        assert report.explained >= 15
        assert not report.more
        assert len(world.open()) >= 6
        assert max(read) <= 40

    def test_a_merge_and_a_split(self, world: World, read: list[int]) -> None:
        world.discoverer.update_all()
        before = world.open()
        first, second, third, *_ = sorted(before)
        both = world.editor.merge([first, second, third])
        assert world.of(both) == before[first] | before[second] | before[third]
        kept, new = world.editor.split(both)
        assert world.of(kept) | world.of(new) == before[first] | before[second] | before[third]
        assert not world.of(kept) & world.of(new)
        assert max(read) <= 40

    def test_what_a_request_asks_anew(self, world: World, read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        world.discoverer.update_all()
        monkeypatch.setattr(discovery, "LOOKED", 20)
        members = world.discoverer.clusters.member_count(TOY)
        read.clear()
        world.discoverer.update(20)
        assert sum(read) <= 90 < members
        read.clear()
        world.discoverer.update(None)
        assert sum(read) >= members

    def test_what_is_shown(self, world: World, read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(discovery, "SHOWN", 1)
        monkeypatch.setattr(discovery, "TYPICAL", 3)
        shown = world.discoverer.clusters.members(list(world.open()), 3)
        assert {len(each) for each in shown.values()} == {3}
        assert all(len(each) == 3 for each in world.discoverer.shown(world.discoverer.ranked()).values())
