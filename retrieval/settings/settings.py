"""What a user can set: `VARIABLES` of the environment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from . import values
from .database_urls import in_schema, schema_of, sqlite_url

logger = logging.getLogger(__name__)

MIN_FREE = "1G"
TRASH_DAYS = 30.0
CACHE = "2G"
FRAME_SECONDS = 2.0
FORMER_DATA_DIR = "SEGSEARCH_HOME"


class Variable(NamedTuple):
    """An environment variable: its name, what holds where it is not set, and what it means, in Markdown."""

    name: str
    default: str
    meaning: str


VARIABLES = (
    Variable(
        "SEGSEARCH_DATA_DIR", "./var", f"where the catalogue, index and uploads live (formerly `{FORMER_DATA_DIR}`)"
    ),
    Variable(
        "SEGSEARCH_DATABASE_URL",
        "",
        "where the catalogue is, if not in `catalog.db` in the data directory: an SQLAlchemy URL of a database on a "
        "PostgreSQL server, `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`, or of an SQLite file on this machine, "
        "`sqlite:////data/catalog.db`",
    ),
    Variable(
        "SEGSEARCH_FILES",
        "",
        "where uploads, previews, thumbnails and query photos are kept, if not in the data directory: "
        "`s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` (extra `stores`) or `file:///FOLDER`",
    ),
    Variable(
        "SEGSEARCH_DEVICE",
        "auto",
        "`auto`, `cpu`, `cuda` or `cuda:N`: where networks run, and where copies of large index parts are searched; "
        "recipe `lite` runs on OpenVINO on a CPU, and on torch on CUDA",
    ),
    Variable(
        "SEGSEARCH_RECIPE",
        "lite",
        "the recipe that segments and embeds: `lite`, or another one that `recipes` lists, such as `maskrcnn` or "
        "`sam`, optionally with another embedder: `lite+siglip2`",
    ),
    Variable(
        "SEGSEARCH_INDEX",
        "local",
        "the index that holds the vectors: `local`, files on this machine; `pgvector`, a table on a PostgreSQL "
        "server; `milvus`, a collection on a Milvus server; or a plug-in. `rebuild-index` fills another one",
    ),
    Variable(
        "SEGSEARCH_INDEX_URL",
        "",
        "where the index is, if it is on a server: for `pgvector` as `SEGSEARCH_DATABASE_URL`, whose database it is in "
        "if nothing is given; for `milvus` `http://HOST:19530`, with `USER:PASSWORD@` in front of the host and "
        "`/DATABASE` at the end if they are needed",
    ),
    Variable(
        "SEGSEARCH_ANALYZER_URL",
        "",
        "where analyzers of other machines are, if `serve` is to start none: `http://HOST:PORT`, or several between "
        "commas, of which the first is asked that listens and is not busy",
    ),
    Variable(
        "SEGSEARCH_ANALYZER_TOKEN",
        "",
        "what web servers and commands show to an analyzer on another machine: 16 characters or more, the same "
        "everywhere",
    ),
    Variable(
        "SEGSEARCH_LIMITS_URL",
        "",
        "a Redis server on which all web servers count requests together, `redis://HOST:6379` (extra `redis`); without "
        "it each counts for itself, attempts to sign in apart, which are counted on the PostgreSQL server if there is "
        "one",
    ),
    Variable(
        "SEGSEARCH_MIN_FREE",
        MIN_FREE,
        "while the disk of the data directory has less free space, uploads and query photos are refused (507) and "
        "workers wait",
    ),
    Variable(
        "SEGSEARCH_QUOTA",
        "0",
        "while the data directory is larger than this, uploads are refused and workers wait: `500M`, `20G`; 0 for none",
    ),
    Variable(
        "SEGSEARCH_CACHE",
        CACHE,
        "how large the copies of what is in object stores may grow that are kept in the data directory, those used "
        "last; 0 keeps none",
    ),
    Variable(
        "SEGSEARCH_SIGNED_SECONDS",
        "0",
        "downloads of originals from object stores are redirected to addresses that are signed for so many seconds, up "
        "to a week; 0 sends the photos through the server",
    ),
    Variable(
        "SEGSEARCH_TRASH_DAYS",
        f"{TRASH_DAYS:g}",
        "how many days deleted photos can be restored; 0 deletes them at once",
    ),
    Variable(
        "SEGSEARCH_FRAME_SECONDS",
        f"{FRAME_SECONDS:g}",
        "between cuts, at most one frame of a video is taken in so many seconds; the first frame after a cut always is",
    ),
    Variable(
        "SEGSEARCH_WEIGHTS",
        "",
        "folder of weights for recipes that would download theirs; nothing is downloaded if it is set "
        "(`retrieval/models/weights.py` reads it)",
    ),
    Variable(
        "SEGSEARCH_CONCEPTS",
        "",
        "what recipe `sam3` segments photos for: words between commas, or `@FILE`, a text file with a word a line; "
        "without it the things and stuff that `psp` knows (`retrieval/recipes/sam3.py` reads it)",
    ),
    Variable(
        "SEGSEARCH_LOG_FORMAT",
        "text",
        "`text`, or `json` for a log collector: an object on each line (`retrieval/processes/logs.py` reads it)",
    ),
)


READ: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "data_dir": ("SEGSEARCH_DATA_DIR", values.data_dir_of),
    "database_url": ("SEGSEARCH_DATABASE_URL", values.database_url_of),
    "files": ("SEGSEARCH_FILES", values.files_of),
    "device": ("SEGSEARCH_DEVICE", values.device_of),
    "recipe": ("SEGSEARCH_RECIPE", str),
    "index": ("SEGSEARCH_INDEX", str),
    "index_url": ("SEGSEARCH_INDEX_URL", str),
    "analyzer_urls": ("SEGSEARCH_ANALYZER_URL", values.analyzer_urls_of),
    "analyzer_token": ("SEGSEARCH_ANALYZER_TOKEN", values.token_of),
    "limits_url": ("SEGSEARCH_LIMITS_URL", values.redis_url_of),
    "min_free": ("SEGSEARCH_MIN_FREE", values.bytes_of),
    "quota": ("SEGSEARCH_QUOTA", values.bytes_of),
    "cache": ("SEGSEARCH_CACHE", values.bytes_of),
    "signed_seconds": ("SEGSEARCH_SIGNED_SECONDS", values.signed_seconds_of),
    "trash_days": ("SEGSEARCH_TRASH_DAYS", values.days_of),
    "frame_seconds": ("SEGSEARCH_FRAME_SECONDS", values.interval_of),
}
"""The variable of each of the settings, and what reads it."""

WITH_SECRETS = {
    "SEGSEARCH_DATABASE_URL",
    "SEGSEARCH_FILES",
    "SEGSEARCH_ANALYZER_TOKEN",
    "SEGSEARCH_LIMITS_URL",
}
"""Variables that may hold a password: no message repeats them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one installation.

    Attributes
    ----------
    data_dir : Path
        Absolute folder of everything SegSearch writes.
    database_url : str
        SQLAlchemy URL of the catalogue.
    files : str
        URL of the bucket or folder of uploads, renditions and query photos; that is `data_dir` if it is empty.
    device : str
        ``auto`` takes the first CUDA device if there is one.
    recipe : str
        Name of the recipe.
    index : str
        Name of the index that holds the vectors.
    index_url : str
        Where that index is, if it is on a server of its own; else empty.
    analyzer_urls : tuple of str
        Where analyzers of other machines are; if there are none, an analyzer of this machine is asked.
    analyzer_token : str
        What they demand.
    limits_url : str
        A Redis server that counts the requests of all web servers; else empty.
    min_free, quota : int
        Bytes to keep free on the disk of `data_dir`, and the most that `data_dir` may hold; no limit if zero.
    cache : int
        Bytes that copies of photos from object stores may take; none are kept if zero.
    signed_seconds : int
        For how long addresses are signed to which downloads of originals are redirected; none are if zero.
    trash_days : float
        How long deleted photos stay in the trash; zero deletes them at once.
    frame_seconds : float
        Between cuts, at most one frame of a video is taken in so many seconds.
    collection : int
        Number of the collection that they are of; zero for what an installation itself holds.
    installation : Settings or None
        Of a collection: the settings of the installation that it is of.
    """

    data_dir: Path
    database_url: str
    files: str = ""
    device: str = "auto"
    recipe: str = "lite"
    index: str = "local"
    index_url: str = ""
    analyzer_urls: tuple[str, ...] = ()
    analyzer_token: str = field(default="", repr=False)
    limits_url: str = field(default="", repr=False)
    min_free: int = 0
    quota: int = 0
    cache: int = 2 * 1024**3
    signed_seconds: int = 0
    trash_days: float = TRASH_DAYS
    frame_seconds: float = FRAME_SECONDS
    collection: int = 0
    installation: Settings | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables.

        Raises
        ------
        ConfigurationError
            Names every wrong variable at once.
        """
        given = {each.name: environ.get(each.name) or each.default for each in VARIABLES}
        given["SEGSEARCH_DATA_DIR"] = _data_dir(environ)
        found, faults = dict[str, Any](), list[str]()
        for name, (variable, read) in READ.items():
            try:
                found[name] = read(given[variable])
            except ValueError as error:
                told = variable if variable in WITH_SECRETS else f"{variable}={given[variable]!r}"
                faults.append(f"{told} {error}")
        if found.get("analyzer_urls") and not given["SEGSEARCH_ANALYZER_TOKEN"]:
            faults.append("SEGSEARCH_ANALYZER_URL needs SEGSEARCH_ANALYZER_TOKEN, that of the analyzer's machine")
        if faults:
            raise ConfigurationError("; ".join(faults))
        found["database_url"] = found["database_url"] or sqlite_url(found["data_dir"] / "catalog.db")
        return cls(**found)

    @classmethod
    def in_data_dir(
        cls, data_dir: Path, *, device: str = "auto", recipe: str = "lite", index: str = "local", files: str = ""
    ) -> Settings:
        """Settings of a data directory with its own SQLite catalogue.

        Raises
        ------
        ConfigurationError
            There is no such device, or files cannot be kept there.
        """
        try:
            values.device_of(device)
        except ValueError as error:
            raise ConfigurationError(f"the device {device!r} {error}") from error
        try:
            files = values.files_of(files)
        except ValueError as error:
            raise ConfigurationError(f"SEGSEARCH_FILES {error}") from error
        data_dir = data_dir.absolute()
        own = sqlite_url(data_dir / "catalog.db")
        return cls(data_dir=data_dir, database_url=own, files=files, device=device, recipe=recipe, index=index)

    def of_collection(self, number: int, recipe: str | None = None) -> Settings:
        """The settings of a collection of this installation, which has a folder and a catalogue of its own.

        On a PostgreSQL server the catalogue is a schema of the same database.

        Parameters
        ----------
        number : int
            Id of the collection.
        recipe : str, optional
            Its recipe, if it is not that of the installation.
        """
        folder = self.collection_dir(number)
        url = self.database_url
        own = sqlite_url(folder / "catalog.db") if url.startswith("sqlite") else in_schema(url, schema_of(number))
        return replace(
            self,
            data_dir=folder,
            database_url=own,
            files=f"{self.files}/collections/{number}" if self.files else "",
            recipe=recipe or self.recipe,
            index_url=self.index_url or ("" if self.index == "local" else url),
            collection=number,
            installation=self,
        )

    def collection_dir(self, number: int) -> Path:
        """Folder of a collection of this installation."""
        return self.data_dir / "collections" / str(number)

    @property
    def files_dir(self) -> Path:
        """Folder of uploads, renditions and query photos, and of the locks of those in a bucket."""
        return values.folder_of(self.files) or self.data_dir

    @property
    def index_dir(self) -> Path:
        """Folder of the vector index."""
        return self.data_dir / "index"

    @property
    def uploads_dir(self) -> Path:
        """Folder of uploaded originals, named by their SHA-256."""
        return self.files_dir / "uploads"

    @property
    def renditions_dir(self) -> Path:
        """Folder of previews and thumbnails, which can be regenerated."""
        return self.files_dir / "renditions"

    @property
    def queries_dir(self) -> Path:
        """Folder of uploaded query photos, removed when they expire."""
        return self.files_dir / "queries"

    @property
    def exports_dir(self) -> Path:
        """Folder of the files of exports, removed when they expire."""
        return self.data_dir / "exports"

    @property
    def analyzers_dir(self) -> Path:
        """Folder of the analyzer processes' sockets; only its owner may enter it."""
        return self.data_dir / "analyzers"

    @property
    def copies_dir(self) -> Path:
        """Folder of copies of photos from object stores, which can be downloaded again."""
        return self.data_dir / "copies"

    def copy(self, sha256: str) -> Path:
        """Path of the copy of a photo from an object store."""
        return self.copies_dir / sha256[:2] / sha256

    def export(self, job_id: int, extension: str) -> Path:
        """Path of the file of an export, which is there once it is whole."""
        return self.exports_dir / f"{job_id}.{extension}"

    @property
    def session_key_file(self) -> Path:
        """The key that signs the sessions of signed-in users; only its owner may read it."""
        return self.data_dir / "session.key"


def _data_dir(environ: Mapping[str, str]) -> str:
    """The data directory, also by the variable's former name."""
    if not environ.get("SEGSEARCH_DATA_DIR") and environ.get(FORMER_DATA_DIR):
        logger.warning("%s is now SEGSEARCH_DATA_DIR: set that instead", FORMER_DATA_DIR)
    return environ.get("SEGSEARCH_DATA_DIR") or environ.get(FORMER_DATA_DIR) or "var"
