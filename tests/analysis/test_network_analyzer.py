"""Analyzers of other machines: who may ask, what is sent, and which of several is asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import Pictures

from retrieval.analysis import received, remote
from retrieval.analysis import server as analyzer_server
from retrieval.analysis.doors import NetworkDoor
from retrieval.analysis.local import LocalAnalyzer
from retrieval.analysis.received import ReceivedPhotos
from retrieval.analysis.remote import About, RemoteAnalyzer
from retrieval.analysis.server import AnalyzerServer
from retrieval.errors import (
    AnalyzerBusyError,
    AnalyzerUnavailableError,
    ConfigurationError,
    ImageTooLargeError,
    UnreadableImageError,
)
from retrieval.images.decoder_pool import DecoderPool
from retrieval.query.prompt import Prompt
from retrieval.recipes import load
from retrieval.settings import Settings

TOKEN = "a token for tests alone"
GRID = load("grid", "cpu")
ABOUT = About("elsewhere", "9.9", "grid", GRID.fingerprint)

Start = Callable[..., str]


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool(1) as pool:
        yield pool


@pytest.fixture
def local(decoders: DecoderPool) -> LocalAnalyzer:
    return LocalAnalyzer(GRID, decoders)


@pytest.fixture
def start(local: LocalAnalyzer) -> Iterator[Start]:
    """Starts an analyzer at a free port of this machine, and tells its URL."""
    running: list[tuple[AnalyzerServer, threading.Thread]] = []

    def begin(analyzer: Any = local, about: About | None = ABOUT) -> str:
        door = NetworkDoor("127.0.0.1", 0, TOKEN)
        server = AnalyzerServer(analyzer, door, about)
        url = door.url
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        running.append((server, thread))
        return url

    yield begin
    for server, thread in running:
        server.close()
        thread.join(10)


@pytest.fixture
def asking(tmp_path: Path) -> Callable[..., RemoteAnalyzer]:
    """Makes clients of some URLs, on a machine where no analyzer runs."""

    def make(*urls: str, token: str = TOKEN, fingerprint: str = GRID.fingerprint) -> RemoteAnalyzer:
        return RemoteAnalyzer(tmp_path / "none", None, fingerprint, urls, token)

    return make


def unused() -> str:
    """A URL at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_bytes_are_sent_and_not_paths(
    start: Start, asking: Callable[..., RemoteAnalyzer], local: LocalAnalyzer, pictures: Pictures
) -> None:
    paths = list[Path]()

    class Noting:
        def analyze(self, path: Path) -> Any:
            paths.append(path)
            return local.analyze(path)

    path = pictures("a.png")
    here, there = local.analyze(path), asking(start(Noting())).analyze(path)
    np.testing.assert_array_equal(there.analysis.vectors, here.analysis.vectors)
    assert (there.size_hw, there.format) == (here.size_hw, here.format)
    assert paths != [path]


def test_a_photo_of_a_megabyte(start: Start, asking: Callable[..., RemoteAnalyzer], pictures: Pictures) -> None:
    path = pictures("large.png", size=(900, 700))
    path.write_bytes(path.read_bytes() + bytes(1 << 20))  # decoders read no further than the picture's end
    assert len(asking(start()).analyze(path).analysis.segments) == 25


def test_what_is_kept_of_a_photo_is_found_again(
    start: Start, asking: Callable[..., RemoteAnalyzer], local: LocalAnalyzer, pictures: Pictures
) -> None:
    client, path = asking(start()), pictures("a.png", size=(200, 100))
    client.analyze(path)
    copy = path.with_name("copy.png")
    copy.write_bytes(path.read_bytes())
    mask = Prompt(mask=((1, 2), "11"))
    assert len(local.kept) == 1
    client.segment_prompt(copy, mask, GRID.space)
    assert len(local.kept) == 1


def test_a_bad_photo_is_named_as_it_is_here(
    start: Start, asking: Callable[..., RemoteAnalyzer], tmp_path: Path
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(UnreadableImageError, match=r"bad\.jpg: ") as caught:
        asking(start()).analyze(tmp_path / "bad.jpg")
    assert "/proc/" not in str(caught.value)


@pytest.mark.parametrize("path", ["none.jpg", "."])
def test_a_photo_that_cannot_be_read(
    start: Start, asking: Callable[..., RemoteAnalyzer], tmp_path: Path, path: str
) -> None:
    with pytest.raises(UnreadableImageError, match="No such file|not a regular file"):
        asking(start()).analyze(tmp_path / path)


@pytest.mark.parametrize("token", ["", "another token, as long", TOKEN + "x", TOKEN[:-1]])
@pytest.mark.parametrize("size", [10, 5_000_000])
def test_without_the_right_token_nothing_is_done(
    start: Start, asking: Callable[..., RemoteAnalyzer], tmp_path: Path, token: str, size: int
) -> None:
    (tmp_path / "photo").write_bytes(bytes(size))
    client = asking(start(object()), token=token)
    with pytest.raises(AnalyzerUnavailableError, match="refuses the token: set SEGSEARCH_ANALYZER_TOKEN"):
        client.analyze(tmp_path / "photo")
    with pytest.raises(AnalyzerUnavailableError, match="refuses the token"):
        client.embed_text("red", GRID.space)
    assert not client.is_up()


def test_a_photo_that_is_too_large_is_refused_on_either_side(
    start: Start, asking: Callable[..., RemoteAnalyzer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, path = asking(start()), tmp_path / "photo"
    path.write_bytes(bytes(2_000_000))
    with monkeypatch.context() as patch:
        patch.setattr(remote, "MAX_PHOTO_BYTES", 1_000_000)
        with pytest.raises(ImageTooLargeError, match=r"photo: the analyzer takes photos of at most 0 MiB: save it"):
            client.analyze(path)
    monkeypatch.setattr(analyzer_server, "MAX_PHOTO_BYTES", 1_000_000)
    with pytest.raises(ImageTooLargeError, match="takes photos of at most 256 MiB"):
        client.analyze(path)
    assert client.is_up()


def test_another_recipe_is_refused(start: Start, asking: Callable[..., RemoteAnalyzer], pictures: Pictures) -> None:
    client = asking(start(), fingerprint="lite:1")
    expected = f"elsewhere runs recipe {GRID.fingerprint}, and this process uses lite:1: start both"
    for ask in (
        lambda: client.analyze(pictures("a.png")),
        lambda: client.embed_text("red", GRID.space),
        lambda: client.segment_prompt(pictures("a.png"), Prompt(box=(0, 0, 9, 9)), GRID.space),
    ):
        with pytest.raises(AnalyzerUnavailableError, match=expected):
            ask()
    assert not client.is_up()
    assert replace(client, fingerprint="").is_up()


def test_it_tells_what_it_is(start: Start, asking: Callable[..., RemoteAnalyzer]) -> None:
    url, gone = start(), unused()
    client = asking(gone, url)
    assert client.about() == ABOUT
    assert [each for each, _ in client.each()] == [gone, url]
    assert [each.is_up() for _, each in client.each()] == [False, True]


class TestSeveral:
    def test_the_first_that_listens(
        self, start: Start, asking: Callable[..., RemoteAnalyzer], pictures: Pictures
    ) -> None:
        assert len(asking(unused(), start()).analyze(pictures("a.png")).analysis.segments) == 25

    def test_the_next_one_if_it_is_busy(
        self, start: Start, asking: Callable[..., RemoteAnalyzer], pictures: Pictures
    ) -> None:
        class Busy:
            def analyze(self, path: Path) -> Any:
                raise AnalyzerBusyError("full")

        busy, path = start(Busy()), pictures("a.png")
        assert len(asking(busy, start()).analyze(path).analysis.segments) == 25
        with pytest.raises(AnalyzerBusyError, match="full"):
            asking(busy, unused()).analyze(path)

    def test_none_listens(self, asking: Callable[..., RemoteAnalyzer], pictures: Pictures) -> None:
        url = unused()
        with pytest.raises(AnalyzerUnavailableError, match=rf"cannot segment.*analyzer --listen HOST:PORT` at {url}"):
            asking(url).analyze(pictures("a.png"))
        assert not asking(url).is_up()

    def test_a_name_that_is_nowhere(self, asking: Callable[..., RemoteAnalyzer], pictures: Pictures) -> None:
        with pytest.raises(AnalyzerUnavailableError, match="nowhere.invalid"):
            asking("http://nowhere.invalid:1").analyze(pictures("a.png"))


class TestDoor:
    @pytest.mark.parametrize("token", ["", "short"])
    def test_it_needs_a_token(self, token: str) -> None:
        with pytest.raises(ConfigurationError, match=r"16 characters or more: set SEGSEARCH_ANALYZER_TOKEN"):
            NetworkDoor("127.0.0.1", 0, token)

    @pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
    def test_an_address_of_another_machine(self, host: str) -> None:
        with pytest.raises(ConfigurationError, match="choose another --listen"):
            NetworkDoor(host, 0, TOKEN)

    def test_too_many_connections_are_hung_up_on(
        self, start: Start, asking: Callable[..., RemoteAnalyzer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(analyzer_server, "MOST_CONNECTIONS", 1)
        url = start()
        client = asking(url)
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as held:
            held.sendall(b"POST /up HTTP/1.0\r\n")
            assert not client.is_up()
        while not client.is_up():  # its thread notices that it was left
            pass


class TestReceived:
    def test_the_same_bytes_are_the_same_file(self) -> None:
        photos = ReceivedPhotos()
        with photos.receive(BytesIO(b"abc and more"), 3) as first, photos.receive(BytesIO(b"abc"), 3) as second:
            assert first.read_bytes() == second.read_bytes() == b"abc"
            assert first.stat().st_ino == second.stat().st_ino
        assert len(photos) == 1
        photos.close()
        assert len(photos) == 0

    def test_the_latest_are_kept_and_none_ends_while_it_is_used(self) -> None:
        photos = ReceivedPhotos(limit_bytes=10)
        with photos.receive(BytesIO(b"first"), 5) as first:
            for number in range(5):
                with photos.receive(BytesIO(b"%05d" % number), 5):
                    pass
            assert len(photos) == 2
            assert first.read_bytes() == b"first"
        with photos.receive(BytesIO(bytes(11)), 11) as large:
            assert large.stat().st_size == 11
            assert len(photos) == 0
        photos.close()

    def test_one_that_ends_early(self) -> None:
        photos = ReceivedPhotos()
        with pytest.raises(EOFError, match="2 bytes early"), photos.receive(BytesIO(b"abc"), 5):
            pytest.fail("it was not whole")
        assert len(photos) == 0

    def test_a_limit_that_decoders_can_read(self) -> None:
        assert received.MAX_PHOTO_BYTES >= 100 * 1024**2


class TestSettings:
    def test_several_places(self, tmp_path: Path) -> None:
        found = Settings.from_env(
            {
                "SEGSEARCH_DATA_DIR": str(tmp_path),
                "SEGSEARCH_ANALYZER_URL": "http://gpu1:8100, https://gpu2,http://[::1]:8100",
                "SEGSEARCH_ANALYZER_TOKEN": TOKEN.replace(" ", "-"),
            }
        )
        assert found.analyzer_urls == ("http://gpu1:8100", "https://gpu2", "http://[::1]:8100")
        assert TOKEN.replace(" ", "-") not in repr(found)

    @pytest.mark.parametrize("url", ["gpu1:8100", "ftp://gpu1", "http://", "http://a/b", "http://u:p@a:1", "http://a:0",
                                     "http://a:99999"])  # fmt: skip
    def test_what_is_no_place(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(ConfigurationError, match="SEGSEARCH_ANALYZER_URL=.* is not http://HOST:PORT"):
            Settings.from_env({"SEGSEARCH_ANALYZER_URL": url, "SEGSEARCH_ANALYZER_TOKEN": "x" * 20})

    def test_a_place_needs_a_token(self) -> None:
        with pytest.raises(ConfigurationError, match="SEGSEARCH_ANALYZER_URL needs SEGSEARCH_ANALYZER_TOKEN"):
            Settings.from_env({"SEGSEARCH_ANALYZER_URL": "http://a:1"})

    def test_a_token_that_no_header_has(self) -> None:
        with pytest.raises(ConfigurationError, match="SEGSEARCH_ANALYZER_TOKEN has signs"):
            Settings.from_env({"SEGSEARCH_ANALYZER_TOKEN": "bücher und mehr davon"})
