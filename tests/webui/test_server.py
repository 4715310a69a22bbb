"""The server against clients that are slow, greedy, or leave; with real sockets."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from webui.serving.server import Limits, listen

SHORT = Limits(connections=20, idle_seconds=1.5, header_seconds=1.5, window_seconds=1.0, window_bytes=4096)
BIG = 64 * 1024**2


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that no socket buffer holds."""
    path = tmp_path_factory.mktemp("big") / "file"
    with path.open("wb") as file:
        file.truncate(BIG)
    return path


@contextmanager
def serving(app: Callable[..., object], limits: Limits = SHORT) -> Iterator[int]:
    """A server on a free port."""
    listening = listen(app, "127.0.0.1", 0, limits=limits)
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    try:
        yield listening.port
    finally:
        listening.stop()


def answering(big_file: Path) -> Callable[..., object]:
    """An application that reads bodies and sends a large file by ``wsgi.file_wrapper``, or in pieces."""

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/file":
            start_response("200 OK", [("Content-Length", str(BIG))])
            return environ["wsgi.file_wrapper"](big_file.open("rb"))
        if environ["PATH_INFO"] == "/pieces":
            start_response("200 OK", [("Content-Length", str(BIG))])
            return (bytes(1 << 20) for _ in range(BIG >> 20))
        size = len(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", str(len(str(size))))])
        return [str(size).encode()]

    return app


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=15)


def is_closed_within(client: socket.socket, seconds: float, drip: bytes = b"") -> bool:
    """Whether the server ends the connection, while a byte is sent now and then."""
    client.settimeout(0.2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if drip:
                client.sendall(drip)
            if not client.recv(1):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def get(port: int, path: str = "/") -> bytes:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=15) as answer:
        return answer.read()


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", b""),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", b"X"),
    ],
    ids=["silent", "header stops", "header drips", "body stops", "body drips"],
)
def test_slow_requests_are_cut_off(big_file, begin, drip):
    with serving(answering(big_file)) as port, connect(port) as client:
        client.sendall(begin)
        assert is_closed_within(client, 12, drip)


def test_a_body_that_comes_steadily_is_not_cut_off(big_file):
    with serving(answering(big_file)) as port, connect(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n")
        for _ in range(16):  # over four windows
            client.sendall(bytes(4096))
            time.sleep(0.25)
        assert client.recv(4096).endswith(b"65536")


def test_a_client_that_is_waited_for_by_nobody_is_not_cut_off():
    """A request that takes longer than every limit is the server's affair."""

    def slow(environ, start_response):
        time.sleep(4)
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    with serving(slow) as port:
        assert get(port) == b"done"


@pytest.mark.parametrize("path", ["/file", "/pieces"])
def test_unread_answers_hold_no_thread_and_are_cut_off(big_file, path, monkeypatch):
    monkeypatch.setattr("webui.serving.server.THREADS", 2)
    with serving(answering(big_file)) as port, ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(6)]
        for client in clients:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert get(port) == b"0"
        for _ in range(8):  # one takes a little of its answer, too little
            clients[0].recv(256)
            time.sleep(0.5)
        assert all(bytes_left(client) < BIG for client in clients)


def bytes_left(client: socket.socket) -> int:
    """How many bytes come until the server's end of the connection is seen."""
    received = 0
    try:
        while block := client.recv(1 << 20):
            received += len(block)
    except ConnectionError:
        pass
    return received


def test_an_answer_that_is_taken_steadily_arrives_whole(big_file):
    with serving(answering(big_file)) as port:
        assert len(get(port, "/file")) == BIG


def test_too_many_connections_make_room_for_an_honest_one(big_file):
    with serving(answering(big_file), Limits(connections=20)) as port, ExitStack() as stack:
        crowd = []
        for _ in range(60):
            crowd.append(stack.enter_context(connect(port)))
            crowd[-1].sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(5):
            assert get(port) == b"0"
        ended = sum(is_closed_within(client, 0.25) for client in crowd)
        assert 40 <= ended < 60


def test_bodies_together_are_bounded(big_file):
    limits = Limits(body_bytes=4 * 1024**2)
    with serving(answering(big_file), limits) as port, ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(4)]
        for client in clients:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n" + bytes(2 * 1024**2))
        ended = [is_closed_within(client, 2) for client in clients]
        assert 1 <= sum(ended) < 4


def test_listens_on_every_address_of_a_name():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    listening = listen(app, "localhost", 0)
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    try:
        assert get(listening.port) == b"ok"
    finally:
        listening.stop()


def test_it_may_have_ended_by_itself_when_it_is_stopped():
    def app(environ, start_response):
        raise AssertionError

    listening = listen(app, "localhost", 0)
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    listening.stop()
    thread.join()
    listening.stop()


def test_a_port_in_use_is_an_error():
    def app(environ, start_response):
        raise AssertionError

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=re.compile("use", re.I)):
        listen(app, "127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("proxy", "believed"), [(None, "127.0.0.1"), ("127.0.0.1", "192.0.2.7"), ("192.0.2.1", "127.0.0.1")]
)
def test_only_a_proxy_that_is_named_is_believed(proxy, believed):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", str(len(environ["REMOTE_ADDR"])))])
        return [environ["REMOTE_ADDR"].encode()]

    listening = listen(app, "127.0.0.1", 0, trusted_proxy=proxy)
    threading.Thread(target=listening.run, daemon=True).start()
    try:
        asked = Request(f"http://127.0.0.1:{listening.port}/", headers={"X-Forwarded-For": "192.0.2.7"})
        with urlopen(asked, timeout=10) as answer:
            assert answer.read().decode() == believed
    finally:
        listening.stop()
