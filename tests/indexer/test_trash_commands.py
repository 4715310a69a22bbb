"""Deleting, restoring and scanning again, by the commands and by the files of photos."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from toys import Pictures

from indexer import clean as cleaning
from indexer.commands.ingest import ingest
from indexer.commands.trash import delete, restore, trash
from indexer.report import Tally
from indexer.scan import register_files
from retrieval.assembly import Assembly
from retrieval.settings import Settings


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    return Assembly(Settings.in_data_dir(tmp_path / "home", device="cpu", recipe="grid"))


def run(assembly: Assembly, command: Any, *options: object, says: str | None = None, code: int = 0) -> str:
    done = CliRunner().invoke(command, [str(each) for each in options], obj=assembly.settings, input=says)
    assert done.exit_code == code, done.output
    return done.output if code else done.stdout


def scan(assembly: Assembly, *paths: Path, named: bool = False) -> dict[str, int]:
    """What becomes of files, without a worker: counts above zero, `entered` among them."""
    tally = Tally()
    register_files(assembly, paths, tally, restore=paths if named else False)
    counts = {str(key): count for key, count in tally._counts.items() if count}
    return counts | ({"entered": len(tally.photos)} if len(tally.photos) else {})


def test_there_and_back(assembly: Assembly, tmp_path: Path) -> None:
    photos = Pictures(tmp_path / "photos").many(3)
    scan(assembly, tmp_path / "photos")
    told = run(assembly, delete, 1, 2, 99, code=1)
    assert "moved 2 photos to the trash" in told
    assert "1 of these IDs is not in the library" in told
    listed = json.loads(run(assembly, trash, "list", "--json"))
    assert {(each["id"], each["path"]) for each in listed} == {(1, str(photos[0])), (2, str(photos[1]))}
    assert "2 photos in the trash" in run(assembly, trash, "list")
    assert "2 of these IDs are not in the trash" in run(assembly, restore, 2, 3, 4, code=1)
    assert CliRunner().invoke(trash, ["empty"], obj=assembly.settings, input="n\n").exit_code == 1
    assert assembly.trash.count() == 1
    assert "deleted 1 photo for good" in run(assembly, trash, "empty", says="y\n")
    assert all(path.exists() for path in photos)
    assert CliRunner().invoke(delete, [], obj=assembly.settings).exit_code == 2


def test_without_a_trash(assembly: Assembly, tmp_path: Path) -> None:
    Pictures(tmp_path / "photos").many(1)
    scan(assembly, tmp_path / "photos")
    assembly.settings = replace(assembly.settings, trash_days=0)
    assert "deleted 1 photo" in run(assembly, delete, 1)
    assert assembly.trash.count() == sum(assembly.catalog.images.counts().values()) == 0


@pytest.mark.parametrize("for_good", [False, True])
def test_scans_leave_out_what_was_deleted(assembly: Assembly, tmp_path: Path, for_good: bool) -> None:
    folder = tmp_path / "photos"
    first, second = Pictures(folder).many(2)
    scan(assembly, folder)
    assembly.trash.put([1])
    if for_good:
        assembly.trash.empty()
    waits = {"entered": 1}  # the other photo
    assert scan(assembly, folder) == {"deleted": 1} | waits
    copy = folder / "copy" / first.name
    copy.parent.mkdir()
    copy.write_bytes(first.read_bytes())
    first.touch()
    for _ in range(2):
        assert scan(assembly, folder) == {"deleted": 2} | waits
    assert scan(assembly, first) == {"deleted": 1}
    named = scan(assembly, first, named=True)
    assert named == {"entered": 1}
    assert len(assembly.catalog.images.page()) == 2
    assert assembly.trash.count() == 0
    assert second.exists()


def test_a_deleted_photo_in_the_place_of_another(assembly: Assembly, tmp_path: Path) -> None:
    """The other photo is missing then."""
    first, second = Pictures(tmp_path / "photos").many(2)
    scan(assembly, tmp_path / "photos")
    assembly.trash.put([1])
    assembly.trash.empty()
    second.write_bytes(first.read_bytes())
    assert scan(assembly, tmp_path / "photos") == {"deleted": 2}
    assert assembly.catalog.images.get(2).is_missing


@pytest.mark.slow
def test_ingest_says_so(assembly: Assembly, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    first, _ = Pictures(folder).many(2)
    run(assembly, ingest, folder)
    assembly.trash.put([1, 2])
    told = run(assembly, ingest, folder)
    assert "files of photos that were deleted were left out" in told
    assert json.loads(run(assembly, ingest, folder, "--json"))["deleted"] == 2
    assert json.loads(run(assembly, ingest, first, "--json"))["restored"] == 1
    assert json.loads(run(assembly, ingest, folder, "--json", "--restore"))["restored"] == 1
    assert assembly.trash.count() == 0
    refused = CliRunner().invoke(ingest, [str(folder), "--watch", "--restore"], obj=assembly.settings)
    assert "leave out" in refused.output
    assert refused.exit_code == 2


def test_a_worker_empties_what_is_over(assembly: Assembly, tmp_path: Path) -> None:
    Pictures(tmp_path / "photos").many(2)
    scan(assembly, tmp_path / "photos")
    assembly.trash.put([1, 2])
    assert cleaning.clean(assembly) == []
    assembly.trash.days = 0
    assert [(each.kind, each.count) for each in cleaning.waste(assembly)] == [(cleaning.TRASH, 2)]
    assert [(each.kind, each.count) for each in cleaning.clean(assembly)] == [(cleaning.TRASH, 2)]
    assert assembly.trash.count() == 0
