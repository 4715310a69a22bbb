"""The trash: photos vanish from everything, come back as they were, and go for good with what was theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from toys import TOY, ToyLibrary, analysis, held_ids

from retrieval.catalog import Concepts, Folders, Judgements, Trash
from retrieval.catalog import trash as trash_module
from retrieval.catalog.records import ConceptModel, View
from retrieval.errors import UnknownImageError, UnknownSegmentError
from retrieval.query.filters import Filters
from retrieval.query.request import Ref, SearchRequest
from retrieval.storage.locations import SeenFile, uri_of

TWO = [[1, 0, 0, 0], [0, 1, 0, 0]]
UPLOADED = "ab" * 32


@pytest.fixture
def trash(toys: ToyLibrary) -> Trash:
    """A trash that is emptied after 30 days."""
    return toys.trash


def uploaded(toys: ToyLibrary) -> tuple[int, Path]:
    """An upload: its id, and its file."""
    path = toys.folder / "uploads" / "ab" / f"{UPLOADED}.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"picture")
    seen = SeenFile(uri_of(path), UPLOADED, 7, 1, "up.png", restores=True)
    return toys.catalog.locations.register([seen])[0].image_id, path


class TestWhatIsSeen:
    def test_photos_vanish_from_every_list_and_count_and_come_back(self, toys: ToyLibrary, trash: Trash) -> None:
        gone, stays = toys.add(analysis(TWO, labels=["dog", "cat"])), toys.add(analysis(TWO))
        segments = [segment.id for segment in toys.catalog.segments.of_image(gone)]
        catalog, every = toys.catalog, Filters()

        def seen() -> list[object]:
            return [
                [each.id for each in catalog.images.page()],
                [each.id for each in catalog.images.worst()],
                catalog.images.counts()["indexed"],
                catalog.images.recipes(),
                catalog.images.passing_of([gone, stays], every),
                [each.photos for each in catalog.timeline.months(View())],
                [each.id for each in catalog.timeline.page(View())],
                catalog.timeline.ids(View()),
                catalog.timeline.neighbours(stays),
                sorted(catalog.segments.hits(segments)),
                catalog.segments.passing_of(segments, every).tolist(),
                catalog.segments.facets(segments)["label"],
                catalog.vectors.segment_counts(TOY)[0].tolist(),
                catalog.vectors.photo_image_ids(TOY)[0].tolist(),
                [len(each) for each in catalog.vectors.segment_vectors(TOY)],
                len(catalog.vectors.bags([gone, stays], TOY, per_photo=5).ids),
                Folders(toys.sessions).page(),
            ]

        before = seen()
        assert trash.put([gone, 999]) == 1
        assert trash.put([gone]) == 0
        assert seen() == [
            [stays], [stays], 1, {TOY: 1}, {stays}, [1], [stays], [stays], ([], []), [], [], (),
            [stays], [stays], [2], 2, [("toys", 1)],
        ]  # fmt: skip
        assert trash.count() == 1
        assert catalog.timeline.ids(View(state="trash")) == [gone]
        assert [each.photos for each in catalog.timeline.months(View(state="trash"))] == [1]
        assert catalog.images.get(gone).deleted_at is not None
        assert trash.restore([gone, stays, 999]) == 1
        assert seen() == before
        assert catalog.images.get(gone).deleted_at is None

    def test_concepts_and_judgements_leave_it_out_and_keep_it(self, toys: ToyLibrary, trash: Trash) -> None:
        gone, stays = toys.add(analysis(TWO)), toys.add(analysis(TWO))
        first, second = (toys.catalog.segments.of_image(each)[0].id for each in (gone, stays))
        concepts, judgements = Concepts(toys.sessions), Judgements(toys.sessions)
        directions = np.eye(4, dtype=np.float32)[:1]
        model = ConceptModel(
            space=TOY, directions=directions, threshold=0.5, query=None, positive=(first, second), negative=()
        )
        concept = concepts.add("rex", model)
        feedback = judgements.begin(SearchRequest(positive=(Ref(segment=second),)), TOY)
        judgements.add_round(feedback, [first], [])
        trash.put([gone])
        assert concepts.get(concept).model.positive == (second,)
        assert judgements.get(feedback).relevant == ()
        with pytest.raises(UnknownSegmentError):
            judgements.add_round(feedback, [first], [])
        concepts.change(concept, model=replace(model, positive=(second,)))
        trash.restore([gone])
        assert concepts.get(concept).model.positive == (first, second)
        assert judgements.get(feedback).relevant == (first,)

    def test_what_waits_there_is_not_worked_on(self, toys: ToyLibrary, trash: Trash) -> None:
        waits = toys.register()
        trash.put([waits])
        assert toys.ingest_queue.claim("w", 9) == []
        assert toys.ingest_queue.unfinished() == 0
        assert toys.ingest_queue.states([waits]) == {}
        assert toys.ingest_queue.cancel() == []
        trash.restore([waits])
        assert [job.image_id for job in toys.ingest_queue.claim("w", 9)] == [waits]

    def test_what_was_being_worked_on_is_finished_unseen(self, toys: ToyLibrary, trash: Trash) -> None:
        image = toys.register()
        toys.ingest_queue.claim("w", 9)
        trash.put([image])
        toys.finish(image, analysis(TWO), owner="w")
        assert toys.catalog.vectors.contents(TOY).segments == 0
        trash.restore([image])
        assert toys.catalog.vectors.contents(TOY).segments == 2


class TestTheIndex:
    def test_followers_delete_and_upsert(self, toys: ToyLibrary, trash: Trash) -> None:
        images = [toys.add(analysis(TWO)) for _ in range(4)]
        follower = toys.followed_segments()
        follower.refresh()
        all_ids = held_ids(follower.index)
        trash.put(images[1:3])
        assert follower.refresh()
        assert follower.index.image_counts()[0].tolist() == [images[0], images[3]]
        trash.restore(images[1:3])
        assert follower.refresh()
        assert np.array_equal(held_ids(follower.index), all_ids)
        assert list(follower.faults()) == []

    def test_one_comes_as_another_goes(self, toys: ToyLibrary, trash: Trash) -> None:
        """Then neither the number of segments nor the greatest id tells of it."""
        first, second = toys.add(analysis(TWO)), toys.add(analysis(TWO))
        trash.put([first])
        follower = toys.followed_segments()
        follower.refresh()
        trash.put([second])
        trash.restore([first])
        assert follower.refresh()
        assert follower.index.image_counts()[0].tolist() == [first]

    def test_nothing_is_looked_at_where_nothing_changed(self, toys: ToyLibrary, trash: Trash) -> None:
        toys.add(analysis(TWO))
        follower = toys.followed_segments()
        follower.refresh()
        assert trash.put([999]) == trash.restore([1]) == 0
        assert not follower.refresh()

    def test_a_search_knows_at_once(self, toys: ToyLibrary, trash: Trash) -> None:
        gone, stays = toys.add(analysis(TWO)), toys.add(analysis(TWO))
        engine = toys.engine()
        trash.put([gone])  # the index has not noticed
        start = toys.catalog.segments.of_image(stays)[0].id
        for group in ("image", "segment"):
            request = SearchRequest(positive=(Ref(segment=start),), limit=9, group_by=group)
            assert gone not in {each.image_id for each in engine.search(request).results}
        assert gone not in {
            each.image_id for each in engine.search(SearchRequest(positive=(Ref(image=stays),))).results
        }


class TestForGood:
    def test_uploads_go_and_other_files_are_remembered(self, toys: ToyLibrary, trash: Trash) -> None:
        scanned = toys.register()
        image, path = uploaded(toys)
        place = toys.catalog.images.get(scanned).locations[0]
        trash.put([scanned, image])
        assert path.exists()
        assert trash.empty() == 2
        assert not path.exists()
        with pytest.raises(UnknownImageError):
            toys.catalog.images.get(scanned)
        uris = [place.uri, uri_of(path)]
        assert toys.catalog.deleted_files.known(uris) == {place.uri: (place.size, place.mtime_ns)}

    def test_only_what_is_in_the_trash(self, toys: ToyLibrary, trash: Trash) -> None:
        first, second = toys.register(), toys.register()
        trash.put([first])
        assert trash.delete([first, second, 999]) == 1
        assert [each.id for each in toys.catalog.images.page()] == [second]

    def test_one_restored_meanwhile_stays(
        self, toys: ToyLibrary, trash: Trash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = [toys.register() for _ in range(3)]
        trash.put(ids)
        delete = type(toys.catalog.images).delete

        def restore_first(images: object, image_id: int, **options: bool) -> object:
            trash.restore(ids[1:2])
            return delete(toys.catalog.images, image_id, **options)

        monkeypatch.setattr(type(toys.catalog.images), "delete", restore_first)
        monkeypatch.setattr(trash_module, "AT_ONCE", 2)
        assert trash.empty() == 2
        assert [each.id for each in toys.catalog.images.page()] == ids[1:2]

    def test_after_some_days(self, toys: ToyLibrary, trash: Trash, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second = toys.register(), toys.register()
        trash.put([first])

        class Later(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return datetime.now(UTC) + timedelta(days=29.9)

        with monkeypatch.context() as patch:
            patch.setattr(trash_module, "datetime", Later)
            trash.put([second])
            assert trash.expired() == trash.expire() == 0
        monkeypatch.setattr(trash, "days", 0.0)
        assert trash.expired() == 1
        assert trash.expire() == 1
        assert trash.count() == 1

    def test_a_number_at_most(self, toys: ToyLibrary, trash: Trash) -> None:
        trash.put([toys.register() for _ in range(5)])
        assert (trash.empty(2), trash.empty(2), trash.count()) == (2, 2, 1)

    def test_at_once_without_a_trash(self, toys: ToyLibrary, trash: Trash) -> None:
        image, path = uploaded(toys)
        trash.days = 0
        assert trash.put([image, 999]) == 1
        assert not path.exists()
        assert toys.catalog.images.find([image]) == {}


class TestSeenAgain:
    """Scans leave alone what was deleted; who names or uploads a file wants it."""

    @pytest.fixture
    def seen(self, toys: ToyLibrary, trash: Trash) -> Sequence[SeenFile]:
        """A file whose photo is in the trash: as it is, named, and as a copy elsewhere."""
        path = toys.folder / "a.png"
        file = SeenFile(uri_of(path), UPLOADED, 1, 1)
        trash.put([toys.catalog.locations.register([file])[0].image_id])
        return file, replace(file, restores=True), replace(file, uri=uri_of(toys.folder / "b.png"))

    def test_in_the_trash(self, toys: ToyLibrary, trash: Trash, seen: Sequence[SeenFile]) -> None:
        file, named, copy = seen
        locations = toys.catalog.locations
        assert locations.known([file.uri])[file.uri].in_trash
        assert [each.outcome for each in locations.register([file, copy])] == ["deleted", "deleted"]
        assert trash.count() == 1
        (found,) = locations.register([named])
        assert (found.outcome, found.waits) == ("restored", True)
        assert trash.count() == 0
        assert len(toys.catalog.images.get(found.image_id).locations) == 2

    def test_deleted_for_good(self, toys: ToyLibrary, trash: Trash, seen: Sequence[SeenFile]) -> None:
        file, named, copy = seen
        trash.empty()
        deleted = toys.catalog.deleted_files
        other = replace(file, sha256="cd" * 32)
        assert deleted.note([file, copy, replace(other, uri=uri_of(toys.folder / "c.png"))]) == {file.uri, copy.uri}
        assert deleted.known([copy.uri]) == {copy.uri: (1, 1)}
        assert toys.catalog.locations.register([named])[0].outcome == "new"
        assert deleted.known([file.uri, copy.uri]) == {}

    def test_restoring_by_a_file_reaches_followers(
        self, toys: ToyLibrary, trash: Trash, seen: Sequence[SeenFile]
    ) -> None:
        before = toys.catalog.vectors.contents(TOY).trash
        toys.catalog.locations.register([seen[1]])
        assert toys.catalog.vectors.contents(TOY).trash == before + 1
