"""Members of clusters with their vectors, some at a time, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..catalog import Clusters
from ..catalog.records import Joined, Members
from ..types import Ids, Vectors
from .clustering import Rows, shape_of

COHERENT = 1000
"""The coherence of a larger cluster is that of so many of its members."""

BLOCK = 4096
"""Segments that are read at once."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class MemberReader:
    """Reads the members of a space's clusters.

    Attributes
    ----------
    clusters : Clusters
    space : str
    """

    clusters: Clusters
    space: str

    def of(self, cluster_ids: Sequence[int]) -> Iterator[Members]:
        """Members of some clusters with their vectors, some at a time."""
        ids = self._ids(cluster_ids)
        for start in range(0, len(ids), BLOCK):
            yield self.clusters.with_vectors(ids[start : start + BLOCK].tolist())

    def of_all(self, after: int, most: int | None) -> Iterator[Members]:
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

    def sampled(self, cluster_ids: Sequence[int], most: int) -> Members:
        """Members of some clusters with their vectors: all, or `most` of them at equal distances by id."""
        return self.clusters.with_vectors(_evenly(self._ids(cluster_ids), most).tolist())

    def coherence(self, cluster_id: int, changed: Mapping[int, bool], joined: Sequence[Joined]) -> float | None:
        """The coherence of what is shown of a cluster, from at most `COHERENT` members; None if nothing is."""
        ids, explained = self.clusters.member_ids(cluster_id)
        explained = np.array([changed.get(key, was) for key, was in zip(ids.tolist(), explained, strict=True)], bool)
        new = [each.segments[~each.explained] for each in joined]
        members = self.clusters.with_vectors(_evenly(np.concatenate([ids[~explained], *new]), COHERENT).tolist())
        return shape_of(members.vectors, members.image_ids).coherence if len(members) else None

    def _ids(self, cluster_ids: Sequence[int]) -> Ids:
        return np.sort(np.concatenate([self.clusters.member_ids(key)[0] for key in cluster_ids]))


def selected(members: Members, which: Flags | slice | Rows) -> Members:
    """Those of the members."""
    return Members(*(getattr(members, each.name)[which] for each in fields(members)))


def as_joined(members: Members, which: Flags | slice, centre: Vectors) -> Joined:
    """Those of the members as what joins the cluster with this centre, (D,)."""
    return Joined(members.ids[which], members.vectors[which] @ centre, members.explained[which])


def concatenated(parts: Sequence[Joined]) -> Joined:
    """Several lots of what joins a cluster as one, in their order."""
    names = ("segments", "similarities", "explained")
    return Joined(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _evenly(ids: Ids, most: int) -> Ids:
    """All ids, or `most` of them at equal distances."""
    return ids if len(ids) <= most else ids[np.linspace(0, len(ids) - 1, most).astype(int)]
