"""The segments that a search covers: all of an index, or those that meet conditions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..catalog import Catalog
from ..images.colors import COLORS, KEPT, agreement
from ..index import ranking as rank
from ..index.live import LiveIndex
from ..index.ranking import Scored
from ..query.filters import Filters
from ..types import Ids, Vectors

LISTED = 20_000
"""Up to this many segments that meet the conditions are compared one by one, so that narrow filters lose none."""


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """The segments of an index that meet conditions.

    Attributes
    ----------
    index : LiveIndex
    catalog : Catalog
    filters : Filters
    listed : ndarray of shape (N,), int64, or None
        All of them, ascending, if they are few or the filter has a concept.
    """

    index: LiveIndex
    catalog: Catalog
    filters: Filters
    listed: Ids | None

    @classmethod
    def of(cls, index: LiveIndex, catalog: Catalog, filters: Filters, labelled: Ids | None) -> Scope:
        """List the segments that meet the conditions, if they are few.

        Parameters
        ----------
        labelled : ndarray of shape (N,), int64, or None
            The segments that the filter's concept labels, if it names one.
        """
        if labelled is not None:
            listed: Ids | None = catalog.segments.passing_of(labelled.tolist(), filters)
        else:
            listed = None if filters.is_empty else catalog.segments.passing(filters, at_most=LISTED)
        if listed is not None:
            listed = listed[index.image_ids_of(listed) >= 0]
        return cls(index, catalog, filters, listed)

    def nearest(
        self, queries: Vectors, k: int, *, hidden: Collection[int] = (), best_per_image: bool = False
    ) -> Scored:
        """The k nearest segments that meet the conditions, best first; fewer only if there are no more.

        Parameters
        ----------
        hidden : collection of int
            Photos that are left out.
        best_per_image : bool
            Take only the best segment of each photo.
        """
        if self.listed is not None:
            scores = (self.index.vectors(self.listed) @ queries.T).max(axis=1, initial=-1)
            found = rank.best_of([Scored(self.listed, self.index.image_ids_of(self.listed), scores)])
            found = found.without(hidden)
            return (found.best_per_image() if best_per_image else found)[:k]
        if self.filters.is_empty:
            return self.index.nearest(queries, k=k, hidden=hidden, best_per_image=best_per_image)
        depth = k
        while True:
            found = self.index.nearest(queries, k=depth, hidden=hidden)
            passing = found[np.isin(found.ids, self.passing(found.ids))]
            if (
                best_per_image
            ):  # only now, because the segment that meets the conditions need not be the best of its photo
                passing = passing.best_per_image()
            if len(passing) >= k or len(found) < depth:
                return passing[:k]
            depth *= 4

    def colored(self, scored: Scored, colors: Collection[str]) -> Scored:
        """Reorder hits by how much of each segment has the colours; unknown colours count as half present."""
        if not colors:
            return scored
        scores = scored.scores * self.agreement(scored.ids, colors)
        return rank.best_of([replace(scored, scores=scores)])

    def agreement(self, ids: Ids, colors: Collection[str]) -> NDArray[np.float32]:
        """Factors for the scores of segments, by their colours, (N,)."""
        known = self.catalog.segments.colors(ids.tolist())
        shares = np.frombuffer(b"".join(known.values()), np.uint8).reshape(len(known), len(COLORS))
        factors = dict(zip(known, agreement(shares, colors).tolist(), strict=True))
        return np.array([factors.get(key, (1 + KEPT) / 2) for key in ids.tolist()], np.float32)

    def passing(self, ids: Ids) -> Ids:
        """The given segments that meet the conditions, ascending."""
        if self.listed is not None:
            return np.intersect1d(ids, self.listed)
        return np.unique(ids) if self.filters.is_empty else self.catalog.segments.passing_of(ids.tolist(), self.filters)
