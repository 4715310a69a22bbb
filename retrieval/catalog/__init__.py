"""The catalogue: the truth about photos, segments and vectors, in a database."""

from .accounts import Accounts
from .catalog import Catalog
from .clusters import Clusters
from .concepts import Concepts
from .folders import Folders
from .images import ImageRepository
from .ingest_queue import IngestQueue
from .judgements import Judgements
from .locations import LocationRepository
from .query_store import QueryStore
from .records import ImageRecord, QueryRecord, SegmentHit, SegmentRecord
from .segments import SegmentRepository
from .sessions import Sessions, migrate, open_sessions
from .vectors import VectorRepository

__all__ = [
    "Accounts",
    "Catalog",
    "Clusters",
    "Concepts",
    "Folders",
    "ImageRecord",
    "ImageRepository",
    "IngestQueue",
    "Judgements",
    "LocationRepository",
    "QueryRecord",
    "QueryStore",
    "SegmentHit",
    "SegmentRecord",
    "SegmentRepository",
    "Sessions",
    "VectorRepository",
    "migrate",
    "open_sessions",
]
