"""What a data directory holds: the database and files."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path

from .catalog import (
    Accounts,
    Catalog,
    Clusters,
    Collections,
    Concepts,
    ExportJobs,
    Folders,
    IdempotencyKeys,
    ImportedSegments,
    IngestOverview,
    IngestQueue,
    Judgements,
    NearDuplicates,
    QueryStore,
    Sessions,
    Tags,
    Trash,
    file_locks,
    make_schema,
    migrate,
    open_sessions,
)
from .errors import ConfigurationError
from .processes.duties import Duties
from .settings import Settings
from .settings.database_urls import schema_of
from .storage import file_names
from .storage.bucket_files import file_store
from .storage.disk import Storage
from .storage.file_locks import FileLocks
from .storage.file_store import FileStore
from .storage.opening import Originals
from .storage.own_files import OwnFiles


class KeptFiles:
    """The files of a data directory, wherever they are.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def originals(self) -> Originals:
        """The bytes of photos, in files and in object stores."""
        return Originals(self.settings)

    @cached_property
    def files(self) -> FileStore:
        """Where uploads, query photos and renditions are."""
        return file_store(self.settings, self.originals)

    @cached_property
    def storage(self) -> Storage:
        """Whether there is room on the disk."""
        return Storage(self.settings)


class DataDirectory(KeptFiles):
    """What a data directory holds: the database, by repositories, and files. Each is opened when first asked for.

    Parameters
    ----------
    settings : Settings
    """

    @cached_property
    def _sessions(self) -> Sessions:
        _make_folder("SEGSEARCH_DATA_DIR", self.settings.data_dir)
        _make_folder("SEGSEARCH_FILES", self.settings.files_dir)
        _make_schema(self.settings)
        return open_sessions(self.settings.database_url, partial(_remains, self.settings))

    def close(self) -> None:
        """Close the database, if it is open."""
        if "_sessions" in self.__dict__:
            self._sessions.engine.dispose()
        if "file_locks" in self.__dict__:
            self.file_locks.close()

    def migrate(self) -> str:
        """Upgrade the database schema; returns the new revision. Collections have schemas of their own."""
        _make_schema(self.settings)
        return migrate(self.settings.database_url, partial(_remains, self.settings))

    @cached_property
    def catalog(self) -> Catalog:
        """Stored photos: their rows, files, segments and vectors."""
        return Catalog(self._sessions)

    @cached_property
    def accounts(self) -> Accounts:
        """Users and API tokens."""
        return Accounts(self._sessions)

    @cached_property
    def collections(self) -> Collections:
        """Collections of this installation, each with a data directory of its own."""
        return Collections(self._sessions)

    @cached_property
    def ingest_queue(self) -> IngestQueue:
        """The states of photos on their way in."""
        return IngestQueue(self._sessions)

    @cached_property
    def ingest_overview(self) -> IngestOverview:
        """Workers, what they hold, and what waits."""
        return IngestOverview(self._sessions)

    @cached_property
    def imported(self) -> ImportedSegments:
        """Segments that were imported."""
        return ImportedSegments(self._sessions)

    @cached_property
    def queries(self) -> QueryStore:
        """Kept query photos."""
        return QueryStore(self._sessions)

    @cached_property
    def judgements(self) -> Judgements:
        """Searches that are being refined."""
        return Judgements(self._sessions)

    @cached_property
    def idempotency_keys(self) -> IdempotencyKeys:
        """Answers of requests, by the keys that came with them."""
        return IdempotencyKeys(self._sessions)

    @cached_property
    def export_jobs(self) -> ExportJobs:
        """Exports that are written in the background."""
        return ExportJobs(self._sessions)

    @cached_property
    def concepts(self) -> Concepts:
        """Names that people gave."""
        return Concepts(self._sessions)

    @cached_property
    def folders(self) -> Folders:
        """Names of the folders that photos are in."""
        return Folders(self._sessions)

    @cached_property
    def clusters(self) -> Clusters:
        """Segments that look alike and that nothing explains."""
        return Clusters(self._sessions)

    @cached_property
    def duplicates(self) -> NearDuplicates:
        """Pairs of photos that are near-duplicates."""
        return NearDuplicates(self._sessions)

    @cached_property
    def file_locks(self) -> FileLocks:
        """What keeps these files while a row for them is written."""
        return file_locks(self.settings.database_url, self.settings.collection, self.settings.data_dir)

    @cached_property
    def own_files(self) -> OwnFiles:
        """Uploads, query photos and renditions, with their rows."""
        return OwnFiles(self.files, self.file_locks, self.originals.copies, self.catalog.locations, self.queries)

    @cached_property
    def tags(self) -> Tags:
        """Words and names that people gave to photos."""
        return Tags(self._sessions)

    @cached_property
    def trash(self) -> Trash:
        """Photos that were deleted and can be restored."""
        return Trash(self._sessions, self.catalog.images, self.own_files, self.settings.trash_days)

    @cached_property
    def duties(self) -> Duties:
        """What workers do beside entering photos, and how it goes."""
        return Duties(self.settings.data_dir)


def _make_folder(setting: str, folder: Path) -> None:
    """Make a folder for this account alone: photos and passwords' hashes are in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{setting}={folder} cannot be created ({error.strerror}): choose another folder"
        ) from error


def _make_schema(settings: Settings) -> None:
    """Make the place of a collection's catalogue, if it is on a server."""
    if settings.collection:
        make_schema(settings.database_url, schema_of(settings.collection))


def _remains(settings: Settings) -> str | None:
    """Evidence that a catalogue had photos, in the data directory and where files are kept; None without any.

    Raises
    ------
    StoreUnavailableError
        The bucket cannot be asked. A new catalogue is not made then: `clean` would remove what another one names.
    """
    for manifest in sorted(settings.index_dir.glob("*/segments/manifest.json")):
        if any(manifest.parent.glob("part-*")):
            return f"the index in {settings.index_dir} has photos"
    uploads = settings.data_dir / file_names.UPLOADS
    if uploads.is_dir() and any(uploads.rglob("*")):
        return f"there are uploads in {uploads}"
    place, files = settings.files, KeptFiles(settings).files
    kinds = (kind for kind in file_names.KINDS if place and next(files.below(kind), None) is not None)
    return next((f"there are files in {place}/{kind}, which SEGSEARCH_FILES names" for kind in kinds), None)
