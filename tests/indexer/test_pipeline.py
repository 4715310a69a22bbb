"""The line on which photos enter, with recipes that misbehave."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from toys import Pictures

from indexer import pipeline
from indexer.pipeline import Pipeline
from indexer.report import Tally
from indexer.scan import register_files
from indexer.videos import VideoIntake
from retrieval.analysis.batch import extract_batch
from retrieval.assembly import Assembly
from retrieval.errors import OutOfDeviceMemoryError
from retrieval.images.decode import DecodedImage, decode
from retrieval.images.decoder_pool import DecoderPool
from retrieval.recipes.grid import GridRecipe
from retrieval.storage import file_names
from retrieval.types import Analysis, RgbImage, Segments


@dataclass
class FakeRecipe:
    """The `grid` recipe on a device that holds few photos, with calls that can be made to fail."""

    batch_size: int = 1
    concurrency: int = 1
    room: int = 1000
    extracting: Callable[[int], None] = lambda _: None
    segmenting: Callable[[], None] = lambda: None
    sizes: list[int] = field(default_factory=list)
    grid: GridRecipe = field(default_factory=GridRecipe)

    @property
    def space(self) -> str:
        return self.fingerprint

    @property
    def fingerprint(self) -> str:
        """That of the real one."""
        return self.grid.fingerprint

    def extract(self, images: Sequence[RgbImage]) -> Sequence[None]:
        """Note how many came at once."""
        if len(images) > self.room:
            raise OutOfDeviceMemoryError(f"{len(images)} images do not fit")
        self.sizes.append(len(images))
        self.extracting(len(self.sizes))
        return self.grid.extract(images)

    def segment(self, image: RgbImage, features: None) -> Segments:
        """As the real one."""
        self.segmenting()
        return self.grid.segment(image, features)

    def embed(self, image: RgbImage, features: None, segments: Segments) -> Analysis:
        """As the real one."""
        return self.grid.embed(image, features, segments)


@pytest.fixture
def line(assembly: Assembly, pictures: Pictures) -> Callable[..., Pipeline]:
    """Makes a line over twelve pending photos."""
    pictures.many(12)
    register_files(assembly, [pictures.folder], Tally())

    def make(recipe: Any, **options: Any) -> Pipeline:
        return Pipeline(
            assembly.ingest_queue,
            recipe,
            assembly.files,
            assembly.originals,
            assembly.storage,
            "test",
            VideoIntake.of(assembly),
            decoders=1,
            **options,
        )

    return make


def states(assembly: Assembly) -> dict[str, int]:
    return {state: count for state, count in assembly.catalog.images.counts().items() if count}


def raises(error: Exception, after: int = 0) -> Callable[..., None]:
    """Something that fails once it was called more than so many times."""
    calls: list[int] = []

    def fail(*_: object) -> None:
        calls.append(1)
        if len(calls) > after:
            raise error

    return fail


@pytest.mark.parametrize(("batch_size", "concurrency"), [(1, 1), (4, 1), (1, 3), (5, 2)])
def test_everything_is_entered_once(
    assembly: Assembly, line: Callable[..., Pipeline], batch_size: int, concurrency: int
) -> None:
    done: list[int] = []
    recipe = FakeRecipe(batch_size, concurrency)
    assert line(recipe, on_done=lambda: done.append(1)).run() == 12
    assert states(assembly) == {"indexed": 12}
    assert len(done) == sum(recipe.sizes) == 12
    assert max(recipe.sizes) <= batch_size
    assert assembly.catalog.vectors.contents(recipe.fingerprint).segments == 12 * 25


def test_nothing_to_do(assembly: Assembly, line: Callable[..., Pipeline]) -> None:
    line(FakeRecipe()).run()
    recipe = FakeRecipe()
    assert line(recipe).run() == 0
    assert recipe.sizes == []


def test_it_waits_for_what_is_still_to_come(
    assembly: Assembly, line: Callable[..., Pipeline], pictures: Pictures
) -> None:
    asked: list[int] = []

    def is_complete() -> bool:
        asked.append(1)
        if len(asked) == 3:
            pictures("late.png")
            register_files(assembly, [pictures.folder], Tally())
        return len(asked) > 3

    assert line(FakeRecipe()).run(is_complete) == 13


def test_it_looks_at_once_for_what_is_said_to_be_there(
    assembly: Assembly, line: Callable[..., Pipeline], pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being told it would wait for its next look."""
    made, completed = line(FakeRecipe()), threading.Event()
    monkeypatch.setattr(pipeline, "LOOK_SECONDS", 600)
    run = threading.Thread(target=made.run, args=(completed.is_set,))
    run.start()
    while states(assembly) != {"indexed": 12}:
        made.look()  # the photos were pending before
    pictures("late.png")
    register_files(assembly, [pictures.folder], Tally(), on_registered=made.look)
    while states(assembly) != {"indexed": 13}:
        assert run.is_alive()
    completed.set()
    made.look()
    run.join(60)
    assert not run.is_alive()


def test_a_batch_that_does_not_fit_the_device_is_halved(assembly: Assembly, line: Callable[..., Pipeline]) -> None:
    recipe = FakeRecipe(batch_size=8, room=2)
    line(recipe).run()
    assert states(assembly) == {"indexed": 12}
    assert max(recipe.sizes) <= 2


def test_halves_keep_their_order(line: Callable[..., Pipeline]) -> None:
    class Echo(FakeRecipe):
        def extract(self, images: Sequence[Any]) -> Sequence[Any]:
            super().extract(images)
            return list(images)

    pipeline = line(Echo(batch_size=8, room=3))
    assert extract_batch(pipeline.recipe, list("abcdefghijk")) == list("abcdefghijk")


def test_a_photo_that_does_not_fit_alone_stops_the_line(assembly: Assembly, line: Callable[..., Pipeline]) -> None:
    with pytest.raises(OutOfDeviceMemoryError, match="1 images do not fit"):
        line(FakeRecipe(batch_size=4, room=0)).run()
    assert states(assembly) == {"pending": 12}


@pytest.mark.parametrize("stage", ["extracting", "segmenting", "finish", "fail", "claim"])
@pytest.mark.parametrize("after", [0, 4])
def test_a_stage_that_raises_stops_the_line_and_gives_everything_back(
    assembly: Assembly,
    line: Callable[..., Pipeline],
    pictures: Pictures,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    after: int,
) -> None:
    fault = RuntimeError(f"{stage} is broken")
    recipe = FakeRecipe(batch_size=2)
    pipeline = line(recipe)
    if stage in ("extracting", "segmenting"):
        setattr(recipe, stage, raises(fault, after))
    elif stage == "fail":
        for path in sorted(pictures.folder.iterdir())[after:]:
            path.unlink()
        monkeypatch.setattr(pipeline.ingest_queue, stage, raises(fault))
    else:
        monkeypatch.setattr(pipeline.ingest_queue, stage, raises(fault, after=0))
    with pytest.raises(RuntimeError, match=f"{stage} is broken"):
        pipeline.run()
    found = assembly.catalog.images.counts()
    assert found["working"] == found["failed"] == 0
    assert found["pending"] + found["indexed"] == 12
    assert {image.attempts for image in assembly.catalog.images.page(state="pending")} <= {0}
    assert [thread.name for thread in threading.enumerate() if thread.name in ("_network", "_write")] == []


def test_it_can_be_run_again_after_an_error(assembly: Assembly, line: Callable[..., Pipeline]) -> None:
    with pytest.raises(RuntimeError):
        line(FakeRecipe(segmenting=raises(RuntimeError("once"), after=3))).run()
    line(FakeRecipe()).run()
    assert states(assembly) == {"indexed": 12}
    assert assembly.catalog.vectors.contents(GridRecipe().fingerprint).segments == 12 * 25


def test_what_a_killed_worker_was_writing_is_removed(assembly: Assembly, line: Callable[..., Pipeline]) -> None:
    (claimed,) = assembly.ingest_queue.claim("killed", 1)
    with assembly.ingest_queue._sessions.begin() as session:
        session.execute(text("UPDATE image SET lease_until = '2000-01-01 00:00:00' WHERE state = 'working'"))
    preview = assembly.settings.files_dir / file_names.preview(claimed.sha256)
    preview.parent.mkdir(parents=True)
    left = preview.with_name(f".{preview.name}.0123abcd.partial")
    other = preview.with_name(f".x{preview.name}.0123abcd.partial")
    left.touch()
    other.touch()
    line(FakeRecipe()).run()
    assert states(assembly) == {"indexed": 12}
    assert preview.is_file()
    assert not left.exists()
    assert other.exists(), "of another photo, which may be written just now"


def test_a_bad_picture_does_not_stop_it(assembly: Assembly, line: Callable[..., Pipeline], pictures: Pictures) -> None:
    for path in sorted(pictures.folder.iterdir())[::3]:
        path.write_bytes(path.read_bytes()[:40])
    assert line(FakeRecipe()).run() == 12
    assert states(assembly) == {"indexed": 8, "failed": 4}
    for image in assembly.catalog.images.page(state="failed"):
        assert image.error
        assert str(pictures.folder) not in image.error, "the path is known from the row"


def test_stopping_finishes_what_is_on_the_line(assembly: Assembly, line: Callable[..., Pipeline]) -> None:
    recipe = FakeRecipe()
    pipeline = line(recipe)
    recipe.extracting = lambda call: pipeline.stop() if call == 3 else None
    done = pipeline.run(lambda: False)
    found = assembly.catalog.images.counts()
    assert found["working"] == 0
    assert found["indexed"] == done == sum(recipe.sizes)
    assert found["indexed"] + found["pending"] == 12
    assert {image.attempts for image in assembly.catalog.images.page(state="pending")} <= {0}


def test_what_another_worker_took_over_is_not_written(assembly: Assembly, line: Callable[..., Pipeline]) -> None:
    def steal(call: int) -> None:
        if call == 1:
            with assembly._sessions.begin() as session:
                session.execute(text("UPDATE image SET lease_owner = 'thief' WHERE id = 1"))

    left: list[int] = []

    def count() -> None:
        left.append(1)
        if len(left) == 12:
            pipeline.stop()  # it would wait for the thief

    pipeline = line(FakeRecipe(extracting=steal), on_done=count)
    pipeline.run()
    assert assembly.catalog.images.get(1).state == "working"
    assert assembly.catalog.segments.of_image(1) == []
    assert assembly.catalog.images.counts()["indexed"] == 11


class TestExchangedFiles:
    """Who can write to a folder that is entered cannot have another file shown, whenever he exchanges them."""

    def exchange(self, path: Path, secret: Path) -> None:
        """A link to another picture, of equal size and time."""
        status = path.stat()
        secret.write_bytes(secret.read_bytes().ljust(status.st_size, b"\0")[: status.st_size])
        os.utime(secret, ns=(status.st_mtime_ns, status.st_mtime_ns))
        path.unlink()
        path.symlink_to(secret)

    @pytest.fixture
    def photo(self, pictures: Pictures) -> Path:
        return pictures("a.png", seed=1)

    @pytest.fixture
    def secret(self, pictures: Pictures) -> Path:
        return pictures("private/secret.png", seed=2)

    def renditions(self, assembly: Assembly) -> list[Path]:
        return list(assembly.settings.renditions_dir.rglob("*.jpg"))

    def test_after_registering(self, assembly: Assembly, photo: Path, secret: Path) -> None:
        register_files(assembly, [photo], Tally())
        self.exchange(photo, secret)
        Pipeline(
            assembly.ingest_queue,
            GridRecipe(),
            assembly.files,
            assembly.originals,
            assembly.storage,
            "w",
            VideoIntake.of(assembly),
        ).run()
        (image,) = assembly.catalog.images.page()
        assert (image.state, image.error) == ("failed", "the file has changed since it was registered: ingest it again")
        assert self.renditions(assembly) == []

    @pytest.mark.parametrize("how", ["link", "in place"])
    def test_when_it_is_about_to_be_decoded(
        self, assembly: Assembly, photo: Path, secret: Path, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        register_files(assembly, [photo], Tally())
        submit, own = DecoderPool.submit, decode(photo, long_side=64).rgb

        def exchanging(pool: DecoderPool, path: Path, **wanted: Any) -> Future[DecodedImage]:
            if how == "link":
                self.exchange(photo, secret)
            else:
                photo.write_bytes(secret.read_bytes())
            return submit(pool, path, **wanted)

        monkeypatch.setattr(DecoderPool, "submit", exchanging)
        Pipeline(
            assembly.ingest_queue,
            GridRecipe(),
            assembly.files,
            assembly.originals,
            assembly.storage,
            "w",
            VideoIntake.of(assembly),
        ).run()
        (image,) = assembly.catalog.images.page()
        assert image.state == ("indexed" if how == "link" else "failed")
        assert len(self.renditions(assembly)) == (2 if how == "link" else 0)
        if how == "link":
            shown = decode(assembly.settings.files_dir / file_names.preview(image.sha256), long_side=64).rgb
            assert np.abs(shown.astype(int) - own).mean() < 5

    def test_another_place_of_the_photo_will_do(self, assembly: Assembly, pictures: Pictures, photo: Path) -> None:
        register_files(assembly, [photo, pictures("b.png", seed=1)], Tally())
        photo.write_bytes(pictures("c.png", seed=3).read_bytes())
        Pipeline(
            assembly.ingest_queue,
            GridRecipe(),
            assembly.files,
            assembly.originals,
            assembly.storage,
            "w",
            VideoIntake.of(assembly),
        ).run()
        assert states(assembly) == {"indexed": 1}

    def test_no_file_stays_open(self, assembly: Assembly, pictures: Pictures) -> None:
        paths = pictures.many(20)
        register_files(assembly, [pictures.folder], Tally())
        paths[3].write_bytes(paths[3].read_bytes()[:40])
        Pipeline(
            assembly.ingest_queue,
            GridRecipe(),
            assembly.files,
            assembly.originals,
            assembly.storage,
            "w",
            VideoIntake.of(assembly),
        ).run()
        opened = [os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")]
        assert not [path for path in opened if path.startswith(str(pictures.folder))]
