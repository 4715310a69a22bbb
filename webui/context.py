"""The parts that all views share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from flask import current_app

from retrieval.analysis.analyzer import Analyzer
from retrieval.assembly import Assembly
from retrieval.catalog import Accounts, Catalog, IngestQueue, Judgements, QueryStore
from retrieval.learning.cluster_editing import ClusterEditor
from retrieval.learning.concepts import ConceptTrainer
from retrieval.learning.discovery import Discoverer
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings

from .renditions import Renditions

EXTENSION = "segsearch"


@runtime_checkable
class Probed(Protocol):
    """An analyzer that can be checked; other analyzers are always available."""

    def is_up(self) -> bool:
        """Whether it answers."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class WebContext:
    """The parts that views use.

    Attributes
    ----------
    assembly : Assembly
    engine : SearchEngine
        One for all threads of the process; `webui.serving.following` keeps it up to date.
    analyzer : Analyzer
        Segments query photos, usually in another process.
    renditions : Renditions
        Creates missing previews and thumbnails.
    """

    assembly: Assembly
    engine: SearchEngine
    analyzer: Analyzer
    renditions: Renditions

    @property
    def catalog(self) -> Catalog:
        """Queries of the database."""
        return self.assembly.catalog

    @property
    def accounts(self) -> Accounts:
        """Users and API tokens."""
        return self.assembly.accounts

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
    def settings(self) -> Settings:
        """The settings of the installation."""
        return self.assembly.settings

    def analyzer_is_up(self) -> bool:
        """Whether query photos can be segmented right now."""
        return self.analyzer.is_up() if isinstance(self.analyzer, Probed) else True

    def query_rendition(self, sha256: str) -> Path:
        """Path of a query photo's JPEG, which is created on request."""
        return self.assembly.own_files.query_rendition(sha256)


def context() -> WebContext:
    """The parts of the current application."""
    found: WebContext = current_app.extensions[EXTENSION]
    return found
