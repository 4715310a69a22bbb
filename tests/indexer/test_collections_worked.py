"""Collections on the command line, and the worker that has them in turn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from toys import Ingested, drawing

from indexer import collection_worker
from indexer.collection_worker import CollectionWorker, has_work
from retrieval.assembly import Assembly
from retrieval.catalog.accounts import Accounts
from segsearch.cli import cli

pytestmark = pytest.mark.slow

Run = Callable[..., Result]


@pytest.fixture
def run(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an installation with six photos."""
    settings = ingested.assembly.settings
    monkeypatch.setattr("retrieval.settings.Settings.from_env", lambda _: settings)

    def run(*arguments: str, asks: str | None = None) -> Result:
        return CliRunner().invoke(cli, arguments, input=asks)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three drawings."""
    folder = tmp_path / "three"
    folder.mkdir()
    for seed in (70, 71, 72):
        drawing(seed).save(folder / f"{seed}.png")
    return folder


def register(assembly: Assembly, folder: Path) -> None:
    """Register what is in a folder, as a server does with uploads."""
    from indexer.report import Tally
    from indexer.scan import register_files

    register_files(assembly, [folder], Tally())


class TestCommands:
    def test_a_collection_from_making_to_erasing(self, run: Run, photos: Path, ingested: Ingested) -> None:
        assert "there are no collections; make one with" in run("collections", "list").output
        assert "made collection Rome, number 1" in run("collections", "add", "Rome").output
        report = json.loads(run("--collection", "rome", "ingest", str(photos), "--json").output)
        assert report["indexed"] == 3
        assert "Rome" in run("collections", "list").output
        assert " 3 " in run("collections", "list").output
        assert len(ingested.assembly.catalog.images.page()) == 6
        assert "it is now called Roma" in run("collections", "rename", "1", "Roma").output
        assert "Roma is in the trash for 30 days" in run("collections", "delete", "Roma").output
        assert "Roma" in run("collections", "list", "--deleted").output
        assert "restored Roma" in run("collections", "restore", "1").output
        refused = run("collections", "delete", "Roma", "--now", asks="n\n")
        assert refused.exit_code == 1
        folder = ingested.assembly.settings.collection_dir(1)
        assert folder.exists()
        assert "deleted Roma for good" in run("collections", "delete", "Roma", "--now", "--yes").output
        assert not folder.exists()
        assert all(path.exists() for path in photos.iterdir())

    def test_sharing(self, run: Run, ingested: Ingested) -> None:
        accounts: Accounts = ingested.assembly.accounts
        accounts.add("anna", "admin", "-")
        accounts.add("ben", "viewer", "-")
        assert "say whose it is: --owner USER" in run("collections", "add", "Rome").output
        run("collections", "add", "Rome", "--owner", "anna")
        assert (
            "Rome is shared with ben as editor" in run("collections", "share", "Rome", "ben", "--role", "editor").output
        )
        assert "ben (editor)" in " ".join(run("collections", "list").output.split())
        assert "Rome is not shared with ben" in run("collections", "unshare", "Rome", "ben").output
        assert "Rome is now ben's" in run("collections", "give", "Rome", "ben").output

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--collection", "Oslo", "status"), "there is no collection 'Oslo': list them with"),
            (("--collection", "Rome", "serve"), "serve is for the whole installation: leave out --collection"),
            (("collections", "add", " "), "the name of a collection must have 1 to 64 printable characters"),
            (("collections", "add", "x" * 65), "the name of a collection must have 1 to 64 printable characters"),
            (("collections", "add", "ROME"), "there is already a collection 'ROME'"),
            (("collections", "add", "Oslo", "--recipe", "nothing"), "nothing"),
            (("collections", "share", "Rome", "ben"), "this collection has no owner, so it cannot be shared"),
            (("collections", "restore", "1"), "there is no such collection"),
            (("collections", "add", "7"), "must not be a number, which stands for another one"),
            (("--collection", "Rome", "worker", "--workers", "2"), "--workers is for the whole installation"),
        ],
    )
    def test_what_cannot_be(self, run: Run, ingested: Ingested, arguments: tuple[str, ...], words: str) -> None:
        run("collections", "add", "Rome")
        if "ben" in arguments:
            ingested.assembly.accounts.add("ben", "admin", "-")
        result = run(*arguments)
        assert result.exit_code != 0
        assert words in result.output + str(result.exception)

    def test_migrate_reaches_them(self, run: Run) -> None:
        run("collections", "add", "Rome")
        assert "the catalogue of collection Rome has schema" in run("migrate").output


class TestWorker:
    @pytest.fixture
    def worker(self, ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> Iterator[CollectionWorker]:
        """A worker that looks often."""
        monkeypatch.setattr(collection_worker, "LOOK_SECONDS", 0.05)
        found = CollectionWorker(ingested.assembly)
        yield found
        found.stop()
        if found.is_alive():
            found.join(60)

    def test_collections_have_their_turn(self, ingested: Ingested, photos: Path, worker: CollectionWorker) -> None:
        repository = ingested.assembly.collections
        inside = [ingested.assembly.of_collection(repository.add(name, None)) for name in ("Rome", "Paris")]
        worker.start()
        for each in inside:
            register(each, photos)
        wait_until(lambda: all(each.catalog.images.counts()["indexed"] == 3 for each in inside))
        wait_until(lambda: not any(has_work(each) for each in inside))
        for each in inside:
            each.close()

    def test_one_that_fails_does_not_hold_up_the_others(
        self, ingested: Ingested, photos: Path, worker: CollectionWorker, caplog: pytest.LogCaptureFixture
    ) -> None:
        repository = ingested.assembly.collections
        broken = repository.add("A", None, "nothing")
        good = ingested.assembly.of_collection(repository.add("B", None))
        register(good, photos)
        worker.start()
        wait_until(lambda: good.catalog.images.counts()["indexed"] == 3)
        assert f"working in collection {broken.id} failed" in caplog.text
        good.close()

    def test_paused_collections_wait(self, ingested: Ingested, photos: Path) -> None:
        with closing(ingested.assembly.of_collection(ingested.assembly.collections.add("Rome", None))) as inside:
            register(inside, photos)
            assert has_work(inside)
            inside.ingest_queue.pause()
            assert not has_work(inside)

    def test_networks_are_loaded_once(self, ingested: Ingested) -> None:
        with closing(ingested.assembly.of_collection(ingested.assembly.collections.add("Rome", None))) as inside:
            assert inside.bulk_recipe is ingested.assembly.bulk_recipe


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that a worker does."""
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)
