"""Discovery: what is often there and has no name yet becomes clusters that can be named.

Clusters are founded among segments that nothing explains: no concept scores them above its threshold, and no label is
confident. They stay as they were founded: a cluster's centre and radius change only when people merge or split it.
What comes later joins the nearest one if it lies within its radius, or waits; what waits founds new clusters among
itself alone. Members that a concept explains by now are not shown, and are shown again once it is forgotten.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from . import clustering
from .catalog import Clusters, Concepts
from .catalog.records import (
    ClusterChange,
    Clustering,
    ClusterMember,
    ClusterRecord,
    ClusterState,
    Joined,
    Members,
    Shape,
)
from .clustering import shape_of
from .concepts import Teacher
from .errors import ClustersChangedError, QueryError
from .types import Ids, Vectors
from .vocabulary import normal_form

MIN_QUALITY = 0.2
"""Chance from which on a segment is taken for a thing that could be named."""

CONFIDENT = 0.9
"""A label explains a segment from this score on: there three of four labels are right, below it every other one."""

MOST = 20_000
"""So many segments are held against each other at once; what is more is taken part by part."""

ENOUGH = 0.02
"""Clusters are founded once so large a share of what waits has not been looked at."""

TYPICAL = 12
"""So many members are shown of a cluster, and taught if it is named."""

ATTEMPTS = 3

T = TypeVar("T")
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReport:
    """What an update did.

    Attributes
    ----------
    joined, explained : int
        Segments that came into clusters there were, and members that a concept explains and did not before.
    founded : int
        New clusters.
    waiting : int
        Segments that are in no cluster.
    more : bool
        Whether there is more to be looked at: update again.
    """

    joined: int
    explained: int
    founded: int
    waiting: int
    more: bool


def rank(cluster: ClusterRecord) -> float:
    """What clusters are ordered by: how coherent, how frequent, and how likely whole things they are.

    Photos are counted and not segments, so that parts of one thing do not make it frequent. Quality, the chance that
    a segment fits an object, puts sky, grass and walls behind things.
    """
    return cluster.coherence * math.log(max(cluster.photos, 1)) * cluster.quality


def typical(members: Sequence[ClusterMember], count: int = TYPICAL) -> list[ClusterMember]:
    """The most typical of a cluster's members, one a photo."""
    first: dict[int, ClusterMember] = {}
    for member in members:
        first.setdefault(member.image_id, member)
    return list(first.values())[:count]


def guess(members: Sequence[ClusterMember]) -> str | None:
    """The commonest label of some members, if at least a third has it; none of them is sure."""
    labels = Counter(member.label for member in members if member.label is not None)
    return next((label for label, count in labels.most_common(1) if 3 * count >= len(members)), None)


@dataclass(frozen=True, eq=False, slots=True)
class Discoverer:
    """Finds clusters of one space, and changes them.

    Attributes
    ----------
    clusters : Clusters
    concepts : Concepts
    space : str
    """

    clusters: Clusters
    concepts: Concepts
    space: str

    def ranked(self, state: ClusterState | None = "open") -> list[ClusterRecord]:
        """Clusters that have members, best first."""
        return sorted(self.clusters.records(self.space, state), key=lambda each: (-rank(each), each.id))

    def shown(self, clusters: Sequence[ClusterRecord]) -> dict[int, list[ClusterMember]]:
        """The most typical members of each of the clusters."""
        members = self.clusters.members([cluster.id for cluster in clusters])
        return {key: typical(each) for key, each in members.items()}

    def update(self) -> UpdateReport:
        """Take in new segments: they join clusters, or wait, or found new ones; what a concept explains is hidden.

        At most `MOST` segments are held against each other, so that a call takes seconds; `UpdateReport.more` says
        whether to call again.

        Raises
        ------
        ClustersChangedError
            Other processes changed the clusters each time it was tried.
        """
        return _again(self._update)

    def update_all(self) -> UpdateReport:
        """Update until there is nothing more to look at; tells of all of it."""
        report = self.update()
        while report.more:
            last = self.update()
            report = UpdateReport(
                joined=report.joined + last.joined,
                explained=report.explained + last.explained,
                founded=report.founded + last.founded,
                waiting=last.waiting,
                more=last.more,
            )
        return report

    def name(self, cluster_id: int, name: str, teacher: Teacher, *, add: bool = False) -> int:
        """Make a concept of a cluster's typical members; returns the concept's id.

        Parameters
        ----------
        cluster_id : int
        name : str
        teacher : Teacher
        add : bool
            Whether the members become further examples of the concept of this name, if there is one.

        Raises
        ------
        UnknownClusterError
        QueryError
            The name cannot be had or is taken, or the cluster is not open.
        """
        self._check_open([cluster_id])
        members = typical(self.clusters.members([cluster_id])[cluster_id])
        examples = [each.segment_id for each in members]
        known = {normal_form(each): key for each, key in self.concepts.names().items()}.get(normal_form(name))
        if known is None:
            concept_id = teacher.teach(name, examples, [])
        elif add:
            concept_id = known
            teacher.change(known, positive=examples)
        else:
            raise QueryError(
                f"there is a concept named {name!r} already: choose another name, or add these examples to it "
                "(`add`: true)"
            )
        self.clusters.set_state(self.space, cluster_id, "named", concept_id)
        return concept_id

    def dismiss(self, cluster_id: int) -> None:
        """Show a cluster no more; what is like it joins it unseen.

        Raises
        ------
        UnknownClusterError, QueryError
        """
        self._check_open([cluster_id])
        self.clusters.set_state(self.space, cluster_id, "dismissed")

    def restore(self, cluster_id: int) -> None:
        """Show a dismissed cluster again.

        Raises
        ------
        UnknownClusterError, QueryError
        """
        if self.clusters.get(self.space, cluster_id).state == "named":
            raise QueryError(f"cluster {cluster_id} was named: forget its concept to have it back")
        self.clusters.set_state(self.space, cluster_id, "open")

    def merge(self, cluster_ids: Sequence[int]) -> int:
        """Make one cluster of several; it has the smallest of their ids, which is returned.

        Raises
        ------
        UnknownClusterError, QueryError, ClustersChangedError
        """
        ids = sorted(set(cluster_ids))
        if len(ids) < 2:
            raise QueryError("only several clusters can be merged: name at least two")

        def attempt() -> int:
            revision = self.clusters.all(self.space).revision
            self._check_open(ids)
            members = self.clusters.in_clusters(self.space, ids)
            if not len(members):
                raise QueryError("these clusters have no members any more: nothing can be made of them")
            shape = shape_of(members.vectors, members.owners)
            change = ClusterChange(
                left=members.ids.tolist(),
                removed=ids[1:],
                shapes={ids[0]: shape},
                joined={ids[0]: _joined(members, np.ones(len(members), bool), shape.centre)},
            )
            self.clusters.change(self.space, revision, change)
            return ids[0]

        return _again(attempt)

    def split(self, cluster_id: int) -> tuple[int, int]:
        """Make two clusters of one by what is most unlike in it; the part on more photos keeps the id.

        Returns
        -------
        tuple of int
            The id that is kept, and the new one.

        Raises
        ------
        UnknownClusterError, ClustersChangedError
        QueryError
            It is not open, or has only one part.
        """

        def attempt() -> tuple[int, int]:
            revision = self.clusters.all(self.space).revision
            self._check_open([cluster_id])
            members = self.clusters.in_clusters(self.space, [cluster_id])
            second = clustering.halves(members.vectors) if len(members) else np.zeros(0, bool)
            if not second.any():
                raise QueryError(f"cluster {cluster_id} cannot be split: its segments are all alike")
            if len(np.unique(members.owners[second])) > len(np.unique(members.owners[~second])):
                second = ~second
            kept, new = (shape_of(members.vectors[part], members.owners[part]) for part in (~second, second))
            change = ClusterChange(
                left=members.ids.tolist(),
                shapes={cluster_id: kept},
                joined={cluster_id: _joined(members, ~second, kept.centre)},
                founded=[(new, _joined(members, second, new.centre))],
            )
            return cluster_id, self.clusters.change(self.space, revision, change)[0]

        return _again(attempt)

    # ---- the steps of an update

    def _update(self) -> UpdateReport:
        now = self.clusters.all(self.space)
        inside = self.clusters.in_clusters(self.space)
        loose = self.clusters.loose(self.space, min_quality=MIN_QUALITY, max_label_score=CONFIDENT)
        loose = replace(loose, explained=self._explained(loose))
        fresh = loose.ids > now.newest_segment
        loose = replace(loose, clusters=np.where(fresh, _assigned(loose, now.ids, now.centres, now.radii), 0))
        explained = self._explained(inside) & np.isin(inside.clusters, _open_ids(now))
        changed = explained != inside.explained
        inside = replace(inside, explained=explained)
        waiting = _some(loose, (loose.clusters == 0) & ~loose.explained)
        founded, newest, more = _founded(waiting, now.newest_segment)
        change = ClusterChange(
            explained=dict(zip(inside.ids[changed].tolist(), explained[changed].tolist(), strict=True)),
            joined={
                int(key): _joined(loose, loose.clusters == key, centre)
                for key, centre in zip(now.ids, now.centres, strict=True)
                if (loose.clusters == key).any()
            },
            coherences=_coherences(inside, loose, {*inside.clusters[changed].tolist(), *loose.clusters.tolist()}),
            founded=founded,
            newest_segment=newest,
        )
        if change.explained or change.joined or founded or newest is not None:
            self.clusters.change(self.space, now.revision, change)
        return UpdateReport(
            joined=int((loose.clusters > 0).sum()),
            explained=int((changed & explained).sum()),
            founded=len(founded),
            waiting=len(waiting) - sum(len(each.segments) for _, each in founded),
            more=more,
        )

    def _explained(self, members: Members) -> Flags:
        """Which of the segments a concept of this space labels."""
        found = np.zeros(len(members), bool)
        for concept in self.concepts.all() if len(members) else ():
            if concept.lesson.space == self.space:
                scores = (members.vectors @ concept.lesson.directions.T).max(axis=1)
                found |= scores >= concept.lesson.threshold
        return found

    def _check_open(self, cluster_ids: Sequence[int]) -> None:
        for key in cluster_ids:
            state = self.clusters.get(self.space, key).state
            if state != "open":
                cure = "restore it first" if state == "dismissed" else "change its concept instead"
                raise QueryError(f"cluster {key} is {state}: {cure}")


def _again(attempt: Callable[[], T]) -> T:
    """Try anew if another process changed the clusters in between."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except ClustersChangedError:
            continue
    return attempt()


def _assigned(loose: Members, ids: Ids, centres: Vectors, radii: Vectors) -> Ids:
    """The cluster of each segment: that of the nearest centre, if it lies within its radius; 0 for none."""
    if not len(ids) or not len(loose):
        return np.zeros(len(loose), np.int64)
    at, cosines = clustering.nearest(loose.vectors, centres)
    return np.where(cosines >= radii[at], ids[at], 0)


def _founded(waiting: Members, newest: int) -> tuple[list[tuple[Shape, Joined]], int | None, bool]:
    """New clusters, the greatest id that was looked at (None if there is too little new), and whether there is more.

    A cluster is a group and what is at least as like its centre as its members are like each other.
    """
    fresh = np.flatnonzero(waiting.ids > newest)
    if len(fresh) < max(clustering.LEAST_PHOTOS, ENOUGH * len(waiting)):
        return [], None, False
    stop = int(fresh[min(MOST // 2, len(fresh)) - 1]) + 1
    start = max(0, stop - MOST)
    part = _some(waiting, slice(start, stop))
    parts = clustering.groups(part.vectors, part.owners)
    if not parts:
        return [], int(part.ids[-1]), stop < len(waiting)
    shapes = [shape_of(part.vectors[rows], part.owners[rows]) for rows in parts]
    centres = np.stack([shape.centre for shape in shapes])
    strict = np.array([shape.coherence for shape in shapes], np.float32)
    clusters = _assigned(part, np.arange(1, len(shapes) + 1), centres, strict)
    for number, rows in enumerate(parts, 1):
        clusters[rows] = number
    found = [(shape, _joined(part, clusters == number, shape.centre)) for number, shape in enumerate(shapes, 1)]
    return found, int(part.ids[-1]), stop < len(waiting)


def _coherences(inside: Members, loose: Members, changed: set[int]) -> dict[int, float]:
    """The coherence of what is shown of clusters that changed."""
    found: dict[int, float] = {}
    for key in sorted(changed - {0}):
        rows = [(part, (part.clusters == key) & ~part.explained) for part in (inside, loose) if len(part)]
        owners = np.concatenate([part.owners[which] for part, which in rows])
        if len(owners):
            found[key] = shape_of(np.concatenate([part.vectors[which] for part, which in rows]), owners).coherence
    return found


def _some(members: Members, which: Flags | slice) -> Members:
    return Members(*(getattr(members, each.name)[which] for each in fields(members)))


def _joined(members: Members, which: Flags | clustering.Rows, centre: Vectors) -> Joined:
    return Joined(members.ids[which], members.vectors[which] @ centre, members.explained[which])


def _open_ids(now: Clustering) -> Ids:
    return now.ids[[state == "open" for state in now.states]]
