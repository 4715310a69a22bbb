"""Keeps a running server up to date with the catalogue, and cleans up its folders."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from retrieval.storage.file_names import QUERIES, UPLOADS

from ..context import Contexts, WebContext
from ..pictures.uploads import PARTIAL_PATTERN

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 3.0
TIDY_EVERY_SECONDS = 600.0
FRESH_SECONDS = 15.0
"""If the last refresh is older than this, the server is not ready."""

YOUNG_SECONDS = 3600.0
"""Younger files are not removed, because a request may be about to use them."""


class Follower(threading.Thread):
    """A thread that applies the catalogues' changes; it does not keep the process alive.

    Parameters
    ----------
    contexts : Contexts
    """

    def __init__(self, contexts: Contexts) -> None:
        super().__init__(name="follower", daemon=True)
        self._contexts = contexts
        self._ending = threading.Event()
        self._succeeded = time.monotonic()
        self._tidied = float("-inf")

    @property
    def is_fresh(self) -> bool:
        """Whether the last refresh is recent."""
        return time.monotonic() - self._succeeded < FRESH_SECONDS

    def stop(self) -> None:
        """Ask the thread to end soon."""
        self._ending.set()

    def run(self) -> None:
        """Refresh once a second; failures are logged and retried."""
        while not self._ending.wait(self._step()):
            pass

    def _step(self) -> float:
        """Refresh and clean up if due; returns the seconds until the next time."""
        is_tidying = time.monotonic() - self._tidied > TIDY_EVERY_SECONDS
        try:
            self._contexts.own.engine.refresh()
            self._succeeded = time.monotonic()
            if is_tidying:
                self._tidied = self._succeeded
                tidy(self._contexts.own)
            self._contexts.close_gone()
        except Exception:  # any error: a server that no longer follows would be worse
            logger.exception("following the catalogue failed; trying again in %.0f s", PAUSE_AFTER_FAILURE_SECONDS)
            return PAUSE_AFTER_FAILURE_SECONDS
        for context in self._contexts.opened()[1:]:
            try:
                context.engine.refresh()
                if is_tidying:
                    tidy(context)
            except Exception:  # as above; the others are followed meanwhile
                logger.exception("following collection %d failed", context.settings.collection)
        return EVERY_SECONDS


def tidy(context: WebContext) -> None:
    """Remove expired query photos and refined searches, and files of these and of interrupted uploads."""
    for sha256 in context.queries.expire():
        context.assembly.own_files.remove_query(sha256)
    context.judgements.expire()
    context.assembly.idempotency_keys.expire()
    for folder in {context.files.incoming(kind) for kind in (UPLOADS, QUERIES)}:
        for partial in folder.glob(PARTIAL_PATTERN):
            if not _is_young(partial):
                partial.unlink(missing_ok=True)


def _is_young(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < YOUNG_SECONDS
    except FileNotFoundError:
        return False
