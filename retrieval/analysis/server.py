"""The analyzer process, which has the network loaded and answers the requests of `remote`.

A request is a line of JSON, after which come the bytes of a photo if it is about one.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, ThreadingMixIn
from typing import Any

from .analyzer import Analyzer
from .answering import STRANGER, TOO_LARGE, Answers, Reply, Request
from .doors import Door
from .received import MAX_PHOTO_BYTES
from .remote import FINGERPRINT_HEADER, SILENCE_SECONDS, About

logger = logging.getLogger(__name__)

REST_SECONDS = 2.0
"""So long after its last answer an analyzer rests."""

MAX_QUESTION_BYTES = 1 << 18
"""Enough for the run lengths of a mask, whose backslashes are escaped twice."""

MOST_DRAINED_BYTES = 32 * 1024**2

MOST_CONNECTIONS = 64
"""Further ones are hung up on."""


class AnalyzerServer:
    """Answers `RemoteAnalyzer`: one photo, one photo by another recipe, one prompt and one text at a time.

    Parameters
    ----------
    analyzer : Analyzer
    door : Door
        Where to listen, and whom to answer.
    about : About, optional
        What to tell of it; without it requests of clients with any recipe are answered.
    on_rest : callable, optional
        Called once after some time without requests.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        door: Door,
        about: About | None = None,
        on_rest: Callable[[], None] | None = None,
    ) -> None:
        self._answers = Answers(analyzer, about)
        self._server = _Server(door, self._answers, on_rest)

    def serve_forever(self) -> None:
        """Answer until closed; each client has its own thread, so that clients do not block each other."""
        self._server.serve_forever()

    def close(self) -> None:
        """Stop listening and end `serve_forever`; call it from another thread."""
        self._answers.ending.set()
        self._server.door.close()
        self._server.shutdown()
        self._server.server_close()
        self._answers.received.close()


class _Server(ThreadingMixIn, BaseServer):
    """A thread for each connection that comes through a door, up to `MOST_CONNECTIONS`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, door: Door, answers: Answers, on_rest: Callable[[], None] | None) -> None:
        super().__init__("", _Handler)
        self.socket, self.door, self.answers, self._on_rest = door.listener, door, answers, on_rest
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def fileno(self) -> int:
        """The descriptor that the server loop waits on."""
        return self.socket.fileno()

    def service_actions(self) -> None:
        """Rest some time after the last answer; the base calls this twice a second."""
        last = self.answers.last
        if self._on_rest is None or last is None or time.monotonic() - last < REST_SECONDS:
            return
        if self.answers.last == last:
            self.answers.last = None
        try:
            self._on_rest()
        except Exception:
            logger.exception("memory could not be given back")

    def get_request(self) -> tuple[socket.socket, str]:
        """Accept a connection."""
        return self.socket.accept()[0], ""

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002  # as its base is called
        """Whether to answer at all."""
        return self.door.admits(request) and self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a connection; runs in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        request.close()

    def server_close(self) -> None:
        """Close the socket."""
        super().server_close()
        self.socket.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # as its base is called
        """Log that a client failed."""
        logger.info("a client disconnected")


class _Handler(BaseHTTPRequestHandler):
    """One request of a client."""

    server: _Server

    def setup(self) -> None:
        """Set a short time limit."""
        super().setup()
        self.connection.settimeout(SILENCE_SECONDS)

    def do_POST(self) -> None:  # the base calls it by this name
        """Read a request and answer it."""
        if not self.server.door.knows(self.headers.get("Authorization", "")):
            self._reply(STRANGER)
            self._drain()
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > 10 or int(length) > MAX_PHOTO_BYTES + MAX_QUESTION_BYTES:
            self._reply(TOO_LARGE)
            self._drain()
            return
        question = self.rfile.readline(min(int(length), MAX_QUESTION_BYTES)) if int(length) else b""
        if len(question) == MAX_QUESTION_BYTES and not question.endswith(b"\n"):
            self._reply(TOO_LARGE)
            self._drain()
            return
        request = Request(
            what=self.path,
            fingerprint=self.headers.get(FINGERPRINT_HEADER, ""),
            question=question,
            body=self.rfile,
            body_bytes=int(length) - len(question),
            has_left=self._has_left,
        )
        self._reply(self.server.answers.to(request))

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def _drain(self) -> None:
        """Read on for a while: a connection that is closed while bytes come in may lose the answer."""
        self.wfile.flush()
        left = MOST_DRAINED_BYTES
        while left > 0 and (piece := self.connection.recv(1 << 16)):
            left -= len(piece)

    def _has_left(self) -> bool:
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(0)) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def log_message(self, format: str, *arguments: Any) -> None:  # as its base is called
        """Do not log requests."""
        logger.debug(format, *arguments)
