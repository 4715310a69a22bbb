"""What the catalogue answers with: frozen rows, detached from the database."""

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
from .images import STATES, ImageRecord, KnownLocation, LocationRecord, State
from .ingest import Cancelled, Job, Orders
from .queries import FeedbackRecord, QueryRecord
from .segments import SegmentHit, SegmentRecord
from .vectors import Contents, VectorBatch, vector_bytes, vectors_from

__all__ = [
    "CLUSTER_STATES",
    "STATES",
    "Cancelled",
    "ClusterChange",
    "ClusterMember",
    "ClusterRecord",
    "ClusterState",
    "Clustering",
    "ConceptModel",
    "ConceptRecord",
    "Contents",
    "FeedbackRecord",
    "ImageRecord",
    "Job",
    "Joined",
    "KnownLocation",
    "LocationRecord",
    "Members",
    "Orders",
    "QueryRecord",
    "SegmentHit",
    "SegmentRecord",
    "Shape",
    "State",
    "VectorBatch",
    "joined_members",
    "vector_bytes",
    "vectors_from",
]
