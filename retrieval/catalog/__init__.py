"""The catalogue: the truth about photos, segments and vectors, in a database."""

from .accounts import Accounts
from .catalog import Catalog
from .clusters import Clusters
from .concepts import Concepts
from .folders import Folders
from .intake import Intake
from .judgements import Judgements
from .queries import KeptQueries
from .records import ImageRecord, QueryRecord, SegmentHit, SegmentRecord
from .sessions import Sessions, migrate, open_sessions

__all__ = [
    "Accounts",
    "Catalog",
    "Clusters",
    "Concepts",
    "Folders",
    "ImageRecord",
    "Intake",
    "Judgements",
    "KeptQueries",
    "QueryRecord",
    "SegmentHit",
    "SegmentRecord",
    "Sessions",
    "migrate",
    "open_sessions",
]
