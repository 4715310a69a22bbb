"""What a user can set: `VARIABLES` of the environment."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigurationError
from . import values
from .database_urls import in_schema, schema_of, sqlite_url

logger = logging.getLogger(__name__)

MIN_FREE = "1G"
TRASH_DAYS = 30.0
CACHE = "2G"
FRAME_SECONDS = 2.0
FORMER_DATA_DIR = "SEGSEARCH_HOME"
MOST_SIGNED_SECONDS = 7 * 86_400
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


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
        "",
        "while the data directory is larger than this, uploads are refused and workers wait: `500M`, `20G`",
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
        faults: list[str] = []
        data_dir = Path(_data_dir(environ)).expanduser().absolute()
        device = environ.get("SEGSEARCH_DEVICE") or "auto"
        recipe = environ.get("SEGSEARCH_RECIPE") or "lite"
        index = environ.get("SEGSEARCH_INDEX") or "local"
        url = environ.get("SEGSEARCH_DATABASE_URL") or sqlite_url(data_dir / "catalog.db")
        sizes = {"SEGSEARCH_MIN_FREE": environ.get("SEGSEARCH_MIN_FREE") or MIN_FREE}
        sizes["SEGSEARCH_QUOTA"] = environ.get("SEGSEARCH_QUOTA") or "0"
        sizes["SEGSEARCH_CACHE"] = environ.get("SEGSEARCH_CACHE") or CACHE
        limits = {name: values.bytes_of(text) for name, text in sizes.items()}
        frame_seconds = values.interval_of(environ.get("SEGSEARCH_FRAME_SECONDS") or str(FRAME_SECONDS))
        trash_days = values.days_of(environ.get("SEGSEARCH_TRASH_DAYS") or str(TRASH_DAYS))
        if data_dir.exists() and not data_dir.is_dir():
            faults.append(f"SEGSEARCH_DATA_DIR={data_dir} is not a folder")
        try:
            str(data_dir).encode()
        except UnicodeEncodeError:
            faults.append(f"SEGSEARCH_DATA_DIR={str(data_dir)!a} is not UTF-8: choose a path that is")
        if not _DEVICE.fullmatch(device):
            faults.append(f"SEGSEARCH_DEVICE={device!r} must be auto, cpu, cuda or cuda:N")
        if "://" not in url:
            faults.append(
                "SEGSEARCH_DATABASE_URL is not an SQLAlchemy URL such as "
                "postgresql+psycopg://user:password@host/database or sqlite:////path/catalog.db"
            )
        analyzer_urls = tuple(filter(None, re.split(r"[,\s]+", environ.get("SEGSEARCH_ANALYZER_URL") or "")))
        token = environ.get("SEGSEARCH_ANALYZER_TOKEN") or ""
        faults += values.faults_of_analyzers(analyzer_urls, token)
        files = (environ.get("SEGSEARCH_FILES") or "").rstrip("/")
        faults += values.faults_of_files(files)
        if not re.match(r"rediss?://|$", environ.get("SEGSEARCH_LIMITS_URL") or ""):
            faults.append("SEGSEARCH_LIMITS_URL is not redis://HOST:6379 or rediss://HOST:6379")
        faults += [
            f"{name}={sizes[name]!r} is not a size such as 500M, 20G or 0" for name in sizes if limits[name] is None
        ]
        signed = environ.get("SEGSEARCH_SIGNED_SECONDS") or "0"
        if not signed.isdecimal() or int(signed) > MOST_SIGNED_SECONDS:
            faults.append(
                f"SEGSEARCH_SIGNED_SECONDS={signed!r} is not a whole number of seconds from 0 to {MOST_SIGNED_SECONDS}"
            )
        if trash_days is None:
            given = environ["SEGSEARCH_TRASH_DAYS"]
            faults.append(f"SEGSEARCH_TRASH_DAYS={given!r} is not a number of days from 0 to {values.MOST_DAYS}")
        if frame_seconds is None:
            given = environ["SEGSEARCH_FRAME_SECONDS"]
            faults.append(
                f"SEGSEARCH_FRAME_SECONDS={given!r} is not a number of seconds from 0.1 to {values.MOST_FRAME_SECONDS}"
            )
        if faults:
            raise ConfigurationError("; ".join(faults))
        return cls(
            data_dir=data_dir,
            database_url=url,
            files=files,
            device=device,
            recipe=recipe,
            index=index,
            index_url=environ.get("SEGSEARCH_INDEX_URL") or "",
            analyzer_urls=analyzer_urls,
            analyzer_token=token,
            limits_url=environ.get("SEGSEARCH_LIMITS_URL") or "",
            min_free=limits["SEGSEARCH_MIN_FREE"] or 0,
            quota=limits["SEGSEARCH_QUOTA"] or 0,
            cache=limits["SEGSEARCH_CACHE"] or 0,
            signed_seconds=int(signed),
            trash_days=trash_days or 0.0,
            frame_seconds=frame_seconds or FRAME_SECONDS,
        )

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
        if not _DEVICE.fullmatch(device):
            raise ConfigurationError(f"the device {device!r} must be auto, cpu, cuda or cuda:N")
        if faults := values.faults_of_files(files):
            raise ConfigurationError(faults[0])
        data_dir = data_dir.absolute()
        own, files = sqlite_url(data_dir / "catalog.db"), files.rstrip("/")
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
