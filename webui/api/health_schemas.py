"""Responses about the health of the installation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from .schemas import Moment
from .status_schemas import Counts, Worker

Bytes = Annotated[int, Field(ge=0, description="In bytes.")]


class Finding(BaseModel):
    """Something that is wrong, and its cure."""

    level: Annotated[Literal["bad", "warning"], Field(description="`bad`: something does not work.")]
    text: Annotated[str, Field(description="What is wrong and what to do.")]
    command: Annotated[str | None, Field(description="A command to run on the server, if one is the cure.")]
    action: Annotated[
        Literal["resume", "retry-failed"] | None, Field(description="The cure is `POST /intake/{action}`.")
    ]
    page: Annotated[str | None, Field(description="Path of the page that shows more.")]


class Shard(BaseModel):
    """A shard of the index of segments, as it was written."""

    segments: int
    bytes: Bytes
    is_exact: Annotated[bool, Field(description="Whether it is searched exhaustively.")]
    recall: Annotated[
        float | None,
        Field(description="Of the 50 nearest segments, measured when it was built; null if searched exhaustively."),
    ]


class IndexHealth(BaseModel):
    """The index of segments."""

    name: str
    segments: Annotated[int, Field(description="Searchable segments.")]
    lag: Annotated[int, Field(description="Segments not yet searchable.")]
    is_fresh: Annotated[bool, Field(description="Whether this server has looked at the catalogue in the last seconds.")]
    written_at: Annotated[Moment | None, Field(description="When the index files were last changed, in UTC.")]
    unwritten: Annotated[
        int | None, Field(description="Segments not in the index files yet; searches find them all the same.")
    ]
    recall_target: Annotated[float | None, Field(description="Recall that large shards are tuned to.")]
    shards: list[Shard]
    error: Annotated[str | None, Field(description="Why the index files cannot be read, and what to do.")]


class Disk(BaseModel):
    """The disk of the data directory; sizes are counted once a minute."""

    folder: str
    free: Bytes
    total: Bytes
    min_free: Annotated[int, Field(description="No photos are accepted below this; `SEGSEARCH_MIN_FREE`.")]
    quota: Annotated[int | None, Field(description="Limit of the data directory, `SEGSEARCH_QUOTA`; null if none.")]
    uploads: Annotated[int, Field(description="Uploaded originals, in bytes.")]
    renditions: Annotated[int, Field(description="Previews and thumbnails, in bytes.")]
    index: Annotated[int, Field(description="Index files, in bytes.")]
    other: Annotated[int, Field(description="The catalogue and query photos, in bytes.")]


class Database(BaseModel):
    """The database of the catalogue."""

    kind: Literal["SQLite", "PostgreSQL"]
    version: str
    latency_ms: Annotated[float, Field(description="How long the shortest question takes.")]


class Duty(BaseModel):
    """A background task of the workers, and its last outcome."""

    name: str
    succeeded_at: Moment | None
    failing_since: Moment | None
    failures: Annotated[int, Field(description="Consecutive failures.")]
    error: str | None


class Process(BaseModel):
    """A worker or web server, on this machine or another one."""

    kind: Literal["worker", "web server"]
    host: str
    pid: int | None
    version: Annotated[str, Field(description="Of SegSearch.")]
    recipe: str
    fingerprint: str
    started_at: Moment
    seen_at: Annotated[Moment, Field(description="When it last said that it runs, in UTC; it does so every 10 s.")]
    is_gone: Annotated[bool, Field(description="Whether it has ended, or was not seen for a minute.")]


class Analyzer(BaseModel):
    """An analyzer on another machine (`SEGSEARCH_ANALYZER_URL`)."""

    url: str
    host: str | None
    version: Annotated[str | None, Field(description="Of SegSearch.")]
    recipe: str | None
    is_up: Annotated[bool, Field(description="Whether it answers, and runs the recipe of this server.")]
    error: Annotated[str | None, Field(description="Why it cannot be used, and what to do.")]


class Failure(BaseModel):
    """A photo that could not be added."""

    id: int
    name: str
    reason: str


class Health(BaseModel):
    """The health of the installation."""

    findings: Annotated[list[Finding], Field(description="What is wrong, worst first; empty if all is well.")]
    counts: Counts
    trash: int
    index: IndexHealth
    disk: Disk
    database: Database
    workers: list[Worker]
    processes: Annotated[
        list[Process],
        Field(description="Workers and web servers of all machines, also those that vanished within a day."),
    ]
    analyzers: Annotated[
        list[Analyzer],
        Field(description="Analyzers on other machines; empty if this server has one of its own."),
    ]
    duties: list[Duty]
    failures: Annotated[list[Failure], Field(description="The latest failed photos, at most 5.")]
    paused: bool
    analyzer_up: bool
    recipe: str
    fingerprint: str
    other_recipes: Annotated[int, Field(description="Photos analysed with other recipes.")]
    device: Annotated[str, Field(description="`SEGSEARCH_DEVICE`.")]
    runtime: Annotated[str, Field(description="What the default recipe's networks run on.")]
    versions: dict[str, str]
