"""What goes in and out of the calls on clusters."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from retrieval.catalog.records import ClusterState
from retrieval.query.request import MAX_ID

from .concept_schemas import Name
from .schemas import MAX_PAGE, BodyId, Moment, PathId, Strict

# ---- what comes in


class ClusterPath(BaseModel):
    """The cluster that is meant."""

    cluster_id: PathId


class ClusterPage(Strict):
    """Which clusters, best first."""

    after: Annotated[int, Field(ge=0, le=MAX_ID, description="`next` of the page before.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20
    state: Annotated[ClusterState, Field(description="Open ones are waiting to be named.")] = "open"


class ClusterName(Strict):
    """What a cluster shows."""

    name: Name
    add: Annotated[
        bool, Field(strict=True, description="Whether its members become examples of a concept that has this name.")
    ] = False


class ClusterMerge(Strict):
    """Several clusters that show the same."""

    ids: Annotated[list[BodyId], Field(min_length=2, max_length=100)]


class NoBody(Strict):
    """An empty object."""


# ---- what goes out


class TypicalMember(BaseModel):
    """A segment that shows what a cluster is; its picture is at ``/segments/{segment_id}/crop``."""

    segment_id: int
    image_id: int
    similarity: Annotated[float, Field(description="Cosine to the cluster's centre.")]


class Cluster(BaseModel):
    """Segments that look alike and that no concept and no confident label explains."""

    id: Annotated[int, Field(description="Stays: new photos join, and of merged clusters the smallest id is kept.")]
    state: ClusterState
    photos: Annotated[int, Field(description="Photos it is on.")]
    segments: int
    coherence: Annotated[float, Field(description="Mean cosine of a member to the members on other photos.")]
    concept: Annotated[int | None, Field(description="Id of the concept that it was named.")]
    guess: Annotated[str | None, Field(description="A label that at least a third of them has, none of them surely.")]
    created_at: Moment
    typical: Annotated[list[TypicalMember], Field(description="At most 12, one a photo, the most typical first.")]


class ClusterList(BaseModel):
    """A page of clusters, best first: the coherent and frequent ones that are likely whole things."""

    clusters: list[Cluster]
    total: Annotated[int, Field(description="Of this state.")]
    next: Annotated[int | None, Field(description="`after` of the next page; null at the end.")]


class NamedCluster(BaseModel):
    """What became of a name."""

    concept: Annotated[int, Field(description="Id of the concept.")]


class ClusterUpdate(BaseModel):
    """What an update did."""

    joined: Annotated[int, Field(description="Segments that came into clusters there were.")]
    explained: Annotated[int, Field(description="Members that a concept explains by now; they are not shown.")]
    founded: Annotated[int, Field(description="New clusters.")]
    waiting: Annotated[int, Field(description="Segments that are in no cluster.")]
    more: Annotated[bool, Field(description="Whether there is more to be looked at: call again.")]
