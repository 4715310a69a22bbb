"""The segments that a search covers: all of an index, or those that meet conditions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..catalog import Catalog
from ..images.colors import COLORS, LEAST_FACTOR, agreement
from ..index import ranking as rank
from ..index.protocols import SegmentIndex
from ..index.ranking import Scored
from ..query.filters import Filters
from ..types import Ids, Vectors

MAX_LISTED = 20_000
"""Up to this many segments that meet the conditions are compared one by one, so that narrow filters lose none."""


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """The segments of an index that meet conditions; for the index a `protocols.IdFilter`.

    Attributes
    ----------
    index : SegmentIndex
    catalog : Catalog
    filters : Filters
    listed : ndarray of shape (N,), int64, or None
        All of them, ascending, if they are few or the filter has a concept.
    """

    index: SegmentIndex
    catalog: Catalog
    filters: Filters
    listed: Ids | None

    @classmethod
    def of(cls, index: SegmentIndex, catalog: Catalog, filters: Filters, labelled: Ids | None) -> Scope:
        """List the segments that meet the conditions, if they are few.

        Parameters
        ----------
        labelled : ndarray of shape (N,), int64, or None
            The segments that the filter's concept labels, if it names one.
        """
        if labelled is not None:
            listed: Ids | None = catalog.segments.passing_of(labelled.tolist(), filters)
        else:
            listed = None if filters.is_empty else catalog.segments.passing(filters, at_most=MAX_LISTED)
        return cls(index, catalog, filters, listed)

    def search(
        self, directions: Vectors, k: int, *, exclude_images: Collection[int] = (), group_by_image: bool = False
    ) -> Scored:
        """The k nearest segments that meet the conditions, best first; fewer only if there are no more.

        Parameters
        ----------
        directions : ndarray of shape (Q, D), float32
        k : int
        exclude_images : collection of int
            Photos that are left out.
        group_by_image : bool
            Take only the best segment of each photo.
        """
        is_open = self.listed is None and self.filters.is_empty
        return self.index.search(
            directions,
            k,
            exclude_images=exclude_images,
            filter=None if is_open else self,
            group_by_image=group_by_image,
        )

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
        return np.array([factors.get(key, (1 + LEAST_FACTOR) / 2) for key in ids.tolist()], np.float32)

    def passing(self, ids: Ids) -> Ids:
        """The given segments that meet the conditions, ascending."""
        if self.listed is not None:
            return np.intersect1d(ids, self.listed)
        return np.unique(ids) if self.filters.is_empty else self.catalog.segments.passing_of(ids.tolist(), self.filters)
