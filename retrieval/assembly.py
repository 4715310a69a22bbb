"""From settings to objects: the only place that puts concrete parts together."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from io import BufferedReader
from pathlib import Path
from types import MappingProxyType

from .analysis.analyzer import Analyzer
from .analysis.nearest import NearestAnalyzer
from .analysis.remote import RemoteAnalyzer
from .catalog import (
    CollectionRecord,
    Heartbeat,
    Shared,
    drop_schema,
)
from .catalog.records import ProcessKind
from .data_directory import DataDirectory
from .errors import RetrievalError, SchemaOutdatedError
from .images.decoder_pool import QUERY_SECONDS, DecoderPool
from .images.renditions import PREVIEW_SIDE
from .index.backends import LOCAL
from .index.installed import InstalledIndexes
from .index.replicas import gpu_of
from .learning.cluster_editing import ClusterEditor
from .learning.concepts import ConceptTrainer
from .learning.discovery import Discoverer
from .processes.versions import own_version
from .recipes import RecipeSpec, load, recipe_spec
from .recipes.protocols import Recipe
from .search.engine import SearchEngine
from .search.making import SegmentMaker
from .search.same_object import ObjectVerifier
from .settings import Settings
from .settings.database_urls import schema_of
from .storage.disk import Storage
from .storage.originals import path_of_opened
from .text.vocabulary import Vocabulary
from .types import RgbImage, Vectors

logger = logging.getLogger(__name__)

NOTHING_ASIDE: Mapping[str, Path] = MappingProxyType({})

ERASING = ".erasing"
"""A file that marks the folder of a collection whose files are not all deleted yet."""

TEXTS_KEPT = 1000
"""The vectors of so many texts are kept by an engine."""


class Assembly(DataDirectory):
    """What an installation keeps, and all that works on it: each part is made when it is first asked for.

    Parameters
    ----------
    settings : Settings
    installation : Assembly, optional
        For a collection, the installation that it is of; networks that both need are loaded once.
    """

    def __init__(self, settings: Settings, installation: Assembly | None = None) -> None:
        super().__init__(settings)
        if installation is None and settings.installation is not None:
            installation = Assembly(settings.installation)
        self._installation = installation
        is_same = installation is not None and installation.settings.recipe == settings.recipe
        self._with_networks = installation if is_same else None
        self._bulk_recipes: dict[str, Recipe] = {}

    def of_collection(self, record: CollectionRecord) -> Assembly:
        """What a collection of this installation keeps, in a folder of its own that is made if it is not there."""
        return Assembly(self.settings.of_collection(record.id, record.recipe), self)

    def erase_collection(self, collection_id: int) -> None:
        """Delete a collection in the trash for good: its catalogue, index, uploads and pictures, then its row.

        Photos that were ingested where they lie stay there. One that is not in the trash stays as it is.
        """
        record = self.collections.get(collection_id)
        if not self.collections.forget(collection_id):  # it has been restored
            return
        folder = self.settings.collection_dir(collection_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / ERASING).touch()
        try:
            if self.settings.index != LOCAL:
                with closing(self.of_collection(record)) as inside:
                    inside.indexes.erase()
        finally:
            drop_schema(self.settings.database_url, schema_of(collection_id))
            self._erase_files(collection_id)

    def erase_old_collections(self) -> None:
        """Delete the collections for good whose time in the trash is over, and files of others that are left."""
        limit = datetime.now(UTC) - timedelta(days=self.settings.trash_days)
        for record in self.collections.all(deleted=True):
            if record.deleted_at is not None and record.deleted_at < limit:
                self._tried(self.erase_collection, record.id)
        for marker in self.settings.data_dir.glob(f"collections/[0-9]*/{ERASING}"):
            self._tried(self._erase_files, int(marker.parent.name))

    @staticmethod
    def _tried(erase: Callable[[int], None], collection_id: int) -> None:
        try:
            erase(collection_id)
        except (OSError, RetrievalError) as error:
            logger.error("not all of collection %d could be deleted: %s", collection_id, error)

    def _erase_files(self, collection_id: int) -> None:
        """Delete the files of a collection that has no row any more; its folder stays, marked, if that fails."""
        with closing(DataDirectory(self.settings.of_collection(collection_id))) as inside:
            inside.files.erase()
        with suppress(FileNotFoundError):
            shutil.rmtree(self.settings.collection_dir(collection_id))

    @property
    def discoverer(self) -> Discoverer:
        """What finds such segments."""
        return Discoverer(self.clusters, self.concepts, self.recipe_spec.space)

    @property
    def cluster_editor(self) -> ClusterEditor:
        """What names, merges and splits clusters."""
        return ClusterEditor(self.clusters, self.concepts, self.recipe_spec.space)

    @cached_property
    def shared(self) -> Shared:
        """What the processes of all machines share in the database of the installation."""
        return Shared(self._sessions) if self._installation is None else self._installation.shared

    @cached_property
    def storage(self) -> Storage:
        """Whether there is room on the disk; the quota is that of the installation with all its collections."""
        return Storage(self.settings) if self._installation is None else self._installation.storage

    @cached_property
    def recipe_spec(self) -> RecipeSpec:
        """The recipe's name, fingerprint and words; loads no network."""
        return recipe_spec(self.settings.recipe)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with its network loaded."""
        if self._with_networks is not None:
            return self._with_networks.recipe
        return load(self.settings.recipe, self.settings.device)

    @cached_property
    def bulk_recipe(self) -> Recipe:
        """The recipe for many photos: on the CPU one thread a pass, and as many passes as cores.

        It is loaded once for an installation with all its collections.
        """
        loaded, name = (self._installation or self)._bulk_recipes, self.settings.recipe
        if name not in loaded:
            loaded[name] = load(name, self.settings.device, threads=1)
        return loaded[name]

    @property
    def indexes(self) -> InstalledIndexes:
        """The indexes of segments and of whole photos."""
        return InstalledIndexes(self.settings, self.catalog, self.recipe_spec)

    def engine(self, analyzer: Analyzer | None = None, aside: Mapping[str, Path] = NOTHING_ASIDE) -> SearchEngine:
        """A search engine, caught up with the catalogue.

        Parameters
        ----------
        analyzer : Analyzer, optional
            What embeds texts for a recipe with a text tower, and makes segments of what is marked on photos; if absent
            the analyzer process or, where it is not up, the recipe in this process.
        aside : mapping of str to Path
            Files of query photos that are not kept in the data directory, by their digests.
        """
        decoders = DecoderPool(1)
        analyst = analyzer or self.analyzer(decoders)

        @lru_cache(TEXTS_KEPT)
        def embed_text(text: str) -> Vectors:
            return analyst.embed_text(text, self.recipe_spec.space)

        def query_file(sha256: str) -> BufferedReader:
            return aside[sha256].open("rb") if sha256 in aside else self.own_files.query(sha256)

        def query_picture(sha256: str) -> RgbImage:
            with query_file(sha256) as file:
                job = decoders.submit(path_of_opened(file), long_side=PREVIEW_SIDE, timeout_seconds=QUERY_SECONDS)
                return job.result().rgb

        engine = SearchEngine(
            catalog=self.catalog,
            queries=self.queries,
            concepts=self.concepts,
            duplicates=self.duplicates,
            followed_segments=self.indexes.segments(gpu=gpu_of(self.settings.device)),
            followed_photos=self.indexes.photos(),
            recipe=self.recipe_spec,
            vocabulary=Vocabulary.load(),
            embed_text=embed_text if self.recipe_spec.reads_text else None,
            maker=SegmentMaker(
                analyst,
                self.recipe_spec,
                self.originals,
                preview=self.own_files.preview,
                query_file=query_file,
            ),
            verifier=ObjectVerifier(
                catalog=self.catalog,
                queries=self.queries,
                preview=self.own_files.preview,
                query_picture=query_picture,
            ),
        )
        engine.refresh()
        return engine

    @contextmanager
    def opening_engine(
        self, analyzer: Analyzer | None = None, aside: Mapping[str, Path] = NOTHING_ASIDE
    ) -> Iterator[Future[SearchEngine]]:
        """As `engine`, opened by another thread while the block does something else."""
        _ = self.catalog, self.queries, self.recipe_spec  # which both may ask for
        with ThreadPoolExecutor(1, "engine") as opener:
            yield opener.submit(self.engine, analyzer, aside)

    def analyzer(self, decoders: DecoderPool) -> NearestAnalyzer:
        """The analyzer process or, where it is not up, the recipe in this process; `decoders` are for the latter."""
        return NearestAnalyzer((self._with_networks or self).remote_analyzer(), lambda: self.recipe, decoders)

    def remote_analyzer(self, owner: int | None = None) -> RemoteAnalyzer:
        """The analyzer process, of this machine or of others; that of the process `owner` if it has one."""
        settings = self.settings
        return RemoteAnalyzer(
            settings.analyzers_dir,
            owner,
            self.recipe_spec.fingerprint,
            settings.analyzer_urls,
            settings.analyzer_token,
        )

    def heartbeat(
        self, name: str, kind: ProcessKind, on_outdated: Callable[[SchemaOutdatedError], None] = lambda _: None
    ) -> Heartbeat:
        """What tells the other processes that this one runs; see `Heartbeat`."""
        recipe = self.recipe_spec
        return Heartbeat(
            self.shared.processes,
            name,
            kind,
            version=own_version(),
            recipe=recipe.name,
            fingerprint=recipe.fingerprint,
            on_outdated=on_outdated,
        )

    def trainer(self, engine: SearchEngine) -> ConceptTrainer:
        """What makes and changes concepts, by a search engine."""
        return ConceptTrainer(self.concepts, engine)
