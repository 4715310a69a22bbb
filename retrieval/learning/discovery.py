"""Discovery: what is often there and has no name yet becomes clusters that can be named.

Clusters are founded among segments that nothing explains: no concept scores them above its threshold, and no label is
confident. They stay as they were founded: a cluster's centre and radius change only when people merge or split it.
What comes later joins the nearest one if it lies within its radius, or waits; what waits founds new clusters among
itself alone. Members that a concept explains by now are not shown, and are shown again once it is forgotten.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..catalog import Clusters, Concepts
from ..catalog.clusters import Worth
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
from ..errors import ClustersChangedError, QueryError
from ..text.tokens import normal_form
from ..types import Ids, Vectors
from . import clustering
from .clustering import shape_of
from .concepts import ConceptTrainer

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

COHERENT = 1000
"""The coherence of a larger cluster is that of so many of its members."""

BLOCK = 4096
"""Segments that are read at once."""

SHOWN = 20
"""So many members are read for each that is shown, for several may be of one photo."""

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
class _Look:
    """What became of new segments: those that join clusters, those that wait, the last, and whether there are more."""

    joined: dict[int, list[Joined]]
    waiting: Members
    last: int
    more: bool


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
        explained = _again(lambda: self._recheck(recheck))
        return replace(_again(self._take_in), explained=explained)

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

    def name(self, cluster_id: int, name: str, trainer: ConceptTrainer, *, add: bool = False) -> int:
        """Make a concept of a cluster's typical members; returns the concept's id.

        Parameters
        ----------
        cluster_id : int
        name : str
        trainer : ConceptTrainer
        add : bool
            Whether the members become further examples of the concept of this name, if there is one.

        Raises
        ------
        UnknownClusterError
        QueryError
            The name cannot be had or is taken, or the cluster is not open.
        """
        self._check_open([cluster_id])
        members = typical(self.clusters.members([cluster_id], SHOWN * TYPICAL)[cluster_id])
        examples = [each.segment_id for each in members]
        known = {normal_form(each): key for each, key in self.concepts.names().items()}.get(normal_form(name))
        if known is None:
            concept_id = trainer.teach(name, examples, [])
        elif add:
            concept_id = known
            trainer.change(known, positive=examples)
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
            some = self._sampled(ids, MOST)
            if not len(some):
                raise QueryError("these clusters have no members any more: nothing can be made of them")
            shape = shape_of(some.vectors, some.image_ids)
            parts = [(block.ids, _joined(block, slice(None), shape.centre)) for block in self._blocks(ids)]
            change = ClusterChange(
                left=np.concatenate([part for part, _ in parts]).tolist(),
                removed=ids[1:],
                shapes={ids[0]: shape},
                joined={ids[0]: _together([joined for _, joined in parts])},
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
            some = self._sampled([cluster_id], MOST)
            second = clustering.halves(some.vectors) if len(some) else np.zeros(0, bool)
            if not second.any():
                raise QueryError(f"cluster {cluster_id} cannot be split: its segments are all alike")
            if len(np.unique(some.image_ids[second])) > len(np.unique(some.image_ids[~second])):
                second = ~second
            kept, new = (shape_of(some.vectors[part], some.image_ids[part]) for part in (~second, second))
            sides: tuple[list[Joined], list[Joined]] = [], []
            for block in self._blocks([cluster_id]):
                likes_new = block.vectors @ new.centre > block.vectors @ kept.centre
                known = np.searchsorted(some.ids, block.ids).clip(max=len(some) - 1)
                likes_new = np.where(some.ids[known] == block.ids, second[known], likes_new)
                sides[0].append(_joined(block, ~likes_new, kept.centre))
                sides[1].append(_joined(block, likes_new, new.centre))
            stays, goes = (_together(parts) for parts in sides)
            change = ClusterChange(
                left=[*stays.segments.tolist(), *goes.segments.tolist()],
                shapes={cluster_id: kept},
                joined={cluster_id: stays},
                founded=[(new, goes)],
            )
            return cluster_id, self.clusters.change(self.space, revision, change)[0]

        return _again(attempt)

    # ---- the steps of an update

    def _recheck(self, most: int | None) -> int:
        """Note which members a concept explains by now and which none does any more; returns how many of the former."""
        now, explains, count = self.clusters.all(self.space), self._explainer(), 0
        changed: dict[int, bool] = {}
        touched: set[int] = set()
        for block in self._all_blocks(self._beginning(now, most), most):
            explained = explains(block) & np.isin(block.clusters, _open_ids(now))
            which = explained != block.explained
            changed |= dict(zip(block.ids[which].tolist(), explained[which].tolist(), strict=True))
            touched.update(block.clusters[which].tolist())
            count += int(explained[which].sum())
            if len(changed) >= MOST:
                self.clusters.change(self.space, now.revision, ClusterChange(explained=changed))
                now, changed = replace(now, revision=now.revision + 1), {}
        if changed or touched:
            coherences = {key: self._coherence(key, changed, []) for key in touched}
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
            joined={key: _together(parts) for key, parts in look.joined.items()},
            coherences=_known({key: self._coherence(key, {}, parts) for key, parts in look.joined.items()}),
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
                block = _some(block, slice(0, int(rows[-1]) + 1))
            for key in np.unique(block.clusters[block.clusters > 0]).tolist():
                centre = now.centres[np.searchsorted(now.ids, key)]
                joined.setdefault(key, []).append(_joined(block, block.clusters == key, centre))
            waiting.append(_some(block, rows))
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
            parts.append(_some(block, rows))
            count -= len(rows)
        return joined_members(parts[::-1])

    def _blocks(self, cluster_ids: Sequence[int]) -> Iterator[Members]:
        """Members of some clusters with their vectors, some at a time."""
        ids = self._ids(cluster_ids)
        for start in range(0, len(ids), BLOCK):
            yield self.clusters.with_vectors(ids[start : start + BLOCK].tolist())

    def _all_blocks(self, after: int, most: int | None) -> Iterator[Members]:
        """Members of all clusters beyond an id, some at a time; `most` of them at most."""
        left = most
        while left is None or left > 0:
            block = self.clusters.in_clusters(
                self.space, after=after, limit=BLOCK if left is None else min(BLOCK, left)
            )
            if not len(block):
                return
            yield block
            after, left = int(block.ids[-1]), None if left is None else left - len(block)

    def _ids(self, cluster_ids: Sequence[int]) -> Ids:
        return np.sort(np.concatenate([self.clusters.member_ids(key)[0] for key in cluster_ids]))

    def _sampled(self, cluster_ids: Sequence[int], most: int) -> Members:
        """Members of some clusters with their vectors: all, or `most` of them at equal distances by id."""
        return self.clusters.with_vectors(_evenly(self._ids(cluster_ids), most).tolist())

    def _coherence(self, cluster_id: int, changed: Mapping[int, bool], joined: Sequence[Joined]) -> float | None:
        """The coherence of what is shown of a cluster, from at most `COHERENT` members; None if nothing is."""
        ids, explained = self.clusters.member_ids(cluster_id)
        explained = np.array([changed.get(key, was) for key, was in zip(ids.tolist(), explained, strict=True)], bool)
        new = [each.segments[~each.explained] for each in joined]
        members = self.clusters.with_vectors(_evenly(np.concatenate([ids[~explained], *new]), COHERENT).tolist())
        return shape_of(members.vectors, members.image_ids).coherence if len(members) else None

    def _explainer(self) -> Callable[[Members], Flags]:
        """What tells which segments a concept of this space labels."""
        lessons = [each.model for each in self.concepts.all() if each.model.space == self.space]

        def explains(members: Members) -> Flags:
            found = np.zeros(len(members), bool)
            for lesson in lessons if len(members) else ():
                found |= (members.vectors @ lesson.directions.T).max(axis=1) >= lesson.threshold
            return found

        return explains

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
    return [(shape, _joined(part, clusters == number, shape.centre)) for number, shape in enumerate(shapes, 1)]


def _known(values: Mapping[int, float | None]) -> dict[int, float]:
    return {key: value for key, value in values.items() if value is not None}


def _evenly(ids: Ids, most: int) -> Ids:
    """All ids, or `most` of them at equal distances."""
    return ids if len(ids) <= most else ids[np.linspace(0, len(ids) - 1, most).astype(int)]


def _together(parts: Sequence[Joined]) -> Joined:
    names = ("segments", "similarities", "explained")
    return Joined(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _some(members: Members, which: Flags | slice | clustering.Rows) -> Members:
    return Members(*(getattr(members, each.name)[which] for each in fields(members)))


def _joined(members: Members, which: Flags | slice, centre: Vectors) -> Joined:
    return Joined(members.ids[which], members.vectors[which] @ centre, members.explained[which])


def _open_ids(now: Clustering) -> Ids:
    return now.ids[[state == "open" for state in now.states]]
