"""In which order clusters are shown, which members stand for them, and what they might be called."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ..catalog.records import ClusterMember, ClusterRecord

SHOWN = 20
"""So many members are read for each that is shown, for several may be of one photo."""

TYPICAL = 12
"""So many members are shown of a cluster, and taught if it is named."""


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
