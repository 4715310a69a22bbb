"""Requests and responses about clusters."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from retrieval.catalog.records import ClusterState
from retrieval.query.request import MAX_ID

from .concept_schemas import Name
from .schemas import MAX_PAGE, BodyId, Moment, PathId, Strict

# ---- what comes in


class ClusterPath(BaseModel):
    """The id of the cluster."""

    cluster_id: PathId


class ClusterPage(Strict):
    """Which clusters, best first."""

    after: Annotated[int, Field(ge=0, le=MAX_ID, description="The `next` of the previous page.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20
    state: Annotated[ClusterState, Field(description="Open clusters are not named yet.")] = "open"


class ClusterName(Strict):
    """A name for what a cluster shows."""

    name: Name
    add: Annotated[
        bool, Field(strict=True, description="Whether to add the members to an existing concept of this name.")
    ] = False


class ClusterMerge(Strict):
    """Several clusters that show the same thing."""

    ids: Annotated[list[BodyId], Field(min_length=2, max_length=100)]


# ---- what goes out


class TypicalMember(BaseModel):
    """A typical segment of a cluster; its picture is at ``/segments/{segment_id}/crop``."""

    segment_id: int
    image_id: int
    similarity: Annotated[float, Field(description="Cosine similarity to the cluster's centre.")]


class Cluster(BaseModel):
    """Similar segments that match no concept or confident label."""

    id: Annotated[
        int, Field(description="Stable: it is kept when photos are added, and merged clusters keep their smallest id.")
    ]
    state: ClusterState
    photos: Annotated[int, Field(description="Number of photos it appears on.")]
    segments: int
    coherence: Annotated[
        float, Field(description="Mean cosine similarity between a member and the members on other photos.")
    ]
    concept: Annotated[int | None, Field(description="Id of the concept it was named as.")]
    guess: Annotated[str | None, Field(description="An uncertain label that at least a third of the members share.")]
    created_at: Moment
    typical: Annotated[list[TypicalMember], Field(description="At most 12, one per photo, most typical first.")]


class ClusterList(BaseModel):
    """A page of clusters, best first: coherent, frequent, likely whole objects."""

    clusters: list[Cluster]
    total: Annotated[int, Field(description="Clusters in this state.")]
    next: Annotated[int | None, Field(description="The `after` of the next page; null on the last page.")]


class NamedCluster(BaseModel):
    """The concept that resulted from naming a cluster."""

    concept: Annotated[int, Field(description="Id of the concept.")]


class ClusterUpdate(BaseModel):
    """The effects of an update."""

    joined: Annotated[int, Field(description="Segments that joined existing clusters.")]
    explained: Annotated[int, Field(description="Members that now match a concept; they are hidden.")]
    founded: Annotated[int, Field(description="New clusters.")]
    waiting: Annotated[int, Field(description="Segments in no cluster.")]
    more: Annotated[bool, Field(description="Whether more segments remain; if so, call again.")]
