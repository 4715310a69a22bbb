"""Discovery: what is often there and has no name yet becomes clusters that can be named.

Clusters are founded among segments that nothing explains: no concept scores them above its threshold, and no label is
confident. They stay as they were founded: a cluster's centre and radius change only when people merge or split it.
What comes later joins the nearest one if it lies within its radius, or waits; what waits founds new clusters among
itself alone. Members that a concept explains by now are not shown, and are shown again once it is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..catalog import Clusters, Concepts
from ..catalog.clusters import Worth, retried
from ..catalog.records import (
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
from ..types import Ids, Vectors
from . import clustering
from .cluster_members import BLOCK, Flags, MemberReader, as_joined, concatenated, selected
from .cluster_ranking import SHOWN, TYPICAL, rank, typical
from .clustering import shape_of

MIN_QUALITY = 0.2
"""Chance from which on a segment is taken for a thing that could be named."""

CONFIDENT = 0.9
"""A label explains a segment from this score on: there three of four labels are right, below it every other one."""

WORTH = Worth(MIN_QUALITY, CONFIDENT)

MOST = 20_000
"""So many segments are held against each other at once; what is more is taken part by part."""

ENOUGH = 0.02
"""Clusters are founded once so large a share of what waits, or `MOST` / 2, has not been looked at."""

LOOKED = 100_000
"""So many new segments are looked at by one update at most, and so many of those that waited before."""


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


@dataclass(frozen=True, eq=False, slots=True)
class _Look:
    """What became of new segments: those that join clusters, those that wait, the last, and whether there are more."""

    joined: dict[int, list[Joined]]
    waiting: Members
    last: int
    more: bool


@dataclass(frozen=True, eq=False, slots=True)
class Discoverer:
    """Finds clusters of one space, and lists them.

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
        members = self.clusters.members([cluster.id for cluster in clusters], SHOWN * TYPICAL)
        return {key: typical(each) for key, each in members.items()}

    def update(self, recheck: int | None = MOST) -> UpdateReport:
        """Take in new segments: they join clusters, or wait, or found new ones; what a concept explains is hidden.

        At most `MOST` segments are held against each other, and `LOOKED` new ones are looked at, so that a call takes
        seconds and bounded memory; `UpdateReport.more` says whether to call again.

        Parameters
        ----------
        recheck : int or None
            Of how many members it is asked anew whether a concept explains them; all if None. If there are more, they
            begin at a member drawn by lot.

        Raises
        ------
        ClustersChangedError
            Other processes changed the clusters each time it was tried.
        """
        explained = retried(lambda: self._recheck(recheck))
        return replace(retried(self._take_in), explained=explained)

    def update_all(self) -> UpdateReport:
        """Update until there is nothing more to look at; tells of all of it."""
        report = self.update(None)
        while report.more:
            last = self.update(0)
            report = UpdateReport(
                joined=report.joined + last.joined,
                explained=report.explained,
                founded=report.founded + last.founded,
                waiting=last.waiting,
                more=last.more,
            )
        return report

    # ---- the steps of an update

    @property
    def _members(self) -> MemberReader:
        return MemberReader(self.clusters, self.space)

    def _recheck(self, most: int | None) -> int:
        """Note which members a concept explains by now and which none does any more; returns how many of the former."""
        now, explains, count = self.clusters.all(self.space), self._explainer(), 0
        changed: dict[int, bool] = {}
        touched: set[int] = set()
        for block in self._members.of_all(self._beginning(now, most), most):
            explained = explains(block) & np.isin(block.clusters, _open_ids(now))
            which = explained != block.explained
            changed |= dict(zip(block.ids[which].tolist(), explained[which].tolist(), strict=True))
            touched.update(block.clusters[which].tolist())
            count += int(explained[which].sum())
            if len(changed) >= MOST:
                self.clusters.change(self.space, now.revision, ClusterChange(explained=changed))
                now, changed = replace(now, revision=now.revision + 1), {}
        if changed or touched:
            coherences = {key: self._members.coherence(key, changed, []) for key in touched}
            change = ClusterChange(explained=changed, coherences=_known(coherences))
            self.clusters.change(self.space, now.revision, change)
        return count

    def _beginning(self, now: Clustering, most: int | None) -> int:
        """The id after which members are looked at: 0 if all are, else drawn by lot."""
        if most is None or self.clusters.member_count(self.space) <= most:
            return 0
        return int(np.random.default_rng().integers(0, max(now.newest_segment, 1)))

    def _take_in(self) -> UpdateReport:
        now, explains = self.clusters.all(self.space), self._explainer()
        waits = self.clusters.loose_count(self.space, WORTH)
        look = self._look(now, explains)
        waits -= sum(len(each.segments) for parts in look.joined.values() for each in parts)
        enough = max(clustering.LEAST_PHOTOS, min(ENOUGH * waits, MOST // 2))
        founded: list[tuple[Shape, Joined]] = []
        newest = None
        if len(look.waiting) >= enough or look.more:
            newest = look.last
            if len(look.waiting):
                before = self._waiting_before(now, explains, MOST - len(look.waiting))
                founded = _founded(joined_members([before, look.waiting]))
        change = ClusterChange(
            joined={key: concatenated(parts) for key, parts in look.joined.items()},
            coherences=_known({key: self._members.coherence(key, {}, parts) for key, parts in look.joined.items()}),
            founded=founded,
            newest_segment=newest,
        )
        if change.joined or founded or newest is not None:
            self.clusters.change(self.space, now.revision, change)
        return UpdateReport(
            joined=sum(len(each.segments) for each in change.joined.values()),
            explained=0,
            founded=len(founded),
            waiting=waits - sum(len(each.segments) for _, each in founded),
            more=look.more,
        )

    def _look(self, now: Clustering, explains: Callable[[Members], Flags]) -> _Look:
        """Look at new segments until enough of them wait: what joins which cluster, and what waits."""
        joined: dict[int, list[Joined]] = {}
        waiting, last, looked, room = list[Members](), now.newest_segment, 0, MOST // 2
        while room and looked < LOOKED:
            block = self.clusters.loose(self.space, WORTH, after=last, limit=BLOCK)
            if not len(block):
                break
            clusters = _assigned(block, now.ids, now.centres, now.radii)
            block = replace(block, explained=explains(block), clusters=clusters)
            rows = np.flatnonzero((clusters == 0) & ~block.explained)[:room]
            if len(rows) == room:
                block = selected(block, slice(0, int(rows[-1]) + 1))
            for key in np.unique(block.clusters[block.clusters > 0]).tolist():
                centre = now.centres[np.searchsorted(now.ids, key)]
                joined.setdefault(key, []).append(as_joined(block, block.clusters == key, centre))
            waiting.append(selected(block, rows))
            last, looked, room = int(block.ids[-1]), looked + len(block), room - len(rows)
        more = bool(len(self.clusters.loose(self.space, WORTH, after=last, limit=1)))
        return _Look(joined, joined_members(waiting), last, more)

    def _waiting_before(self, now: Clustering, explains: Callable[[Members], Flags], count: int) -> Members:
        """The last segments that waited before, as many as `count` if there are so many among the last `LOOKED`."""
        parts, until, looked = list[Members](), now.newest_segment, 0
        while count and looked < LOOKED:
            block = self.clusters.loose_before(self.space, WORTH, until=until, limit=BLOCK)
            if not len(block):
                break
            until, looked = int(block.ids[0]) - 1, looked + len(block)
            rows = np.flatnonzero(~explains(block))[-count:]
            parts.append(selected(block, rows))
            count -= len(rows)
        return joined_members(parts[::-1])

    def _explainer(self) -> Callable[[Members], Flags]:
        """What tells which segments a concept of this space labels."""
        lessons = [each.model for each in self.concepts.all() if each.model.space == self.space]

        def explains(members: Members) -> Flags:
            found = np.zeros(len(members), bool)
            for lesson in lessons if len(members) else ():
                found |= (members.vectors @ lesson.directions.T).max(axis=1) >= lesson.threshold
            return found

        return explains


def _assigned(loose: Members, ids: Ids, centres: Vectors, radii: Vectors) -> Ids:
    """The cluster of each segment: that of the nearest centre, if it lies within its radius; 0 for none."""
    if not len(ids) or not len(loose):
        return np.zeros(len(loose), np.int64)
    at, cosines = clustering.nearest(loose.vectors, centres)
    return np.where(cosines >= radii[at], ids[at], 0)


def _founded(part: Members) -> list[tuple[Shape, Joined]]:
    """New clusters among what waits.

    A cluster is a group and what is at least as like its centre as its members are like each other.
    """
    parts = clustering.groups(part.vectors, part.image_ids)
    if not parts:
        return []
    shapes = [shape_of(part.vectors[rows], part.image_ids[rows]) for rows in parts]
    centres = np.stack([shape.centre for shape in shapes])
    strict = np.array([shape.coherence for shape in shapes], np.float32)
    clusters = _assigned(part, np.arange(1, len(shapes) + 1), centres, strict)
    for number, rows in enumerate(parts, 1):
        clusters[rows] = number
    return [(shape, as_joined(part, clusters == number, shape.centre)) for number, shape in enumerate(shapes, 1)]


def _known(values: Mapping[int, float | None]) -> dict[int, float]:
    return {key: value for key, value in values.items() if value is not None}


def _open_ids(now: Clustering) -> Ids:
    return now.ids[[state == "open" for state in now.states]]
