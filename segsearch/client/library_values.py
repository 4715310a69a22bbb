"""Values about what the library has learned, its timeline, and the installation."""

from __future__ import annotations

from datetime import datetime

from .values import Value


class Concept(Value):
    """A name that was learned from examples; `space` is that of the vectors."""

    id: int
    name: str
    created_at: datetime
    space: str
    examples: int


class WholeConcept(Concept):
    """A concept with its examples.

    Attributes
    ----------
    threshold : float
        The score from which on a segment is labelled.
    segments : int or None
        How many segments it labels, up to 10,000; None in another space.
    positive, negative : tuple of int
        Segments.
    lost : int
        Examples that were lost when photos were segmented again.
    """

    threshold: float
    segments: int | None = None
    positive: tuple[int, ...] = ()
    negative: tuple[int, ...] = ()
    lost: int = 0


class RankedPhoto(Value):
    """A photo by its segment that is nearest to a concept."""

    image_id: int
    segment_id: int
    score: float


class RankedPhotos(Value):
    """Photos by how near they are to a concept, and how many of them it labels."""

    threshold: float
    labelled: int
    newest: datetime | None = None
    photos: tuple[RankedPhoto, ...] = ()


class PortableConcept(Value):
    """A concept with its vectors, for another library with the same recipe."""

    name: str
    space: str
    threshold: float
    rows: int
    directions: str


class ConceptFile(Value):
    """Concepts that were exported."""

    form: str
    concepts: tuple[PortableConcept, ...]


class LearntTag(Value):
    """What was learned of a tag; `reason` says why nothing was."""

    name: str
    photos: int
    concept_id: int | None = None
    explained: tuple[int, ...] = ()
    segments: int | None = None
    agreement: float | None = None
    reason: str | None = None


class TypicalMember(Value):
    """A typical segment of a cluster."""

    segment_id: int
    image_id: int
    similarity: float


class Cluster(Value):
    """Similar segments on several photos that have no name yet."""

    id: int
    state: str
    photos: int
    segments: int
    coherence: float
    concept: int | None = None
    guess: str | None = None
    created_at: datetime
    typical: tuple[TypicalMember, ...] = ()


class Duplicate(Value):
    """A photo that is a near-duplicate of another, and the size of its file."""

    id: int
    likeness: float
    width: int | None = None
    height: int | None = None
    bytes: int
    filename: str | None = None


class DuplicateGroup(Value):
    """A photo and its near-duplicates, the likest first."""

    best: Duplicate
    others: tuple[Duplicate, ...]


class ClusterUpdate(Value):
    """What an update of the clusters did; `more` if it is to be called again."""

    joined: int
    explained: int
    founded: int
    waiting: int
    more: bool


class MonthOfPhotos(Value):
    """How many photos a month has (YYYY-MM), and their mean ratio of width to height."""

    month: str
    photos: int
    aspect: float


class PhotoInTimeline(Value):
    """A photo in a list by date."""

    id: int
    aspect: float
    state: str
    name: str
    segments: int
    missing: bool = False
    error: str | None = None
    duration_s: float | None = None


class PhotosAround(Value):
    """The photos before and after a photo."""

    before: tuple[PhotoInTimeline, ...]
    after: tuple[PhotoInTimeline, ...]
    listed: bool


class NamedCount(Value):
    """Something that photos have in common, and how many."""

    name: str
    photos: int


class LibraryFacets(Value):
    """What most photos have in common, up to 20 of each kind."""

    folders: tuple[NamedCount, ...] = ()
    tags: tuple[NamedCount, ...] = ()
    labels: tuple[NamedCount, ...] = ()
    concepts: tuple[NamedCount, ...] = ()


class Counts(Value):
    """Photos in each state."""

    pending: int
    working: int
    indexed: int
    empty: int
    failed: int

    @property
    def total(self) -> int:
        """All photos of the library."""
        return self.pending + self.working + self.indexed + self.empty + self.failed


class Status(Value):
    """How far the library is.

    Attributes
    ----------
    counts : Counts
    trash : int
    segments, lag : int
        Searchable segments, and those that are not yet.
    analyzer_up : bool
        Whether query photos can be segmented now.
    shortage : str or None
        Why there is no space for photos, and what to do.
    """

    counts: Counts
    trash: int = 0
    segments: int
    lag: int
    recipe: str
    fingerprint: str
    analyzer_up: bool
    paused: bool = False
    shortage: str | None = None


class PhotoInProgress(Value):
    """A photo that a worker is processing."""

    id: int
    name: str


class Worker(Value):
    """A worker that is processing photos."""

    host: str
    pid: int | None = None
    photos: tuple[PhotoInProgress, ...] = ()
    lease_until: datetime
    is_gone: bool = False


class Intake(Value):
    """Photos on their way in."""

    pending: int
    waiting_for_recipe: int = 0
    working: int
    failed: int
    paused: bool
    shortage: str | None = None
    workers: tuple[Worker, ...] = ()


class Finding(Value):
    """Something that is wrong, with its cure."""

    level: str
    text: str
    command: str | None = None
    action: str | None = None
    page: str | None = None


class Shard(Value):
    """A part of the index, as it was written."""

    segments: int
    bytes: int
    is_exact: bool
    recall: float | None = None


class IndexHealth(Value):
    """The index of segments."""

    name: str
    segments: int
    lag: int
    is_fresh: bool
    written_at: datetime | None = None
    unwritten: int | None = None
    recall_target: float | None = None
    shards: tuple[Shard, ...] = ()
    error: str | None = None


class Disk(Value):
    """The disk of the data directory, in bytes."""

    folder: str
    free: int
    total: int
    min_free: int
    quota: int | None = None
    uploads: int
    renditions: int
    index: int
    other: int


class Duty(Value):
    """A background task of the workers, and its last outcome."""

    name: str
    succeeded_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    error: str | None = None


class Failure(Value):
    """A photo that could not be added."""

    id: int
    name: str
    reason: str


class Process(Value):
    """A worker or web server, on any machine; `kind` tells which."""

    kind: str
    host: str
    pid: int | None
    version: str
    recipe: str
    fingerprint: str
    started_at: datetime
    seen_at: datetime
    is_gone: bool


class Analyzer(Value):
    """An analyzer on another machine, as the server sees it."""

    url: str
    host: str | None
    version: str | None
    recipe: str | None
    is_up: bool
    error: str | None


class Database(Value):
    """The database of the catalogue: ``SQLite`` or ``PostgreSQL``, its version, and milliseconds it takes to answer."""

    kind: str
    version: str
    latency_ms: float


class Health(Value):
    """What is wrong in the installation, with its cures, and its parts."""

    findings: tuple[Finding, ...]
    counts: Counts
    trash: int = 0
    index: IndexHealth
    disk: Disk
    database: Database | None = None
    workers: tuple[Worker, ...] = ()
    processes: tuple[Process, ...] = ()
    analyzers: tuple[Analyzer, ...] = ()
    duties: tuple[Duty, ...] = ()
    failures: tuple[Failure, ...] = ()
    paused: bool = False
    analyzer_up: bool
    recipe: str
    fingerprint: str
    other_recipes: int = 0
    device: str
    runtime: str
    versions: dict[str, str]


class Account(Value):
    """The user who makes the requests, and the role: ``viewer``, ``editor`` or ``admin``."""

    name: str
    role: str
