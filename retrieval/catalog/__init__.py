"""The catalogue: the truth about photos, segments and vectors, in a database."""

from .accounts import Accounts
from .catalog import Catalog
from .clusters import Clusters
from .concepts import Concepts
from .folders import Folders
from .ingest_queue import IngestQueue
from .judgements import Judgements
from .query_store import QueryStore
from .records import ImageRecord, QueryRecord, SegmentHit, SegmentRecord
from .sessions import Sessions, migrate, open_sessions

__all__ = [
    "Accounts",
    "Catalog",
    "Clusters",
    "Concepts",
    "Folders",
    "ImageRecord",
    "IngestQueue",
    "Judgements",
    "QueryRecord",
    "QueryStore",
    "SegmentHit",
    "SegmentRecord",
    "Sessions",
    "migrate",
    "open_sessions",
]
