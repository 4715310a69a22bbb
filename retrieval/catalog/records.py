"""What the catalogue answers with: frozen rows, detached from the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..query.request import SearchRequest
from ..segment.assessment import Assessment
from ..storage.locations import path_of
from ..types import Analysis, Ids, Vectors

State = Literal["pending", "working", "indexed", "empty", "failed"]
STATES: tuple[State, ...] = ("pending", "working", "indexed", "empty", "failed")


@dataclass(frozen=True, slots=True)
class LocationRecord:
    """A place where a photo's bytes are, or were when `missing_since` is set."""

    uri: str
    size: int
    mtime_ns: int
    missing_since: datetime | None

    @property
    def path(self) -> Path:
        """The file."""
        return path_of(self.uri)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """A photo. Width and height are those of the upright original, None until it was decoded."""

    id: int
    sha256: str
    state: State
    error: str | None
    attempts: int
    format: str | None
    width: int | None
    height: int | None
    taken_at: datetime | None
    recipe: str | None
    space: str | None
    segment_count: int
    assessment: Assessment | None
    locations: tuple[LocationRecord, ...]

    @property
    def is_missing(self) -> bool:
        """Whether the photo is at none of its locations any more, as far as was noticed."""
        return all(location.missing_since is not None for location in self.locations)

    @property
    def path(self) -> Path | None:
        """The first location that is there, else the first that was."""
        there = [location for location in self.locations if location.missing_since is None]
        return next((location.path for location in (*there, *self.locations)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRecord:
    """A segment of a stored photo.

    Attributes
    ----------
    box_xyxy : tuple of int
        In pixels of the upright original, half open.
    area : int
        Pixels of the upright original.
    parent_id : int or None
        The segment it is part of; of a query photo's segment its row.
    mask_size_hw, mask_counts
        COCO compressed RLE at the size the photo was analysed at; the mask covers the whole photo.
    """

    id: int
    image_id: int
    box_xyxy: tuple[int, int, int, int]
    area: int
    quality: float
    label: str | None
    label_score: float | None
    parent_id: int | None
    mask_size_hw: tuple[int, int]
    mask_counts: bytes


class SegmentHit(NamedTuple):
    """What a result list needs to know of a segment: no mask."""

    id: int
    image_id: int
    box_xyxy: tuple[int, int, int, int]
    quality: float
    label: str | None
    is_fallback: bool


@dataclass(frozen=True, slots=True)
class KnownLocation:
    """What the catalogue knows of a path."""

    image_id: int
    size: int
    mtime_ns: int
    state: State
    is_missing: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A photo that a worker has claimed.

    Attributes
    ----------
    image_id : int
    sha256 : str
    paths : tuple of Path
    attempts : int
        How often it was claimed, this time included; more than once if a worker died over it.
    """

    image_id: int
    sha256: str
    paths: tuple[Path, ...]
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Orders:
    """What every worker was told: whether to pause, and how often what waited was cancelled."""

    paused: bool = False
    cancellations: int = 0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A photo that was waiting and is not in the catalogue any more, and where its file is."""

    sha256: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class AnalyzedImage:
    """What a worker found out about a photo, ready to be committed."""

    image_id: int
    format: str
    size_hw: tuple[int, int]
    taken_at: datetime | None
    analysis: Analysis


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class QueryRecord:
    """A kept query photo; the segments' ids are their rows."""

    id: int
    sha256: str
    size_hw: tuple[int, int]
    recipe: str
    segments: tuple[SegmentRecord, ...]
    vectors: Vectors
    photo_vector: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackRecord:
    """A search that is being refined, at the end of a round.

    Attributes
    ----------
    round, rounds : int
        The one that is meant, and the last there is.
    relevant, irrelevant : tuple of int
        Segments judged by then.
    """

    id: int
    space: str
    request: SearchRequest
    round: int
    rounds: int
    relevant: tuple[int, ...]
    irrelevant: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ConceptModel:
    """What was learnt of a concept.

    Attributes
    ----------
    space : str
    directions : ndarray of shape (R, D), float32
        A segment's score is its best inner product with any of them.
    threshold : float
        Score from which on a segment is labelled with the concept.
    query : ndarray of shape (Q, D), float32, or None
        Directions of the search that it began with.
    positive, negative : tuple of int
        Segments.
    """

    space: str
    directions: Vectors
    threshold: float
    query: Vectors | None
    positive: tuple[int, ...]
    negative: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ConceptRecord:
    """A name that people gave, with what was learnt of it and how many examples a resegmentation has lost."""

    id: int
    name: str
    created_at: datetime
    lost: int
    model: ConceptModel


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


ClusterState = Literal["open", "named", "dismissed"]
CLUSTER_STATES: tuple[ClusterState, ...] = ("open", "named", "dismissed")


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
    """What becomes of the clusters of a space, all at once and in this order.

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


@dataclass(frozen=True, eq=False, slots=True)
class VectorBatch:
    """Ids with the photos they belong to and their vectors, as they go into an index."""

    ids: Ids
    image_ids: Ids
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Contents:
    """What of one recipe is in the catalogue; two equal values mean that nothing an index needs has changed.

    Attributes
    ----------
    photos, segments : int
        How many there are.
    newest_segment : int
        Greatest id of any segment.
    photo_ids : int
        Sum of the photos' ids, by which a photo without segments in the place of another is noticed.
    """

    photos: int
    segments: int
    newest_segment: int
    photo_ids: int


def joined_members(parts: Sequence[Members]) -> Members:
    """Several lots of segments as one, in their order."""
    parts = [part for part in parts if len(part)]
    if not parts:
        none = np.zeros(0, np.int64)
        return Members(none, none, np.zeros((0, 0), np.float32), none, np.zeros(0, bool))
    names = ("ids", "image_ids", "vectors", "clusters", "explained")
    return Members(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def vector_bytes(vectors: Vectors) -> bytes:
    """Vectors as they are stored: float16, little endian."""
    return vectors.astype("<f2").tobytes()


def vectors_from(stored: Sequence[bytes]) -> Vectors:
    """Stored vectors, (N, D) float32; (0, 0) for none."""
    if not stored:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(stored), "<f2").reshape(len(stored), -1).astype(np.float32)
