"""What is written appears when it is complete, and not otherwise."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.errors import QueryError
from retrieval.formats.targets import File, Sink, check_target, write_file, write_folder, zipped


def broken(error: BaseException) -> Iterator[bytes]:
    yield b"half"
    raise error


def broken_files(error: BaseException) -> Iterator[File]:
    yield "deep/half", b"half"
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), ValueError("x")])
def test_nothing_is_left_of_what_failed(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_file(tmp_path / "a", broken(error))
    with pytest.raises(type(error)):
        write_folder(tmp_path / "b", broken_files(error))
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_if_its_replacement_fails(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a", broken(KeyboardInterrupt()), replace=True)
    assert (tmp_path / "a").read_text() == "old"
    write_file(tmp_path / "a", [b"n", b"ew"], replace=True)
    assert (tmp_path / "a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_file(tmp_path / "a", [b"x"])
        write_folder(tmp_path / "b", [("c/d", b"y")])
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "b/c/d").read_bytes() == b"y"


def test_targets_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "link"):
        with pytest.raises(QueryError, match="already exists"):
            write_file(tmp_path / name, [])
        with pytest.raises(QueryError, match="already exists"):
            write_folder(tmp_path / name, [])
    for name in ("file/x", "none/x"):
        with pytest.raises(QueryError, match="does not exist: create it"):
            check_target(tmp_path / name)
    with pytest.raises(QueryError, match="folders are not replaced"):
        check_target(tmp_path / "folder", replace=True)


def test_one_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        (tmp_path / "a").write_text("another's")
        yield b"mine"

    with pytest.raises(QueryError, match="already exists"):
        write_file(tmp_path / "a", parts())
    assert (tmp_path / "a").read_text() == "another's"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_zip_files_hold_one_file_at_a_time() -> None:
    held = []

    def files() -> Iterator[File]:
        for number in range(50):
            yield f"{number}.bin", os.urandom(10_000)

    content = bytearray()
    for part in zipped(files()):
        held.append(len(part))
        content += part
    assert max(held) < 15_000
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 50


def test_a_sink_forgets_what_was_taken() -> None:
    sink = Sink()
    sink.write(b"ab")
    assert (sink.take(), sink.take(), sink.tell()) == (b"ab", b"", 2)
