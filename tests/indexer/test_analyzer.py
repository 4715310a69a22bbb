"""The process that analyses query photos for all others, here in a thread."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import Pictures

from retrieval import analyzer as module
from retrieval.analyzer import AnalyzerServer, LocalAnalyzer, RemoteAnalyzer
from retrieval.decoding import DecoderPool
from retrieval.errors import AnalyzerUnavailableError, ImageError, QueryError, UnreadableImageError
from retrieval.protocols import AnalyzedPhoto
from retrieval.query import MAX_TEXT
from retrieval.recipes import load
from retrieval.recipes.grid import GridRecipe
from retrieval.types import Vectors


class ReadingRecipe(GridRecipe):
    """The recipe `grid`, which here reads texts too: by their first letters."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        return np.array([[text.encode("utf-8", "surrogatepass")[0], len(text)] for text in texts], np.float32)


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    """Processes that decode, for all tests here."""
    with DecoderPool(1) as pool:
        yield pool


@pytest.fixture
def local(decoders: DecoderPool) -> LocalAnalyzer:
    """An analyzer in this process."""
    return LocalAnalyzer(load("grid", "cpu"), decoders)


@pytest.fixture
def address_file(tmp_path: Path) -> Path:
    """Where a server leaves its address."""
    return tmp_path / "analyzer.json"


@pytest.fixture
def serve(address_file: Path, local: LocalAnalyzer) -> Iterator[Callable[..., AnalyzerServer]]:
    """Starts a server; it is ended with the test."""
    running: list[tuple[AnalyzerServer, threading.Thread]] = []

    def start(analyzer: Any = local) -> AnalyzerServer:
        server = AnalyzerServer(analyzer, address_file)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.close()
        thread.join(10)
        assert not thread.is_alive(), "closing ends it"


@pytest.fixture
def remote(serve: Callable[..., AnalyzerServer], address_file: Path) -> RemoteAnalyzer:
    """A client of a running server."""
    serve()
    return RemoteAnalyzer(address_file)


class TestLocal:
    def test_a_photo_is_analysed(self, local: LocalAnalyzer, pictures: Pictures) -> None:
        found = local.analyze(pictures("a.jpg", size=(200, 100)))
        assert (found.size_hw, found.format, found.taken_at) == ((100, 200), "JPEG", None)
        assert len(found.analysis.segments) == 25

    def test_a_bad_photo_is_told(self, local: LocalAnalyzer, tmp_path: Path) -> None:
        (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
        with pytest.raises(ImageError, match=r"bad\.jpg"):
            local.analyze(tmp_path / "bad.jpg")


class TestServed:
    def test_the_answer_is_that_of_this_process(
        self, remote: RemoteAnalyzer, local: LocalAnalyzer, pictures: Pictures
    ) -> None:
        path = pictures("a.png")
        here, there = local.analyze(path), remote.analyze(path)
        assert isinstance(there, AnalyzedPhoto)
        assert there.size_hw == here.size_hw
        np.testing.assert_array_equal(there.analysis.vectors, here.analysis.vectors)
        np.testing.assert_array_equal(there.analysis.segments.atoms, here.analysis.segments.atoms)

    def test_it_says_that_it_is_up(self, remote: RemoteAnalyzer) -> None:
        assert remote.is_up()

    def test_a_bad_photo_is_the_askers_error(self, remote: RemoteAnalyzer, tmp_path: Path) -> None:
        (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
        with pytest.raises(UnreadableImageError, match=r"bad\.jpg"):
            remote.analyze(tmp_path / "bad.jpg")
        assert remote.is_up()

    def test_names_that_are_not_utf8(self, remote: RemoteAnalyzer, pictures: Pictures) -> None:
        path = pictures("a.png").rename(pictures.folder / os.fsdecode(b"caf\xe9.png"))
        assert len(remote.analyze(path).analysis.segments) == 25

    def test_several_at_once(self, remote: RemoteAnalyzer, pictures: Pictures) -> None:
        paths = pictures.many(6)
        found: list[AnalyzedPhoto] = []
        threads = [threading.Thread(target=lambda path=path: found.append(remote.analyze(path))) for path in paths]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6

    def test_it_answers_while_a_photo_takes_long(
        self, serve: Callable[..., AnalyzerServer], address_file: Path, local: LocalAnalyzer, pictures: Pictures
    ) -> None:
        begun, enough = threading.Event(), threading.Event()

        class Slow:
            def analyze(self, path: Path) -> AnalyzedPhoto:
                begun.set()
                enough.wait(30)
                return local.analyze(path)

        serve(Slow())
        remote = RemoteAnalyzer(address_file)
        path = pictures("a.png")
        thread = threading.Thread(target=remote.analyze, args=(path,))
        thread.start()
        assert begun.wait(30)
        assert remote.is_up()
        enough.set()
        thread.join()

    def test_an_error_of_its_own_is_logged_and_not_shown(
        self, serve: Callable[..., AnalyzerServer], address_file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Broken:
            def analyze(self, path: Path) -> AnalyzedPhoto:
                raise RuntimeError("a secret of the server")

        serve(Broken())
        with caplog.at_level(logging.ERROR), pytest.raises(AnalyzerUnavailableError, match="log says why") as caught:
            RemoteAnalyzer(address_file).analyze(Path("/a.png"))
        assert "secret" not in str(caught.value)
        assert "a secret of the server" in caplog.text

    def test_only_its_owner_can_read_the_key(self, remote: RemoteAnalyzer) -> None:
        assert remote.address_file.stat().st_mode & 0o777 == 0o600


class TestTexts:
    SPACE = ReadingRecipe().space

    @pytest.fixture
    def reader(self, serve: Callable[..., AnalyzerServer], address_file: Path, decoders: DecoderPool) -> RemoteAnalyzer:
        serve(LocalAnalyzer(ReadingRecipe(), decoders))
        return RemoteAnalyzer(address_file)

    @pytest.mark.parametrize("text", ["red car", "r", "räder \U0001f697\x00\n", "\udcff", "r" * MAX_TEXT])
    def test_the_answer_is_that_of_this_process(self, reader: RemoteAnalyzer, decoders: DecoderPool, text: str) -> None:
        here = LocalAnalyzer(ReadingRecipe(), decoders).embed_text(text, self.SPACE)
        there = reader.embed_text(text, self.SPACE)
        np.testing.assert_array_equal(here, there)
        assert there[0, 1] == len(text)

    @pytest.mark.parametrize("length", [MAX_TEXT + 1, 5_000_000])
    def test_a_text_that_is_too_long_is_the_askers_error(self, reader: RemoteAnalyzer, length: int) -> None:
        with pytest.raises(QueryError, match=f"{length} characters; at most {MAX_TEXT}"):
            reader.embed_text("x" * length, self.SPACE)
        assert reader.embed_text("x", self.SPACE).shape == (1, 2)

    def test_another_space_than_that_of_the_search(self, reader: RemoteAnalyzer) -> None:
        with pytest.raises(AnalyzerUnavailableError, match=r"searches with other:1: start .*serve"):
            reader.embed_text("red", "other:1")

    def test_a_recipe_that_reads_no_text(self, remote: RemoteAnalyzer) -> None:
        with pytest.raises(AnalyzerUnavailableError, match="again"):
            remote.embed_text("red", self.SPACE)

    def test_it_is_not_up(self, address_file: Path) -> None:
        with pytest.raises(AnalyzerUnavailableError, match=r"words cannot be read.*not running; try again.*serve"):
            RemoteAnalyzer(address_file).embed_text("red", self.SPACE)

    def test_a_text_does_not_wait_for_a_photo(
        self, serve: Callable[..., AnalyzerServer], address_file: Path, pictures: Pictures
    ) -> None:
        begun, enough = threading.Event(), threading.Event()

        class Slow:
            def analyze(self, path: Path) -> AnalyzedPhoto:
                begun.set()
                enough.wait(30)
                raise UnreadableImageError("too late")

            def embed_text(self, text: str, space: str) -> Vectors:
                return np.ones((1, 2), np.float32)

        serve(Slow())
        remote = RemoteAnalyzer(address_file)

        def ask() -> None:
            with pytest.raises(UnreadableImageError):
                remote.analyze(pictures.folder / "a.png")

        thread = threading.Thread(target=ask)
        thread.start()
        assert begun.wait(30)
        assert remote.embed_text("red", "x").shape == (1, 2)
        enough.set()
        thread.join()

    def test_what_is_no_question_is_an_error_in_the_log(
        self, remote: RemoteAnalyzer, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR):
            for question in (5, module.Text(7, None), ("a", "b", "c")):  # type: ignore[arg-type]
                assert isinstance(remote._ask(question), AnalyzerUnavailableError)  # type: ignore[arg-type]
        assert remote.is_up()


class TestNotServed:
    def test_it_was_never_started(self, address_file: Path) -> None:
        remote = RemoteAnalyzer(address_file)
        assert not remote.is_up()
        with pytest.raises(AnalyzerUnavailableError, match=r"not running; try again.*manage.py serve"):
            remote.analyze(Path("/a.png"))

    def test_it_was_stopped(self, serve: Callable[..., AnalyzerServer], address_file: Path) -> None:
        server = serve()
        server.close()
        assert not address_file.exists()
        assert not RemoteAnalyzer(address_file).is_up()

    @pytest.mark.parametrize("content", ["", "{", "{}", '{"host": "127.0.0.1", "port": 1, "key": "zz"}'])
    def test_a_broken_address(self, address_file: Path, content: str) -> None:
        address_file.write_text(content)
        assert not RemoteAnalyzer(address_file).is_up()

    def test_it_died_without_a_word(self, address_file: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address_file.write_text(json.dumps({"host": "127.0.0.1", "port": port, "key": "00"}))
        with pytest.raises(AnalyzerUnavailableError):
            RemoteAnalyzer(address_file).analyze(Path("/a.png"))

    def test_it_does_not_answer_in_time(
        self, serve: Callable[..., AnalyzerServer], address_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enough = threading.Event()

        class Stuck:
            def analyze(self, path: Path) -> AnalyzedPhoto:
                enough.wait(30)
                raise UnreadableImageError("too late")

        serve(Stuck())
        remote = RemoteAnalyzer(address_file)
        with pytest.raises(AnalyzerUnavailableError, match="did not answer within 0 s; try again"):
            remote._ask("/a.png", patience=0.05)
        enough.set()


class TestStrangers:
    def test_a_wrong_key_is_refused(
        self, remote: RemoteAnalyzer, pictures: Pictures, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = pictures("a.png")
        stored = json.loads(remote.address_file.read_text())
        wrong = remote.address_file.with_name("wrong.json")
        wrong.write_text(json.dumps({**stored, "key": "00" * 32}))
        with caplog.at_level(logging.WARNING):
            assert not RemoteAnalyzer(wrong).is_up()
            with pytest.raises(AnalyzerUnavailableError):
                RemoteAnalyzer(wrong).analyze(path)
            assert remote.is_up(), "it goes on for those who know it"
        assert "wrong key" in caplog.text

    def test_one_who_knows_the_key_and_leaves(self, remote: RemoteAnalyzer) -> None:
        stored = json.loads(remote.address_file.read_text())
        with Client((stored["host"], stored["port"]), authkey=bytes.fromhex(stored["key"])):
            pass
        assert remote.is_up()

    def test_one_who_hangs_up_in_the_middle(self, remote: RemoteAnalyzer) -> None:
        stored = json.loads(remote.address_file.read_text())
        for said in (b"", b"\0\0"):
            with socket.create_connection((stored["host"], stored["port"]), timeout=5) as wire:
                wire.sendall(said)
        assert remote.is_up()

    def test_a_server_that_says_nothing_is_not_waited_for(
        self, address_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "SILENCE_SECONDS", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            stored = {"host": "127.0.0.1", "port": silent.getsockname()[1], "key": "00" * 32}
            address_file.write_text(json.dumps(stored))
            assert not RemoteAnalyzer(address_file).is_up()

    def test_one_who_says_nothing_does_not_keep_it_from_others(self, remote: RemoteAnalyzer) -> None:
        stored = json.loads(remote.address_file.read_text())
        with socket.create_connection((stored["host"], stored["port"]), timeout=5):
            assert remote.is_up()


def test_photos_are_analysed_on_a_bounded_copy() -> None:
    assert module.ANALYSIS_SIDE == 1024
