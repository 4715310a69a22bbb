"""What takes how much room in the data directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.settings import Settings
from retrieval.storage import disk
from retrieval.storage.disk import Storage


def test_each_kind_and_the_rest(tmp_path: Path) -> None:
    settings = Settings.in_data_dir(tmp_path / "home")
    sizes = {settings.uploads_dir: 100_000, settings.renditions_dir: 50_000, settings.index_dir: 20_000}
    for folder, size in {**sizes, settings.data_dir: 10_000}.items():
        (folder / "ab").mkdir(parents=True)
        (folder / "ab" / "file").write_bytes(b"x" * size)
    found = Storage(settings).usage()
    for value, size in (
        (found.uploads, 100_000),
        (found.renditions, 50_000),
        (found.index, 20_000),
        (found.other, 10_000),
    ):
        assert size <= value < size + 8192  # whole blocks
    assert 0 < found.free <= found.total


def test_before_there_is_a_data_directory(tmp_path: Path) -> None:
    found = Storage(Settings.in_data_dir(tmp_path / "not" / "yet")).usage()
    assert (found.uploads, found.renditions, found.index, found.other) == (0, 0, 0, 0)
    assert found.total > 0


def test_it_is_counted_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.in_data_dir(tmp_path)
    storage = Storage(settings)
    before = storage.usage()
    settings.uploads_dir.mkdir()
    (settings.uploads_dir / "photo").write_bytes(b"x" * 9000)
    assert storage.usage() == before
    monkeypatch.setattr(disk, "COUNT_SECONDS", 0.0)
    assert storage.usage().uploads >= 9000
