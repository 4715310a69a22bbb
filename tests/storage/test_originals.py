"""Files are told from what takes their place, and read no more often than they change."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from retrieval.storage.originals import Digests, open_regular, path_of_opened, real_path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo")
    return path


def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a file is read to the end."""
    read, digest = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: read.append(1) or digest(*given))
    return read


class TestOpening:
    def test_a_file_through_links(self, photo: Path, tmp_path: Path) -> None:
        (tmp_path / "folder").symlink_to(".")
        (tmp_path / "link").symlink_to("folder/photo.jpg")
        stream = open_regular(tmp_path / "folder" / "link")
        assert stream is not None
        with stream:
            assert (stream.read(), real_path(stream)) == (b"photo", photo)

    def test_nothing_else_is_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to("pipe")
        for path in (tmp_path / "pipe", tmp_path / "link", tmp_path, Path("/dev/zero"), Path("/dev/tty")):
            assert open_regular(path) is None

    def test_what_is_not_there(self, photo: Path, tmp_path: Path) -> None:
        (tmp_path / "circle").symlink_to("circle")
        for path, error in (("gone", FileNotFoundError), ("photo.jpg/x", NotADirectoryError), ("circle", OSError)):
            with pytest.raises(error):
                open_regular(tmp_path / path)

    def test_no_handle_stays_open(self, photo: Path, tmp_path: Path) -> None:
        before = len(os.listdir("/proc/self/fd"))
        for path in (photo, tmp_path, Path("/dev/zero")):
            stream = open_regular(path)
            if stream is not None:
                stream.close()
        assert len(os.listdir("/proc/self/fd")) == before

    def test_the_opened_file_has_a_path_wherever_it_goes(self, photo: Path, tmp_path: Path) -> None:
        stream = open_regular(photo)
        assert stream is not None
        with stream:
            photo.unlink()
            photo.write_bytes(b"other")
            assert path_of_opened(stream).read_bytes() == b"photo"


class TestDigests:
    def of(self, digests: Digests, path: Path) -> str:
        with path.open("rb") as stream:
            stream.read(2)
            digest = digests.of(stream)
            assert stream.read(5) == path.read_bytes()[:5]
        return digest

    def test_a_settled_file_is_read_once(self, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        digests, read, wanted = Digests(settled_ns=0), reads(monkeypatch), hashlib.sha256(b"photo").hexdigest()
        assert [self.of(digests, photo) for _ in range(3)] == [wanted] * 3
        assert len(read) == 1

    def test_one_that_was_just_changed_is_read_each_time(self, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It may change again within the same tick of the file system's clock."""
        digests, read = Digests(), reads(monkeypatch)
        assert self.of(digests, photo) == self.of(digests, photo)
        assert len(read) == 2

    def test_another_file_of_equal_size_and_time(self, photo: Path) -> None:
        digests, status = Digests(settled_ns=0), photo.stat()
        first = self.of(digests, photo)
        photo.write_bytes(b"other")
        os.utime(photo, ns=(status.st_mtime_ns, status.st_mtime_ns))
        assert self.of(digests, photo) == hashlib.sha256(b"other").hexdigest() != first
        shutil.copy(photo, photo.with_name("third.jpg"))
        photo.with_name("third.jpg").write_bytes(b"third")
        os.utime(photo.with_name("third.jpg"), ns=(status.st_mtime_ns, status.st_mtime_ns))
        photo.with_name("third.jpg").replace(photo)
        assert self.of(digests, photo) == hashlib.sha256(b"third").hexdigest()

    def test_it_forgets_what_was_not_asked_for_longest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("retrieval.storage.originals.KEPT_DIGESTS", 2)
        paths = [tmp_path / f"{number}.jpg" for number in range(3)]
        for path in paths:
            path.write_bytes(b"12345")
        digests, read = Digests(settled_ns=0), reads(monkeypatch)
        for number in (0, 1, 0, 2, 0, 1):
            self.of(digests, paths[number])
        assert len(read) == 4
