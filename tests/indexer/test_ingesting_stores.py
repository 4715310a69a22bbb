"""Photos of object stores and web servers become photos of the catalogue, and are told from changed and missing ones."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from databases import Files, Server
from remote_stores import Bucket, WebFiles
from toys import Ingested, Pictures, close

from indexer import watch
from indexer.commands.ingest import ingest as command
from indexer.put_aside import PutAside
from indexer.report import IngestReport, Tally
from indexer.scan_stores import register_objects
from indexer.sidecars import read_sidecars, write_sidecars
from indexer.worker import Worker, ingest
from retrieval.assembly import Assembly
from retrieval.catalog.records import View
from retrieval.errors import StoreUnavailableError
from retrieval.settings import Settings
from retrieval.storage import stores
from retrieval.storage.stores import ObjectStores

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def filled(bucket: Bucket, pictures: Pictures) -> Bucket:
    """Three photos, one of them twice, and other things."""
    for number, key in enumerate(("a.png", "trip/b c.png", "trip/ü #1.png")):
        bucket.put(key, pictures(f"{number}.png", seed=number).read_bytes())
    bucket.put("again/a.png", pictures("0.png", seed=0).read_bytes())
    bucket.put("notes.txt", b"text")
    bucket.put("raw", b"neither")
    return bucket


def run(assembly: Assembly, *uris: str, **options: Any) -> IngestReport:
    return ingest(assembly, Worker(assembly), [], Tally(), uris=uris, **options)


def counts(report: IngestReport) -> dict[str, int]:
    return {key: count for key, count in report.counts.items() if count}


def downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the URI of each object that is downloaded."""
    asked, download = list[str](), ObjectStores.download

    def noting(self: ObjectStores, uri: str, *given: Any, **options: Any) -> Any:
        asked.append(uri)
        return download(self, uri, *given, **options)

    monkeypatch.setattr(ObjectStores, "download", noting)
    return asked


def places(assembly: Assembly) -> dict[str, bool]:
    """Where photos are, and whether they are missing there."""
    photos = assembly.catalog.timeline.page(View(), skip=0, limit=100)
    return {each.displayed: each.missing_since is not None for photo in photos for each in photo.locations}


def test_a_bucket(assembly: Assembly, filled: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    assert counts(run(assembly, filled.uri)) == {"indexed": 3, "duplicate": 1, "skipped": 2}
    assert places(assembly) == {
        f"{filled.uri}/{key}": False for key in ("a.png", "again/a.png", "trip/b c.png", "trip/ü #1.png")
    }
    asked = downloads(monkeypatch)
    assert counts(run(assembly, filled.uri)) == {"unchanged": 4, "skipped": 2}
    assert asked == [f"{filled.uri}/raw"]


def test_the_same_photos_as_files_have(
    ingested: Ingested, bucket: Bucket, databases: Files | Server, tmp_path: Path
) -> None:
    """Segments and vectors of both are equal, bit for bit."""
    for path in ingested.paths:
        bucket.put(path.name, path.read_bytes())
    (tmp_path / "other").mkdir()
    databases.blank(tmp_path / "other")
    other = Assembly(Settings.in_data_dir(tmp_path / "other", device="cpu", recipe="grid"))
    assert counts(run(other, bucket.uri)) == {"indexed": len(ingested.paths)}

    def found(of: Assembly) -> dict[str, Any]:
        photos = of.catalog.timeline.page(View(), skip=0, limit=100)
        segments = {photo.sha256: of.catalog.segments.of_image(photo.id) for photo in photos}
        return {
            digest: [(each.box_xyxy, each.mask_counts, vector.tobytes()) for each, vector in zip(some, vectors, strict=True)]
            for digest, some in segments.items()
            for vectors in [of.catalog.vectors.of_segments([each.id for each in some]).vectors]
        }  # fmt: skip

    assert found(other) == found(ingested.assembly)
    close(other)


def test_changed_and_deleted_objects(
    assembly: Assembly, filled: Bucket, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(assembly, filled.uri)
    filled.put("a.png", pictures("new.png", seed=9).read_bytes())
    filled.delete("trip/b c.png")
    filled.put("trip/d.png", pictures("2.png", seed=2).read_bytes())
    asked = downloads(monkeypatch)
    assert counts(run(assembly, filled.uri)) == {"indexed": 1, "duplicate": 1, "unchanged": 2, "skipped": 2}
    assert sorted(asked) == [f"{filled.uri}/{key}" for key in ("a.png", "raw", "trip/d.png")]
    assert {place for place, missing in places(assembly).items() if missing} == {f"{filled.uri}/trip/b c.png"}
    filled.put("trip/b c.png", pictures("1.png", seed=1).read_bytes())
    run(assembly, f"{filled.uri}/trip")
    assert not any(places(assembly).values())


def test_only_what_is_below_the_prefix_can_be_missing(assembly: Assembly, filled: Bucket) -> None:
    run(assembly, filled.uri)
    for key in ("a.png", "trip/b c.png"):
        filled.delete(key)
    run(assembly, f"{filled.uri}/trip")
    assert {place for place, missing in places(assembly).items() if missing} == {f"{filled.uri}/trip/b c.png"}


def test_deleted_photos_stay_deleted(assembly: Assembly, filled: Bucket) -> None:
    run(assembly, filled.uri)
    (photo,) = [
        each for each in assembly.catalog.timeline.page(View(), skip=0, limit=9) if each.displayed.endswith("c.png")
    ]
    assembly.trash.put([photo.id])
    assembly.trash.empty()
    assert not assembly.settings.copy(photo.sha256).exists()
    assert counts(run(assembly, filled.uri))["deleted"] == 1
    assert counts(run(assembly, f"{filled.uri}/trip/b c.png".replace(" ", "%20"))) == {"indexed": 1}


def test_broken_and_empty_objects_fail_once(
    assembly: Assembly, bucket: Bucket, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("torn.png", pictures("a.png").read_bytes()[:200])
    bucket.put("empty.jpg", b"")
    report = run(assembly, bucket.uri)
    assert {each.path: each.reason.partition(":")[0] for each in report.failures} == {
        f"{bucket.uri}/torn.png": "truncated",
        f"{bucket.uri}/empty.jpg": "the file is empty (0 bytes); copy it again from where it came from",
    }
    asked = downloads(monkeypatch)
    run(assembly, bucket.uri)
    assert asked == []


def test_a_web_server(assembly: Assembly, web: WebFiles, pictures: Pictures) -> None:
    web.files["/a.png"] = pictures("a.png", seed=1).read_bytes()
    report = run(assembly, f"{web.url}/a.png", f"{web.url}/none.png")
    assert counts(report) == {"indexed": 1, "failed": 1}
    assert report.failures[0].path == f"{web.url}/none.png"
    assert "there is nothing" in report.failures[0].reason
    assert counts(run(assembly, f"{web.url}/a.png")) == {"unchanged": 1}
    assert web.methods("/a.png").count("GET") == 1
    del web.files["/a.png"]
    run(assembly, f"{web.url}/a.png")
    assert places(assembly) == {f"{web.url}/a.png": True}


class TestFaults:
    def test_a_store_that_cannot_be_listed_loses_no_photo(
        self, assembly: Assembly, filled: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(assembly, filled.uri)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        assembly.originals.stores = ObjectStores()
        report = run(assembly, filled.uri)
        assert counts(report) == {"failed": 1}
        assert "cannot be reached" in report.failures[0].reason
        assert not any(places(assembly).values())

    def test_a_listing_that_breaks_off_loses_no_photo(
        self, assembly: Assembly, filled: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(assembly, filled.uri)
        below = ObjectStores.below

        def breaking(self: ObjectStores, uri: str) -> Any:
            yield next(iter(below(self, uri)))
            raise StoreUnavailableError(f"{uri}: gone")

        monkeypatch.setattr(ObjectStores, "below", breaking)
        assert counts(run(assembly, filled.uri)) == {"unchanged": 1, "failed": 1}
        assert not any(places(assembly).values())

    def test_a_download_that_fails_is_made_up_by_the_next_run(
        self, assembly: Assembly, web: WebFiles, pictures: Pictures
    ) -> None:
        web.files["/a.png"] = pictures("a.png", seed=1).read_bytes()
        web.cut.add("/a.png")
        assert counts(run(assembly, f"{web.url}/a.png")) == {"failed": 1}
        web.cut.clear()
        assembly.originals.stores = ObjectStores()
        assert counts(run(assembly, f"{web.url}/a.png")) == {"indexed": 1}

    def test_a_photo_whose_store_is_gone_before_it_is_decoded_waits(
        self, assembly: Assembly, filled: Bucket, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not failed, and other photos go on."""
        tally = Tally()
        register_objects(assembly, [filled.uri], tally)
        for copy in assembly.settings.copies_dir.glob("*/*"):
            copy.unlink()
        there = pictures("there.png", seed=5)
        with monkeypatch.context() as gone:
            gone.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            assembly.originals.stores = ObjectStores()
            report = ingest(assembly, Worker(assembly), [there], tally)
        assembly.originals.stores = ObjectStores()
        assert counts(report) == {"indexed": 1, "waiting": 3, "duplicate": 1, "skipped": 2}
        assert assembly.ingest_queue.unfinished() == 3
        assert counts(run(assembly, filled.uri))["indexed"] == 3

    def test_photos_that_were_put_aside_are_tried_again(
        self, assembly: Assembly, filled: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register_objects(assembly, [filled.uri], Tally())
        monkeypatch.setattr("indexer.put_aside.ASIDE_SECONDS", 0)
        (job, *_), aside = assembly.ingest_queue.claim("w", 3), PutAside(assembly.ingest_queue, "w")
        aside.add(job, StoreUnavailableError("gone"))
        assert (len(aside), assembly.ingest_queue.claim("w", 3)) == (1, [])
        aside.give_back()
        (again,) = assembly.ingest_queue.claim("w", 3)
        assert (len(aside), again.image_id, again.attempts) == (0, job.image_id, 1)

    def test_no_bucket_is_a_failure_and_loses_nothing(self, assembly: Assembly, filled: Bucket) -> None:
        run(assembly, filled.uri)
        filled.drop()
        report = run(assembly, filled.uri)
        assert "there is no such bucket" in report.failures[0].reason
        assert not any(places(assembly).values())

    def test_an_object_that_changes_after_it_was_listed_is_what_was_read(
        self, assembly: Assembly, filled: Bucket, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        below = ObjectStores.below

        def changing(self: ObjectStores, uri: str) -> Any:
            listed = list(below(self, uri))
            filled.put("a.png", pictures("new.png", seed=9).read_bytes())
            filled.delete("trip/b c.png")
            return iter(listed)

        monkeypatch.setattr(ObjectStores, "below", changing)
        report = run(assembly, filled.uri)
        assert counts(report) == {"indexed": 3, "failed": 1, "skipped": 2}
        assert [(each.path, each.reason) for each in report.failures] == [
            (f"{filled.uri}/trip/b c.png", "there is no such object")
        ]
        monkeypatch.undo()
        monkeypatch.setenv("AWS_ENDPOINT_URL", filled.url)


class TestCopies:
    def test_no_more_than_fits(self, assembly: Assembly, filled: Bucket) -> None:
        object.__setattr__(assembly.settings, "cache", 0)
        assert counts(run(assembly, filled.uri))["indexed"] == 3
        assert list(assembly.settings.copies_dir.rglob("*.*")) == []
        assert [path for path in assembly.settings.copies_dir.rglob("*") if path.is_file()] == []

    def test_a_copy_is_the_photo_even_without_the_store(
        self, assembly: Assembly, filled: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(assembly, filled.uri)
        photo = assembly.catalog.timeline.page(View(), skip=0, limit=1)[0]
        asked = downloads(monkeypatch)
        with assembly.originals.open(photo.locations[0].uri, photo.sha256) as stream:  # type: ignore[union-attr]
            assert len(stream.read()) == photo.locations[0].size
        assert asked == []


class TestCommand:
    def run(self, assembly: Assembly, *given: str) -> Any:
        return CliRunner().invoke(command, [*given], obj=assembly.settings)

    def test_places_and_a_list(self, assembly: Assembly, filled: Bucket, pictures: Pictures, tmp_path: Path) -> None:
        listed = tmp_path / "list.txt"
        listed.write_text(f"{filled.uri}/trip\n\n{pictures('file.png', seed=7)}\n")
        done = self.run(assembly, "--json", "--list", str(listed), pictures("other.png", seed=8).as_uri())
        assert json.loads(done.stdout)["indexed"] == 4
        assert f"{filled.uri}/trip/b c.png" in places(assembly)

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            (["s3://me:s3cret@photos"], "user name or password"),
            (["ftp://host/a.jpg"], "is not known"),
            (["file:///nowhere/at/all"], "does not exist"),
            ([], "name what to ingest"),
            (["--sidecars", "s3://photos"], "leave it out"),
        ],
    )
    def test_what_cannot_be_ingested_says_why(self, assembly: Assembly, given: list[str], told: str) -> None:
        done = self.run(assembly, *given)
        assert done.exit_code == 2
        assert told in done.output.replace("\n", " ")
        assert "s3cret" not in done.output


def test_a_watched_bucket(
    assembly: Assembly, filled: Bucket, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STORE_SECONDS", 0.2)
    made, done = Worker(assembly), threading.Event()
    thread = threading.Thread(target=watch.ingest_and_watch, args=(assembly, made, [], [filled.uri]))
    thread.start()

    def until(count: int) -> None:
        for _ in range(600):
            if assembly.catalog.images.counts().get("indexed", 0) == count:
                return
            done.wait(0.1)
        pytest.fail(f"there are {assembly.catalog.images.counts()}")

    try:
        until(3)
        filled.put("late.png", pictures("late.png", seed=11).read_bytes())
        until(4)
    finally:
        made.stop()
        thread.join()


def test_there_are_no_sidecars_in_a_store(assembly: Assembly, filled: Bucket) -> None:
    run(assembly, filled.uri)
    photos = assembly.catalog.timeline.page(View(), skip=0, limit=9)
    assembly.tags.change([each.id for each in photos], add=["holiday"])
    for report in (write_sidecars(assembly), read_sidecars(assembly)):
        assert (report.counts, report.failures) == ({"in a store": 3}, [])
    assert {each["Key"] for each in filled.client.list_objects_v2(Bucket=filled.name)["Contents"]} == {
        "a.png", "again/a.png", "notes.txt", "raw", "trip/b c.png", "trip/ü #1.png",
    }  # fmt: skip
