"""Analyses query photos and texts in the analyzer process of this machine, which has the network loaded.

Web servers import neither torch nor a model. They send the path of a photo, or a text, to an analyzer process, by HTTP
over a Unix socket in the data directory (`private_socket`). Requests are JSON, and answers are arrays (`wire`). Several
servers may run on one data directory, each with its own analyzer; any of them can answer.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

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
from ..types import AnalyzedImage, Vectors
from . import private_socket
from .local import check_length
from .other_recipes import OTHER_SECONDS
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


@dataclass(frozen=True, slots=True)
class RemoteAnalyzer:
    """Sends requests to an analyzer process of a data directory.

    Attributes
    ----------
    folder : Path
        Where the processes listen.
    owner : int or None
        Number of the process whose analyzer is tried first; if absent, or if that one does not listen, any other.
    """

    folder: Path
    owner: int | None = None

    def analyze(self, path: Path) -> AnalyzedImage:
        """Have the process analyse one file.

        Raises
        ------
        ImageError
        AnalyzerUnavailableError
            It is starting, stopped or busy, or did not answer in time.
        """
        with _telling("cannot segment query photos"):
            return load_photo(self._ask("/photos", _question(path=str(path)), PATIENCE_SECONDS))

    def analyze_by(self, recipe: str, path: Path) -> AnalyzedImage:
        """Have the process analyse one file with another recipe; see `Analyzer`."""
        with _telling("cannot segment photos with another recipe"):
            return load_photo(self._ask("/others", _question(recipe=recipe, path=str(path)), OTHER_PATIENCE_SECONDS))

    def segment_prompt(self, path: Path, prompt: Prompt, space: str) -> AnalyzedImage:
        """Have the process make a segment of what was marked on a photo; see `Analyzer`."""
        question = _question(path=str(path), prompt=prompt.to_json(), space=space)
        with _telling("cannot make a segment"):
            found = load_photo(self._ask("/prompts", question, PATIENCE_SECONDS))
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
        with _telling("cannot read words"):
            return load_vectors(self._ask("/texts", _question(text=text, space=space), TEXT_PATIENCE_SECONDS))

    def is_up(self) -> bool:
        """Whether a process answers."""
        try:
            with _telling("cannot reach the analyzer"):
                return self._ask("/up", b"", patience=2.0) == b"up"
        except AnalyzerUnavailableError:
            return False

    def _ask(self, what: str, question: bytes, patience: float) -> bytes:
        wire = self._reach()
        with contextlib.closing(_Connection(wire)) as connection:
            connection.request("POST", what, question, {"Content-Type": JSON})
            wire.settimeout(patience)
            try:
                answer = connection.getresponse()
            except TimeoutError as error:
                raise AnalyzerUnavailableError(
                    f"the analyzer did not answer within {patience:.0f} s; try again"
                ) from error
            wire.settimeout(SILENCE_SECONDS)
            if answer.length is None or answer.length > MAX_BYTES:
                raise WireError(f"the analyzer's answer has {answer.length} bytes")
            content = answer.read()
        if answer.status == HTTPStatus.OK:
            return content
        raise _error_from(content)

    def _reach(self) -> socket.socket:
        """A connection to the owner's analyzer, or to another one that is running.

        Raises
        ------
        OSError
            No analyzer is running.
        """
        with private_socket.opened(self.folder) as folder:
            for name in sorted(folder.names(), key=lambda name: not name.startswith(f"{self.owner}-")):
                try:
                    return folder.connect(name, SILENCE_SECONDS)
                except PermissionError as error:
                    logger.warning("%s", error)
                except OSError as error:
                    logger.info("no analyzer answers at %s: %s", name, error)
        raise ConnectionRefusedError("no analyzer is listening")


def _question(**parts: str) -> bytes:
    return json.dumps(parts).encode()


class _Connection(http.client.HTTPConnection):
    """HTTP over an existing connection."""

    def __init__(self, wire: socket.socket) -> None:
        super().__init__("analyzer")
        self.sock = wire


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Turn communication failures into an error that says what cannot be done."""
    try:
        yield
    except (OSError, WireError, http.client.HTTPException) as error:
        raise AnalyzerUnavailableError(
            f"{what} right now: the analyzer is starting or not running; "
            f"try again in a few seconds, or start `{PROGRAM} serve`"
        ) from error


def _error_from(content: bytes) -> RetrievalError:
    """The error in an answer."""
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(content)
        if isinstance(told, dict) and isinstance(told.get("detail"), str) and told.get("error") in ERRORS:
            error: RetrievalError = ERRORS[told["error"]](told["detail"])
            return error
    return AnalyzerUnavailableError("the analyzer failed; see its log")
