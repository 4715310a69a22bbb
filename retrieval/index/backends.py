"""Which index a setting names: the one of this project, or one of another package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import plugins
from ..errors import ConfigurationError, RetrievalError
from .files import IndexFiles
from .local import LocalIndex
from .protocols import SegmentIndex
from .sources import Source

LOCAL = "local"

PGVECTOR, MILVUS = "pgvector", "milvus"

NAMES = (LOCAL, PGVECTOR, MILVUS)

_ASKED = (
    "is_shared", "dim", "search", "get", "image_ids_of", "ids_of_images", "image_counts", "sample", "stats", "upsert",
    "delete", "refresh", "flush",
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class IndexConfig:
    """What an index is opened for.

    Attributes
    ----------
    name : {"segments", "photos"}
        What its entries are; each is an index of its own.
    space : str
        Fingerprint of what makes the vectors; those of another space belong into another index.
    dim : int
        Length of a vector.
    folder : Path
        Where it may keep files; need not exist.
    url : str
        Where it is, if it is on a server: ``SEGSEARCH_INDEX_URL``, or where the catalogue is.
    source : Source
        The catalogue, where an index reads vectors that it does not keep.
    gpu : int or None
        Number of a GPU that may help.
    """

    name: str
    space: str
    dim: int
    folder: Path
    url: str
    source: Source
    gpu: int | None = None


def open_index(name: str, config: IndexConfig) -> SegmentIndex:
    """Open an index, or create an empty one.

    Parameters
    ----------
    name : str
        Of `NAMES`, or of a plug-in.
    config : IndexConfig

    Raises
    ------
    ConfigurationError
        There is no index of this name, or its server is not one that can be used.
    IndexUnavailableError
        Its server cannot be reached.
    PluginError
        The plug-in of this name cannot be used.
    IndexMismatchError
        What is there belongs to another recipe or another catalogue.
    """
    if name == LOCAL:
        return LocalIndex(IndexFiles(config.folder), config.source, config.space, config.dim, gpu=config.gpu)
    if name == PGVECTOR:
        from .pgvector import PgvectorIndex

        return PgvectorIndex(config.url, config.name, config.space, config.dim)
    if name == MILVUS:
        from .milvus import MilvusIndex

        return MilvusIndex(config.url, config.name, config.space, config.dim, config.source)
    found = plugins.plugin(name, plugins.INDEXES)
    if found is None:
        known = ", ".join([*NAMES, *plugins.names(plugins.INDEXES)])
        raise ConfigurationError(f"SEGSEARCH_INDEX={name!r} is none of {known}")
    make = found.load()
    try:
        index: Any = make(config)
        missing = [each for each in _ASKED if not hasattr(index, each)]
    except RetrievalError:
        raise
    except Exception as error:  # whatever the other package does
        raise found.error(f"cannot be opened ({type(error).__name__}: {error})") from error
    if missing:
        raise found.error(f"lacks {', '.join(missing)}")
    if index.dim != config.dim:
        raise found.error(f"takes vectors of length {index.dim}, and was opened for {config.dim}")
    opened: SegmentIndex = index
    return opened
