"""What an analyzer answers to each kind of request, one at a time each, however the requests come in."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from ..errors import AnalyzerBusyError, AnalyzerUnavailableError, ImageError, ImageTooLargeError, QueryError
from ..processes.program import PROGRAM
from ..query.prompt import Prompt
from .analyzer import Analyzer
from .received import MAX_PHOTO_BYTES, ReceivedPhotos
from .remote import ERRORS, JSON, About
from .wire import WireError, dump_photo, dump_vectors

logger = logging.getLogger(__name__)

WAITING_PHOTOS = 4
"""How many photos may wait while one is analysed; further ones are refused."""

WAITING_OTHERS = 1

WAITING_TEXTS = 16

WAITING_PROMPTS = 8

MAX_LOGGED = 1000

_ARRAYS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a client."""

    status: HTTPStatus
    kind: str
    content: bytes


class _LeftError(Exception):
    """The client has left while it sent its photo."""


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


class Answers:
    """The answers to each kind of request.

    Attributes
    ----------
    ending : threading.Event
        Once it is set, no request is started, and failures are not logged.
    last : float or None
        When the last answer was made or the analyzer started, by the monotonic clock; None while it rests.
    """

    def __init__(self, analyzer: Analyzer, about: About | None) -> None:
        self._analyzer, self._about = analyzer, about
        self.ending = threading.Event()
        self.last: float | None = time.monotonic()
        self.received = ReceivedPhotos()
        self._known: Mapping[str, _Way] = {
            "/photos": _Way(_Line(WAITING_PHOTOS), self._photo, has_photo=True),
            "/others": _Way(_Line(WAITING_OTHERS), self._other, has_photo=True),
            "/prompts": _Way(_Line(WAITING_PROMPTS), self._prompt, has_photo=True),
            "/texts": _Way(_Line(WAITING_TEXTS), self._text, has_photo=False),
        }

    def to(self, request: Request) -> Reply:
        """The answer to a request; no work is done if the client has left in the meantime."""
        try:
            if request.what == "/up":
                return Reply(HTTPStatus.OK, JSON, json.dumps(asdict(self._about) if self._about else {}).encode())
            self._check(request.fingerprint)
            way = self._known.get(request.what)
            if way is None:
                raise WireError(f"there is no endpoint {request.what}")  # noqa: TRY301
            with self._opened(request, way) as photo, way.line.turn():
                if self.ending.is_set() or request.has_left():
                    return _ENDING
                try:
                    return Reply(HTTPStatus.OK, _ARRAYS, way.answer(request, photo))
                finally:
                    self.last = time.monotonic()
        except AnalyzerUnavailableError as error:
            return _failed(HTTPStatus.SERVICE_UNAVAILABLE, error)
        except (ImageError, QueryError) as error:
            return _failed(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        except WireError as error:
            logger.warning("refused a malformed request: %s", error)
            return _failed(HTTPStatus.BAD_REQUEST, error)
        except _LeftError:
            return _ENDING
        except Exception as error:
            if self.ending.is_set():
                return _ENDING
            logger.exception("analysing %r failed", request.question[:MAX_LOGGED])
            return _failed(HTTPStatus.INTERNAL_SERVER_ERROR, error)

    def _check(self, fingerprint: str) -> None:
        if fingerprint and self._about and fingerprint != self._about.fingerprint:
            raise AnalyzerUnavailableError(
                f"the analyzer on {self._about.host} runs recipe {self._about.fingerprint}, and this process uses "
                f"{fingerprint}: start both with the same SEGSEARCH_RECIPE and the same version of {PROGRAM}"
            )

    @contextmanager
    def _opened(self, request: Request, way: _Way) -> Iterator[Path]:
        """The path of the request's photo, if it must have one; errors name it as the client does."""
        if not way.has_photo:
            yield Path()
            return
        (name,) = _asked(request.question, "name", others=True)
        with contextlib.ExitStack() as received:
            try:
                path = received.enter_context(self.received.receive(request.body, request.body_bytes))
            except (EOFError, TimeoutError, ConnectionError) as error:
                raise _LeftError from error
            try:
                yield path
            except ImageError as error:
                raise type(error)(str(error).replace(str(path), name)) from error

    def _photo(self, request: Request, photo: Path) -> bytes:
        _asked(request.question, "name")
        return dump_photo(self._analyzer.analyze(photo))

    def _other(self, request: Request, photo: Path) -> bytes:
        _, recipe = _asked(request.question, "name", "recipe")
        return dump_photo(self._analyzer.analyze_by(recipe, photo))

    def _prompt(self, request: Request, photo: Path) -> bytes:
        _, prompt, space = _asked(request.question, "name", "prompt", "space")
        return dump_photo(self._analyzer.segment_prompt(photo, Prompt.from_json(prompt), space))

    def _text(self, request: Request, _: Path) -> bytes:
        text, space = _asked(request.question, "text", "space")
        return dump_vectors(self._analyzer.embed_text(text, space))


@dataclass(frozen=True, eq=False, slots=True)
class _Way:
    """How requests to one endpoint are answered, one at a time."""

    line: _Line
    answer: Callable[[Request, Path], bytes]
    has_photo: bool


@dataclass(frozen=True, eq=False, slots=True)
class Request:
    """What a client asks; `body` has the bytes of a photo, `body_bytes` of them."""

    what: str
    fingerprint: str
    question: bytes
    body: BufferedIOBase
    body_bytes: int
    has_left: Callable[[], bool]


def _asked(question: bytes, *names: str, others: bool = False) -> tuple[str, ...]:
    """The strings with these keys in the JSON of a request, which has no `others`.

    Raises
    ------
    WireError
    """
    try:
        told: Any = json.loads(question)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the request is not JSON: {error}") from error
    if not isinstance(told, dict) or not told.keys() >= set(names) or (len(told) > len(names) and not others):
        raise WireError(f"the request is not an object with the keys {', '.join(names)}")
    found = tuple(told[name] for name in names)
    if not all(isinstance(value, str) for value in found):
        raise WireError(f"{', '.join(names)} must be strings")
    return found


def _failed(status: HTTPStatus, error: Exception) -> Reply:
    """An error as it is sent: only errors meant for the client are sent with their details."""
    kind = type(error) if type(error).__name__ in ERRORS else AnalyzerUnavailableError
    detail = str(error) if kind is type(error) else "the analysis failed; see the analyzer's log"
    return Reply(status, JSON, json.dumps({"error": kind.__name__, "detail": detail}).encode())


STRANGER = _failed(
    HTTPStatus.UNAUTHORIZED,
    AnalyzerUnavailableError(
        "the analyzer refuses the token: set SEGSEARCH_ANALYZER_TOKEN to the same value on its machine and on this one"
    ),
)

TOO_LARGE = _failed(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ImageTooLargeError(
        f"the analyzer takes photos of at most {MAX_PHOTO_BYTES // 1024**2} MiB: save it compressed or smaller"
    ),
)

_ENDING = _failed(HTTPStatus.SERVICE_UNAVAILABLE, AnalyzerUnavailableError("the analyzer is shutting down: try again"))
