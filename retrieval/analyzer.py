"""Analysing query photos: in this process, or in the one process on the machine that has the network loaded.

Web workers import neither torch nor a model. They send a path over loopback to the analyzer process, whose address and
key stand in a file in HOME that only its owner can read.
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

from .decoding import DecoderPool
from .errors import AnalyzerUnavailableError, ImageError, RetrievalError
from .protocols import AnalyzedPhoto, Recipe

logger = logging.getLogger(__name__)

ANALYSIS_SIDE = 1024
"""Photos are analysed on a copy with at most this long side, in pixels."""

PATIENCE_SECONDS = 120.0

SILENCE_SECONDS = 5.0
"""How long one side waits for the next word of the other, while neither has anything to compute."""


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
        raise (
            answer
            if isinstance(answer, RetrievalError)
            else AnalyzerUnavailableError("the analyzer failed; see its log")
        )

    def is_up(self) -> bool:
        """Whether the process answers."""
        try:
            return self._ask(None, patience=2.0) == "up"
        except AnalyzerUnavailableError:
            return False

    def _ask(self, question: str | None, patience: float = PATIENCE_SECONDS) -> object:
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
            raise AnalyzerUnavailableError(
                "query photos cannot be segmented right now: the analyzer is starting or not running; "
                "try again in some seconds, or start `python manage.py serve`"
            ) from error


class AnalyzerServer:
    """Answers `RemoteAnalyzer` on loopback, one photo at a time.

    Parameters
    ----------
    analyzer : LocalAnalyzer
    address_file : Path
        Where to leave address and key, readable by the owner only; removed by `close`.
    """

    def __init__(self, analyzer: LocalAnalyzer, address_file: Path) -> None:
        self._analyzer = analyzer
        self._address_file = address_file
        self._one_at_a_time = threading.Lock()
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
                connection.send("up" if question is None else self._analyze(Path(question)))
            except AuthenticationError:
                logger.warning("refused a connection with a wrong key")
            except (EOFError, OSError) as error:
                logger.info("a client went away: %s", error)

    def _analyze(self, path: Path) -> AnalyzedPhoto | RetrievalError:
        try:
            with self._one_at_a_time:
                return self._analyzer.analyze(path)
        except ImageError as error:
            return error
        except Exception:
            logger.exception("analysing %s failed", path)
            return AnalyzerUnavailableError("analysing this photo failed; the analyzer's log says why")


def _limit_silence(connection: Connection) -> None:
    """Have reads and writes of a connection fail with OSError after `SILENCE_SECONDS`.

    The key's challenge reads and has no time limit of its own: who connects and says nothing would be waited for.
    """
    limit = struct.pack("@ll", int(SILENCE_SECONDS), int(SILENCE_SECONDS % 1 * 1e6))
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
