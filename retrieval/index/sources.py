"""What an index is derived from: the vectors of one recipe in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..catalog import Catalog
from ..catalog.records import Contents, VectorBatch
from ..errors import IndexMismatchError
from ..processes.program import PROGRAM
from ..types import Ids, Vectors


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """What an index is derived from: which ids it has to hold, and their vectors.

    Attributes
    ----------
    image_ids : callable
        All ids, rising, and the photo of each.
    counts : callable
        Photos that own something, rising, and how many ids each.
    of_photos : callable
        Ids that some photos own, rising.
    newer : callable
        Vectors of ids greater than one given, in batches; None where new entries need not have greater ids.
    some : callable
        Vectors of ids given.
    total : callable
        How many of the catalogue's contents this index has to hold.
    """

    image_ids: Callable[[], tuple[Ids, Ids]]
    counts: Callable[[], tuple[Ids, Ids]]
    of_photos: Callable[[Ids], Ids]
    newer: Callable[[int], Iterable[VectorBatch]] | None
    some: Callable[[Ids], VectorBatch]
    total: Callable[[Contents], int]

    def vectors(self, ids: Ids, dim: int) -> Vectors:
        """Vectors of ids, in their order, (M, D); zeros for one that is not in the catalogue any more.

        Raises
        ------
        IndexMismatchError
            They have another length than `dim`.
        """
        found = np.zeros((len(ids), dim), np.float32)
        batch = self.some(np.unique(ids))
        if len(batch):
            check_length(batch.vectors, dim)
            here = np.isin(ids, batch.ids)
            found[here] = batch.vectors[np.searchsorted(batch.ids, ids[here])]
        return found


def check_length(vectors: Vectors, dim: int) -> None:
    """See that vectors of the catalogue are of the recipe's length.

    Raises
    ------
    IndexMismatchError
        They are not.
    """
    if vectors.shape[1] != dim:
        raise IndexMismatchError(
            f"the catalogue's vectors have length {vectors.shape[1]}, but the recipe's have {dim}: "
            f"run `{PROGRAM} resegment`"
        )


def segments_of(catalog: Catalog, fingerprint: str) -> Source:
    """The segments of a recipe: their ids only grow."""
    return Source(
        lambda: catalog.vectors.segment_image_ids(fingerprint),
        lambda: catalog.vectors.segment_counts(fingerprint),
        lambda photos: catalog.vectors.segments_of_photos(photos.tolist()),
        lambda after: catalog.vectors.segment_vectors(fingerprint, after=after),
        lambda ids: catalog.vectors.of_segments(ids.tolist()),
        lambda contents: contents.segments,
    )


def photos_of(catalog: Catalog, fingerprint: str) -> Source:
    """The whole photos of a recipe."""

    def counts() -> tuple[Ids, Ids]:
        ids, _ = catalog.vectors.photo_image_ids(fingerprint)
        return ids, np.ones_like(ids)

    return Source(
        lambda: catalog.vectors.photo_image_ids(fingerprint),
        counts,
        lambda photos: np.intersect1d(photos, catalog.vectors.photo_image_ids(fingerprint)[0]),
        None,
        lambda ids: catalog.vectors.of_images(ids.tolist()),
        lambda contents: contents.photos,
    )
