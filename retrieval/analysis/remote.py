"""Analyses query photos and texts in an analyzer process, which has the network loaded.

Web servers import neither torch nor a model. They send the bytes of a photo, or a text, to an analyzer process, by
HTTP: over a Unix socket in the data directory (`private_socket`), or to other machines with a token. Questions are
JSON, and answers are arrays (`wire`). Several servers may run on one data directory, each with its own analyzer; any of
them can answer.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from ..errors import (
    AnalyzerBusyError,
    AnalyzerUnavailableError,
    ImageError,
    ImageTooLargeError,
    ImageTooSmallError,
    QueryError,
    RetrievalError,
    UnreadableImageError,
)
from ..processes.program import PROGRAM
from ..query.prompt import Prompt
from ..storage.originals import identity_of, open_regular
from ..types import AnalyzedImage, Vectors
from . import private_socket
from .doors import bearer
from .local import check_length
from .other_recipes import OTHER_SECONDS
from .received import MAX_PHOTO_BYTES
from .wire import MAX_BYTES, WireError, load_photo, load_vectors

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0

OTHER_PATIENCE_SECONDS = PATIENCE_SECONDS + OTHER_SECONDS

TEXT_PATIENCE_SECONDS = 20.0
"""Texts do not queue behind photos."""

SILENCE_SECONDS = 5.0
"""How long one side waits for the other's next bytes while neither has anything to compute."""

ERRORS = {
    kind.__name__: kind
    for kind in (
        ImageError,
        UnreadableImageError,
        ImageTooLargeError,
        ImageTooSmallError,
        QueryError,
        AnalyzerUnavailableError,
        AnalyzerBusyError,
    )
}
"""The errors that are sent to the client; the analyzer only logs all others."""

JSON = "application/json"

FINGERPRINT_HEADER = "SegSearch-Recipe"
"""Has the fingerprint of the recipe that the client uses; an analyzer with another one refuses."""

CONNECT_SECONDS = 3.0
"""How long one waits for another machine before the next one is tried."""

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class About:
    """What an analyzer tells of itself.

    Attributes
    ----------
    host : str
        Name of its machine.
    version : str
        Of SegSearch.
    recipe : str
        Its name.
    fingerprint : str
        Of the recipe; requests that name another one are refused.
    """

    host: str
    version: str
    recipe: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class RemoteAnalyzer:
    """Sends requests to an analyzer process of a data directory, or of other machines.

    Attributes
    ----------
    folder : Path
        Where processes of this machine listen.
    owner : int or None
        Number of the process whose analyzer is tried first; if absent, or if that one does not listen, any other.
    fingerprint : str
        Of the recipe that an analyzer must run; any may if it is empty.
    urls : tuple of str
        ``http://HOST:PORT`` or ``https://…`` of other machines' analyzers. If there are any, they are asked instead:
        the first that listens and is not busy.
    token : str
        What they demand.
    """

    folder: Path
    owner: int | None = None
    fingerprint: str = ""
    urls: tuple[str, ...] = ()
    token: str = field(default="", repr=False)

    def analyze(self, path: Path) -> AnalyzedImage:
        """Have the process analyse one file.

        Raises
        ------
        ImageError
        AnalyzerUnavailableError
            It is starting, stopped or busy, or did not answer in time.
        """
        with self._telling("cannot segment query photos"):
            return load_photo(self._ask_about(path, "/photos", PATIENCE_SECONDS))

    def analyze_by(self, recipe: str, path: Path) -> AnalyzedImage:
        """Have the process analyse one file with another recipe; see `Analyzer`."""
        with self._telling("cannot segment photos with another recipe"):
            return load_photo(self._ask_about(path, "/others", OTHER_PATIENCE_SECONDS, recipe=recipe))

    def segment_prompt(self, path: Path, prompt: Prompt, space: str) -> AnalyzedImage:
        """Have the process make a segment of what was marked on a photo; see `Analyzer`."""
        with self._telling("cannot make a segment"):
            told = {"prompt": prompt.to_json(), "space": space}
            found = load_photo(self._ask_about(path, "/prompts", PATIENCE_SECONDS, **told))
            if len(found.analysis.segments) != 1:
                raise WireError(f"the answer has {len(found.analysis.segments)} segments")
            return found

    def embed_text(self, text: str, space: str) -> Vectors:
        """Have the process embed a text, (1, D).

        Raises
        ------
        QueryError
            The text is too long.
        AnalyzerUnavailableError
            It is starting, stopped or busy, did not answer in time, or runs another recipe.
        """
        check_length(text)
        with self._telling("cannot read words"):
            return load_vectors(self._ask("/texts", _question(text=text, space=space), TEXT_PATIENCE_SECONDS))

    def is_up(self) -> bool:
        """Whether a process answers that runs the right recipe."""
        try:
            found = self.about()
        except AnalyzerUnavailableError:
            return False
        return not (self.fingerprint and found.fingerprint) or self.fingerprint == found.fingerprint

    def about(self) -> About:
        """What the analyzer tells of itself, the first that listens; its fields are empty if it tells nothing.

        Raises
        ------
        AnalyzerUnavailableError
            None answers, or it refuses the token.
        """
        with self._telling("cannot reach the analyzer"):
            return _about_from(self._ask("/up", b"", patience=2.0))

    def each(self) -> Iterator[tuple[str, RemoteAnalyzer]]:
        """Every analyzer of other machines by itself, with its URL."""
        for url in self.urls:
            yield url, replace(self, urls=(url,))

    def _ask_about(self, path: Path, what: str, patience: float, **told: str) -> bytes:
        """The answer to a question about a photo."""
        question = _question(name=str(path), **told) + b"\n"
        try:
            photo = open_regular(path)
        except OSError as error:
            raise UnreadableImageError(f"{path}: {error.strerror or error}") from error
        if photo is None:
            raise UnreadableImageError(f"{path}: not a regular file; give the path of a picture")
        with photo:
            if identity_of(photo).size > MAX_PHOTO_BYTES:
                raise ImageTooLargeError(
                    f"{path}: the analyzer takes photos of at most {MAX_PHOTO_BYTES // 1024**2} MiB: save it "
                    "compressed or smaller"
                )
            return self._ask(what, question, patience, photo)

    def _ask(self, what: str, question: bytes, patience: float, photo: BinaryIO | None = None) -> bytes:
        """The answer of the first analyzer that listens and is not busy."""
        busy: AnalyzerBusyError | None = None
        for connection in self._reach():
            with contextlib.closing(connection):
                try:
                    return self._exchange(connection, what, question, patience, photo)
                except AnalyzerBusyError as error:
                    busy = error
        if busy is not None:
            raise busy
        raise ConnectionRefusedError("no analyzer is listening")

    def _exchange(
        self, connection: _Connection, what: str, question: bytes, patience: float, photo: BinaryIO | None
    ) -> bytes:
        wire, size = connection.sock, len(question)
        if photo is not None:
            size += os.fstat(photo.fileno()).st_size
            photo.seek(0)
        headers = {"Content-Type": JSON, "Content-Length": str(size), FINGERPRINT_HEADER: self.fingerprint}
        if self.urls:
            headers["Authorization"] = bearer(self.token)
        # An analyzer that refuses does not read on; what it said is there all the same.
        with contextlib.suppress(ConnectionError):
            connection.request("POST", what, _body(question, photo, size), headers)
        wire.settimeout(patience)
        try:
            answer = connection.getresponse()
        except TimeoutError as error:
            raise AnalyzerUnavailableError(f"the analyzer did not answer within {patience:.0f} s; try again") from error
        wire.settimeout(SILENCE_SECONDS)
        if answer.length is None or answer.length > MAX_BYTES:
            raise WireError(f"the analyzer's answer has {answer.length} bytes")
        content = answer.read()
        if answer.status == HTTPStatus.OK:
            return content
        raise _error_from(content)

    def _reach(self) -> Iterator[_Connection]:
        """Connections to the analyzers that listen, the one to be asked first in front."""
        yield from self._reach_others() if self.urls else self._reach_own()

    def _reach_own(self) -> Iterator[_Connection]:
        with private_socket.opened(self.folder) as folder:
            for name in sorted(folder.names(), key=lambda name: not name.startswith(f"{self.owner}-")):
                try:
                    yield _Connection("analyzer", folder.connect(name, SILENCE_SECONDS))
                except PermissionError as error:
                    logger.warning("%s", error)
                except OSError as error:
                    logger.info("no analyzer answers at %s: %s", name, error)

    def _reach_others(self) -> Iterator[_Connection]:
        for url in self.urls:
            try:
                yield _Connection(urlsplit(url).netloc, _connected(url))
            except OSError as error:
                logger.warning("no analyzer answers at %s: %s", url, error)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Turn communication failures into an error that says what cannot be done."""
        try:
            yield
        except (OSError, WireError, http.client.HTTPException) as error:
            advice = f"try again in a few seconds, or start `{PROGRAM} serve`"
            if self.urls:
                advice = f"start `{PROGRAM} analyzer --listen HOST:PORT` at {', '.join(self.urls)}"
            raise AnalyzerUnavailableError(
                f"{what} right now: the analyzer is starting or not running; {advice}"
            ) from error


def _about_from(content: bytes) -> About:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise WireError("the answer is not JSON") from error
    if not isinstance(told, dict) or not all(isinstance(each, str) for each in told.values()):
        raise WireError("the answer is no object of strings")
    return About(**{each.name: told.get(each.name, "") for each in fields(About)})


def _connected(url: str) -> socket.socket:
    """A connection to another machine's analyzer."""
    place = urlsplit(url)
    is_encrypted = place.scheme == "https"
    address = place.hostname or "", place.port or (443 if is_encrypted else 80)
    wire = socket.create_connection(address, CONNECT_SECONDS)
    try:
        wire.settimeout(SILENCE_SECONDS)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return ssl.create_default_context().wrap_socket(wire, server_hostname=place.hostname) if is_encrypted else wire
    except BaseException:
        wire.close()
        raise


def _body(question: bytes, photo: BinaryIO | None, size: int) -> Iterator[bytes]:
    """The bytes of a request, no more than were announced: the file may grow meanwhile."""
    yield question
    left = size - len(question)
    while photo is not None and left > 0 and (piece := photo.read(min(left, _PIECE))):
        left -= len(piece)
        yield piece


def _question(**parts: str) -> bytes:
    return json.dumps(parts).encode()


class _Connection(http.client.HTTPConnection):
    """HTTP over an existing connection."""

    def __init__(self, host: str, wire: socket.socket) -> None:
        super().__init__(host)
        self.sock = wire


def _error_from(content: bytes) -> RetrievalError:
    """The error in an answer."""
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(content)
        if isinstance(told, dict) and isinstance(told.get("detail"), str) and told.get("error") in ERRORS:
            error: RetrievalError = ERRORS[told["error"]](told["detail"])
            return error
    return AnalyzerUnavailableError("the analyzer failed; see its log")
