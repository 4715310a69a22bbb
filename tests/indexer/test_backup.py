"""Backups: made while the data directory is in use, brought up to date, and restored elsewhere."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from io import BufferedReader
from pathlib import Path

import pytest
from click.testing import CliRunner
from databases import Server
from filelock import FileLock
from toys import Ingested, close, drawing

from indexer import backup as room
from indexer.backup import Copied, back_up, restore
from indexer.commands.maintenance import backup, restore_backup
from indexer.verify import verify
from indexer.worker import ingest_paths
from retrieval.assembly import Assembly
from retrieval.catalog import copy_catalogue, copy_database
from retrieval.errors import ConfigurationError
from retrieval.settings import Settings
from retrieval.storage import file_names

pytestmark = pytest.mark.slow


def upload(assembly: Assembly, seed: int) -> str:
    """Upload a drawn photo; returns its digest."""
    folder = assembly.settings.uploads_dir
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".upload-{seed}"
    drawing(seed).save(partial, "PNG")
    digest = hashlib.sha256(partial.read_bytes()).hexdigest()
    assembly.own_files.enter_upload(partial, digest, "png")
    return digest


@pytest.fixture
def used(ingested: Ingested, tmp_path: Path) -> Assembly:
    """An installation of six photos of a folder and two uploads."""
    for seed in (50, 51):
        upload(ingested.assembly, seed)
    (tmp_path / "none").mkdir()
    ingest_paths(ingested.assembly, [tmp_path / "none"])
    return ingested.assembly


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Assembly]:
    """Where backups are restored."""
    assembly = Assembly(Settings.in_data_dir(tmp_path / "an other place" / "home", recipe="grid"))
    yield assembly
    close(assembly)


def test_there_and_back(used: Assembly, restored: Assembly, tmp_path: Path) -> None:
    made, copied = back_up(used, tmp_path / "backup")
    assert (made.photos, made.elsewhere, made.lost) == (8, 6, 0)
    assert copied.files == 2 + 8 * 2 + 1
    assert restore(restored.settings, tmp_path / "backup") == made
    assert verify(restored) == []
    assert restored.catalog.images.counts() == used.catalog.images.counts()
    before, after = (each.catalog.images.page() for each in (used, restored))
    assert [photo.sha256 for photo in after] == [photo.sha256 for photo in before]
    for one, other in zip(before, after, strict=True):
        assert one.path is not None
        assert other.path is not None
        assert other.path.read_bytes() == one.path.read_bytes()
        is_upload = one.path.is_relative_to(used.settings.uploads_dir)
        assert other.path.is_relative_to(restored.settings.uploads_dir) == is_upload
        assert (restored.settings.files_dir / file_names.thumbnail(one.sha256)).is_file()
    digest = upload(restored, 52)
    assert (restored.settings.uploads_dir / digest[:2] / f"{digest}.png").is_file()


def test_only_what_is_new_is_copied_again(used: Assembly, tmp_path: Path) -> None:
    back_up(used, tmp_path / "backup")
    assert back_up(used, tmp_path / "backup")[1].files == 1
    digest = upload(used, 60)
    assert back_up(used, tmp_path / "backup")[1].files == 2
    kept = tmp_path / "backup" / "uploads" / digest[:2] / f"{digest}.png"
    assert kept.is_file()
    (photo,) = [each for each in used.catalog.images.page() if each.sha256 == digest]
    used.catalog.images.delete(photo.id)
    used.own_files.remove_photo(digest, [place.uri for place in photo.locations])
    back_up(used, tmp_path / "backup")
    assert not kept.exists()


def test_while_others_write(used: Assembly, restored: Assembly, tmp_path: Path) -> None:
    ended, uploaded, failed = threading.Event(), list[str](), list[BaseException]()

    def write(first: int) -> None:
        try:
            for seed in range(first, first + 1000):
                if ended.is_set():
                    return
                digest = upload(used, seed)
                uploaded.append(digest)
                if seed % 3 == 0:
                    photo = used.catalog.images.of_digest(digest)
                    assert photo is not None
                    used.catalog.images.delete(photo.id)
                    used.own_files.remove_photo(digest, [place.uri for place in photo.locations])
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(10_000 * number,)) for number in range(1, 9)]
    for writer in writers:
        writer.start()
    try:
        while len(uploaded) < 16 and not failed:
            time.sleep(0.01)
        made = [back_up(used, tmp_path / "backup")[0] for _ in range(3)][-1]
    finally:
        ended.set()
        for writer in writers:
            writer.join()
    assert failed == []
    assert made.lost == 0
    restore(restored.settings, tmp_path / "backup")
    photos = [photo for photo in restored.catalog.images.page(limit=10_000) if photo.path]
    assert len(photos) == made.photos > 8
    for photo in photos:
        assert photo.path is not None
        assert hashlib.sha256(photo.path.read_bytes()).hexdigest() == photo.sha256


def test_a_photo_deleted_while_the_catalogue_is_copied_is_no_fault(
    used: Assembly, restored: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = upload(used, 4711)
    photo = used.catalog.images.of_digest(digest)
    assert photo is not None

    def without_the_upload(*_: object) -> Copied:
        return Copied()

    def copied(url: str, target: Path) -> None:
        copy_database(url, target)
        monkeypatch.setattr(room, "_copy_files", copy_files)
        if used.catalog.images.of_digest(digest):
            used.catalog.images.delete(photo.id)
            used.own_files.remove_photo(digest, [place.uri for place in photo.locations])

    copy_files = room._copy_files
    monkeypatch.setattr(room, "_copy_files", without_the_upload)
    monkeypatch.setattr(room, "copy_database", copied)
    made = back_up(used, tmp_path / "backup")[0]
    assert (made.lost, made.photos) == (0, sum(used.catalog.images.counts().values()))
    restore(restored.settings, tmp_path / "backup")
    assert restored.catalog.images.of_digest(digest) is None


def test_an_upload_that_is_lost_is_told_and_no_obstacle(
    used: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(used.settings.uploads_dir)
    assert back_up(used, tmp_path / "backup")[0].lost == 2
    done = CliRunner().invoke(backup, [str(tmp_path / "backup")], obj=used.settings)
    assert "2 uploads are missing" in done.output


def test_folders_that_a_backup_would_spoil(used: Assembly, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    here = used.settings.data_dir
    for folder, fault in (
        (here / "backup", "inside each other"),
        (here.parent, "inside each other"),
        (tmp_path / "file", "is not a folder"),
        (tmp_path / "full", "is not empty and no backup"),
    ):
        with pytest.raises(ConfigurationError, match=fault):
            back_up(used, folder)
    back_up(used, tmp_path / "backup")
    note = json.loads((tmp_path / "backup" / room.NOTE).read_text())
    (tmp_path / "backup" / room.NOTE).write_text(json.dumps({**note, "data_dir": "/elsewhere"}))
    with pytest.raises(ConfigurationError, match="is a backup of /elsewhere"):
        back_up(used, tmp_path / "backup")


def test_a_backup_does_not_go_where_files_are_kept(used: Assembly, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with closing(Assembly(replace(used.settings, files=kept.as_uri()))) as assembly:
        digest = upload(assembly, 60)
        for folder in (kept, kept / "backup", tmp_path):
            with pytest.raises(ConfigurationError, match="are inside each other"):
                back_up(assembly, folder)
        assert (kept / "uploads" / digest[:2] / f"{digest}.png").is_file()


def test_one_that_was_interrupted_is_continued(used: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str, __: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(room, "copy_database", fail)
        with pytest.raises(OSError, match="No space"):
            back_up(used, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="is no complete backup"):
        restore(Settings.in_data_dir(tmp_path / "new"), tmp_path / "backup")
    (tmp_path / "backup" / f".{room.DATABASE}-0.tmp").touch()
    assert back_up(used, tmp_path / "backup")[1].files == 1
    assert [path.name for path in (tmp_path / "backup").glob(".*.tmp")] == []


def test_parts_of_copies_do_not_stay(used: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, folder = used.files.open, tmp_path / "backup"
    calls = iter(range(1000))

    def fail_later(name: str) -> BufferedReader:
        if next(calls) == 3:
            raise OSError(5, "Input/output error")
        return opened(name)

    with monkeypatch.context() as patch:
        patch.setattr(used.files, "open", fail_later)
        with pytest.raises(OSError, match="Input/output"):
            back_up(used, folder)
    assert list(folder.rglob(".*.tmp")) == []
    left = folder / "uploads" / "ab" / ".killed.png-0.tmp"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    back_up(used, folder)
    assert list(folder.rglob(".*.tmp")) == []


def test_collections_come_with_it(used: Assembly, restored: Assembly, tmp_path: Path) -> None:
    record = used.collections.add("Rome", None)
    with closing(used.of_collection(record)) as inside:
        assert inside.catalog.images.page() == []
        digest = upload(inside, 60)
        ingest_paths(inside, [tmp_path / "none"])
    gone = used.collections.add("Paris", None)
    with closing(used.of_collection(gone)) as inside:
        assert inside.catalog.images.page() == []
        upload(inside, 61)
    back_up(used, tmp_path / "backup")
    used.collections.delete(gone.id)
    used.erase_collection(gone.id)
    back_up(used, tmp_path / "backup")
    assert [path.name for path in (tmp_path / "backup" / room.COLLECTIONS).iterdir()] == [str(record.id)]
    restore(restored.settings, tmp_path / "backup")
    assert [each.name for each in restored.collections.all()] == ["Rome"]
    with closing(restored.of_collection(record)) as inside:
        (photo,) = inside.catalog.images.page()
        assert photo.sha256 == digest
        assert photo.segment_count > 0
        assert verify(inside) == []


def test_two_at_once_are_refused(used: Assembly, tmp_path: Path) -> None:
    back_up(used, tmp_path / "backup")
    with (
        FileLock(tmp_path / "backup" / ".lock"),
        pytest.raises(ConfigurationError, match="another backup into .* is being made"),
    ):
        back_up(used, tmp_path / "backup")


def test_a_data_directory_in_use_is_not_restored_over(used: Assembly, tmp_path: Path) -> None:
    back_up(used, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="is not empty: set SEGSEARCH_DATA_DIR to a new folder"):
        restore(used.settings, tmp_path / "backup")


def test_from_a_server_and_back_to_one(used: Assembly, server: Server, tmp_path: Path) -> None:
    """The backup has the catalogue as an SQLite file, whatever it was in."""
    copy_catalogue(used.settings.database_url, served := server.empty(tmp_path / "served"))
    with closing(Assembly(replace(used.settings, database_url=served))) as elsewhere:
        made, _ = back_up(elsewhere, tmp_path / "backup")
    assert made.photos == 8
    settings = replace(
        Settings.in_data_dir(tmp_path / "new"), recipe="grid", database_url=server.empty(tmp_path / "back")
    )
    assert restore(settings, tmp_path / "backup").photos == 8
    assert not list((tmp_path / "new").glob("*.db*"))
    with closing(Assembly(settings)) as restored:
        assert restored.catalog.images.counts() == used.catalog.images.counts()
    for name in ("served", "back"):
        server.forget(tmp_path / name)


def test_the_commands(used: Assembly, tmp_path: Path) -> None:
    done = CliRunner().invoke(backup, [str(tmp_path / "backup")], obj=used.settings)
    assert "is a backup of 8 photos; 19 files were copied" in done.output
    assert "originals of 6 photos are outside" in done.output
    done = CliRunner().invoke(backup, [str(tmp_path / "backup"), "--json"], obj=used.settings)
    found = json.loads(done.output)
    assert (found["photos"], found["copied"]["files"]) == (8, 1)
    new = Settings.in_data_dir(tmp_path / "new", recipe="grid")
    done = CliRunner().invoke(restore_backup, [str(tmp_path / "backup")], obj=new)
    assert "8 photos, index rebuilt" in done.output
    assert Copied(1, 2) + Copied(3, 4) == Copied(4, 6)
