"""The process that analyses query photos for all others, here in a thread."""

from __future__ import annotations

import logging
import os
import pickle
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import Pictures

from retrieval.analysis import private_socket
from retrieval.analysis import remote as module
from retrieval.analysis import server as analyzer_server
from retrieval.analysis.answering import WAITING_PHOTOS
from retrieval.analysis.doors import PrivateDoor
from retrieval.analysis.local import ANALYSIS_SIDE, LocalAnalyzer
from retrieval.analysis.nearest import NearestAnalyzer
from retrieval.analysis.private_socket import SUFFIX
from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.analysis.server import AnalyzerServer
from retrieval.errors import (
    AnalyzerBusyError,
    AnalyzerUnavailableError,
    ImageError,
    ImageTooLargeError,
    QueryError,
    UnreadableImageError,
)
from retrieval.images.decoder_pool import DecoderPool
from retrieval.query.request import MAX_TEXT
from retrieval.recipes import load
from retrieval.recipes.grid import GridRecipe
from retrieval.recipes.protocols import Recipe
from retrieval.types import AnalyzedImage, Vectors


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
def folder(tmp_path: Path) -> Path:
    """Where servers listen."""
    return tmp_path / "analyzers"


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a file that has its name in it."""

    def make(name: str) -> Path:
        path = tmp_path / name
        path.write_text(name)
        return path

    return make


@pytest.fixture
def serve(folder: Path, local: LocalAnalyzer) -> Iterator[Callable[..., AnalyzerServer]]:
    """Starts a server; it is ended with the test."""
    running: list[tuple[AnalyzerServer, threading.Thread]] = []

    def start(analyzer: Any = local, owner: int | None = None) -> AnalyzerServer:
        server = AnalyzerServer(analyzer, PrivateDoor(folder, owner))
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
def remote(serve: Callable[..., AnalyzerServer], folder: Path) -> RemoteAnalyzer:
    """A client of a running server."""
    serve()
    return RemoteAnalyzer(folder)


class TestLocal:
    def test_a_photo_is_analysed(self, local: LocalAnalyzer, pictures: Pictures) -> None:
        found = local.analyze(pictures("a.jpg", size=(200, 100)))
        assert (found.size_hw, found.format, found.taken_at) == ((100, 200), "JPEG", None)
        assert len(found.analysis.segments) == 25

    def test_the_recipe_is_loaded_while_the_photo_is_decoded(
        self, decoders: DecoderPool, pictures: Pictures, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order, submit = list[str](), decoders.submit

        def noting(*given: Any, **options: Any) -> Any:
            order.append("decode")
            return submit(*given, **options)

        def loading() -> Recipe:
            order.append("load")
            return load("grid", "cpu")

        monkeypatch.setattr(decoders, "submit", noting)
        nearest = NearestAnalyzer(RemoteAnalyzer(folder), loading, decoders)
        assert len(nearest.analyze(pictures("a.jpg")).analysis.segments) == 25
        assert order == ["decode", "load"]

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
        assert isinstance(there, AnalyzedImage)
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
        paths = pictures.many(WAITING_PHOTOS + 1)
        found: list[AnalyzedImage] = []
        threads = [threading.Thread(target=lambda path=path: found.append(remote.analyze(path))) for path in paths]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == len(paths)

    def test_it_answers_while_a_photo_takes_long(
        self, serve: Callable[..., AnalyzerServer], folder: Path, local: LocalAnalyzer, pictures: Pictures
    ) -> None:
        begun, enough = threading.Event(), threading.Event()

        class Slow:
            def analyze(self, path: Path) -> AnalyzedImage:
                begun.set()
                enough.wait(30)
                return local.analyze(path)

        serve(Slow())
        remote = RemoteAnalyzer(folder)
        path = pictures("a.png")
        thread = threading.Thread(target=remote.analyze, args=(path,))
        thread.start()
        assert begun.wait(30)
        assert remote.is_up()
        enough.set()
        thread.join()

    def test_an_error_of_its_own_is_logged_and_not_shown(
        self,
        serve: Callable[..., AnalyzerServer],
        folder: Path,
        file: Callable[[str], Path],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        class Broken:
            def analyze(self, path: Path) -> AnalyzedImage:
                raise RuntimeError("a secret of the server")

        serve(Broken())
        with (
            caplog.at_level(logging.ERROR),
            pytest.raises(AnalyzerUnavailableError, match="see the analyzer's log") as caught,
        ):
            RemoteAnalyzer(folder).analyze(file("a.png"))
        assert "secret" not in str(caught.value)
        assert "a secret of the server" in caplog.text

    def test_below_a_long_path(self, tmp_path: Path, local: LocalAnalyzer) -> None:
        folder = tmp_path.joinpath(*["a folder with a long name"] * 8)
        server = AnalyzerServer(local, PrivateDoor(folder))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        assert RemoteAnalyzer(folder).is_up()
        server.close()
        thread.join(10)


class Waiting:
    """Has begun when it is asked, and answers once that is enough."""

    def __init__(self) -> None:
        self.begun, self.enough = threading.Semaphore(0), threading.Event()
        self.asked: list[str] = []

    def analyze(self, path: Path) -> AnalyzedImage:
        """Wait, and fail."""
        self.asked.append(path.read_text())
        self.begun.release()
        assert self.enough.wait(30)
        raise UnreadableImageError("too late")


def ask_in_vain(remote: RemoteAnalyzer, path: Path) -> None:
    """Ask about a photo that cannot be read."""
    with pytest.raises(UnreadableImageError):
        remote.analyze(path)


class TestBusy:
    @pytest.fixture
    def waiting(self, serve: Callable[..., AnalyzerServer]) -> Waiting:
        waiting = Waiting()
        serve(waiting)
        return waiting

    def test_when_too_many_wait_the_next_is_told_at_once(
        self, waiting: Waiting, folder: Path, file: Callable[[str], Path]
    ) -> None:
        remote, told = RemoteAnalyzer(folder), list[str]()

        def ask(number: int) -> None:
            try:
                remote.analyze(file(f"{number}.png"))
            except AnalyzerBusyError:
                told.append("busy")
                waiting.enough.set()
            except UnreadableImageError:
                told.append("answered")

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(WAITING_PHOTOS + 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(told) == ["answered"] * (WAITING_PHOTOS + 1) + ["busy"]
        with pytest.raises(UnreadableImageError):
            remote.analyze(file("again.png"))

    def test_it_is_up_meanwhile(self, waiting: Waiting, folder: Path, file: Callable[[str], Path]) -> None:
        remote = RemoteAnalyzer(folder)
        thread = threading.Thread(target=ask_in_vain, args=(remote, file("a.png")))
        thread.start()
        assert waiting.begun.acquire(timeout=30)
        assert remote.is_up()
        waiting.enough.set()
        thread.join(30)

    def test_who_has_left_is_not_worked_for(
        self, waiting: Waiting, folder: Path, file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remote = RemoteAnalyzer(folder)
        first = threading.Thread(target=ask_in_vain, args=(remote, file("1.png")))
        first.start()
        assert waiting.begun.acquire(timeout=30)
        with monkeypatch.context() as patch:
            patch.setattr(module, "PATIENCE_SECONDS", 0.1)
            with pytest.raises(AnalyzerUnavailableError, match="did not answer within"):
                remote.analyze(file("2.png"))
        waiting.enough.set()
        first.join(30)
        with pytest.raises(UnreadableImageError):
            remote.analyze(file("3.png"))
        assert waiting.asked == ["1.png", "3.png"]


class TestTexts:
    SPACE = ReadingRecipe().space

    @pytest.fixture
    def reader(self, serve: Callable[..., AnalyzerServer], folder: Path, decoders: DecoderPool) -> RemoteAnalyzer:
        serve(LocalAnalyzer(ReadingRecipe(), decoders))
        return RemoteAnalyzer(folder)

    @pytest.mark.parametrize("text", ["red car", "r", "räder \U0001f697\x00\n", "\udcff", "r" * MAX_TEXT])
    def test_the_answer_is_that_of_this_process(self, reader: RemoteAnalyzer, decoders: DecoderPool, text: str) -> None:
        here = LocalAnalyzer(ReadingRecipe(), decoders).embed_text(text, self.SPACE)
        there = reader.embed_text(text, self.SPACE)
        np.testing.assert_array_equal(here, there)
        assert there[0, 1] == len(text)

    @pytest.mark.parametrize("length", [MAX_TEXT + 1, 5_000_000])
    def test_a_text_that_is_too_long_is_the_askers_error(self, reader: RemoteAnalyzer, length: int) -> None:
        with pytest.raises(QueryError, match=f"{length} characters: shorten it to at most {MAX_TEXT}"):
            reader.embed_text("x" * length, self.SPACE)
        assert reader.embed_text("x", self.SPACE).shape == (1, 2)

    def test_another_space_than_that_of_the_search(self, reader: RemoteAnalyzer) -> None:
        with pytest.raises(AnalyzerUnavailableError, match=r"but searches use other:1: restart .*serve"):
            reader.embed_text("red", "other:1")

    def test_a_recipe_that_reads_no_text(self, remote: RemoteAnalyzer) -> None:
        with pytest.raises(AnalyzerUnavailableError, match="embeds no texts"):
            remote.embed_text("red", self.SPACE)

    def test_it_is_not_up(self, folder: Path) -> None:
        with pytest.raises(AnalyzerUnavailableError, match=r"cannot read words.*not running; try again.*serve"):
            RemoteAnalyzer(folder).embed_text("red", self.SPACE)

    def test_a_text_does_not_wait_for_a_photo(
        self, serve: Callable[..., AnalyzerServer], folder: Path, pictures: Pictures
    ) -> None:
        begun, enough = threading.Event(), threading.Event()

        class Slow:
            def analyze(self, path: Path) -> AnalyzedImage:
                begun.set()
                enough.wait(30)
                raise UnreadableImageError("too late")

            def embed_text(self, text: str, space: str) -> Vectors:
                return np.ones((1, 2), np.float32)

        serve(Slow())
        remote = RemoteAnalyzer(folder)

        def ask() -> None:
            with pytest.raises(UnreadableImageError):
                remote.analyze(pictures("a.png"))

        thread = threading.Thread(target=ask)
        thread.start()
        assert begun.wait(30)
        assert remote.embed_text("red", "x").shape == (1, 2)
        enough.set()
        thread.join()

    @pytest.mark.parametrize(
        "question", [b"", b"{", b"[]", b'"/a.png"', b'{"name": 5}', b'{"text": "red"}', b"[" * 9999]
    )
    @pytest.mark.parametrize("what", ["/photos", "/texts", "/nothing"])
    def test_what_is_no_question(self, remote: RemoteAnalyzer, what: str, question: bytes) -> None:
        with pytest.raises(AnalyzerUnavailableError, match="log"):
            remote._ask(what, question, 5.0)
        assert remote.is_up()

    @pytest.mark.parametrize("length", [1, 100])
    def test_a_question_of_any_length_is_not_read(self, remote: RemoteAnalyzer, length: int) -> None:
        with pytest.raises(ImageTooLargeError, match="at most 256 MiB"):
            remote._ask("/photos", b"x" * (analyzer_server.MAX_QUESTION_BYTES * length + 1), 5.0)
        assert remote.is_up()


class TestNotServed:
    def test_it_was_never_started(self, folder: Path, file: Callable[[str], Path]) -> None:
        remote = RemoteAnalyzer(folder)
        assert not remote.is_up()
        with pytest.raises(AnalyzerUnavailableError, match=r"not running; try again.*segsearch serve"):
            remote.analyze(file("a.png"))

    def test_it_was_stopped(self, serve: Callable[..., AnalyzerServer], folder: Path) -> None:
        server = serve()
        server.close()
        assert list(folder.iterdir()) == []
        assert not RemoteAnalyzer(folder).is_up()

    def test_it_died_without_a_word(self, folder: Path, file: Callable[[str], Path]) -> None:
        died(folder)
        with pytest.raises(AnalyzerUnavailableError):
            RemoteAnalyzer(folder).analyze(file("a.png"))

    def test_what_died_is_swept_away_and_what_lives_is_not(
        self, serve: Callable[..., AnalyzerServer], folder: Path
    ) -> None:
        serve()
        dead, young = died(folder), died(folder)
        for path in folder.iterdir():
            if path.name != young:
                os.utime(path, (0, 0))
        serve()
        left = {path.name for path in folder.iterdir()}
        assert dead not in left
        assert young in left
        assert len(left) == 3

    def test_it_does_not_answer_in_time(
        self, serve: Callable[..., AnalyzerServer], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enough = threading.Event()

        class Stuck:
            def analyze(self, path: Path) -> AnalyzedImage:
                enough.wait(30)
                raise UnreadableImageError("too late")

        serve(Stuck())
        remote = RemoteAnalyzer(folder)
        with pytest.raises(AnalyzerUnavailableError, match="did not answer within 0 s; try again"):
            remote._ask("/photos", b'{"name": "/a.png"}', patience=0.05)
        enough.set()


class Named:
    """Tells its name instead of a result."""

    def __init__(self, name: str) -> None:
        self.name = name

    def analyze(self, path: Path) -> AnalyzedImage:
        """Tell the name."""
        raise UnreadableImageError(self.name)


class TestSeveralServers:
    """Two servers on one home, each with an analyzer of its own."""

    def asked(self, remote: RemoteAnalyzer) -> str:
        with pytest.raises(UnreadableImageError) as caught:
            remote.analyze(Path(__file__))
        return str(caught.value)

    def test_each_asks_its_own(self, serve: Callable[..., AnalyzerServer], folder: Path) -> None:
        for owner in (12, 1, 2):
            serve(Named(f"of {owner}"), owner)
        for owner in (1, 2, 12):
            assert self.asked(RemoteAnalyzer(folder, owner)) == f"of {owner}"

    @pytest.mark.parametrize("stopped", [0, 1])
    def test_whichever_stops_the_other_goes_on_for_all(
        self, serve: Callable[..., AnalyzerServer], folder: Path, stopped: int
    ) -> None:
        servers = [serve(Named(f"of {owner}"), owner) for owner in (0, 1)]
        servers[stopped].close()
        for owner in (0, 1, None):
            assert self.asked(RemoteAnalyzer(folder, owner)) == f"of {1 - stopped}"
            assert RemoteAnalyzer(folder, owner).is_up()

    def test_one_that_died_is_passed_over(self, serve: Callable[..., AnalyzerServer], folder: Path) -> None:
        serve(Named("alive"), 9)
        died(folder, owner=1)
        assert self.asked(RemoteAnalyzer(folder, 1)) == "alive"


class TestStrangers:
    @pytest.fixture
    def answer_with(self, folder: Path) -> Iterator[Callable[[bytes], None]]:
        """Takes the place of an analyzer, and says something."""
        private_socket.make(folder)
        with private_socket.opened(folder) as there, there.listen(f"1{SUFFIX}") as listener:

            def answer(content: bytes) -> None:
                def serve() -> None:
                    wire, _ = listener.accept()
                    with wire:
                        wire.recv(1 << 16)
                        wire.sendall(content)

                threading.Thread(target=serve, daemon=True).start()

            yield answer

    def test_no_answer_runs_code(self, answer_with: Callable[[bytes], None], folder: Path, tmp_path: Path) -> None:
        answer = pickle.dumps(Evil(tmp_path / "ran"))
        answer_with(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
        with pytest.raises(AnalyzerUnavailableError):
            RemoteAnalyzer(folder).analyze(Path(__file__))
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"nonsense",
            b"HTTP/1.0 200 OK\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nContent-Length: 999999999999\r\n\r\nshort",
            b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nshort",
            b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nshort",
            b"HTTP/1.0 422 No\r\nContent-Length: 2\r\n\r\n[]",
            b'HTTP/1.0 422 No\r\nContent-Length: 36\r\n\r\n{"error": "KeyError", "detail": "no"}',
            b"HTTP/1.0 200 OK\r\n" + b"X: y\r\n" * 1000,
        ],
    )
    def test_an_answer_that_is_none(self, answer_with: Callable[[bytes], None], folder: Path, content: bytes) -> None:
        answer_with(content)
        with pytest.raises(AnalyzerUnavailableError):
            RemoteAnalyzer(folder).analyze(Path(__file__))

    def test_a_folder_that_others_may_enter_is_not_used(self, remote: RemoteAnalyzer) -> None:
        remote.folder.chmod(0o750)
        assert not remote.is_up()
        remote.folder.chmod(0o700)
        assert remote.is_up()

    def test_a_link_to_a_folder_is_not_used(self, remote: RemoteAnalyzer, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(remote.folder)
        assert not RemoteAnalyzer(tmp_path / "link").is_up()

    def test_one_of_another_user_is_refused_on_either_side(
        self, remote: RemoteAnalyzer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
            patch.setattr(private_socket, "is_own", lambda _: False)
            assert not remote.is_up()
            assert "another user" in caplog.text
        assert remote.is_up()

    def test_one_who_leaves(self, remote: RemoteAnalyzer) -> None:
        for said in (b"", b"POST /pho", b"POST /photos HTTP/1.0\r\nContent-Length: 99\r\n\r\n{", b"\0\xff\r\n\r\n"):
            with connected(remote) as wire:
                wire.sendall(said)
        assert remote.is_up()

    def test_one_who_says_nothing_does_not_keep_it_from_others(self, remote: RemoteAnalyzer) -> None:
        with connected(remote), connected(remote) as half:
            half.sendall(b"POST /photos HTTP/1.0\r\nContent-Length: 99\r\n\r\n{")
            assert remote.is_up()

    def test_one_who_says_nothing_is_hung_up_on(self, remote: RemoteAnalyzer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(analyzer_server, "SILENCE_SECONDS", 0.1)
        with connected(remote) as wire:
            wire.settimeout(30)
            assert wire.recv(1) == b""

    def test_a_server_that_says_nothing_is_not_waited_for(self, folder: Path) -> None:
        private_socket.make(folder)
        with private_socket.opened(folder) as there, there.listen(f"1{SUFFIX}"):
            with pytest.raises(AnalyzerUnavailableError):
                RemoteAnalyzer(folder)._ask("/up", b"", patience=0.1)


class Evil:
    """Runs code where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave a mark."""
        return Path.touch, (self.mark,)


def connected(remote: RemoteAnalyzer) -> socket.socket:
    """A connection to a running server."""
    return next(remote._reach()).sock


def died(folder: Path, owner: int = 0) -> str:
    """The socket of an analyzer that was killed."""
    private_socket.make(folder)
    name = f"{owner}-{secrets.token_hex(4)}{SUFFIX}"
    with private_socket.opened(folder) as there:
        there.listen(name).close()
    return name


def test_photos_are_analysed_on_a_bounded_copy() -> None:
    assert ANALYSIS_SIDE == 1024
