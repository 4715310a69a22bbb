"""The parts that all views share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from flask import current_app, g

from retrieval.analysis.analyzer import Analyzer
from retrieval.assembly import Assembly
from retrieval.catalog import Catalog, CollectionRecord, Heartbeat, IngestQueue, Judgements, QueryStore
from retrieval.learning.cluster_editing import ClusterEditor
from retrieval.learning.concepts import ConceptTrainer
from retrieval.learning.discovery import Discoverer
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings
from retrieval.storage.file_store import FileStore

from .events import StatusEvents
from .renditions import Renditions

EXTENSION = "segsearch"
HEARTBEAT = "segsearch-heartbeat"

MOST_OPEN = 64
"""So many collections are open at once; the one that was asked for longest ago is closed for another."""


@runtime_checkable
class Probed(Protocol):
    """An analyzer that can be checked; other analyzers are always available."""

    def is_up(self) -> bool:
        """Whether it answers."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class WebContext:
    """The parts that views use, of the installation itself or of one of its collections.

    Attributes
    ----------
    assembly : Assembly
    engine : SearchEngine
        One for all threads of the process; `webui.serving.following` keeps it up to date.
    analyzer : Analyzer
        Segments query photos, usually in another process.
    renditions : Renditions
        Creates missing previews and thumbnails.
    events : StatusEvents
        The status, for all who follow it.
    """

    assembly: Assembly
    engine: SearchEngine
    analyzer: Analyzer
    renditions: Renditions
    events: StatusEvents

    @property
    def catalog(self) -> Catalog:
        """Queries of the database."""
        return self.assembly.catalog

    @property
    def queries(self) -> QueryStore:
        """Kept query photos."""
        return self.assembly.queries

    @property
    def judgements(self) -> Judgements:
        """Searches that are being refined."""
        return self.assembly.judgements

    @property
    def trainer(self) -> ConceptTrainer:
        """Creates and changes concepts."""
        return self.assembly.trainer(self.engine)

    @property
    def discoverer(self) -> Discoverer:
        """Finds clusters."""
        return self.assembly.discoverer

    @property
    def cluster_editor(self) -> ClusterEditor:
        """Names, merges and splits clusters."""
        return self.assembly.cluster_editor

    @property
    def ingest_queue(self) -> IngestQueue:
        """The ingest queue, with the states of photos."""
        return self.assembly.ingest_queue

    @property
    def files(self) -> FileStore:
        """Where uploads, query photos and renditions are."""
        return self.assembly.files

    @property
    def settings(self) -> Settings:
        """The settings of the installation."""
        return self.assembly.settings

    def analyzer_is_up(self) -> bool:
        """Whether query photos can be segmented right now."""
        return self.analyzer.is_up() if isinstance(self.analyzer, Probed) else True

    def close(self) -> None:
        """Let go of connections and of the decoder; what is asked for afterwards connects again."""
        self.renditions.close()
        self.assembly.close()


class Contexts:
    """The parts of an installation and of its collections, which are opened when they are first asked for.

    Parameters
    ----------
    own : WebContext
        Of the installation itself.
    open_one : callable
        Opens a collection.
    """

    def __init__(self, own: WebContext, open_one: Callable[[CollectionRecord], WebContext]) -> None:
        self.own = own
        self._open_one = open_one
        self._lock = threading.Lock()
        self._opening: dict[int, threading.Lock] = {}
        self._open: OrderedDict[int, WebContext] = OrderedDict()

    def of(self, record: CollectionRecord) -> WebContext:
        """The parts of a collection.

        Raises
        ------
        RetrievalError
            Its catalogue or its index cannot be opened.
        """
        with self._lock:
            turn = self._opening.setdefault(record.id, threading.Lock())
        with turn:
            with self._lock:
                found = self._open.get(record.id)
                if found is not None and record.recipe in (None, found.settings.recipe):
                    self._open.move_to_end(record.id)
                    return found
            opened = self._open_one(record)
            if found is not None:
                found.close()
            with self._lock:
                self._open[record.id] = opened
                self._open.move_to_end(record.id)
                if len(self._open) > MOST_OPEN:
                    self._open.popitem(last=False)[1].close()
            return opened

    def close(self, collection_id: int) -> None:
        """Let go of a collection, if it is open."""
        with self._lock:
            closed = self._open.pop(collection_id, None)
        if closed is not None:
            closed.close()

    def close_gone(self) -> None:
        """Let go of the collections that other processes have deleted."""
        with self._lock:
            numbers = set(self._open)
        if numbers:
            for gone in numbers - {record.id for record in self.own.assembly.collections.all()}:
                self.close(gone)

    def opened(self) -> list[WebContext]:
        """The installation and the collections that are open."""
        with self._lock:
            return [self.own, *self._open.values()]


def outdated() -> str | None:
    """Why this version can no longer work with the catalogue, if it cannot: a newer one has upgraded that."""
    heartbeat: Heartbeat = current_app.extensions[HEARTBEAT]
    return None if heartbeat.outdated is None else str(heartbeat.outdated)


def context() -> WebContext:
    """The parts that the current request is for: those of a collection, or of the installation itself."""
    found: WebContext | None = g.get("context")
    return contexts().own if found is None else found


def contexts() -> Contexts:
    """The parts of the current application."""
    found: Contexts = current_app.extensions[EXTENSION]
    return found


def installation() -> Assembly:
    """What the installation itself keeps: users, tokens and collections, besides photos."""
    return contexts().own.assembly
