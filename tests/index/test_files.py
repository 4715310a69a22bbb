"""Index files: whole or told to be otherwise, written by one at a time, never half."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import random_units

from retrieval.errors import IndexFileError, IndexLockedError, IndexMismatchError, IndexMissingError
from retrieval.index import files as module
from retrieval.index.faiss_index import FaissIndex
from retrieval.index.files import VERSION, IndexFiles

DIM = 8


def index_of(*ids: int) -> FaissIndex:
    """An index whose vectors follow from its ids."""
    index = FaissIndex(DIM)
    index.add(np.array(ids, np.int64), random_units(np.random.default_rng(sum(ids)), len(ids), DIM))
    return index


def save(files: IndexFiles, *ids: int, gone: tuple[int, ...] = ()) -> None:
    """One part with some ids; the owner of each is ten times as much."""
    parts = []
    if ids:
        keys = np.array(sorted(ids), np.int64)
        parts = [(files.write_shard(index_of(*ids), keys, 10 * keys, None), np.array(gone, np.int64))]
    files.commit(parts, fingerprint="toy:1", dim=DIM, recall=0.95)


ENTRY = {
    "name": "part-1.faiss", "count": 4, "newest_id": 4, "gone": "", "bytes": 9, "sha256": "0" * 64, "ids_bytes": 9,
    "ids_sha256": "0" * 64, "tuning": None,
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> IndexFiles:
    """An empty folder."""
    return IndexFiles(tmp_path / "index")


@pytest.fixture
def written(files: IndexFiles) -> IndexFiles:
    """A folder with an index of three."""
    with files.writing():
        save(files, 3, 1, 7)
    return files


def part_of(files: IndexFiles) -> Path:
    return files.folder / files.manifest().parts[0].name


def change_manifest(files: IndexFiles, **values: Any) -> None:
    path = files.folder / "manifest.json"
    stored = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({name: value for name, value in stored.items() if value is not None}))


class TestWhole:
    def test_what_was_saved_is_loaded(self, written: IndexFiles) -> None:
        manifest, (part,) = written.load("toy:1")
        assert (part.ids.tolist(), part.image_ids.tolist(), len(part)) == ([1, 3, 7], [10, 30, 70], 3)
        assert (manifest.fingerprint, manifest.dim, manifest.count, manifest.recall) == ("toy:1", DIM, 3, 0.95)
        assert manifest.parts[0].newest_id == 7
        assert manifest.bytes == sum(path.stat().st_size for path in written.folder.glob("part-*"))
        assert manifest == written.manifest()
        assert written.check() is None

    def test_a_loaded_index_searches_like_the_saved_one(self, written: IndexFiles) -> None:
        _, (part,) = written.load("toy:1")
        queries = random_units(np.random.default_rng(0), 2, DIM)
        hits, expected = part.search(queries, k=3), index_of(3, 1, 7).search(queries, k=3)
        np.testing.assert_array_equal(hits.ids, expected.ids)
        np.testing.assert_array_equal(hits.scores, expected.scores)

    def test_an_empty_index_has_no_part(self, files: IndexFiles) -> None:
        with files.writing():
            save(files)
        manifest, parts = files.load("toy:1")
        assert (parts, manifest.parts, manifest.count, manifest.bytes) == ((), (), 0, 0)
        assert files.check() is None

    def test_the_old_part_goes_when_the_new_one_is_there(self, written: IndexFiles) -> None:
        old = part_of(written)
        with written.writing():
            save(written, 1, 2)
        assert not old.exists()
        new = part_of(written).name
        expected = {"manifest.json", "writer.lock", new, new.replace(".faiss", ".ids.npy")}
        assert {path.name for path in written.folder.iterdir()} == expected

    def test_what_was_deleted_is_kept_with_its_part(self, files: IndexFiles) -> None:
        with files.writing():
            save(files, 3, 1, 7, gone=(3,))
        manifest, (part,) = files.load("toy:1")
        assert (manifest.count, manifest.parts[0].count, len(part)) == (2, 3, 2)
        assert part.holds(np.array([1, 2, 3, 7, 9])).tolist() == [True, False, False, True, False]
        assert 3 not in part.search(random_units(np.random.default_rng(0), 4, DIM), k=3).ids
        (files.folder / manifest.parts[0].gone).unlink()
        with pytest.raises(IndexMismatchError, match="cannot be read"):
            files.load("toy:1")

    def test_an_open_part_is_not_opened_again(self, written: IndexFiles) -> None:
        _, (part,) = written.load("toy:1")
        part_of(written).unlink()
        assert written.load("toy:1", (part,))[1] == (part,)

    def test_who_has_the_old_part_open_keeps_it(self, written: IndexFiles) -> None:
        _, (part,) = written.load("toy:1")
        with written.writing():
            save(written, 1, 2)
        assert part.search(random_units(np.random.default_rng(0), 1, DIM), k=3).ids.min() > 0
        assert len(written.load("toy:1")[1][0]) == 2

    def test_an_index_that_is_replaced_while_it_is_opened(
        self, written: IndexFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stale = [written.manifest()]
        with written.writing():
            save(written, 1, 2)
        look = written.manifest
        monkeypatch.setattr(written, "manifest", lambda: stale.pop() if stale else look())
        manifest, (part,) = written.load("toy:1")
        assert manifest == look()
        assert len(part) == 2


class TestDamaged:
    def test_nothing_is_there(self, files: IndexFiles) -> None:
        for call in (files.manifest, lambda: files.load("toy:1"), files.check):
            with pytest.raises(IndexMissingError, match="run `segsearch rebuild-index`"):
                call()

    def test_another_recipe(self, written: IndexFiles) -> None:
        with pytest.raises(IndexMismatchError, match=r"made by recipe toy:1, but the setting is toy:2.*resegment"):
            written.load("toy:2")

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda path: path.write_bytes(path.read_bytes()[:-5]), "bytes instead of"),
            (lambda path: path.write_bytes(path.read_bytes() + b"x"), "bytes instead of"),
            (lambda path: path.write_bytes(b""), "has 0 bytes instead of"),
            (lambda path: path.unlink(), "is missing"),
            (lambda path: path.write_bytes(bytes(path.stat().st_size)), "is not as it was"),
        ],
        ids=["truncated", "longer", "empty", "missing", "zeros"],
    )
    def test_a_part_that_is_not_whole(self, written: IndexFiles, damage: Any, message: str) -> None:
        damage(part_of(written))
        with pytest.raises(IndexMismatchError, match=f"{message}.*: run `segsearch rebuild-index`"):
            written.load("toy:1")

    def test_a_changed_byte_is_found_by_a_check(self, written: IndexFiles) -> None:
        content = bytearray(part_of(written).read_bytes())
        content[-9] ^= 1
        part_of(written).write_bytes(content)
        fault = written.check()
        assert fault is not None
        assert "is not as it was written: run `segsearch rebuild-index`" in fault

    def test_a_check_of_a_part_that_is_gone(self, written: IndexFiles) -> None:
        part_of(written).unlink()
        with pytest.raises(IndexFileError, match="rebuild-index"):
            written.check()

    @pytest.mark.parametrize(
        "damage", [lambda path: path.write_bytes(path.read_bytes()[:-8]), lambda path: path.unlink()]
    )
    def test_ids_that_are_not_whole(self, written: IndexFiles, damage: Any) -> None:
        damage(part_of(written).with_suffix(".ids.npy"))
        with pytest.raises(IndexMismatchError, match="run `segsearch rebuild-index`"):
            written.load("toy:1")

    @pytest.mark.parametrize("values", [{"parts": [{"count": 4}]}, {"dim": DIM + 1}])
    def test_a_part_of_another_manifest(self, written: IndexFiles, values: dict[str, Any]) -> None:
        if "parts" in values:
            stored = json.loads((written.folder / "manifest.json").read_text())["parts"][0]
            values = {"parts": [{**stored, **values["parts"][0]}]}
        change_manifest(written, **values)
        with pytest.raises(IndexMismatchError, match="does not hold the"):
            written.load("toy:1")

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"version": VERSION + 1}, "another version"),
            ({"version": None}, "another version"),
            ({"parts": None}, "incomplete"),
            ({"parts": [{"name": "x"}]}, "incomplete"),
            ({"more": 1}, "incomplete"),
            ({"parts": 7}, "incomplete"),
            ({"parts": [None]}, "incomplete"),
            ({"parts": [{**ENTRY, "name": None}]}, r"incomplete \(parts.0.name"),
            ({"parts": [{**ENTRY, "name": "../part-1.faiss"}]}, r"incomplete \(parts.0.name"),
            ({"parts": [{**ENTRY, "gone": "/etc/passwd"}]}, r"incomplete \(parts.0.gone"),
            ({"parts": [{**ENTRY, "count": "4"}]}, r"incomplete \(parts.0.count"),
            ({"parts": [{**ENTRY, "bytes": -1}]}, r"incomplete \(parts.0.bytes"),
            ({"parts": [{**ENTRY, "tuning": {"lists": 1}}]}, r"incomplete \(parts.0.tuning"),
            ({"dim": 0}, r"incomplete \(dim"),
            ({"dim": 1.5}, r"incomplete \(dim"),
            ({"fingerprint": None}, r"incomplete \(fingerprint"),
            ({"recall": "much"}, r"incomplete \(recall"),
        ],
    )
    def test_a_manifest_of_another_time(self, written: IndexFiles, values: dict[str, Any], message: str) -> None:
        change_manifest(written, **values)
        with pytest.raises(IndexMismatchError, match=message):
            written.manifest()

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"null", b"\xff\xfe", b"[" * 9999])
    def test_a_manifest_that_is_none(self, written: IndexFiles, content: bytes) -> None:
        (written.folder / "manifest.json").write_bytes(content)
        with pytest.raises(IndexMismatchError, match="rebuild-index"):
            written.manifest()


HOLD = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]):\n    print('held', flush=True)\n    sys.stdin.read()"


class TestOneWriter:
    def test_a_lock_of_another_process_is_respected_and_dies_with_it(self, files: IndexFiles) -> None:
        files.folder.mkdir()
        command = [sys.executable, "-c", HOLD, str(files.folder / "writer.lock")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(IndexLockedError, match="another process is writing"), files.writing():
                pytest.fail("two writers at once")
            holder.kill()
        with files.writing():
            save(files, 1)

    def test_nor_do_two_of_one_process_write(self, files: IndexFiles) -> None:
        with files.writing(), pytest.raises(IndexLockedError), IndexFiles(files.folder).writing():
            pytest.fail("two writers at once")

    def test_an_error_within_lets_go_of_the_lock(self, files: IndexFiles) -> None:
        with pytest.raises(KeyError), files.writing():
            raise KeyError
        with files.writing():
            pass


class TestFullDisk:
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("write error")])
    def test_while_the_part_is_written(
        self, written: IndexFiles, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def full(_index: FaissIndex, path: Path) -> None:
            path.write_bytes(b"half")
            raise error

        before = written.manifest()
        with monkeypatch.context() as patch, written.writing():
            patch.setattr(FaissIndex, "save", full)
            with pytest.raises(IndexFileError, match="the old one stays"):
                save(written, 9)
        assert written.manifest() == before
        assert len(written.load("toy:1")[1]) == 1
        with written.writing():
            save(written, 9)
        assert len(list(written.folder.glob("part-*"))) == 2, "what was left half is cleared"

    def test_while_the_manifest_is_written(self, written: IndexFiles, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        before = written.manifest()
        monkeypatch.setattr(module, "_replace", full)
        with written.writing(), pytest.raises(IndexFileError, match="No space left"):
            save(written, 9)
        assert written.load("toy:1")[0] == before
