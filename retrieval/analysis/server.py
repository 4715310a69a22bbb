"""The analyzer process, which has the network loaded and answers the requests of `remote`."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseServer, ThreadingMixIn
from typing import Any

from ..errors import AnalyzerBusyError, AnalyzerUnavailableError, ConfigurationError, ImageError, QueryError
from ..query.prompt import Prompt
from . import private_socket
from .analyzer import Analyzer
from .private_socket import SUFFIX, PrivateFolder
from .remote import ERRORS, JSON, SILENCE_SECONDS
from .wire import WireError, dump_photo, dump_vectors

logger = logging.getLogger(__name__)

WAITING_PHOTOS = 4
"""How many photos may wait while one is analysed; further ones are refused."""

WAITING_OTHERS = 1

WAITING_TEXTS = 16

REST_SECONDS = 2.0
"""So long after its last answer an analyzer rests."""

WAITING_PROMPTS = 8

MAX_QUESTION_BYTES = 1 << 18
"""Enough for the run lengths of a mask, whose backslashes are escaped twice."""

_ARRAYS = "application/octet-stream"


class AnalyzerServer:
    """Answers `RemoteAnalyzer`: one photo, one photo by another recipe, one prompt and one text at a time.

    Parameters
    ----------
    analyzer : Analyzer
    folder : Path
        Where to listen; only its owner may enter it. Sockets of dead processes are removed from it.
    owner : int, optional
        Number of the process that this analyzer belongs to; this process if absent.
    on_rest : callable, optional
        Called once after some time without requests.

    Raises
    ------
    ConfigurationError
        The folder cannot be closed to others, or does not support sockets.
    """

    def __init__(
        self, analyzer: Analyzer, folder: Path, owner: int | None = None, on_rest: Callable[[], None] | None = None
    ) -> None:
        self._folder = folder
        self._name = f"{os.getpid() if owner is None else owner}-{secrets.token_hex(4)}{SUFFIX}"
        private_socket.make(folder)
        with private_socket.opened(folder) as there:
            there.sweep()
            listener = self._listen(there)
        self._answers = _Answers(analyzer)
        self._server = _Server(listener, self._answers, on_rest)

    def serve_forever(self) -> None:
        """Answer until closed; each client has its own thread, so that clients do not block each other."""
        self._server.serve_forever()

    def close(self) -> None:
        """Stop listening and end `serve_forever`; call it from another thread."""
        self._answers.ending.set()
        with contextlib.suppress(OSError), private_socket.opened(self._folder) as folder:
            folder.remove(self._name)
        self._server.shutdown()
        self._server.server_close()

    def _listen(self, folder: PrivateFolder) -> socket.socket:
        try:
            return folder.listen(self._name)
        except OSError as error:
            raise ConfigurationError(
                f"{self._folder} cannot hold a socket ({error}): move SEGSEARCH_DATA_DIR to a local file system"
            ) from error


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer to a client."""

    status: HTTPStatus
    kind: str
    content: bytes


class _Line:
    """Lets in one at a time; a limited number may wait, and further ones are refused."""

    def __init__(self, waiting: int) -> None:
        self._places = threading.BoundedSemaphore(waiting + 1)
        self._turn = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn.

        Raises
        ------
        AnalyzerBusyError
        """
        if not self._places.acquire(blocking=False):
            raise AnalyzerBusyError("the analyzer's queue is full: try again in a few seconds")
        try:
            with self._turn:
                yield
        finally:
            self._places.release()


class _Answers:
    """The answers to each kind of request.

    Attributes
    ----------
    ending : threading.Event
        Once it is set, no request is started, and failures are not logged.
    last : float or None
        When the last answer was made or the analyzer started, by the monotonic clock; None while it rests.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self.ending = threading.Event()
        self.last: float | None = time.monotonic()
        self._known = {
            "/photos": (_Line(WAITING_PHOTOS), self._photo),
            "/others": (_Line(WAITING_OTHERS), self._other),
            "/prompts": (_Line(WAITING_PROMPTS), self._prompt),
            "/texts": (_Line(WAITING_TEXTS), self._text),
        }

    def to(self, what: str, question: bytes, has_left: Callable[[], bool]) -> _Reply:
        """The answer to a request; no work is done if the client has left in the meantime."""
        try:
            if what == "/up":
                return _found(b"up")
            if what not in self._known:
                raise WireError(f"there is no endpoint {what}")  # noqa: TRY301
            line, answer = self._known[what]
            with line.turn():
                if self.ending.is_set() or has_left():
                    return _ENDING
                try:
                    return _found(answer(question))
                finally:
                    self.last = time.monotonic()
        except AnalyzerUnavailableError as error:
            return _failed(HTTPStatus.SERVICE_UNAVAILABLE, error)
        except (ImageError, QueryError) as error:
            return _failed(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        except WireError as error:
            logger.warning("refused a malformed request: %s", error)
            return _failed(HTTPStatus.BAD_REQUEST, error)
        except Exception as error:
            if self.ending.is_set():
                return _ENDING
            logger.exception("analysing %r failed", question)
            return _failed(HTTPStatus.INTERNAL_SERVER_ERROR, error)

    def _photo(self, question: bytes) -> bytes:
        (path,) = _asked(question, "path")
        return dump_photo(self._analyzer.analyze(Path(path)))

    def _other(self, question: bytes) -> bytes:
        recipe, path = _asked(question, "recipe", "path")
        return dump_photo(self._analyzer.analyze_by(recipe, Path(path)))

    def _prompt(self, question: bytes) -> bytes:
        path, prompt, space = _asked(question, "path", "prompt", "space")
        return dump_photo(self._analyzer.segment_prompt(Path(path), Prompt.from_json(prompt), space))

    def _text(self, question: bytes) -> bytes:
        text, space = _asked(question, "text", "space")
        return dump_vectors(self._analyzer.embed_text(text, space))


def _asked(question: bytes, *names: str) -> tuple[str, ...]:
    """The strings with these keys in the JSON of a request.

    Raises
    ------
    WireError
    """
    try:
        told: Any = json.loads(question)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the request is not JSON: {error}") from error
    if not isinstance(told, dict) or told.keys() != set(names):
        raise WireError(f"the request is not an object with the keys {', '.join(names)}")
    found = tuple(told[name] for name in names)
    if not all(isinstance(value, str) for value in found):
        raise WireError(f"{', '.join(names)} must be strings")
    return found


def _found(content: bytes) -> _Reply:
    return _Reply(HTTPStatus.OK, _ARRAYS, content)


def _failed(status: HTTPStatus, error: Exception) -> _Reply:
    """An error as it is sent: only errors meant for the client are sent with their details."""
    kind = type(error) if type(error).__name__ in ERRORS else AnalyzerUnavailableError
    detail = str(error) if kind is type(error) else "the analysis failed; see the analyzer's log"
    return _Reply(status, JSON, json.dumps({"error": kind.__name__, "detail": detail}).encode())


_ENDING = _failed(HTTPStatus.SERVICE_UNAVAILABLE, AnalyzerUnavailableError("the analyzer is shutting down: try again"))


class _Server(ThreadingMixIn, BaseServer):
    """A thread for each connection to a listening socket; connections of other users are refused."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, answers: _Answers, on_rest: Callable[[], None] | None) -> None:
        super().__init__("", _Handler)
        self.socket, self.answers, self._on_rest = listener, answers, on_rest

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
        if private_socket.is_own(request):
            return True
        logger.warning("refused a connection from another user's process")
        return False

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
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > 9 or int(length) > MAX_QUESTION_BYTES:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        question = self.rfile.read(int(length))
        if len(question) < int(length):
            return
        reply = self.server.answers.to(self.path, question, self._has_left)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def _has_left(self) -> bool:
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(0)) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def log_message(self, format: str, *arguments: Any) -> None:  # as its base is called
        """Do not log requests."""
        logger.debug(format, *arguments)
