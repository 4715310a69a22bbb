"""The HTTP server: waitress, with limits on what a slow or greedy client may hold.

waitress reads requests and sends answers in one thread that never blocks, so a slow client costs no worker thread, only
a connection and its buffers. It lacks deadlines that a client cannot extend by sending an occasional byte; this module
adds them.

References
----------
CWE-400, "Uncontrolled Resource Consumption"; RFC 9112, section 9.5, "Failures and Timeouts".
"""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from ..events import STOPPING
from .admission import THREADS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_HEADER_BYTES = 1 << 16
MAX_BODY_BYTES = 200 * 1024**2
"""The server cuts off larger bodies; below that, the application says what is too large and what to do."""

MAX_OUTPUT_BYTES = 1 << 30
"""Unsent output of a slow client goes to a temporary file up to this size; only beyond it does a thread wait."""

OPEN_FILES = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may hold, and for how long.

    Attributes
    ----------
    connections : int
        Open connections. One more closes the longest idle one of the address that has most of them.
    idle_seconds : float
        How long a connection may stay open without a request.
    header_seconds : float
        From the first byte of a request to the end of its header.
    window_seconds, window_bytes : float, int
        While a client sends a body or reads an answer, it must transfer this many bytes in each window.
    body_bytes : int
        Total size of all unfinished request bodies. Beyond it, the largest are cut off.
    """

    connections: int = 400
    idle_seconds: float = 60.0
    header_seconds: float = 20.0
    window_seconds: float = 20.0
    window_bytes: int = 20 * 1024
    body_bytes: int = 1 << 30


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection that knows whether its client is too slow."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.moved: int = 0
        self._request_began = self._window_began = time.monotonic()
        self._moved_before = 0
        self._turn: object = None

    def received(self, data: bytes) -> bool:
        """Receive bytes of a request."""
        self.moved += len(data)
        if self.request is None:
            self._request_began = time.monotonic()
        return bool(super().received(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send as much of an answer as the socket takes; returns the number of bytes."""
        sent = int(super().send(data, do_close=do_close))
        self.moved += sent
        return sent

    @property
    def body_bytes(self) -> int:
        """Bytes received so far of the current request's body."""
        request = self.request
        return request.body_bytes_received if request is not None else 0

    def is_late(self, now: float) -> bool:
        """Whether the server has waited too long for the client.

        Parameters
        ----------
        now : float
            Of the monotonic clock, in seconds.
        """
        request: Any = self.request
        limits: Limits = self.server.limits
        if not self.total_outbufs_len and request is None:
            self._turn = None
            idle = time.time() - self.last_activity  # waitress uses this clock, too
            return not self.requests and idle > limits.idle_seconds
        if not self.total_outbufs_len and request is not None and not request.headers_finished:
            return now - self._request_began > limits.header_seconds
        return self._is_behind(now, turn="answer" if self.total_outbufs_len else request)

    def _is_behind(self, now: float, turn: object) -> bool:
        if turn is not self._turn:
            self._turn, self._window_began, self._moved_before = turn, now, self.moved
        limits: Limits = self.server.limits
        if now - self._window_began < limits.window_seconds:
            return False
        behind = self.moved - self._moved_before < limits.window_bytes
        self._window_began, self._moved_before = now, self.moved
        return behind

    def cut_off(self) -> None:
        """Reset the connection, so that the system discards unsent data."""
        self.will_close = True
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.shutdown(socket.SHUT_RDWR)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Listens on one address."""

    channel_class = Channel
    limits = Limits()
    stopping = False

    def __init__(self, *args: Any, **options: Any) -> None:
        self._trigger_lock = threading.Lock()
        self._is_closed = False
        super().__init__(*args, **options)

    def pull_trigger(self) -> None:
        """Wake the loop if it runs; after that, the descriptor may belong to another file."""
        with self._trigger_lock:
            if not self._is_closed:
                super().pull_trigger()

    def close(self) -> None:
        """Stop listening."""
        with self._trigger_lock:
            self._is_closed = True
            super().close()

    def readable(self) -> bool:
        """Whether connections are accepted; the loop asks in each round."""
        if self.stopping:
            raise SystemExit
        return bool(super().readable())

    def handle_accept(self) -> None:
        """Accept a connection, and close another one if there are too many."""
        channels = list(self.active_channels.values())
        if len(channels) >= self.limits.connections:
            victim = _longest_idle(channels)
            if victim is not None:
                victim.cut_off()
        super().handle_accept()

    def maintenance(self, now: float) -> None:  # waitress uses the wall clock, which may be changed
        """Cut off clients that are too slow or send too much; waitress calls it once a second."""
        channels = list(self.active_channels.values())
        now = time.monotonic()
        for channel in channels:
            if channel.is_late(now):
                channel.cut_off()
        excess = sum(channel.body_bytes for channel in channels) - self.limits.body_bytes
        for channel in sorted(channels, key=lambda channel: -channel.body_bytes):
            if excess <= 0:
                break
            channel.cut_off()
            excess -= channel.body_bytes


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """The workers; says so when they are to end.

    Attributes
    ----------
    stopping : threading.Event
        Requests find it under `STOPPING` in their environment, so that answers without an end can end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stopping = threading.Event()

    def shutdown(self, *args: Any, **options: Any) -> bool:
        """End the workers; running requests have 5 s."""
        self.stopping.set()
        return bool(super().shutdown(*args, **options))


class Listening:
    """A server bound to its addresses.

    Parameters
    ----------
    servers : list of Server
        One per address; one loop runs all of them, and they share their workers.
    """

    def __init__(self, servers: list[Server]) -> None:
        self._servers = servers
        self._ended = threading.Event()

    @property
    def port(self) -> int:
        """The port; the one chosen by the system if 0 was requested."""
        return int(self._servers[0].effective_port)

    def run(self) -> None:
        """Serve until `stop`, SystemExit or KeyboardInterrupt; running requests then get 5 s to finish."""
        try:
            self._servers[0].run()
        finally:
            for channel in [channel for server in self._servers for channel in server.active_channels.values()]:
                channel.cut_off()
            for server in self._servers:
                server.close()
            self._ended.set()

    def stop(self) -> None:
        """Stop `run` in another thread, and wait for it."""
        for server in self._servers:
            server.stopping = True
            server.pull_trigger()
        self._ended.wait()


def listen(
    app: WSGIApplication, host: str, port: int, *, trusted_proxy: str | None = None, limits: Limits | None = None
) -> Listening:
    """Bind a server of `app` to an address.

    Parameters
    ----------
    app : WSGI application
    host : str
        A name or address. If a name has several addresses, the server listens on each.
    port : int
        0 lets the system choose.
    trusted_proxy : str, optional
        Address of a proxy whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are trusted.
    limits : Limits, optional

    Raises
    ------
    OSError
        The address is in use, or not one of this machine's.
    """
    _allow_open_files()
    adjustments = Adjustments(host=host, port=port, **_options(trusted_proxy))
    adjustments.send_bytes = 1  # otherwise short events would wait for later ones
    dispatcher = Dispatcher()
    dispatcher.set_thread_count(adjustments.threads)
    sockets: dict[int, Any] = {}
    told = _told(app, dispatcher.stopping)
    servers = [
        Server(told, sockets, dispatcher=dispatcher, adj=adjustments, sockinfo=address)
        for address in adjustments.listen
    ]
    for server in servers:
        server.limits = limits or server.limits
    return Listening(servers)


def _told(app: WSGIApplication, stopping: threading.Event) -> WSGIApplication:
    """The application, whose requests know when the server stops."""

    def told(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[STOPPING] = stopping
        return app(environ, start_response)

    return told


def _options(trusted_proxy: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "ident": "SegSearch",
        "threads": THREADS,
        "asyncore_use_poll": True,  # select() cannot watch more than 1,024 files
        "cleanup_interval": 1,
        "connection_limit": OPEN_FILES,  # `Server` has its own limit, which closes idle connections
        "max_request_header_size": MAX_HEADER_BYTES,
        "max_request_body_size": MAX_BODY_BYTES,
        "outbuf_high_watermark": MAX_OUTPUT_BYTES,
    }
    if trusted_proxy is not None:
        options |= {"trusted_proxy": trusted_proxy, "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"}}
    return options


def _longest_idle(channels: Iterable[Channel]) -> Channel | None:
    """The longest idle connection of the address that has most, among those that wait for their client."""
    waiting = [channel for channel in channels if not channel.requests and not channel.will_close]
    crowd = Counter(channel.addr[0] for channel in waiting)
    return min(waiting, key=lambda channel: (-crowd[channel.addr[0]], channel.last_activity), default=None)


def _allow_open_files() -> None:
    """Raise the process's limit on open files as far as needed and allowed: a connection may use three."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
