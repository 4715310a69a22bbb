"""Checks of the arguments of an index. Wrong ones are programming errors: ``ValueError``."""

from __future__ import annotations

import numpy as np

from ..types import Ids, Vectors


def check_queries(queries: Vectors, k: int, dim: int) -> None:
    """Check the arguments of a search; O(Q·D).

    Parameters
    ----------
    queries : ndarray of shape (Q, D), float32
    k : int
    dim : int
        D, of the index.

    Raises
    ------
    ValueError
        Queries have another shape or are not finite, or k is less than 1.
    """
    if queries.ndim != 2 or queries.shape[1] != dim:
        raise ValueError(
            f"queries have shape {queries.shape}, this index takes (Q, {dim}): embed them by the recipe of the index"
        )
    if not np.isfinite(queries).all():
        raise ValueError("queries hold NaN or infinity, which are near nothing: give finite vectors of unit length")
    if k < 1:
        raise ValueError(f"k is {k}: ask for at least 1 hit")


def check_entries(ids: Ids, vectors: Vectors, dim: int) -> None:
    """Check vectors that are added; O(N·D).

    Parameters
    ----------
    ids : ndarray of shape (N,), int64
    vectors : ndarray of shape (N, D), float32
    dim : int
        D, of the index.

    Raises
    ------
    ValueError
        Vectors have another shape or are not finite, or an id is negative or there twice.
    """
    if vectors.shape != (len(ids), dim):
        raise ValueError(
            f"vectors have shape {vectors.shape}, this index takes ({len(ids)}, {dim}) for {len(ids)} ids: embed them "
            "by the recipe of the index"
        )
    if not (finite := np.isfinite(vectors).all(axis=1)).all():
        raise ValueError(
            f"the vectors of ids {ids[~finite][:5].tolist()} hold NaN or infinity: analyse their photos again, or "
            "delete them"
        )
    if len(ids) and ids.min() < 0:
        raise ValueError(f"id {ids.min()} is negative: ids are keys of the catalogue, from 0 on")
    if len(np.unique(ids)) != len(ids):
        raise ValueError("an id is there twice: give each id once")
