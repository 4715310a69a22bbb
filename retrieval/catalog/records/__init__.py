"""The values that the catalogue returns: frozen, and detached from the database."""

from .clusters import (
    CLUSTER_STATES,
    ClusterChange,
    Clustering,
    ClusterMember,
    ClusterRecord,
    ClusterState,
    Joined,
    Members,
    Shape,
    joined_members,
)
from .concepts import ConceptModel, ConceptRecord
from .duplicates import Comparison, Copy, DuplicatePair
from .exports import EXPORT_STATES, ExportRecord, ExportState
from .images import STATES, ImageRecord, KnownLocation, LocationRecord, State
from .ingest import Job, Orders, Removed, WorkerRecord
from .processes import ProcessKind, ProcessRecord
from .queries import FeedbackRecord, QueryRecord
from .segments import SegmentHit, SegmentRecord
from .timeline import LISTED, ORDERS, Listed, Month, Order, View
from .vectors import Contents, VectorBatch, vector_bytes, vectors_from
from .videos import FramePlace, Moment, Sighting, VideoFacts

__all__ = [
    "CLUSTER_STATES",
    "EXPORT_STATES",
    "LISTED",
    "ORDERS",
    "STATES",
    "ClusterChange",
    "ClusterMember",
    "ClusterRecord",
    "ClusterState",
    "Clustering",
    "Comparison",
    "ConceptModel",
    "ConceptRecord",
    "Contents",
    "Copy",
    "DuplicatePair",
    "ExportRecord",
    "ExportState",
    "FeedbackRecord",
    "FramePlace",
    "ImageRecord",
    "Job",
    "Joined",
    "KnownLocation",
    "Listed",
    "LocationRecord",
    "Members",
    "Moment",
    "Month",
    "Order",
    "Orders",
    "ProcessKind",
    "ProcessRecord",
    "QueryRecord",
    "Removed",
    "SegmentHit",
    "SegmentRecord",
    "Shape",
    "Sighting",
    "State",
    "VectorBatch",
    "VideoFacts",
    "View",
    "WorkerRecord",
    "joined_members",
    "vector_bytes",
    "vectors_from",
]
