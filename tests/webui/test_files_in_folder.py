"""What SegSearch keeps lies in a folder beside the data directory, from a moment on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from installation import Library, drawing, encoded

from indexer import clean as cleaning
from indexer.backup import back_up, restore
from indexer.clean import UPLOADS, clean
from indexer.verify import verify
from retrieval.assembly import Assembly
from retrieval.settings import Settings
from retrieval.storage import disk, file_names

pytestmark = pytest.mark.slow


def upload(assembly: Assembly, colors: tuple[str, str]) -> str:
    """Upload a drawn photo; returns its digest."""
    content = encoded(drawing(colors))
    digest = hashlib.sha256(content).hexdigest()
    own, folder = assembly.own_files, assembly.files.incoming(file_names.UPLOADS)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".upload-1").write_bytes(content)
    own.enter_upload(folder / ".upload-1", digest, "png")
    return digest


@pytest.fixture
def before(copy_template: Callable[[Path], Library], tmp_path: Path) -> Iterator[Assembly]:
    """An installation with four photos of a folder."""
    library = copy_template(tmp_path)
    yield library.assembly
    library.assembly.close()


@pytest.fixture
def first(before: Assembly) -> str:
    """Digest of its upload."""
    return upload(before, ("teal", "pink"))


@pytest.fixture
def moved(before: Assembly, first: str, tmp_path: Path) -> Iterator[Assembly]:
    """The same, whose files are kept in another folder from now on."""
    settings = replace(before.settings, files=(tmp_path / "kept").as_uri())
    with closing(Assembly(settings)) as assembly:
        yield assembly


def test_all_is_backed_up_and_restored(moved: Assembly, first: str, tmp_path: Path) -> None:
    second = upload(moved, ("olive", "navy"))
    note, _ = back_up(moved, tmp_path / "backup")
    assert (note.photos, note.elsewhere, note.lost) == (6, 4, 0)
    target = Settings.in_data_dir(tmp_path / "new", recipe="grid")
    restore(target, tmp_path / "backup")
    with closing(Assembly(target)) as restored:
        assert verify(restored) == []
        for digest in (first, second):
            (place,) = restored.catalog.images.of_digest(digest).locations  # type: ignore[union-attr]
            assert place.uri == restored.files.uri(file_names.upload(digest, "png"))
            assert restored.files.look(file_names.upload(digest, "png"))


def test_uploads_from_before_are_removed_with_their_photos(moved: Assembly, first: str) -> None:
    photo = moved.catalog.images.of_digest(first)
    assert photo is not None
    moved.trash.put([photo.id])
    moved.trash.empty()
    assert not (moved.settings.data_dir / file_names.upload(first, "png")).exists()


def test_waste_from_before_is_found(moved: Assembly, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = moved.catalog.images.of_digest(first)
    assert photo is not None
    moved.catalog.images.delete(photo.id)
    monkeypatch.setattr(cleaning, "AGE_SECONDS", -5.0)
    assert [(each.kind, each.count) for each in clean(moved, [UPLOADS])] == [(UPLOADS, 1)]
    assert not (moved.settings.data_dir / file_names.upload(first, "png")).exists()


def test_query_photos_from_before_are_read(before: Assembly, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"query").hexdigest()
    before.files.new(file_names.query(digest)).write_bytes(b"query")
    with closing(Assembly(replace(before.settings, files=(tmp_path / "kept").as_uri()))) as moved:
        assert moved.own_files.query(digest).read() == b"query"
        moved.own_files.remove_query(digest)
    assert before.files.look(file_names.query(digest)) is None


def test_the_folder_is_closed_to_others(before: Assembly, tmp_path: Path) -> None:
    settings = replace(before.settings, files=(tmp_path / "kept").as_uri())
    with closing(Assembly(settings)) as assembly:
        upload(assembly, ("olive", "navy"))
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    back_up(before, tmp_path / "backup")
    restore(
        replace(Settings.in_data_dir(tmp_path / "new"), recipe="grid", files=(tmp_path / "k2").as_uri()),
        tmp_path / "backup",
    )
    assert (tmp_path / "k2").stat().st_mode & 0o777 == 0o700


def test_a_full_disk_of_the_folder_is_told(before: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kept"
    monkeypatch.setattr(disk, "_free", lambda path: 1 if path == folder else 10**12)
    settings = replace(before.settings, files=folder.as_uri(), min_free=2)
    assert f"the disk of {folder} has 1 bytes free" in (disk.Storage(settings).disk_shortage() or "")
    assert disk.Storage(replace(settings, files="")).disk_shortage() is None


def test_another_name_of_the_data_directory_is_no_other_folder(before: Assembly, first: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(before.settings.data_dir)
    with closing(Assembly(replace(before.settings, files=link.as_uri()))) as linked:
        name = file_names.preview(first)
        linked.files.keep({name: _written(linked.files.new(name))})
        assert linked.files.look(name) is not None
        assert [file.name for file in linked.files.below("renditions")].count(name) == 1
        note, _ = back_up(linked, tmp_path / "backup")
        assert (note.elsewhere, note.lost) == (4, 0)


def _written(path: Path) -> Path:
    path.write_bytes(b"new")
    return path
