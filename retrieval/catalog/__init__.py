"""The catalogue: the truth about photos, segments and vectors, in a database.

================= ====================================================================
module            what
================= ====================================================================
`catalog`         the repositories of stored photos
`images`          photos
`locations`       where their files are, and registering files
`tags`            words and names that people gave to photos
`videos`          videos, and their frames
`tracks`          segments of one thing in the frames of a video
`trash`           photos that were deleted and can be restored
`duplicates`      pairs of photos that are near-duplicates
`file_locks`      locks of the folders of uploads, query photos and renditions
`deleted_files`   files of photos that were deleted for good
`segments`        segments, with masks, boxes and colours
`vectors`         vectors, and what an index needs to know of them
`timeline`        photos by date, month by month
`imported`        segments that were imported
`ingest_queue`    how a photo enters, under the lease of a worker
`ingest_overview` workers, and what waits
`owners`          whether the worker that holds a lease is gone
`succession`      judgements that move to the segments of a new analysis
`query_store`     query photos
`judgements`      searches that are refined, in rounds
`concepts`        names that people gave
`idempotency`     answers of requests, by the keys that came with them
`detections`      which photos a detector was asked for which words
`detection_models`  their table
`export_jobs`     exports that are written in the background
`export_models`   their table
`clusters`        clusters of segments that have no name
`folders`         names of folders
`accounts`        users and API tokens
`collections`     collections, and with whom they are shared
`collection_models`  their tables
`records`         what repositories answer with
`rows`            from ORM rows to records, and from analyses to rows
`filtering`       filters as conditions of SQL, and facets
`segment_select`  columns of many segments, by the driver's own cursor
`base`            what all tables have in common
`models`          the tables
`schema`          the schema's version, and migrating
`sessions`        connections and transactions
`stamps`          counts of changes
`processes`       workers and web servers of all machines
`process_models`  tables of what they share
`shared`          secrets, and counts of requests
`copying`         copying a catalogue to another database
`vector_server`   a PostgreSQL server that holds an index
`vector_table`    its vectors
`dialects`        where SQLite and PostgreSQL differ
================= ====================================================================
"""

from .accounts import Accounts
from .catalog import Catalog
from .clusters import Clusters
from .collections import CollectionRecord, Collections
from .concepts import Concepts
from .copying import CopiedTable, copy_catalogue, copy_database
from .deleted_files import DeletedFiles
from .dialects import drop_schema, make_schema
from .duplicates import NearDuplicates
from .export_jobs import ExportJobs
from .file_locks import file_locks
from .folders import Folders
from .idempotency import IdempotencyKeys, KeptAnswer
from .images import ImageRepository
from .imported import ImportedSegments
from .ingest_overview import IngestOverview
from .ingest_queue import IngestQueue
from .judgements import Judgements
from .locations import LocationRepository
from .processes import Heartbeat
from .query_store import QueryStore
from .records import ImageRecord, QueryRecord, SegmentHit, SegmentRecord
from .segments import SegmentRepository
from .sessions import Sessions, migrate, open_sessions
from .shared import Shared
from .tags import Tags
from .timeline import Timeline
from .tracks import Tracks
from .trash import Trash
from .vectors import VectorRepository
from .videos import Videos

__all__ = [
    "Accounts",
    "Catalog",
    "Clusters",
    "CollectionRecord",
    "Collections",
    "Concepts",
    "CopiedTable",
    "DeletedFiles",
    "ExportJobs",
    "Folders",
    "Heartbeat",
    "IdempotencyKeys",
    "ImageRecord",
    "ImageRepository",
    "ImportedSegments",
    "IngestOverview",
    "IngestQueue",
    "Judgements",
    "KeptAnswer",
    "LocationRepository",
    "NearDuplicates",
    "QueryRecord",
    "QueryStore",
    "SegmentHit",
    "SegmentRecord",
    "SegmentRepository",
    "Sessions",
    "Shared",
    "Tags",
    "Timeline",
    "Tracks",
    "Trash",
    "VectorRepository",
    "Videos",
    "copy_catalogue",
    "copy_database",
    "drop_schema",
    "file_locks",
    "make_schema",
    "migrate",
    "open_sessions",
]
