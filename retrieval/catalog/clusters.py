"""Clusters of segments that nothing explains, and their members.

Members and loose segments are read some at a time, for there may be millions of them. What is computed from many rows
takes a while, and holds no lock: it begins with a revision (`Clusters.all`), and is written (`Clusters.change`) only if
that is still the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..errors import ClustersChangedError, UnknownClusterError
from ..types import Ids
from .dialects import in_chunks
from .models import IN_LIBRARY, Cluster, Discovery, Image, Segment
from .models import ClusterMember as Member
from .records import (
    ClusterChange,
    Clustering,
    ClusterMember,
    ClusterRecord,
    ClusterState,
    Joined,
    Members,
    Shape,
    joined_members,
    vector_bytes,
    vectors_from,
)
from .sessions import Repository

ATTEMPTS = 3

T = TypeVar("T")

AREA_RANGE = (0.0025, 0.9)
"""Shares of the photo within which a segment may be a thing: smaller ones say little, larger ones are the scene."""


@dataclass(frozen=True, slots=True)
class Worth:
    """Conditions for segments that may be things without a name."""

    min_quality: float
    max_label_score: float


def retried(attempt: Callable[[], T]) -> T:
    """Read clusters and change them, again if another process changed them in between.

    Raises
    ------
    ClustersChangedError
        Others changed them each of `ATTEMPTS` times.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except ClustersChangedError:
            continue
    return attempt()


class Clusters(Repository):
    """The clusters of a catalogue."""

    # ---- asking

    def records(self, space: str, state: ClusterState | None = None) -> list[ClusterRecord]:
        """Clusters of a space that have members, by id."""
        with self._reading() as session:
            rows = session.execute(_summaries().where(Cluster.space == space)).all()
        found = [_record(row) for row in rows]
        return [record for record in found if state in (None, record.state)]

    def get(self, space: str, cluster_id: int) -> ClusterRecord:
        """One cluster of a space, with or without members.

        Raises
        ------
        UnknownClusterError
        """
        with self._reading() as session:
            row = session.execute(
                _summaries(outer=True).where(Cluster.space == space, Cluster.id == cluster_id)
            ).first()
        if row is None:
            raise UnknownClusterError(
                f"there is no cluster {cluster_id}: it never was, it was merged into another, or it has vectors of "
                "another recipe; GET /api/v1/clusters lists the clusters"
            )
        return _record(row)

    def members(self, cluster_ids: Collection[int], most: int | None = None) -> dict[int, list[ClusterMember]]:
        """The members of each of the clusters that no concept explains, the most typical first; at most `most`.

        Members on photos in the trash are left out.
        """
        columns = Segment.id, Segment.image_id, Member.similarity, Segment.label
        statement = select(*columns).join(Segment, Segment.id == Member.segment_id)
        statement = statement.join(Image, Image.id == Segment.image_id).where(~Member.explained, IN_LIBRARY)
        statement = statement.order_by(Member.similarity.desc(), Segment.id).limit(most)
        with self._reading() as session:
            return {
                key: [ClusterMember(*row) for row in session.execute(statement.where(Member.cluster_id == key))]
                for key in sorted(cluster_ids)
            }

    # ---- what clusters are computed from

    def all(self, space: str) -> Clustering:
        """Every cluster of a space, also those that have no members now."""
        with self._reading() as session:
            state = session.get(Discovery, space)
            rows = session.scalars(select(Cluster).where(Cluster.space == space).order_by(Cluster.id)).all()
        return Clustering(
            revision=state.revision if state else 0,
            newest_segment=state.newest_segment if state else 0,
            ids=np.array([row.id for row in rows], np.int64),
            states=tuple(_state(row.state, row.concept_id) for row in rows),
            centres=vectors_from([row.centre for row in rows]),
            radii=np.array([row.radius for row in rows], np.float32),
        )

    def in_clusters(self, space: str, *, after: int, limit: int) -> Members:
        """The next members of all clusters of a space with their vectors, by rising id."""
        here = (Member.cluster_id + 0).in_(select(Cluster.id).where(Cluster.space == space))
        statement = select(*_MEMBER).select_from(Member).join(Segment, Segment.id == Member.segment_id)
        # the sum keeps the database from sorting all members by id each time, where it could go along their key
        statement = statement.where(here, Member.segment_id > after).order_by(Member.segment_id)
        return self._members(statement.limit(limit))

    def member_count(self, space: str) -> int:
        """How many members the clusters of a space have."""
        statement = select(func.count()).select_from(Member).join(Cluster, Cluster.id == Member.cluster_id)
        with self._reading() as session:
            return session.scalar(statement.where(Cluster.space == space)) or 0

    def member_ids(self, cluster_id: int) -> tuple[Ids, NDArray[np.bool_]]:
        """Ids of a cluster's members, rising, and whether a concept explains each."""
        statement = select(Member.segment_id, Member.explained).where(Member.cluster_id == cluster_id)
        with self._reading() as session:
            rows = session.execute(statement.order_by(Member.segment_id)).all()
        return np.array([row[0] for row in rows], np.int64), np.array([bool(row[1]) for row in rows], bool)

    def with_vectors(self, segment_ids: Collection[int]) -> Members:
        """Those of the segments that exist, whatever cluster they are in."""
        statement = select(*_MEMBER).outerjoin(Member, Member.segment_id == Segment.id).order_by(Segment.id)
        parts = [self._members(statement.where(Segment.id.in_(chunk))) for chunk in in_chunks(sorted(segment_ids))]
        return joined_members(parts)

    def loose(self, space: str, worth: Worth, *, after: int, limit: int) -> Members:
        """The next segments in no cluster that are good enough to be a thing and that no label explains, by rising id.

        Whole-photo fallbacks and segments outside of `AREA_RANGE` are none.
        """
        statement = _loose(space, worth, *_MEMBER).where(Segment.id > after).order_by(Segment.id)
        return self._members(statement.limit(limit))

    def loose_before(self, space: str, worth: Worth, *, until: int, limit: int) -> Members:
        """The last such segments up to an id, by rising id."""
        last = _loose(space, worth, Segment.id).where(Segment.id <= until).order_by(Segment.id.desc()).limit(limit)
        with self._reading() as session:
            ids = session.scalars(last).all()
        return self.with_vectors(ids)

    def loose_count(self, space: str, worth: Worth) -> int:
        """How many such segments there are."""
        with self._reading() as session:
            return session.scalar(_loose(space, worth, func.count())) or 0

    def _members(self, statement: Any) -> Members:
        with self._reading() as session:
            rows = session.execute(statement).all()
        keys = np.array([(row[0], row[1], row[3] or 0) for row in rows], np.int64).reshape(-1, 3)
        explained = np.array([bool(row[4]) for row in rows], bool)
        vectors = vectors_from([row[2] for row in rows])
        return Members(keys[:, 0].copy(), keys[:, 1].copy(), vectors, keys[:, 2].copy(), explained)

    # ---- changing

    def change(self, space: str, revision: int, change: ClusterChange) -> list[int]:
        """Write changes computed from a revision; returns the ids of the new clusters.

        Segments that were deleted meanwhile are left out.

        Raises
        ------
        ClustersChangedError
            It is not the last revision any more; nothing was written.
        """
        try:
            with self._sessions.begin() as session:
                _advance(session, space, revision, change.newest_segment)
                for chunk in in_chunks(list(change.left)):
                    session.execute(delete(Member).where(Member.segment_id.in_(chunk)))
                if change.explained:
                    rows = [{"segment_id": key, "explained": value} for key, value in change.explained.items()]
                    session.execute(update(Member), rows)
                for chunk in in_chunks(list(change.removed)):
                    session.execute(delete(Cluster).where(Cluster.id.in_(chunk)))
                _reshape(session, change)
                founded = [_found(session, space, shape) for shape, _ in change.founded]
                new = zip(founded, (joined for _, joined in change.founded), strict=True)
                _join(session, {**change.joined, **dict(new)})
                return founded
        except IntegrityError as error:
            raise ClustersChangedError(_CHANGED) from error

    def set_state(self, space: str, cluster_id: int, state: ClusterState, concept_id: int | None = None) -> None:
        """Set a cluster to open, named or dismissed.

        Raises
        ------
        UnknownClusterError
        """
        with self._sessions.begin() as session:
            values = {"state": state, "concept_id": concept_id}
            here = Cluster.space == space, Cluster.id == cluster_id
            if not session.execute(update(Cluster).where(*here).values(values)).rowcount:  # type: ignore[attr-defined]
                raise UnknownClusterError(f"there is no cluster {cluster_id}: it was merged into another")
            session.execute(update(Discovery).where(Discovery.space == space).values(revision=Discovery.revision + 1))


_MEMBER = (Segment.id, Segment.image_id, Segment.vector, Member.cluster_id, Member.explained)


def _loose(space: str, worth: Worth, *columns: Any) -> Select[Any]:
    whole = Image.width * Image.height
    chosen = and_(
        Image.space == space,
        IN_LIBRARY,
        Segment.quality >= worth.min_quality,
        ~Segment.is_fallback,
        or_(Segment.label_score.is_(None), Segment.label_score < worth.max_label_score),
        Segment.area >= AREA_RANGE[0] * whole,
        Segment.area <= AREA_RANGE[1] * whole,
        Member.segment_id.is_(None),
    )
    statement = select(*columns).select_from(Segment).join(Image, Image.id == Segment.image_id)
    return statement.outerjoin(Member, Member.segment_id == Segment.id).where(chosen)


_CHANGED = "another process changed the clusters in the meantime: reload them and repeat your change"


def _advance(session: Session, space: str, revision: int, newest_segment: int | None) -> None:
    """Make `revision` the last but one, if it is the last."""
    state = session.get(Discovery, space, with_for_update=True) or Discovery(space=space, revision=0, newest_segment=0)
    if state.revision != revision:
        raise ClustersChangedError(_CHANGED)
    state.revision += 1
    if newest_segment is not None:
        state.newest_segment = newest_segment
    session.add(state)
    session.flush()


def _reshape(session: Session, change: ClusterChange) -> None:
    values: list[dict[str, Any]] = [{"id": key, **_columns(shape)} for key, shape in change.shapes.items()]
    if values:
        session.execute(update(Cluster), values)
    if change.coherences:
        session.execute(update(Cluster), [{"id": key, "coherence": each} for key, each in change.coherences.items()])


def _found(session: Session, space: str, shape: Shape) -> int:
    row = Cluster(space=space, state="open", created_at=datetime.now(UTC), **_columns(shape))
    session.add(row)
    session.flush()
    return row.id


def _join(session: Session, joined: Mapping[int, Joined]) -> None:
    wanted = sorted({key for each in joined.values() for key in each.segments.tolist()})
    there: set[int] = set()
    for chunk in in_chunks(wanted):
        there.update(session.scalars(select(Segment.id).where(Segment.id.in_(chunk))))
    rows = [
        {"segment_id": segment, "cluster_id": key, "similarity": similarity, "explained": explained}
        for key, each in joined.items()
        for segment, similarity, explained in zip(
            each.segments.tolist(), each.similarities.tolist(), each.explained.tolist(), strict=True
        )
        if segment in there
    ]
    if rows:
        session.execute(insert(Member), rows)


def _columns(shape: Shape) -> dict[str, Any]:
    return {"centre": vector_bytes(shape.centre), "radius": shape.radius, "coherence": shape.coherence}


def _summaries(*, outer: bool = False) -> Select[Any]:
    """Every cluster with how many photos and segments of the library it shows, and their quality."""
    columns: Sequence[ColumnElement[Any]] = (
        func.count(func.distinct(Image.id)).label("photos"),
        func.count(Image.id).label("segments"),
        func.coalesce(func.avg(case((Image.id.is_not(None), Segment.quality))), 0.0).label("quality"),
    )
    shown = and_(Member.cluster_id == Cluster.id, ~Member.explained)
    statement = select(Cluster, *columns).join(Member, shown, isouter=outer)
    statement = statement.join(Segment, Segment.id == Member.segment_id, isouter=outer)
    statement = statement.join(Image, and_(Image.id == Segment.image_id, IN_LIBRARY), isouter=outer)
    return statement.group_by(Cluster.id).order_by(Cluster.id)


def _record(row: Any) -> ClusterRecord:
    cluster, photos, segments, quality = row
    return ClusterRecord(
        id=cluster.id,
        state=_state(cluster.state, cluster.concept_id),
        concept_id=cluster.concept_id,
        created_at=cluster.created_at,
        coherence=cluster.coherence,
        quality=float(quality),
        photos=photos,
        segments=segments,
    )


def _state(stored: str, concept_id: int | None) -> ClusterState:
    """A named cluster whose concept was forgotten is open again."""
    if stored == "named" and concept_id is not None:
        return "named"
    return "dismissed" if stored == "dismissed" else "open"
