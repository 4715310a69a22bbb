"""How a photo enters: states and leases."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text
from toys import ToyLibrary, analysis

from retrieval.catalog import IngestQueue, Judgements, SegmentRecord, succession
from retrieval.catalog import ingest_queue as module
from retrieval.catalog.dialects import database_now
from retrieval.catalog.ingest_queue import LEASE, MAX_ATTEMPTS
from retrieval.catalog.models import Image
from retrieval.catalog.records import Job, State
from retrieval.query.request import SearchRequest
from retrieval.segment.assessment import Assessment
from retrieval.types import AnalyzedImage, Segments

X, Y = (1, 0, 0, 0), (0, 1, 0, 0)
ROOT = Path(__file__).parents[2]

CLAIM = """
import sys, time
from datetime import timedelta
from retrieval.catalog import IngestQueue, ingest_queue, open_sessions
from retrieval.catalog.owners import new_owner

now, owner = ingest_queue.database_now, new_owner()
ingest_queue.database_now = lambda session: now(session) + timedelta(days=1)
assert len(IngestQueue(open_sessions(sys.argv[1])).claim(owner, 5)) == 2
print(owner, flush=True)
time.sleep(600)
"""
"""A worker whose clock is a day ahead."""


@contextmanager
def worker_ahead(toys: ToyLibrary) -> Iterator[subprocess.Popen[str]]:
    """A process that has claimed the photos, by a clock that is a day ahead."""
    program = [sys.executable, "-c", CLAIM, toys.url]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        try:
            assert len(process.stdout.readline().strip()) in range(1, 65)
            yield process
        finally:
            process.kill()


def state_of(toys: ToyLibrary, image_id: int) -> State:
    return toys.catalog.images.get(image_id).state


def expire(toys: ToyLibrary) -> None:
    """Let every lease run out."""
    with toys.sessions.begin() as session:
        session.execute(
            text("UPDATE image SET lease_until = '2000-01-01 00:00:00.000000' WHERE lease_until IS NOT NULL")
        )


class TestClaiming:
    def test_photos_in_order_up_to_a_limit(self, toys: ToyLibrary) -> None:
        ids = [toys.register() for _ in range(5)]
        jobs = toys.ingest_queue.claim("w", 3)
        assert [job.image_id for job in jobs] == ids[:3]
        assert isinstance(jobs[0], Job)
        assert jobs[0].sha256 == toys.catalog.images.get(ids[0]).sha256
        assert [state_of(toys, key) for key in ids] == ["working"] * 3 + ["pending"] * 2
        assert toys.catalog.images.get(ids[0]).attempts == 1

    def test_two_owners_never_share_a_photo(self, toys: ToyLibrary) -> None:
        for _ in range(4):
            toys.register()
        first, second = toys.ingest_queue.claim("one", 3), toys.ingest_queue.claim("two", 3)
        assert [len(first), len(second)] == [3, 1]
        assert toys.ingest_queue.claim("three", 3) == []

    def test_nor_do_two_threads(self, toys: ToyLibrary) -> None:
        expected = {toys.register() for _ in range(60)}
        claimed: list[int] = []
        failures: list[Exception] = []
        ready = threading.Barrier(4)

        def work(owner: str) -> None:
            ingest_queue = IngestQueue(toys.sessions)
            ready.wait()
            try:
                while jobs := ingest_queue.claim(owner, 3):
                    claimed.extend(job.image_id for job in jobs)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert sorted(claimed) == sorted(expected), "each once"

    def test_a_lease_that_ran_out_is_taken_over(self, toys: ToyLibrary) -> None:
        image = toys.register()
        toys.ingest_queue.claim("dead", 1)
        assert toys.ingest_queue.claim("alive", 1) == []
        expire(toys)
        assert [job.image_id for job in toys.ingest_queue.claim("alive", 1)] == [image]
        assert toys.catalog.images.get(image).attempts == 2

    def test_time_alone_ends_a_lease(self, toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
        toys.register()
        toys.ingest_queue.claim("slow", 1)
        with toys.sessions() as session:
            now = database_now(session)
        monkeypatch.setattr(module, "database_now", lambda _: now + LEASE - timedelta(seconds=5))
        assert toys.ingest_queue.claim("other", 1) == []
        toys.ingest_queue.renew("slow")
        monkeypatch.setattr(module, "database_now", lambda _: now + LEASE + timedelta(seconds=5))
        assert toys.ingest_queue.claim("other", 1) == [], "it was renewed"
        monkeypatch.setattr(module, "database_now", lambda _: now + 3 * LEASE)
        assert len(toys.ingest_queue.claim("other", 1)) == 1

    def test_a_clock_set_back_keeps_nothing(self, toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of a worker on another machine, of which only the lease is known."""
        image = toys.register()
        with toys.sessions() as session:
            now = database_now(session)
        monkeypatch.setattr(module, "database_now", lambda _: now + timedelta(days=1))
        toys.ingest_queue.claim("elsewhere:1:x-1:x", 1)
        monkeypatch.setattr(module, "database_now", lambda _: now)
        assert toys.ingest_queue.claim("other", 1) == [], "it may live, and renews its lease within that time"
        monkeypatch.setattr(module, "database_now", lambda _: now + LEASE + timedelta(seconds=1))
        assert [job.image_id for job in toys.ingest_queue.claim("other", 1)] == [image]

    @pytest.mark.parametrize("waited_for", [True, False])
    @pytest.mark.parametrize("way", ["claim", "retry_failed", "cancel"])
    @pytest.mark.slow
    def test_what_a_dead_process_held_is_free_at_once(self, toys: ToyLibrary, waited_for: bool, way: str) -> None:
        """Whatever the clock says: it was a day ahead while that process lived."""
        images = [toys.register() for _ in range(2)]
        with worker_ahead(toys) as process:
            assert toys.ingest_queue.claim("other", 5) == []
            assert (toys.ingest_queue.retry_failed(), toys.ingest_queue.cancel()) == (0, []), "it lives"
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            if waited_for:
                process.wait()
            self.check_freed(toys, way, images)

    def check_freed(self, toys: ToyLibrary, way: str, images: list[int]) -> None:
        if way == "cancel":
            assert len(toys.ingest_queue.cancel()) == 2
        elif way == "retry_failed":
            assert toys.ingest_queue.retry_failed() == 2
            assert [(each.state, each.attempts) for each in toys.catalog.images.page()] == [("pending", 0)] * 2
        else:
            assert [job.image_id for job in toys.ingest_queue.claim("other", 5)] == images
            with toys.sessions() as session:
                assert max(session.scalars(select(Image.lease_until))) <= database_now(session) + LEASE

    def test_a_photo_that_kills_its_workers_is_given_up(self, toys: ToyLibrary) -> None:
        image, other = toys.register(), toys.register()
        for _ in range(MAX_ATTEMPTS):
            assert image in [job.image_id for job in toys.ingest_queue.claim("dies", 1)]
            expire(toys)
        assert [job.image_id for job in toys.ingest_queue.claim("next", 5)] == [other]
        found = toys.catalog.images.get(image)
        assert found.state == "failed"
        assert f"{MAX_ATTEMPTS} workers died" in str(found.error)

    def test_giving_up_leaves_nothing_of_an_earlier_analysis(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X, Y]), recipe="older:1")
        toys.ingest_queue.reanalyze(toys.recipe)
        for _ in range(MAX_ATTEMPTS):
            toys.ingest_queue.claim("dies", 1, toys.recipe)
            expire(toys)
        toys.ingest_queue.claim("next", 1, toys.recipe)
        found = toys.catalog.images.get(image)
        assert (found.state, found.recipe, found.segment_count) == ("failed", None, 0)
        assert toys.catalog.segments.of_image(image) == []

    def test_giving_back_is_as_if_it_had_not_been_claimed(self, toys: ToyLibrary) -> None:
        image = toys.register()
        for _ in range(MAX_ATTEMPTS + 1):
            toys.ingest_queue.claim("w", 1)
            toys.ingest_queue.release("w")
        found = toys.catalog.images.get(image)
        assert (found.state, found.attempts) == ("pending", 0)

    def test_only_ones_own_are_given_back(self, toys: ToyLibrary) -> None:
        images = [toys.register() for _ in range(2)]
        toys.ingest_queue.claim("one", 1)
        toys.ingest_queue.claim("two", 1)
        toys.ingest_queue.release("one")
        assert [state_of(toys, key) for key in images] == ["pending", "working"]


class TestFinishing:
    def test_everything_is_stored(self, toys: ToyLibrary) -> None:
        image = toys.register()
        toys.ingest_queue.claim("w", 1)
        found = analysis([X, Y], photo_vector=Y, labels=("cat", None))
        assert toys.finish(image, found, size_hw=(80, 400), owner="w") == 1
        record = toys.catalog.images.get(image)
        assert (record.state, record.recipe, record.segment_count) == ("indexed", toys.recipe, 2)
        assert (record.width, record.height, record.format, record.error) == (400, 80, "PNG", None)
        first, second = toys.catalog.segments.of_image(image)
        assert isinstance(first, SegmentRecord)
        assert (first.box_xyxy, first.area, first.mask_size_hw) == ((0, 0, 200, 80), 16000, (8, 40))
        assert (first.label, first.label_score, second.label, second.label_score) == ("cat", 0.0, None, None)
        assert first.quality > second.quality
        np.testing.assert_array_equal(toys.catalog.vectors.of_image(image), Y)
        np.testing.assert_array_equal(toys.catalog.vectors.of_segments([first.id, second.id]).vectors, [X, Y])

    def test_a_photo_without_segments_is_empty(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis(np.zeros((0, 4))))
        assert state_of(toys, image) == "empty"
        assert toys.catalog.vectors.of_image(image).tolist() == [1, 0, 0, 0]

    def test_only_the_holder_of_the_lease_finishes(self, toys: ToyLibrary) -> None:
        image = toys.register()
        assert toys.finish(image, analysis([X]), owner="nobody") == 0
        toys.ingest_queue.claim("dead", 1)
        expire(toys)
        toys.ingest_queue.claim("alive", 1)
        assert toys.finish(image, analysis([X]), owner="dead") == 0
        assert toys.catalog.segments.of_image(image) == []
        assert toys.finish(image, analysis([Y]), owner="alive") == 1
        assert toys.finish(image, analysis([Y]), owner="alive") == 0, "once"
        assert len(toys.catalog.segments.of_image(image)) == 1

    def test_nor_does_anyone_else_fail_it(self, toys: ToyLibrary) -> None:
        image = toys.register()
        toys.ingest_queue.claim("w", 1)
        toys.ingest_queue.fail("other", image, "no")
        assert state_of(toys, image) == "working"
        toys.ingest_queue.fail("w", image, "broken")
        assert toys.catalog.images.get(image).error == "broken"
        assert state_of(toys, image) == "failed"

    def test_a_photo_deleted_while_it_was_worked_on_stays_away(self, toys: ToyLibrary) -> None:
        gone, other = toys.register(), toys.register()
        toys.ingest_queue.claim("w", 2)
        toys.catalog.images.delete(gone)
        assert toys.finish(gone, analysis([X]), owner="w") == 0
        assert toys.finish(other, analysis([X]), owner="w") == 1
        toys.ingest_queue.fail("w", gone, "late")
        assert [image.id for image in toys.catalog.images.page()] == [other]
        assert toys.catalog.vectors.contents(toys.recipe).segments == 1

    def test_ids_are_never_given_twice(self, toys: ToyLibrary) -> None:
        first = toys.add(analysis([X, Y]))
        old = toys.segment_ids(first)
        toys.catalog.images.delete(first)
        second = toys.add(analysis([X, Y]))
        assert second > first
        assert min(toys.segment_ids(second)) > max(old)

    def test_an_analysis_replaces_the_one_before(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X, Y]), recipe="older:1")
        assert toys.ingest_queue.reanalyze(toys.recipe) == 1
        assert state_of(toys, image) == "pending"
        toys.ingest_queue.claim("w", 1, toys.recipe)
        toys.finish(image, analysis([Y]), owner="w")
        assert len(toys.catalog.segments.of_image(image)) == 1
        assert toys.catalog.images.get(image).recipe == toys.recipe
        assert toys.ingest_queue.reanalyze(toys.recipe) == 0

    def test_segments_know_what_they_are_part_of(self, toys: ToyLibrary) -> None:
        masks = np.zeros((3, 8, 40), bool)
        masks[0, :, :30], masks[1], masks[2, :4, :10] = True, True, True
        image = toys.add(analysis([X, Y, X], masks=masks))
        first, whole, part = toys.catalog.segments.of_image(image)
        assert (whole.parent_id, first.parent_id, part.parent_id) == (None, whole.id, first.id)
        assert toys.catalog.segments.get(part.id).parent_id == first.id

    def test_a_photo_is_judged(self, toys: ToyLibrary) -> None:
        masks = np.zeros((1, 8, 40), bool)
        masks[0, :, :10] = True
        good, bad = toys.add(analysis([X, Y])), toys.add(analysis([X], masks=masks, quality=[0.5]))
        empty = toys.add(analysis([]))
        found = toys.catalog.images.get(bad).assessment
        assert found == Assessment(quality=0.125, covered=0.25, largest_hole=0.75, fragmented=0)
        assert [image.id for image in toys.catalog.images.worst()] == [empty, bad, good]
        assert [image.id for image in toys.catalog.images.worst(skip=1, limit=1)] == [bad]
        assert [image.id for image in toys.catalog.images.page(max_quality=0.2)] == [bad, empty]
        assert toys.catalog.images.get(toys.register()).assessment is None

    def test_what_stands_for_a_photo_without_segments(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([], fallback=X))
        found = toys.catalog.images.get(image)
        assert (found.state, found.segment_count, toys.catalog.segments.of_image(image)) == ("empty", 0, [])
        assert toys.catalog.vectors.contents(toys.recipe).segments == 1
        (hit,) = toys.catalog.segments.hits([1]).values()
        assert (hit.image_id, hit.is_fallback, hit.box_xyxy) == (image, True, (0, 0, 400, 80))
        toys.ingest_queue.reanalyze("better:1")
        toys.ingest_queue.claim("w", 1, "better:1")
        toys.finish(image, analysis([X, Y]), owner="w")
        assert toys.catalog.segments.hits([1]) == {}
        assert toys.catalog.vectors.contents(toys.recipe).segments == 2

    def test_failing_removes_what_was_found_before(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X, Y]), recipe="older:1")
        toys.ingest_queue.reanalyze(toys.recipe)
        toys.ingest_queue.claim("w", 1, toys.recipe)
        toys.ingest_queue.fail("w", image, "the file is gone")
        found = toys.catalog.images.get(image)
        assert (found.recipe, found.segment_count, toys.catalog.segments.of_image(image)) == (None, 0, [])


class TestAnotherRecipe:
    def test_only_its_workers_take_the_photos(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X]))
        assert toys.ingest_queue.reanalyze("better:1") == 1
        assert toys.ingest_queue.claim("w", 5) == toys.ingest_queue.claim("w", 5, toys.recipe) == []
        assert (toys.ingest_queue.unfinished(toys.recipe), toys.ingest_queue.unfinished("better:1")) == (0, 1)
        assert [job.image_id for job in toys.ingest_queue.claim("w", 5, "better:1")] == [image]

    def test_new_photos_are_taken_by_any(self, toys: ToyLibrary) -> None:
        image = toys.register()
        assert [job.image_id for job in toys.ingest_queue.claim("w", 5, "better:1")] == [image]

    def test_old_segments_stay_until_the_new_ones_are_there(self, toys: ToyLibrary) -> None:
        image = toys.add(analysis([X, Y]))
        toys.ingest_queue.reanalyze("better:1")
        assert len(toys.catalog.segments.of_image(image)) == toys.catalog.vectors.contents(toys.recipe).segments == 2
        toys.ingest_queue.claim("w", 1, "better:1")
        assert len(toys.catalog.segments.of_image(image)) == 2
        toys.finish(image, analysis([X]), owner="w", recipe="better:1")
        assert len(toys.catalog.segments.of_image(image)) == 1
        assert toys.catalog.images.get(image).recipe == "better:1"
        assert toys.ingest_queue.reanalyze(toys.recipe) == 1, "it can be taken back"

    def test_which_photos(self, toys: ToyLibrary) -> None:
        good, bad = toys.add(analysis([X])), toys.add(analysis([X], quality=[0.1]))
        empty = toys.add(analysis([]))
        pending = toys.register()
        waiting = lambda: [image.id for image in toys.catalog.images.page(state="pending") if image.id != pending]  # noqa: E731
        assert toys.ingest_queue.reanalyze("better:1", state="empty") == 1
        assert waiting() == [empty]
        assert toys.ingest_queue.reanalyze("better:1", max_quality=0.5) == 1
        assert waiting() == [bad, empty]
        assert toys.ingest_queue.reanalyze("better:1", below="file:///elsewhere") == 0
        assert toys.ingest_queue.reanalyze("better:1", below="file:///toys") == 1
        assert waiting() == [good, bad, empty]


class TestTryingAgain:
    def test_failed_photos_are_pending_again(self, toys: ToyLibrary) -> None:
        failed, done = toys.register(), toys.add(analysis([X]))
        toys.ingest_queue.fail("toys", failed, "broken")
        assert toys.ingest_queue.unfinished() == 0
        assert toys.ingest_queue.retry_failed() == 1
        found = toys.catalog.images.get(failed)
        assert (found.state, found.error, found.attempts) == ("pending", None, 0)
        assert state_of(toys, done) == "indexed"
        assert toys.ingest_queue.unfinished() == 1
        assert toys.ingest_queue.retry_failed() == 0

    def test_states(self, toys: ToyLibrary) -> None:
        failed, done = toys.register(), toys.add(analysis([X]))
        toys.ingest_queue.fail("toys", failed, "broken")
        assert toys.ingest_queue.states([failed, done, 99]) == {failed: ("failed", "broken"), done: ("indexed", None)}


class TestLocks:
    """Nobody waits for what is computed: others write meanwhile."""

    def test_others_write_while_a_photo_is_judged(
        self, toys: ToyLibrary, writes: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        judged = []

        def assess(segments: Segments) -> Assessment:
            writes()
            judged.append(len(segments))
            return whole(segments)

        whole = module.assess
        monkeypatch.setattr(module, "assess", assess)
        images = [toys.register(), toys.register()]
        toys.ingest_queue.claim("w", 2)
        found = {
            key: AnalyzedImage(format="PNG", size_hw=(80, 400), taken_at=None, analysis=analysis([X, Y]))
            for key in images
        }
        assert toys.ingest_queue.finish("w", found, "toy:1") == 2
        assert judged == [2, 2]

    def test_others_write_and_judge_while_masks_are_compared(
        self, toys: ToyLibrary, writes: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = toys.add(analysis([X, Y]), recipe="older:1")
        left, right = toys.segment_ids(image)
        judgements = Judgements(toys.sessions)
        number = judgements.begin(SearchRequest(text="dog"), "toy:1")
        judgements.add_round(number, [left], [])
        toys.ingest_queue.reanalyze(toys.recipe)
        toys.ingest_queue.claim("w", 1, toys.recipe)
        compared = []

        def compare(old: Any, new: Any) -> Any:
            writes()
            if not compared:
                judgements.add_round(number, [], [right])
            compared.append(len(old))
            return whole(old, new)

        whole = succession.mask_iou
        monkeypatch.setattr(succession, "mask_iou", compare)
        toys.finish(image, analysis([X, Y]), owner="w")
        assert compared == [1, 2]
        found = judgements.get(number)
        assert (*found.relevant, *found.irrelevant) == tuple(toys.segment_ids(image))
        assert toys.ingest_queue.carried == {"moved": 2}
