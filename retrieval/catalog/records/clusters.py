"""Clusters of segments, and changes to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...types import Ids, Vectors

ClusterState = Literal["open", "named", "dismissed"]
CLUSTER_STATES: tuple[ClusterState, ...] = ("open", "named", "dismissed")


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """Where a group lies.

    Attributes
    ----------
    centre : ndarray of shape (D,), float32
        Of unit length.
    radius : float
        Cosine to the centre from which on a segment belongs: a little less than that of the least typical founder to
        the founders on other photos.
    coherence : float
        Mean cosine of a member to the mean of the members on other photos; about 0 for segments drawn by lot.
    """

    centre: Vectors
    radius: float
    coherence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRecord:
    """Segments that look alike, as they are now.

    Attributes
    ----------
    concept_id : int or None
        The concept that a named cluster became.
    coherence : float
        Mean cosine of a member to the mean of the members on other photos.
    quality : float
        Mean over its members: the chance that one fits an object.
    photos, segments : int
        How many it is on, and has.
    """

    id: int
    state: ClusterState
    concept_id: int | None
    created_at: datetime
    coherence: float
    quality: float
    photos: int
    segments: int


class ClusterMember(NamedTuple):
    """A segment of a cluster, with its cosine to the centre."""

    segment_id: int
    image_id: int
    similarity: float
    label: str | None


@dataclass(frozen=True, eq=False, slots=True)
class Members:
    """Segments by rising id: their photos, vectors, the cluster of each (0 for none), whether a concept explains it."""

    ids: Ids
    image_ids: Ids
    vectors: Vectors
    clusters: Ids
    explained: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Clustering:
    """All clusters of a space at one moment.

    Attributes
    ----------
    revision : int
        Greater after every change.
    newest_segment : int
        The greatest id of a segment when clusters were last looked for.
    ids, states, centres, radii
        Of each cluster: (C,), C states, (C, D) and (C,).
    """

    revision: int
    newest_segment: int
    ids: Ids
    states: tuple[ClusterState, ...]
    centres: Vectors
    radii: Vectors


@dataclass(frozen=True, eq=False, slots=True)
class Joined:
    """Segments that come into a cluster, with their cosines to its centre, and whether a concept explains them."""

    segments: Ids
    similarities: Vectors
    explained: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ClusterChange:
    """Changes to the clusters of a space, made together and in this order.

    Attributes
    ----------
    left : sequence of int
        Segments that are taken out of their clusters.
    explained : mapping
        Whether a concept explains a member, where that is new.
    removed : sequence of int
        Clusters that go.
    shapes : mapping
        New centre, radius and coherence of clusters.
    coherences : mapping
        New coherence alone.
    joined : mapping
        What comes into which cluster.
    founded : sequence
        New clusters.
    newest_segment : int or None
        If clusters were looked for: the greatest id of a segment there was.
    """

    left: Sequence[int] = ()
    explained: Mapping[int, bool] = field(default_factory=dict)
    removed: Sequence[int] = ()
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    coherences: Mapping[int, float] = field(default_factory=dict)
    joined: Mapping[int, Joined] = field(default_factory=dict)
    founded: Sequence[tuple[Shape, Joined]] = ()
    newest_segment: int | None = None


def joined_members(parts: Sequence[Members]) -> Members:
    """Concatenate groups of segments, in their order."""
    parts = [part for part in parts if len(part)]
    if not parts:
        none = np.zeros(0, np.int64)
        return Members(none, none, np.zeros((0, 0), np.float32), none, np.zeros(0, bool))
    names = ("ids", "image_ids", "vectors", "clusters", "explained")
    return Members(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
