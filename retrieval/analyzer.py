"""Analysing query photos and texts: in this process, or in the one process on the machine that has the network loaded.

Web workers import neither torch nor a model. They send a path, or a text, over loopback to the analyzer process, whose
address and key stand in a file in HOME that only its owner can read.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import socket
import struct
import threading
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from multiprocessing.context import AuthenticationError
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .decoding import DecoderPool
from .errors import AnalyzerUnavailableError, ImageError, QueryError, RetrievalError
from .protocols import AnalyzedPhoto, Recipe, TextEmbedder
from .query import MAX_TEXT
from .types import Vectors

logger = logging.getLogger(__name__)

ANALYSIS_SIDE = 1024
"""Photos are analysed on a copy with at most this long side, in pixels."""

PATIENCE_SECONDS = 120.0

TEXT_PATIENCE_SECONDS = 20.0
"""A text waits for no photo."""

SILENCE_SECONDS = 5.0
"""How long one side waits for the next word of the other, while neither has anything to compute."""


class Text(NamedTuple):
    """The question for the vector of a text in a space."""

    text: str
    space: str


@dataclass(frozen=True, eq=False, slots=True)
class LocalAnalyzer:
    """Analyses in this process; pictures are decoded in processes that may die.

    Attributes
    ----------
    recipe : Recipe
    decoders : DecoderPool
    """

    recipe: Recipe
    decoders: DecoderPool

    def analyze(self, path: Path) -> AnalyzedPhoto:
        """Decode, segment and embed one file.

        Raises
        ------
        ImageError
        """
        decoded = self.decoders.submit(path, long_side=ANALYSIS_SIDE).result()
        features = self.recipe.extract([decoded.rgb])[0]
        segments = self.recipe.segment(decoded.rgb, features)
        return AnalyzedPhoto(
            size_hw=decoded.size_hw,
            format=decoded.format,
            taken_at=decoded.taken_at,
            analysis=self.recipe.embed(decoded.rgb, features, segments),
        )

    def embed_text(self, text: str, space: str) -> Vectors:
        """The vector of a text, (1, D), by the recipe's text tower.

        Raises
        ------
        QueryError
            The text is too long.
        AnalyzerUnavailableError
            The recipe has no text tower of this space.
        """
        return text_vector(self.recipe, text, space)


def text_vector(recipe: Recipe, text: str, space: str) -> Vectors:
    """The vector of a text, (1, D), by a recipe's text tower; raises as `LocalAnalyzer.embed_text`."""
    if len(text) > MAX_TEXT:
        raise QueryError(f"the text has {len(text)} characters; at most {MAX_TEXT} are read")
    if recipe.space != space or not isinstance(recipe, TextEmbedder):
        raise AnalyzerUnavailableError(
            f"the analyzer runs with {recipe.space}, searches with {space}: start `python manage.py serve` again"
        )
    return recipe.embed_texts([text])


@dataclass(frozen=True, slots=True)
class RemoteAnalyzer:
    """Asks the analyzer process of a home.

    Attributes
    ----------
    address_file : Path
        Written by `AnalyzerServer`.
    """

    address_file: Path

    def analyze(self, path: Path) -> AnalyzedPhoto:
        """Have the process analyse one file.

        Raises
        ------
        ImageError
        AnalyzerUnavailableError
            It is starting, stopped, or has not answered in time.
        """
        answer = self._ask(str(path))
        if isinstance(answer, AnalyzedPhoto):
            return answer
        raise _error_of(answer)

    def embed_text(self, text: str, space: str) -> Vectors:
        """Have the process embed a text, (1, D).

        Raises
        ------
        QueryError
            The text is too long.
        AnalyzerUnavailableError
            It is starting, stopped, has not answered in time, or runs another recipe.
        """
        answer = self._ask(Text(text, space), TEXT_PATIENCE_SECONDS)
        if isinstance(answer, np.ndarray):
            return answer
        raise _error_of(answer)

    def is_up(self) -> bool:
        """Whether the process answers."""
        try:
            return self._ask(None, patience=2.0) == "up"
        except AnalyzerUnavailableError:
            return False

    def _ask(self, question: str | Text | None, patience: float = PATIENCE_SECONDS) -> object:
        try:
            stored = json.loads(self.address_file.read_text())
            key = bytes.fromhex(stored["key"])
            with Client((stored["host"], stored["port"])) as connection:
                _limit_silence(connection)
                answer_challenge(connection, key)
                deliver_challenge(connection, key)
                connection.send(question)
                if not connection.poll(patience):
                    raise AnalyzerUnavailableError(f"the analyzer did not answer within {patience:.0f} s; try again")
                return connection.recv()
        except (OSError, EOFError, ValueError, KeyError, AuthenticationError) as error:
            what = "words cannot be read" if isinstance(question, Text) else "query photos cannot be segmented"
            raise AnalyzerUnavailableError(
                f"{what} right now: the analyzer is starting or not running; "
                "try again in some seconds, or start `python manage.py serve`"
            ) from error


class AnalyzerServer:
    """Answers `RemoteAnalyzer` on loopback, one photo at a time, and one text beside it.

    Parameters
    ----------
    analyzer : LocalAnalyzer
    address_file : Path
        Where to leave address and key, readable by the owner only; removed by `close`.
    """

    def __init__(self, analyzer: LocalAnalyzer, address_file: Path) -> None:
        self._analyzer = analyzer
        self._address_file = address_file
        self._one_photo, self._one_text = threading.Lock(), threading.Lock()
        key = secrets.token_bytes(32)
        self._key = key
        self._listener = Listener(("127.0.0.1", 0), backlog=64)
        self._closing = threading.Event()
        host, port = self._address = self._listener.address
        beside = address_file.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"host": host, "port": port, "key": key.hex(), "pid": os.getpid()}, file)
        beside.replace(address_file)

    def serve_forever(self) -> None:
        """Answer until the listener is closed; each client has a thread, so that none waits for another's."""
        while not self._closing.is_set():
            try:
                connection = self._listener.accept()
            except ConnectionError as error:
                logger.info("a client went away: %s", error)
            except OSError:
                return
            else:
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Stop listening; may be called from any thread, and from a signal handler."""
        self._closing.set()
        self._address_file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # wakes `serve_forever`: closing alone does not end a waiting accept
            socket.create_connection(self._address, timeout=1).close()
        self._listener.close()

    def _answer(self, connection: Connection) -> None:
        with connection:
            try:
                _limit_silence(connection)
                deliver_challenge(connection, self._key)
                answer_challenge(connection, self._key)
                question = connection.recv()
                connection.send("up" if question is None else self._answer_to(question))
            except AuthenticationError:
                logger.warning("refused a connection with a wrong key")
            except (EOFError, OSError) as error:
                logger.info("a client went away: %s", error)

    def _answer_to(self, question: str | Text) -> AnalyzedPhoto | Vectors | RetrievalError:
        try:
            if isinstance(question, Text):
                with self._one_text:
                    return self._analyzer.embed_text(*question)
            with self._one_photo:
                return self._analyzer.analyze(Path(question))
        except (ImageError, QueryError, AnalyzerUnavailableError) as error:
            return error
        except Exception:
            logger.exception("analysing %r failed", question)
            return AnalyzerUnavailableError("analysing this failed; the analyzer's log says why")


def _error_of(answer: object) -> RetrievalError:
    """What an answer that is no result is raised as."""
    return (
        answer if isinstance(answer, RetrievalError) else AnalyzerUnavailableError("the analyzer failed; see its log")
    )


def _limit_silence(connection: Connection) -> None:
    """Have reads and writes of a connection fail with OSError after `SILENCE_SECONDS`.

    The key's challenge reads and has no time limit of its own: who connects and says nothing would be waited for.
    """
    limit = struct.pack("@ll", int(SILENCE_SECONDS), int(SILENCE_SECONDS % 1 * 1e6))
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
