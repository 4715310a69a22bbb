"""Photos that are alike as a whole."""

from __future__ import annotations

import numpy as np

from ..catalog import Catalog
from ..index.protocols import SegmentIndex
from ..query.request import SearchRequest
from .answer import Match
from .matches import of_photos
from .plan import QueryPlan


def nearest_photos(
    photos: SegmentIndex, catalog: Catalog, request: SearchRequest, understood: QueryPlan, floor: float
) -> tuple[Match, ...]:
    """The photos whose vectors are nearest to a photo's, among those that meet the conditions.

    Parameters
    ----------
    photos : SegmentIndex
        Of whole photos.
    catalog : Catalog
    request : SearchRequest
    understood : QueryPlan
        By a whole photo.
    floor : float
        The lowest score of a likely result.
    """
    k = limit = request.limit
    while True:
        found = photos.search(understood.things[0].directions, k, exclude_images=understood.hidden)
        images = catalog.images.find(list(catalog.images.passing_of(found.ids.tolist(), request.filters)))
        scored = found[np.array([key in images for key in found.ids.tolist()], bool)][:limit]
        if len(scored) >= limit or len(found) < k:
            return of_photos(scored, images, floor)
        k *= 4
