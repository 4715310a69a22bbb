"""Backing a data directory up into a folder while it is in use, and restoring one from there.

A backup has the catalogue as an SQLite file, whatever database it is in, uploads and renditions. The index is rebuilt
from the catalogue when it is restored. Photos that were ingested where they lie stay there: they are the user's own to
back up. Files are named by the digest of their photo, so a second backup into the same folder copies only what is new.

The catalogue is copied between two passes over the files: what the copy names was there in one of the two, unless it
was deleted for good at that very moment. Such photos are deleted from the copy, too.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from retrieval.assembly import Assembly
from retrieval.catalog import copy_catalogue, copy_database, make_schema
from retrieval.data_directory import DataDirectory
from retrieval.errors import CatalogError, ConfigurationError, RetrievalError
from retrieval.settings import Settings
from retrieval.settings.database_urls import schema_of, sqlite_url
from retrieval.storage import file_names
from retrieval.storage.bucket_files import places_of
from retrieval.storage.file_store import FileStore, FolderFiles, StoredFile, files_in

from .publish import rebuild
from .verify import verify

logger = logging.getLogger(__name__)

DATABASE = "catalog.db"
NOTE = "backup.json"
"""Says that a folder is a complete backup, and of what; it is written last."""

COLLECTIONS = "collections"
"""The folder of the backups of collections."""

UNFINISHED = ("uploads", "renditions", COLLECTIONS)
"""What a backup that was interrupted may have left."""

ATTEMPTS = 3
CHUNK = 1000
AT_ONCE = 16
"""Files that are copied before they are given to a store, which sends several at once."""

BLOCK = 1 << 20
BACKED_UP = file_names.UPLOADS, file_names.RENDITIONS

_NAMED = re.compile(r"(?P<sha256>[0-9a-f]{64})\.[\w.]+")


@dataclass(frozen=True, slots=True)
class Backup:
    """What a folder is a backup of.

    Attributes
    ----------
    data_dir : str
        The data directory.
    made_at : str
        When it was finished: ISO 8601, UTC.
    schema : str
        Revision of the database schema.
    photos, elsewhere, lost : int
        All photos; how many have no original in the backup because it lies elsewhere, as the user's own; and how many
        uploads were missing.
    files : str
        `Settings.files`, where the uploads were.
    """

    data_dir: str
    made_at: str
    schema: str
    photos: int
    elsewhere: int
    lost: int
    files: str = ""


@dataclass(frozen=True, slots=True)
class Copied:
    """Files that were copied, and how many bytes they have."""

    files: int = 0
    bytes: int = 0

    def __add__(self, other: Copied) -> Copied:
        return Copied(self.files + other.files, self.bytes + other.bytes)


def back_up(assembly: Assembly, folder: Path) -> tuple[Backup, Copied]:
    """Back up a data directory, which may be in use.

    Parameters
    ----------
    assembly : Assembly
    folder : Path
        New or empty, or an earlier backup of the same data directory, which is brought up to date.

    Returns
    -------
    Backup
    Copied
        What was copied now.

    Raises
    ------
    ConfigurationError
        The folder has something else in it, is inside the data directory or that of `Settings.files` or holds one of
        them, or another backup is being made.
    OSError
        It cannot be written. An earlier backup in it is then still complete.
    """
    source = assembly.settings
    _check_target(source, folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            return _backed_up(assembly, replace(source, data_dir=folder, files=""))
    except Timeout as error:
        raise ConfigurationError(f"another backup into {folder} is being made: wait until it is finished") from error


def _backed_up(assembly: Assembly, target: Settings) -> tuple[Backup, Copied]:
    source, here, kept = assembly.settings, target.data_dir, FolderFiles(target.data_dir)
    for left in (*here.glob(".*.tmp"), *(path for kind in BACKED_UP for path in files_in(here / kind))):
        if left.name.startswith(".") and left.suffix == ".tmp":
            left.unlink()
    copied, database = _copy_files(assembly.files, kept), here / f".{DATABASE}-{secrets.token_hex(8)}.tmp"
    for attempt in range(ATTEMPTS):
        database.unlink(missing_ok=True)
        copy_database(assembly.settings.database_url, database)
        copied += _copy_files(assembly.files, kept)
        with closing(_opened(database, target)) as snapshot:
            _delete_what_was_deleted(snapshot, assembly, target)
            note = _note_of(snapshot, source, target)
        if note.lost:
            logger.warning("%d uploads are missing; attempt %d of %d", note.lost, attempt + 1, ATTEMPTS)
        else:
            break
    copied += Copied(1, database.stat().st_size)
    database.replace(here / DATABASE)
    _write_json(here / NOTE, asdict(note))
    with closing(_opened(here / DATABASE, target)) as snapshot:
        _prune(snapshot, target)
    return note, copied + _collections_backed_up(assembly, here)


def _collections_backed_up(assembly: Assembly, folder: Path) -> Copied:
    """Back up the collections of an installation, each into a folder of its own; what is left of others is removed.

    Raises
    ------
    CatalogError
        Some cannot be read; all others were backed up.
    """
    if assembly.settings.collection:
        return Copied()
    copied, faults, records = Copied(), list[str](), assembly.collections.all_with_deleted()
    for record in records:
        target = folder / COLLECTIONS / str(record.id)
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with closing(assembly.of_collection(record)) as inside:
                copied += _backed_up(inside, replace(inside.settings, data_dir=target, files=""))[1]
        except RetrievalError as error:
            faults.append(f"{record.name} ({record.id}): {error}")
    kept = {str(record.id) for record in records}
    for left in (folder / COLLECTIONS).glob("*"):
        if left.name not in kept:
            shutil.rmtree(left)
    if faults:
        raise CatalogError(f"all was backed up but these collections: {'; '.join(faults)}")
    return copied


def restore(settings: Settings, folder: Path) -> Backup:
    """Make a data directory from a backup, with its index, and its collections.

    Parameters
    ----------
    settings : Settings
        Of the new data directory, which must not exist yet or be empty; so must its database, and the place of its
        files, if they are elsewhere.
    folder : Path
        The backup.

    Raises
    ------
    ConfigurationError
        The folder is no backup, the data directory or the place of files is in use, or what was restored is not what
        the backup says.
    """
    note = _note_in(folder)
    here = settings.data_dir
    if here.exists() and any(here.iterdir()):
        raise ConfigurationError(
            f"{here} is not empty: set SEGSEARCH_DATA_DIR to a new folder, or move what is there away"
        )
    with closing(DataDirectory(settings)) as new:
        _check_no_files(new)
        here.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy_files(FolderFiles(folder), new.files)
    database = here / f".{DATABASE}-{secrets.token_hex(8)}.tmp"
    shutil.copyfile(folder / DATABASE, database)
    with closing(_opened(database, settings)) as opened:
        opened.migrate()
        former = replace(settings, data_dir=Path(note.data_dir), files=note.files)
        for place in places_of(former):
            opened.catalog.locations.move(_uploads_in(place), _uploads_in(places_of(settings)[0]))
    if settings.database_url == sqlite_url(here / DATABASE):
        database.replace(here / DATABASE)
    else:
        if settings.collection:
            make_schema(settings.database_url, schema_of(settings.collection))
        copy_catalogue(sqlite_url(database), settings.database_url)
        database.unlink()
    with closing(Assembly(settings)) as assembly:
        rebuild(assembly)
        if faults := verify(assembly):
            raise ConfigurationError(f"{here} was restored with faults: {'; '.join(faults)}")
        failed = [] if settings.collection else list(_collections_restored(assembly, folder))
    if failed:
        raise ConfigurationError(f"all was restored but these collections: {'; '.join(failed)}")
    return note


def _collections_restored(assembly: Assembly, folder: Path) -> Iterator[str]:
    """Restore the collections that a backup has; tells of each that could not be."""
    for record in assembly.collections.all_with_deleted():
        backup = folder / COLLECTIONS / str(record.id)
        if backup.exists():  # else it was made while the backup was
            try:
                restore(assembly.settings.of_collection(record.id, record.recipe), backup)
            except RetrievalError as error:
                yield f"{record.name} ({record.id}): {error}"


def _check_target(source: Settings, folder: Path) -> None:
    """Refuse folders that a backup would spoil."""
    inner, data_dir = folder.resolve(), source.data_dir
    for own, called in ((data_dir, "the data directory"), (source.files_dir, "the folder of SEGSEARCH_FILES")):
        if inner.is_relative_to(own.resolve()) or own.resolve().is_relative_to(inner):
            raise ConfigurationError(f"{folder} and {called} {own} are inside each other: choose another")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder: choose another")
    if (folder / NOTE).exists():
        note = _note_in(folder)
        if note.data_dir != str(data_dir):
            raise ConfigurationError(f"{folder} is a backup of {note.data_dir}: choose another folder")
    elif any(path.name not in UNFINISHED and path.name[0] != "." for path in folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty and no backup: choose a new folder")


def _check_no_files(new: DataDirectory) -> None:
    """Refuse a place with files of another installation: each would remove those that its catalogue does not name."""
    for folder in (*file_names.KINDS, COLLECTIONS):
        if next(new.files.below(folder), None) is not None:
            raise ConfigurationError(
                f"there are files in {new.settings.files}/{folder}, perhaps those of an installation in use: set "
                "SEGSEARCH_FILES to another folder or prefix, or unset it"
            )


def _note_in(folder: Path) -> Backup:
    """What a folder is a backup of.

    Raises
    ------
    ConfigurationError
        It is none, or an incomplete one.
    """
    try:
        note = Backup(**json.loads((folder / NOTE).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{folder} is no complete backup: it has no valid {NOTE}") from error
    if not (folder / DATABASE).is_file():
        raise ConfigurationError(f"{folder} is no complete backup: its {DATABASE} is missing")
    return note


def _opened(database: Path, settings: Settings) -> DataDirectory:
    """A copied database, opened beside the files of some settings."""
    return DataDirectory(replace(settings, database_url=sqlite_url(database)))


def _uploads(snapshot: DataDirectory, source: Settings, target: Settings) -> Iterator[Path]:
    """Where a backup has the files of the uploads that a copied catalogue names; twice if it names two places."""
    for folder in map(_uploads_in, places_of(source)):
        for uris in snapshot.catalog.locations.below(folder):
            yield from (target.uploads_dir / uri.removeprefix(f"{folder}/") for uri in uris)


def _uploads_in(place: str) -> str:
    return f"{place}/{file_names.UPLOADS}"


def _delete_what_was_deleted(snapshot: DataDirectory, assembly: Assembly, target: Settings) -> None:
    """Delete photos from a copied catalogue that were deleted from the catalogue before their files were copied."""
    missing = {file.name[:64] for file in _uploads(snapshot, assembly.settings, target) if not file.is_file()}
    for sha256 in missing - assembly.catalog.images.known_digests(missing):
        if (photo := snapshot.catalog.images.of_digest(sha256)) is not None:
            snapshot.catalog.images.delete(photo.id)


def _note_of(snapshot: DataDirectory, source: Settings, target: Settings) -> Backup:
    """What a copied catalogue and the files beside it hold."""
    uploads = set(_uploads(snapshot, source, target))
    photos = sum(snapshot.catalog.images.counts().values())
    return Backup(
        data_dir=str(source.data_dir),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        schema=snapshot.migrate(),
        photos=photos,
        elsewhere=max(0, photos - len({file.name[:64] for file in uploads})),
        lost=sum(not file.is_file() for file in uploads),
        files=source.files,
    )


def _copy_files(source: FileStore, target: FileStore) -> Copied:
    """Copy the uploads and renditions that are new or changed."""
    found = (file for kind in BACKED_UP for file in source.below(kind) if _matched(file))
    copied = Copied()
    while chunk := list(islice(found, AT_ONCE)):
        made = dict[str, Path]()
        try:
            for file in chunk:
                if (path := _copied(source, file, target)) is not None:
                    made[file.name] = path
                    copied += Copied(1, path.stat().st_size)
            target.keep(made)
        finally:
            for path in made.values():
                path.unlink(missing_ok=True)
    return copied


def _matched(file: StoredFile) -> re.Match[str] | None:
    """Whether it is a file of a photo."""
    return _NAMED.fullmatch(file_names.last(file.name))


def _copied(source: FileStore, file: StoredFile, target: FileStore) -> Path | None:
    """A copy of a file beside its place; None if it is there already, or is removed meanwhile."""
    there = target.look(file.name)
    if there is not None and (there.size, there.mtime_ns) == (file.size, file.mtime_ns):
        return None
    path = target.new(file.name)
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
    try:
        with source.open(file.name) as opened, part.open("xb") as copy:
            shutil.copyfileobj(opened, copy, BLOCK)
        os.utime(part, ns=(file.mtime_ns, file.mtime_ns))
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, FileNotFoundError) and source.look(file.name) is None:
            return None
        raise
    return part


def _prune(snapshot: DataDirectory, target: Settings) -> None:
    """Remove files of photos that the backup's catalogue does not have any more."""
    kept = FolderFiles(target.data_dir)
    for kind in BACKED_UP:
        files = ((match["sha256"], file.name) for file in kept.below(kind) if (match := _matched(file)))
        while chunk := list(islice(files, CHUNK)):
            known = snapshot.catalog.images.known_digests({sha256 for sha256, _ in chunk})
            kept.remove([name for sha256, name in chunk if sha256 not in known])


def _write_json(path: Path, value: object) -> None:
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
    part.write_text(json.dumps(value))
    part.replace(path)
