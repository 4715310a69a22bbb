"""What people do to clusters: name, dismiss, merge, split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..catalog import Clusters, Concepts
from ..catalog.clusters import retried
from ..catalog.records import ClusterChange, Joined
from ..errors import QueryError
from ..text.tokens import normal_form
from .cluster_members import MemberReader, as_joined, concatenated
from .cluster_ranking import SHOWN, TYPICAL, typical
from .clustering import halves, shape_of
from .concepts import ConceptTrainer

MOST = 20_000
"""A new centre is that of so many members at most."""


@dataclass(frozen=True, eq=False, slots=True)
class ClusterEditor:
    """Changes clusters of one space.

    Attributes
    ----------
    clusters : Clusters
    concepts : Concepts
    space : str
    """

    clusters: Clusters
    concepts: Concepts
    space: str

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
                f"there is already a concept named {name!r}: choose another name, or add these examples to it "
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
            raise QueryError(f"cluster {cluster_id} was named: delete its concept to restore it")
        self.clusters.set_state(self.space, cluster_id, "open")

    def merge(self, cluster_ids: Sequence[int]) -> int:
        """Make one cluster of several; it has the smallest of their ids, which is returned.

        Raises
        ------
        UnknownClusterError, QueryError, ClustersChangedError
        """
        ids = sorted(set(cluster_ids))
        if len(ids) < 2:
            raise QueryError("merging needs at least two clusters")

        def attempt() -> int:
            revision = self.clusters.all(self.space).revision
            self._check_open(ids)
            some = self._members.sampled(ids, MOST)
            if not len(some):
                raise QueryError("these clusters have no members any more: there is nothing to merge")
            shape = shape_of(some.vectors, some.image_ids)
            parts = [(block.ids, as_joined(block, slice(None), shape.centre)) for block in self._members.of(ids)]
            change = ClusterChange(
                left=np.concatenate([part for part, _ in parts]).tolist(),
                removed=ids[1:],
                shapes={ids[0]: shape},
                joined={ids[0]: concatenated([part for _, part in parts])},
            )
            self.clusters.change(self.space, revision, change)
            return ids[0]

        return retried(attempt)

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
            some = self._members.sampled([cluster_id], MOST)
            second = halves(some.vectors) if len(some) else np.zeros(0, bool)
            if not second.any():
                raise QueryError(f"cluster {cluster_id} cannot be split: its segments are all alike")
            if len(np.unique(some.image_ids[second])) > len(np.unique(some.image_ids[~second])):
                second = ~second
            kept, new = (shape_of(some.vectors[part], some.image_ids[part]) for part in (~second, second))
            sides: tuple[list[Joined], list[Joined]] = [], []
            for block in self._members.of([cluster_id]):
                likes_new = block.vectors @ new.centre > block.vectors @ kept.centre
                known = np.searchsorted(some.ids, block.ids).clip(max=len(some) - 1)
                likes_new = np.where(some.ids[known] == block.ids, second[known], likes_new)
                sides[0].append(as_joined(block, ~likes_new, kept.centre))
                sides[1].append(as_joined(block, likes_new, new.centre))
            stays, goes = (concatenated(parts) for parts in sides)
            change = ClusterChange(
                left=[*stays.segments.tolist(), *goes.segments.tolist()],
                shapes={cluster_id: kept},
                joined={cluster_id: stays},
                founded=[(new, goes)],
            )
            return cluster_id, self.clusters.change(self.space, revision, change)[0]

        return retried(attempt)

    def _check_open(self, cluster_ids: Sequence[int]) -> None:
        for key in cluster_ids:
            state = self.clusters.get(self.space, key).state
            if state != "open":
                cure = "restore it first" if state == "dismissed" else "change its concept instead"
                raise QueryError(f"cluster {key} is {state}: {cure}")

    @property
    def _members(self) -> MemberReader:
        return MemberReader(self.clusters, self.space)
